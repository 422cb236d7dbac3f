"""Who asks: the session in Redis, checked against the staff table at every request.

A route of a signed-in page takes `me: NamedDependency[SignedIn]` (litestar.di). A page that asks for news by itself
sends the header `x-background: 1` (`data-hx-headers='{"x-background": "1"}'`): that keeps nobody signed in who has
left the desk.
"""

from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler

from db import actors
from db.actors import Hand
from db.queries.accounts import Member, member
from db.queries.practices import Profile
from db.states import Role
from portal.patient.guard import SAFE_METHODS
from portal.services import Services
from portal.staff import store
from portal.staff.problems import ForeignForm, NotSignedIn
from portal.staff.store import Session, Stage

CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrftoken"
BACKGROUND = "x-background"
MOST_FIELDS = 200

Connection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who asks, checked for this request. `path` is the page asked for, `notice` the name of what it shall say first
    (`?notice=`); `came_as` is the role in which they signed in."""

    id: int
    ref: str
    name: str
    role: Role
    practice: Profile
    language: str
    csrf: str = field(repr=False)
    path: str = ""
    notice: str = ""
    came_as: str = ""

    @property
    def hand(self) -> Hand:
        return Hand(actors.staff(self.ref), self.id)


async def require_session(connection: Connection, _handler: BaseRouteHandler) -> None:
    """The guard of every signed-in page: the session, and what a form must carry."""
    here: Services = connection.app.state.services
    sessions = store.Sessions(here.redis)
    cookie = connection.cookies.get(store.cookie_name(here.config.base_url))
    session = await sessions.find(cookie, keep=BACKGROUND not in connection.headers)
    if session is None or session.stage is not Stage.FULL:
        raise NotSignedIn
    person = await member(session.staff)
    if person is None or is_over(session, person):
        await sessions.end(cookie)
        raise NotSignedIn
    await check_form(connection, session.csrf)
    connection.scope["state"]["me"] = SignedIn(
        id=person.id,
        ref=person.ref,
        name=person.name,
        role=person.role,
        practice=person.practice,
        language=person.language,
        csrf=session.csrf,
        path=connection.scope["path"],
        notice=connection.query_params.get("notice", ""),
        came_as=session.role,
    )


def is_over(session: Session, person: Member) -> bool:
    """They signed out everywhere since, left, or lost their second factor: whatever Redis still holds."""
    return person.signed_out_at is not None and session.began <= person.signed_out_at


def me_of(connection: Connection) -> SignedIn:
    return cast("SignedIn", connection.scope["state"]["me"])


def _provide(request: Request[Any, Any, Any]) -> SignedIn:
    return me_of(request)


ME = Provide(_provide, sync_to_thread=False)


async def check_form(connection: Connection, token: str) -> None:
    """What changes something carries the session's token, in the form or in the header that htmx sends."""
    if connection.scope.get("method") in SAFE_METHODS:
        return
    given = connection.headers.get(CSRF_HEADER) or (await form_of(cast("Request[Any, Any, Any]", connection))).get(
        CSRF_FIELD, ""
    )
    if not store.same(given, token):
        raise ForeignForm


async def form_of(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The fields of a posted form, the last of each name; empty for whatever is no form."""
    body = await request.body()
    try:
        return dict(
            parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
        )
    except ValueError:
        return {}

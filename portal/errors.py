"""Calm pages for whatever goes wrong. Never a trace, never a token, in the page or in the log.

LinkLeadsNowhere        any link that cannot be followed
TooManyFailures         one address that tries too many of those
"""

import traceback
from dataclasses import dataclass
from typing import Any

import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.routes import HTTPRoute

from db.errors import MessageUnderWay, NotFound, Refused
from db.queries.links import PracticeContact
from db.rules.emergency import Emergency, emergency_numbers
from db.rules.telephones import display
from portal.patient.words import Words, words_for
from portal.render import page
from portal.services import AnyRequest, services

log = structlog.get_logger()

WAIT_SECONDS = "60"


class LinkLeadsNowhere(Exception):
    """Forged, cut, expired, revoked: one page, one status.

    404 for all of them: a 410 for those that were once good would tell whoever holds one that it had been, and the
    person who holds it is helped by the telephone number, not by the difference.
    """


class TooManyFailures(Exception):
    """This address has tried too many links that lead nowhere."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the layout and a calm page show of the practice."""

    practice: str
    phone: str
    phone_text: str
    emergency: Emergency
    rehearsal: bool = False


def on_dead_link(request: AnyRequest, _problem: Exception) -> Response[bytes]:
    return calm_page(request, 404)


def on_too_many(request: AnyRequest, _problem: Exception) -> Response[bytes]:
    return calm_page(request, 429)


def on_refusal(request: AnyRequest, _problem: Exception) -> Response[bytes]:
    return calm_page(request, 409)


def on_busy_message(request: AnyRequest, _problem: Exception) -> Response[bytes]:
    return calm_page(request, 503)


def on_http_error(request: AnyRequest, problem: HTTPException) -> Response[bytes]:
    headers = {"Allow": ", ".join(_allowed(request))} if problem.status_code == 405 else None
    return calm_page(request, problem.status_code, headers=headers)


def on_crash(request: AnyRequest, problem: Exception) -> Response[bytes]:
    # The frames without the message: a driver's message may quote a value, and the path holds a token.
    frames = traceback.extract_tb(problem.__traceback__)
    log.error(
        "request_failed",
        error=type(problem).__qualname__,
        frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )
    return calm_page(request, 500)


def calm_page(request: AnyRequest, status: int, *, headers: dict[str, str] | None = None) -> Response[bytes]:
    contact = services(request).contact
    words = words_for(contact.language if contact else "")
    heading, text = _texts(words, status)
    sent = dict(headers or {})
    if status in (429, 503):
        sent["Retry-After"] = WAIT_SECONDS
    return page(
        request,
        "calm",
        words=words,
        status=status,
        headers=sent,
        shown=_shown(contact),
        heading=heading,
        text=text,
    )


def _allowed(request: AnyRequest) -> list[str]:
    """The methods of this address, which Litestar does not say."""
    asked = request.scope["path"].strip("/").split("/")
    return sorted(
        {
            str(method)
            for route in request.app.routes
            if isinstance(route, HTTPRoute) and _fits(route.path.strip("/").split("/"), asked)
            for method in route.methods
        }
    )


def _fits(template: list[str], asked: list[str]) -> bool:
    return len(template) == len(asked) and all(
        part.startswith("{") or part == given for part, given in zip(template, asked, strict=True)
    )


def _shown(contact: PracticeContact | None) -> Shown | None:
    if contact is None:
        return None
    return Shown(
        practice=contact.practice,
        phone=contact.phone,
        phone_text=display(contact.phone, contact.country),
        emergency=emergency_numbers(contact.country),
    )


def _texts(words: Words, status: int) -> tuple[str, str]:
    name = {403: "refused", 404: "gone", 429: "busy"}.get(status, "broken" if status >= 500 else "unread")
    texts: Any = words.calm
    return getattr(texts, f"{name}_heading"), getattr(texts, name)


EXCEPTION_HANDLERS: dict[int | type[Exception], Any] = {
    LinkLeadsNowhere: on_dead_link,
    NotFound: on_dead_link,
    Refused: on_refusal,
    MessageUnderWay: on_busy_message,
    TooManyFailures: on_too_many,
    HTTPException: on_http_error,
    500: on_crash,
}

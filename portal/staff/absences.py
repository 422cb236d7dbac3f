"""A day's appointments: what somebody says of each by a click, and takes back."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from db.changes.marking import (
    mark_absence,
    mark_late_cancellation,
    mark_not_brought,
    undo_cancellation,
    withdraw_absence,
)
from db.changes.searches import record_agenda_seen
from db.clock import now
from db.errors import MessageUnderWay, NotFound, Refused, TooEarly
from db.queries.agenda_day import agenda_day
from db.rules.windows import local_day
from portal.forms import staff_patient as forms
from portal.forms.staff_patient import Said
from portal.services import AnyRequest
from portal.staff.absences_view import PAGE, day_view
from portal.staff.permissions import May, guard
from portal.staff.render import page
from portal.staff.session import SignedIn, form_of

Change = Callable[..., Awaitable[bool]]
CHANGES: Mapping[Said, Change] = {
    Said.ABSENT: mark_absence,
    Said.NOT_BROUGHT: mark_not_brought,
    Said.CANCELLED: mark_late_cancellation,
    Said.WITHDRAWN: withdraw_absence,
    Said.ATTENDED: partial(withdraw_absence, attended=True),
    Said.RESTORED: undo_cancellation,
}


@get("/absences", guards=[guard(May.MARK_ABSENCES)])
async def show_today(request: AnyRequest, me: NamedDependency[SignedIn]) -> Response[Any]:
    """Today, or where the field of another day leads."""
    asked = request.query_params.get("day")
    if asked is None:
        return await _show(me, local_day(now(), me.practice.calendar), at="")
    day = forms.day(asked)
    return Redirect(PAGE + (f"/{day}" if day else "?notice=day_unread"), status_code=303)


@get("/absences/{day:str}", guards=[guard(May.MARK_ABSENCES)])
async def show_day(request: AnyRequest, me: NamedDependency[SignedIn], day: FromPath[str]) -> Response[Any]:
    return await _show(me, _day(day), at=request.query_params.get("at", ""))


@post("/absences/{day:str}/{ref:str}", guards=[guard(May.MARK_ABSENCES)])
async def say(request: AnyRequest, me: NamedDependency[SignedIn], day: FromPath[str], ref: FromPath[str]) -> Redirect:
    back, said = f"{PAGE}/{_day(day)}", forms.choice(await form_of(request), "said", Said)
    notice = "day_unread" if said is None else await _notice(said, ref, me)
    # Back to the very line: the page stays where the hand is.
    asked = urlencode({"notice": notice, "at": ref})
    return Redirect(f"{back}?{asked}#a-{quote(ref, safe='')}", status_code=303)


async def _notice(said: Said, ref: str, me: SignedIn) -> str:
    try:
        changed = await CHANGES[said](ref, practice=me.practice, actor=me.hand.actor, now=now())
    except NotFound:
        raise
    except TooEarly:
        return "absence_too_early"
    except Refused:
        return "absence_refused"
    except MessageUnderWay:
        return "absence_busy"
    return f"absence_{said}" if changed else "absence_already"


async def _show(me: SignedIn, day: date, *, at: str) -> Response[Any]:
    """`at` is the appointment of which something was just said: its own line tells what came of it."""
    found = await agenda_day(me.practice.id, day)
    moment = now()
    patients = len({one.patient for one in found})
    await record_agenda_seen(day, patients=patients, practice=me.practice.id, actor=me.hand.actor, now=moment)
    view = day_view(found, day=day, me=me, now=moment, at=at)
    return page("absences", me, view=view, notice=view.notice)


def _day(text: str) -> date:
    day = forms.day(text)
    if day is None:
        raise NotFound("There is no such day.")
    return day


HANDLERS = [show_today, show_day, say]

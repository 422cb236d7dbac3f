"""One patient: found by number, telephone, email or reference; what happened, what is to come, and what staff may
change of it. Whoever is shown a patient stands in the security log."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from db.changes.enrolments import pause_by_staff, resume, stop_by_staff
from db.changes.labels import end_label, set_label
from db.changes.objections import lift_objection, record_objection
from db.changes.searches import record_search
from db.changes.security import record_look_up
from db.clock import now
from db.errors import IllegalTransition, MessageUnderWay, NotFound, Outdated, Refused
from db.queries.dossier import dossier, require_sequence
from db.queries.finding import find_patients
from db.rules.risk import RiskRule
from db.rules.windows import local_day
from portal.forms import staff_patient as forms
from portal.forms.staff_patient import Sequence, Standing
from portal.services import AnyRequest
from portal.staff.dossier_view import dossier_view, found_view
from portal.staff.permissions import May, guard
from portal.staff.render import page, seeing
from portal.staff.session import SignedIn, form_of

PAGE = "/staff/patients"


@get("/patients", guards=[guard(May.SEE_DOSSIER)])
async def show_search(me: NamedDependency[SignedIn]) -> Response[Any]:
    return page("search", me, asked="", found=None)


@post("/patients", guards=[guard(May.SEE_DOSSIER)], status_code=200)
async def search(request: AnyRequest, me: NamedDependency[SignedIn]) -> Response[Any]:
    """By a form alone: what is typed is a name or a telephone number, and stands in no address, history or log."""
    asked = (await form_of(request)).get("q", "").strip()
    if not asked:
        return page("search", me, asked="", found=None)
    found = await find_patients(me.practice, asked)
    refs = [one.ref for one in found.patients]
    await record_search(refs, practice=me.practice.id, actor=me.hand.actor, now=now())
    if len(refs) == 1:
        return Redirect(f"{PAGE}/{refs[0]}", status_code=303)
    return page("search", me, asked=asked, found=found_view(found, me=me))


@get("/patients/{ref:str}", guards=[guard(May.SEE_DOSSIER)])
async def show(request: AnyRequest, me: NamedDependency[SignedIn], ref: FromPath[str]) -> Response[Any]:
    moment = now()
    found = await dossier(me.practice.id, ref, on=local_day(moment, me.practice.calendar))
    await record_look_up(ref, practice=me.practice.id, actor=me.hand.actor, now=moment)
    whole = "all" in request.query_params
    return page("dossier", me, view=dossier_view(found, me=me, now=moment, whole=whole))


@post("/patients/{ref:str}/sequence", guards=[guard(May.SEE_DOSSIER, May.CHANGE_SEQUENCES)])
async def change_sequence(request: AnyRequest, me: NamedDependency[SignedIn], ref: FromPath[str]) -> Redirect:
    fields = await form_of(request)
    wanted, sequence = forms.choice(fields, "do", Sequence), fields.get("sequence", "")
    if wanted is None or not forms.is_day_or_empty(fields, "until"):
        return _back(ref, "form_unread")
    try:
        await require_sequence(me.practice.id, ref, sequence)
    except Outdated:
        return _back(ref, "sequence_replaced")
    changed = _notice(_sequence_change(wanted, sequence, me, fields), f"sequence_{wanted}", "sequence_already")
    return _back(ref, await changed)


def _sequence_change(wanted: Sequence, sequence: str, me: SignedIn, fields: dict[str, str]) -> Awaitable[bool]:
    actor, moment, practice = me.hand.actor, now(), me.practice
    if wanted is Sequence.PAUSE:
        until = forms.day(fields.get("until", ""))
        return pause_by_staff(sequence, practice=practice, until=until, actor=actor, now=moment)
    change: Callable[..., Awaitable[bool]] = resume if wanted is Sequence.RESUME else stop_by_staff
    return change(sequence, practice=practice.id, actor=actor, now=moment)


@post("/patients/{ref:str}/labels", guards=[guard(May.SEE_DOSSIER, May.SET_LABELS)])
async def change_label(request: AnyRequest, me: NamedDependency[SignedIn], ref: FromPath[str]) -> Redirect:
    fields = await form_of(request)
    wanted, rule = forms.choice(fields, "do", Standing), forms.choice(fields, "rule", RiskRule)
    if wanted is None or rule is None or not forms.is_day_or_empty(fields, "until"):
        return _back(ref, "form_unread")
    actor, moment, practice = me.hand.actor, now(), me.practice
    if wanted is Standing.SET:
        until = forms.day(fields.get("until", ""))
        change = set_label(ref, rule=rule, practice=practice, until=until, actor=actor, now=moment)
    else:
        change = end_label(ref, rule=rule, practice=practice, actor=actor, now=moment)
    return _back(ref, await _notice(change, f"label_{wanted}", "label_already"))


@post("/patients/{ref:str}/objection", guards=[guard(May.SEE_DOSSIER, May.CHANGE_SEQUENCES)])
async def change_objection(request: AnyRequest, me: NamedDependency[SignedIn], ref: FromPath[str]) -> Redirect:
    wanted = forms.choice(await form_of(request), "do", Standing)
    if wanted is None:
        return _back(ref, "form_unread")
    change = record_objection if wanted is Standing.SET else lift_objection
    done = change(ref, practice=me.practice.id, actor=me.hand.actor, now=now())
    return _back(ref, await _notice(done, f"objection_{wanted}", "objection_already"))


async def _notice(change: Awaitable[bool], done: str, already: str) -> str:
    """What the page says first; a patient of another practice is not found."""
    try:
        return done if await change else already
    except NotFound:
        raise
    except IllegalTransition:
        return "sequence_ended"
    except Refused:
        return "form_refused"
    except MessageUnderWay:
        return "absence_busy"


def _back(ref: str, notice: str) -> Redirect:
    return seeing(f"{PAGE}/{ref}", notice=notice)


HANDLERS = [show_search, search, show, change_sequence, change_label, change_objection]

"""What a person does with a case from a page: one form, one change, and what is said of it.

A form may be older than the case. The changes themselves refuse what is no longer possible; what would undo somebody
else's move (to give the case on, to replace a note) says which state its page showed, and is refused when that is over.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from db.changes import worklist
from db.changes._worklist import Hand
from db.changes.outcomes import record_outcome
from db.changes.worklist import LONGEST_PROMISE
from db.errors import AlreadyClaimed, IllegalTransition, MessageUnderWay, NotFound, Refused, Undecided
from db.queries.today import TodayCase, case_today
from db.states import TaskStatus
from portal.forms import case as forms
from portal.forms.patient import Fields, value
from portal.staff.case_view import PLAIN, Draft, outcomes_of, say
from portal.staff.session import SignedIn

OK, UNFINISHED, REFUSED, BUSY = 200, 422, 409, 503


class Move(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    CLAIM = "claim"
    RELEASE = "release"
    OUTCOME = "outcome"
    LATER = "later"
    REASSIGN = "reassign"
    ESCALATE = "escalate"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Answer:
    """`said` is the name of what to say after a change, `said_<name>`; `problem` the text of a refusal; `draft` the
    form that must be finished first."""

    said: str = ""
    problem: str = ""
    draft: Draft | None = None
    status: int = OK


@dataclass(frozen=True, slots=True)
class Posted:
    """A form that somebody sent, and the case as it stands."""

    me: SignedIn
    case: TodayCase
    fields: Fields
    now: datetime

    @property
    def practice(self) -> int:
        return self.me.practice.id

    @property
    def by(self) -> Hand:
        return self.me.hand

    def say(self, name: str, /, **values: object) -> str:
        return say(self.me, name, **values)


async def make_move(move: Move, ref: str, *, me: SignedIn, fields: Fields, now: datetime) -> Answer:
    """Raises `NotFound` for a case of another practice, and for none at all."""
    posted = Posted(me, await case_today(me.practice.id, ref, now=now), fields, now)
    try:
        return await MOVES[move](posted)
    except NotFound:
        raise
    except AlreadyClaimed as taken:
        return _taken(posted, taken.holder)
    except IllegalTransition:
        return _refused(posted, "no_ended")
    except Refused:
        planned = posted.case.status is TaskStatus.PLANNED
        return _refused(posted, "no_planned" if planned else "no_other")
    except MessageUnderWay:
        return Answer(problem=posted.say("no_busy"), status=BUSY)


async def _acknowledge(posted: Posted) -> Answer:
    done = await worklist.acknowledge_task(posted.case.ref, practice=posted.practice, by=posted.by, now=posted.now)
    return _done("acknowledged", done)


async def _claim(posted: Posted) -> Answer:
    done = await worklist.claim_task(posted.case.ref, practice=posted.practice, by=posted.by, now=posted.now)
    return _done("claimed", done)


async def _release(posted: Posted) -> Answer:
    """One's own; what somebody else has is given on by `_reassign`, to a named person."""
    case = posted.case
    if case.holder_id not in (None, posted.me.id):
        return _taken(posted, case.holder) if case.status is TaskStatus.CLAIMED else _refused(posted, "no_changed")
    done = await worklist.release_task(case.ref, practice=posted.practice, by=posted.by, now=posted.now)
    return _done("released", done)


async def _reassign(posted: Posted) -> Answer:
    to = forms.target(posted.fields)
    if to is None:
        return _unfinished(posted, "reassign", "reassign_to")
    if _is_stale(posted):
        return _refused(posted, "no_changed")
    try:
        done = await worklist.reassign_task(
            posted.case.ref, practice=posted.practice, to=to, by=posted.by, now=posted.now
        )
    except (AlreadyClaimed, IllegalTransition):
        raise
    except Refused:
        return _unfinished(posted, "reassign", "no_person")
    return _done("reassigned", done)


async def _escalate(posted: Posted) -> Answer:
    if _is_stale(posted):
        return _refused(posted, "no_changed")
    done = await worklist.escalate_task(posted.case.ref, practice=posted.practice, by=posted.by, now=posted.now)
    return _done("escalated", done)


async def _later(posted: Posted) -> Answer:
    until = forms.moment(posted.fields, posted.me.practice.calendar)
    if until is None or not posted.now < until <= posted.now + LONGEST_PROMISE:
        said = value(posted.fields, "at") or ""
        return _unfinished(posted, "later", "no_moment", at=said[: forms.LONGEST_TARGET])
    done = await worklist.postpone_task(
        posted.case.ref, practice=posted.practice, until=until, by=posted.by, now=posted.now
    )
    return _done("postponed", done)


async def _outcome(posted: Posted) -> Answer:
    """With a first note, where one is given. What the outcome says of the messages by itself, no field overrides."""
    outcome, note, case = forms.outcome(posted.fields), _note(posted), posted.case
    if not case.is_open:
        return _refused(posted, "no_planned" if case.status is TaskStatus.PLANNED else "no_ended")
    if outcome is None:
        return _unfinished(posted, "outcome", "no_outcome")
    if outcome not in outcomes_of(case):
        return _unfinished(posted, "outcome", "no_outcome_here")
    if note is None:
        return _unfinished(posted, "outcome", "no_note")
    if note and case.note is not None:
        return _unfinished(posted, "note", "no_note_changed", status=REFUSED)
    try:
        recorded = await record_outcome(
            case.ref,
            outcome=outcome,
            practice=posted.practice,
            by=posted.by,
            now=posted.now,
            note=note,
            follow=forms.follow(posted.fields) if outcome in PLAIN else None,
        )
    except Undecided:
        return _unfinished(posted, "outcome", "no_follow")
    if not recorded.closed:
        return _refused(posted, "no_ended")
    return Answer(said=f"closed_{recorded.messages}" if recorded.messages else "closed")


async def _keep_note(posted: Posted) -> Answer:
    note, case = _note(posted), posted.case
    if case.status is TaskStatus.PLANNED:
        return _refused(posted, "no_planned")
    if note is None:
        return _unfinished(posted, "note", "no_note")
    if note == (case.note or ""):
        return Answer(said="note_same")
    if forms.mark(posted.fields, "note_mark") != case.note_mark:
        return _unfinished(posted, "note", "no_note_changed", status=REFUSED)
    await worklist.add_note(case.ref, practice=posted.practice, note=note, by=posted.by, now=posted.now)
    return Answer(said="noted" if note else "note_gone")


MOVES: Mapping[Move, Callable[[Posted], Awaitable[Answer]]] = {
    Move.ACKNOWLEDGE: _acknowledge,
    Move.CLAIM: _claim,
    Move.RELEASE: _release,
    Move.OUTCOME: _outcome,
    Move.LATER: _later,
    Move.REASSIGN: _reassign,
    Move.ESCALATE: _escalate,
    Move.NOTE: _keep_note,
}


def _note(posted: Posted) -> str | None:
    """A form without the field says nothing of it."""
    return "" if value(posted.fields, "note") is None else forms.note(posted.fields)


def _is_stale(posted: Posted) -> bool:
    return forms.mark(posted.fields) != posted.case.mark


def _done(name: str, changed: bool) -> Answer:
    return Answer(said=name if changed else f"{name}_already")


def _refused(posted: Posted, why: str) -> Answer:
    return Answer(problem=posted.say(why), status=REFUSED)


def _taken(posted: Posted, holder: str | None) -> Answer:
    return Answer(problem=posted.say("no_taken", name=holder or posted.say("somebody")), status=REFUSED)


def _unfinished(posted: Posted, form: str, why: str, *, at: str = "", status: int = UNFINISHED) -> Answer:
    """The form comes back as it was sent."""
    draft = Draft(
        form=form,
        problem=posted.say(why, days=LONGEST_PROMISE.days, most=forms.LONGEST_NOTE),
        outcome=forms.outcome(posted.fields) or "",
        follow=forms.follow(posted.fields) or "",
        at=at,
        note=value(posted.fields, "note") or "",
    )
    return Answer(draft=draft, status=status)

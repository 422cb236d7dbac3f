"""What a person does with a case from a page: one form, one change, and what is said of it.

A form may be older than the case, or come twice. The changes themselves refuse what is no longer possible, what would
undo somebody else's move, and what is not for this person: the form says which state its page showed, and a page says
kindly why nothing was done.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from db.actors import Hand
from db.changes import worklist
from db.changes.outcomes import record_outcome
from db.changes.security import SecurityEvent, log_security
from db.changes.worklist import LONGEST_PROMISE
from db.errors import (
    AlreadyClaimed,
    IllegalTransition,
    MayNotAct,
    MessageUnderWay,
    NotFound,
    Outdated,
    Refused,
    Undecided,
)
from db.queries.today import TodayCase, case_today, who_is_there
from db.states import PLAIN_OUTCOMES, Role, TaskStatus
from portal.forms import case as forms
from portal.forms.patient import Fields, value
from portal.staff.case_view import Draft, concerns, may_free, outcomes_of, say
from portal.staff.permissions import May
from portal.staff.session import SignedIn

OK, UNFINISHED, FORBIDDEN, REFUSED, BUSY = 200, 422, 403, 409, 503


class Move(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    CLAIM = "claim"
    RELEASE = "release"
    OUTCOME = "outcome"
    LATER = "later"
    REASSIGN = "reassign"
    ESCALATE = "escalate"
    NOTE = "note"


# What is still written down when the case is over.
AFTERWARDS = frozenset({Move.NOTE, Move.OUTCOME})
# What only whoever has claimed it does, and of that what anybody does where it was claimed by nobody in particular.
OF_THE_HOLDER = frozenset({Move.ACKNOWLEDGE, Move.CLAIM, Move.RELEASE, Move.OUTCOME, Move.LATER})
OF_ANYBODY = frozenset({Move.RELEASE, Move.OUTCOME})


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
        if not await _is_theirs(move, posted):
            return await _not_theirs(posted)
        return _out_of_reach(move, posted) or await MOVES[move](posted)
    except NotFound:
        raise
    except MayNotAct:
        return await _not_theirs(posted)
    except AlreadyClaimed as taken:
        return _taken(posted, taken.holder)
    except (Outdated, IllegalTransition, Refused):
        return _refused(posted, _why_not(await case_today(me.practice.id, ref, now=now), posted))
    except MessageUnderWay:
        return Answer(problem=posted.say("no_busy"), status=BUSY)


def _out_of_reach(move: Move, posted: Posted) -> Answer | None:
    """What the page would not offer as the case stands, whatever the form says; the change decides it once more."""
    case = posted.case
    if not case.is_open and move not in AFTERWARDS:
        return _refused(posted, _why_not(case, posted))
    if case.status is TaskStatus.CLAIMED and case.holder_id != posted.me.id:
        closed = OF_THE_HOLDER if case.holder_id is not None else OF_THE_HOLDER - OF_ANYBODY
        return _taken(posted, case.holder) if move in closed else None
    return None


async def _is_theirs(move: Move, posted: Posted) -> bool:
    """Looked at before the form is."""
    if concerns(posted.case, posted.me):
        return True
    there = await who_is_there(posted.me.practice, now=posted.now)
    return move is Move.REASSIGN and may_free(posted.case, posted.me, there)


async def _not_theirs(posted: Posted) -> Answer:
    me = posted.me
    data = {"may": May.ACT_ON_CASES, "role": me.role, "task": posted.case.ref}
    await log_security(
        posted.practice, event=SecurityEvent.ROLE_REFUSED, actor=posted.by.actor, now=posted.now, data=data
    )
    return Answer(problem=posted.say("no_not_yours"), status=FORBIDDEN)


def _why_not(case: TodayCase, posted: Posted) -> str:
    """Why nothing was done, from how the case stands now: it may have moved on under the form."""
    if case.status is TaskStatus.PLANNED:
        return "no_planned"
    if not case.is_open:
        return "no_ended" if case.status is TaskStatus.DONE else "no_over"
    return "no_changed" if _shown(posted) != case.mark else "no_other"


async def _acknowledge(posted: Posted) -> Answer:
    done = await worklist.acknowledge_task(
        posted.case.ref, practice=posted.practice, by=posted.by, now=posted.now, shown=_shown(posted)
    )
    return _done("acknowledged", done)


async def _claim(posted: Posted) -> Answer:
    done = await worklist.claim_task(
        posted.case.ref, practice=posted.practice, by=posted.by, now=posted.now, shown=_shown(posted)
    )
    return _done("claimed", done)


async def _release(posted: Posted) -> Answer:
    """One's own; what somebody else has is given on by `_reassign`, to a named person."""
    done = await worklist.release_task(
        posted.case.ref, practice=posted.practice, by=posted.by, now=posted.now, own=True, shown=_shown(posted)
    )
    return _done("released", done)


async def _reassign(posted: Posted) -> Answer:
    to = forms.target(posted.fields)
    if to is None:
        return _unfinished(posted, "reassign", "reassign_to")
    try:
        done = await worklist.reassign_task(
            posted.case.ref, practice=posted.practice, to=to, by=posted.by, now=posted.now, shown=_shown(posted) or ""
        )
    except (AlreadyClaimed, IllegalTransition, Outdated, MayNotAct, NotFound):
        raise
    except Refused:
        return _unfinished(posted, "reassign", "no_role" if to in tuple(Role) else "no_person")
    return _done("reassigned", done)


async def _escalate(posted: Posted) -> Answer:
    done = await worklist.escalate_task(
        posted.case.ref, practice=posted.practice, by=posted.by, now=posted.now, shown=_shown(posted) or ""
    )
    return _done("escalated", done)


async def _later(posted: Posted) -> Answer:
    until = forms.moment(posted.fields, posted.me.practice.calendar)
    if until is None or not posted.now < until <= posted.now + LONGEST_PROMISE:
        said = value(posted.fields, "at") or ""
        return _unfinished(posted, "later", "no_moment", at=said[: forms.LONGEST_TARGET])
    done = await worklist.postpone_task(
        posted.case.ref, practice=posted.practice, until=until, by=posted.by, now=posted.now, shown=_shown(posted)
    )
    return _done("postponed", done)


async def _outcome(posted: Posted) -> Answer:
    """With a first note, where one is given. What the outcome says of the messages by itself, no field overrides."""
    outcome, note, case = forms.outcome(posted.fields), _note(posted), posted.case
    if not case.is_open:
        return _too_late(posted, _why_not(case, posted), note)
    if outcome is None:
        return _unfinished(posted, "outcome", "no_outcome")
    if outcome not in outcomes_of(case):
        return _unfinished(posted, "outcome", "no_outcome_here")
    if note is None:
        return _unfinished(posted, "outcome", "no_note")
    try:
        recorded = await record_outcome(
            case.ref,
            outcome=outcome,
            practice=posted.practice,
            by=posted.by,
            now=posted.now,
            note=note,
            follow=forms.follow(posted.fields) if outcome in PLAIN_OUTCOMES else None,
            # The form asks for a note only where there is none.
            shown_note="",
        )
    except Undecided:
        return _unfinished(posted, "outcome", "no_follow")
    except Outdated:
        return _unfinished(posted, "note", "no_note_changed", status=REFUSED)
    if not recorded.closed:
        return _too_late(posted, "no_ended", note)
    return Answer(said=f"closed_{recorded.messages}" if recorded.messages else "closed")


async def _keep_note(posted: Posted) -> Answer:
    note, case = _note(posted), posted.case
    if case.status is TaskStatus.PLANNED:
        return _refused(posted, "no_planned")
    if note is None:
        return _unfinished(posted, "note", "no_note")
    shown = forms.mark(posted.fields, "note_mark")
    try:
        done = await worklist.add_note(
            case.ref, practice=posted.practice, note=note, by=posted.by, now=posted.now, shown=shown
        )
    except Outdated:
        return _unfinished(posted, "note", "no_note_changed", status=REFUSED)
    return Answer(said="note_same" if not done else "noted" if note else "note_gone")


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


def _too_late(posted: Posted, why: str, note: str | None) -> Answer:
    """Nothing is concluded any more; what was written with it is not lost."""
    if not note or note == posted.case.note or posted.case.status is TaskStatus.PLANNED:
        return _refused(posted, why)
    kept = "no_note_changed" if posted.case.note else "no_ended_note"
    return replace(_unfinished(posted, "note", kept, status=REFUSED), problem=posted.say(why))


def _shown(posted: Posted) -> str | None:
    """The state that the form's page showed; a form that does not say cannot be held to it."""
    return forms.mark(posted.fields) or None


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

"""How a task ended, and what follows from it: for the messages, for what people still have to do, for the telephone."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from db.actors import Hand
from db.changes._agreed import plan_agreed
from db.changes._failures import REACH, stop_if_unreachable
from db.changes._human_steps import end_rebooked, task_entry
from db.changes._journal import Entry, Event, record
from db.changes._opening import open_step, read_steps
from db.changes._sequences import lock_live_enrolment, stop_sequence, when_quiet
from db.changes._tasks import NewTask, open_task
from db.changes._worklist import (
    NOTE_FIELD,
    hold_messages,
    let_messages_go,
    let_them_book,
    must_show_note,
    name_of,
    note_of,
    task_for,
)
from db.crypto import vault
from db.engine import Row, fetch, fetch_one
from db.errors import AlreadyClaimed, Refused, Undecided
from db.queries.practices import practice as profile_of
from db.rules.acting import CALLS
from db.rules.risk import RiskRule
from db.states import (
    OPEN_TASK,
    PLAIN_OUTCOMES,
    TASK_MOVES,
    CallOutcome,
    EnrolmentStatus,
    Reason,
    TaskKind,
    TaskStatus,
    check_move,
)

# A label ends with its day, somewhere on Earth a little later.
IN_CRISIS = """
SELECT 1 FROM patient_risk WHERE patient = $1 AND rule = $2 AND ended_at IS NULL AND (until IS NULL OR until >= $3)
LIMIT 1
"""
# A patient who will book is left alone for so long.
TIME_TO_BOOK = timedelta(hours=48)


class Follow(StrEnum):
    """What becomes of messages that wait for the task: needed where the outcome does not say it by itself."""

    RESUME = "resume"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Recorded:
    """`closed` is false when the task was done already; `messages` says what became of the patient's messages."""

    closed: bool
    messages: str | None = None


@dataclass(frozen=True, slots=True)
class _End:
    task: Row
    outcome: CallOutcome
    by: Hand
    now: datetime
    insist: bool
    follow: Follow | None


async def record_outcome(
    ref: str,
    *,
    outcome: CallOutcome,
    practice: int,
    by: Hand,
    now: datetime,
    note: str = "",
    follow: Follow | None = None,
    shown_note: str | None = None,
) -> Recorded:
    """Close a task with its outcome, and do what the outcome says. The same again is harmless.

    Raises `Refused` for an outcome of a call on a task that is about no patient, `Undecided` where messages wait for a
    decision that neither the outcome nor `follow` takes, `AlreadyClaimed` while somebody else has the case,
    `MayNotAct` for somebody whom it does not concern, and `Outdated` where `note` would replace one that is not of the
    mark `shown_note`.
    """

    async def change(insist: bool) -> Recorded:
        task = await task_for(by, ref, practice)
        status = TaskStatus(task["status"])
        if status is TaskStatus.DONE:
            return Recorded(closed=False)
        check_move("This task", TASK_MOVES, status, TaskStatus.DONE)
        await _may_close(task, outcome, by)
        if note.strip() and note.strip() != note_of(task):
            must_show_note(task, shown_note)
        end = _End(task, outcome, by, now, insist, follow)
        await _close(end, note)
        return Recorded(closed=True, messages=await _EFFECTS[outcome](end))

    return await when_quiet(change)


async def _may_close(task: Row, outcome: CallOutcome, by: Hand) -> None:
    if task["status"] == TaskStatus.CLAIMED and by.staff is not None and task["claimed_by"] not in (None, by.staff):
        raise AlreadyClaimed(await name_of(task["claimed_by"]))
    if task["patient"] is None and outcome not in PLAIN_OUTCOMES:
        raise Refused(f"This task is about no patient: record {' or '.join(PLAIN_OUTCOMES)}.")


async def _close(end: _End, note: str) -> None:
    sealed = vault().seal(note.strip(), owner=end.task["ref"], field=NOTE_FIELD) if note.strip() else None
    await fetch(
        "UPDATE task SET status = $2, closed_at = $3, outcome = $4, body = NULL, look_at = NULL, promised_at = NULL, "
        "note = coalesce($5, note) WHERE id = $1",
        end.task["id"],
        TaskStatus.DONE,
        end.now,
        end.outcome,
        sealed,
    )
    closed = task_entry(Event.TASK_CLOSED, end.task, outcome=end.outcome)
    await record([closed], practice=end.task["practice"], actor=end.by.actor, now=end.now)


async def _rebooked(end: _End) -> str | None:
    """All ends, but for what stands under a crisis flag."""
    stopped = await _stop(end, Reason.REBOOKED)
    await end_rebooked([end.task["patient"]], actor=end.by.actor, now=end.now)
    await _confirm(end)
    return stopped


async def _will_book(end: _End) -> str | None:
    waits = await let_them_book(end.task, until=end.now + TIME_TO_BOOK, actor=end.by.actor, now=end.now)
    await _confirm(end)
    return "resumed_later" if waits else None


async def _confirm(end: _End) -> None:
    if end.task["kind"] in CALLS or end.task["kind"] in _REACHABLE_OTHERWISE:
        await plan_agreed(end.task, end.outcome, now=end.now)


async def _declined(end: _End) -> str | None:
    """No more messages, and the practitioner is told: whether more is to be done is theirs to say."""
    stopped = await _stop(end, Reason.STOPPED_BY_STAFF)
    if end.task["kind"] == TaskKind.DECLINED:
        return stopped
    task = _case_after(end, TaskKind.DECLINED)
    await open_task(task, practice=end.task["practice"], actor=end.by.actor, now=end.now)
    return stopped


async def _go_on(end: _End) -> str | None:
    if await let_messages_go(end.task, actor=end.by.actor, now=end.now, even_replied=True):
        return "resumed"
    enrolment = await lock_live_enrolment(end.task["patient"])
    return "waiting" if enrolment is not None and enrolment["status"] == EnrolmentStatus.PAUSED else None


async def _wrong_number(end: _End) -> str | None:
    patient = end.task["patient"]
    await fetch("UPDATE patient SET phone_invalid_at = coalesce(phone_invalid_at, $2) WHERE id = $1", patient, end.now)
    invalid = Entry(
        Event.ADDRESS_INVALID, patient=end.task["patient_ref"], subject=end.task["ref"], data={"channel": "sms"}
    )
    await record([invalid], practice=end.task["practice"], actor=end.by.actor, now=end.now)
    said = await _go_on(end)
    enrolment = await lock_live_enrolment(patient)
    if enrolment is None:
        await _reach_otherwise(end)
        return None
    practice, actor = end.task["practice"], end.by.actor
    unreachable = await stop_if_unreachable(enrolment["id"], practice=practice, actor=actor, now=end.now)
    return "stopped" if unreachable else said


async def _reach_otherwise(end: _End) -> None:
    """No follow-up runs whose end would say so: where there is no mailbox either, that is a task of its own."""
    reach = await fetch_one(REACH, end.task["patient"])
    if end.task["kind"] == TaskKind.UNREACHABLE or reach is None or reach["email"]:
        return
    task = replace(_case_after(end, TaskKind.UNREACHABLE), reason=Reason.UNREACHABLE)
    await open_task(task, practice=end.task["practice"], actor=end.by.actor, now=end.now)


async def _needs_clinical_lead(end: _End) -> str | None:
    """The escalation of the plan comes now, or one is opened; messages wait for its outcome."""
    task, now = end.task, end.now
    waiting = await fetch_one(
        "SELECT id, status FROM task WHERE patient = $1 AND kind = $2 AND id <> $3 AND status = ANY($4) "
        "ORDER BY status <> $5 DESC, id LIMIT 1 FOR UPDATE",
        task["patient"],
        TaskKind.ESCALATION,
        task["id"],
        [TaskStatus.PLANNED, *OPEN_TASK],
        TaskStatus.PLANNED,
    )
    if waiting is not None and waiting["status"] == TaskStatus.PLANNED:
        [step] = await read_steps([waiting["id"]], now=now)
        await open_step(step, await profile_of(task["practice"]), now=now, at_once=True)
    elif waiting is None:
        await open_task(await _escalation(end), practice=task["practice"], actor=end.by.actor, now=now)
    await hold_messages(task, reason=Reason.ESCALATED, actor=end.by.actor, now=now)
    return "waiting" if await lock_live_enrolment(task["patient"]) is not None else None


async def _escalation(end: _End) -> NewTask:
    """Under a crisis flag where the case is, or the patient has one by now: the step of a plan is opened so too."""
    task = end.task
    flagged = await fetch_one(IN_CRISIS, task["patient"], RiskRule.CRISIS, end.now.date() - timedelta(days=1))
    return replace(
        _case_after(end, TaskKind.ESCALATION),
        appointment=task["appointment"],
        urgent=True,
        crisis=task["crisis"] or flagged is not None,
    )


def _case_after(end: _End, kind: TaskKind) -> NewTask:
    """A new case of the same patient and follow-up, one at the most of this kind and from this end."""
    task = end.task
    return NewTask(
        kind=kind,
        dedupe=f"{kind}:{task['ref']}",
        due_at=end.now,
        patient=task["patient"],
        patient_ref=task["patient_ref"],
        enrolment=task["enrolment"],
        enrolment_ref=task["enrolment_ref"],
        crisis=task["crisis"],
    )


async def _plain(end: _End) -> str | None:
    """The outcome says nothing of the messages: what the handling paused goes on, what a reply paused needs a word."""
    if end.task["patient"] is None:
        return None
    if end.follow is Follow.STOP:
        return await _stop(end, Reason.STOPPED_BY_STAFF)
    if end.follow is Follow.RESUME:
        return await _go_on(end)
    await let_messages_go(end.task, actor=end.by.actor, now=end.now)
    enrolment = await lock_live_enrolment(end.task["patient"])
    if enrolment is not None and enrolment["reason"] == Reason.REPLIED and await _nobody_else_reads(end.task):
        raise Undecided(
            "The follow-up of this patient is paused until somebody decides: say whether it goes on or ends."
        )
    return None


async def _nobody_else_reads(task: Row) -> bool:
    other = await fetch_one(
        "SELECT id FROM task WHERE patient = $1 AND id <> $2 AND status = ANY($3) AND kind = ANY($4) LIMIT 1",
        task["patient"],
        task["id"],
        list(OPEN_TASK),
        [TaskKind.REPLY, TaskKind.EMERGENCY],
    )
    return other is None


async def _stop(end: _End, reason: Reason) -> str | None:
    enrolment = await lock_live_enrolment(end.task["patient"])
    if enrolment is None:
        return None
    await stop_sequence(enrolment, reason, actor=end.by.actor, now=end.now, insist=end.insist)
    return "stopped"


# Tasks that are no call by themselves, and that may all the same end with the patient reached by telephone.
_REACHABLE_OTHERWISE = frozenset({TaskKind.UNREACHABLE, TaskKind.NOT_A_MOBILE, TaskKind.WAS_NOT_BROUGHT})
_EFFECTS: Mapping[CallOutcome, Callable[[_End], Awaitable[str | None]]] = {
    CallOutcome.REACHED_REBOOKED: _rebooked,
    CallOutcome.REACHED_WILL_BOOK: _will_book,
    CallOutcome.DECLINED: _declined,
    CallOutcome.LEFT_MESSAGE: _go_on,
    CallOutcome.NO_ANSWER: _go_on,
    CallOutcome.WRONG_NUMBER: _wrong_number,
    CallOutcome.NEEDS_CLINICAL_LEAD: _needs_clinical_lead,
    CallOutcome.HANDLED: _plain,
    CallOutcome.NOTHING_TO_DO: _plain,
}

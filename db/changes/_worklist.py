"""What the changes of the worklist share: a task with its patient locked, moved, and told of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.changes._human_steps import task_entry
from db.changes._journal import Event, record
from db.changes._sequences import lock_live_enrolment
from db.changes._telling import Occasion, Telling, tell_staff
from db.changes.enrolments import pause_locked, resume_locked
from db.engine import Row, fetch, fetch_one, fetch_value
from db.errors import NotFound
from db.queries.practices import practice as profile_of
from db.queries.team import Staffing, staffing
from db.rules.ladder import Assigned
from db.rules.watching import look_at
from db.states import OPEN_TASK, EnrolmentStatus, Reason, TaskKind, TaskStatus

# Kinds whose handling means speaking with the patient: while somebody does, no message crosses them.
CALLS = frozenset(
    {
        TaskKind.CALL,
        TaskKind.ALERT,
        TaskKind.ESCALATION,
        TaskKind.EMERGENCY,
        TaskKind.REPLY,
        TaskKind.CALL_REQUEST,
        TaskKind.BARRIER,
        TaskKind.HIGH_RISK_NOT_ENROLLED,
        TaskKind.HIGH_RISK_CANCELLED,
        TaskKind.DELIVERY_FAILED,
        TaskKind.BOUNCE,
    }
)
# Pauses that a person's handling made, and that its end lifts.
HANDLING = (Reason.CLAIMED, Reason.ESCALATED)

TASK = """
SELECT t.id, t.ref, t.practice, t.kind, t.status, t.patient, t.enrolment, t.appointment, t.assignee, t.fallback, t.role,
       t.rung, t.crisis, t.step, t.claimed_by, t.promised_at, t.nudged_at, p.ref AS patient_ref, e.ref AS enrolment_ref,
       coalesce(e.practitioner, a.practitioner, (SELECT x.practitioner FROM appointment x WHERE x.patient = t.patient
                ORDER BY x.day DESC, x.id DESC LIMIT 1)) AS practitioner
FROM task t LEFT JOIN patient p ON p.id = t.patient LEFT JOIN enrolment e ON e.id = t.enrolment
LEFT JOIN appointment a ON a.id = t.appointment
"""


@dataclass(frozen=True, slots=True)
class Hand:
    """Who acts: `staff` is the row of a member of staff, None for the terminal of the installation."""

    actor: str
    staff: int | None = None


async def lock_task(ref: str, practice: int) -> Row:
    """The task, its patient locked first, as every change locks them."""
    found = await fetch_one("SELECT id, patient FROM task WHERE ref = $1 AND practice = $2", ref, practice)
    if found is None:
        raise NotFound(f"There is no task {ref} in this practice.")
    if found["patient"] is not None:
        await fetch("SELECT id FROM patient WHERE id = $1 FOR UPDATE", found["patient"])
        await lock_live_enrolment(found["patient"])
    return await locked_task(found["id"])


async def name_of(staff: int | None) -> str:
    found: str | None = await fetch_value("SELECT name FROM staff WHERE id = $1", staff)
    return found or ""


async def locked_task(task: int) -> Row:
    row = await fetch_one(TASK + "WHERE t.id = $1 FOR UPDATE OF t", task)
    assert row is not None
    return row


async def here_for(task: Row, now: datetime) -> Staffing:
    return await staffing(await profile_of(task["practice"]), practitioner=task["practitioner"], now=now)


async def give_to(
    task: Row, people: Assigned, here: Staffing, *, why: Reason, actor: str, event: Event, now: datetime
) -> None:
    """The task is open and somebody else's from now on; they are told."""
    climbed = why is Reason.NOT_ACKNOWLEDGED
    calendar = here.hours_of(people.role)
    await fetch(
        "UPDATE task SET status = $2, assignee = $3, fallback = $4, role = $5, rung = rung + $6, look_at = $7, "
        "nudged_at = NULL, acknowledged_at = NULL, acknowledged_by = NULL, claimed_at = NULL, claimed_by = NULL, "
        "promised_at = NULL WHERE id = $1",
        task["id"],
        TaskStatus.OPEN,
        people.assignee and people.assignee.id,
        people.fallback and people.fallback.id,
        people.role,
        int(climbed),
        look_at(
            TaskKind(task["kind"]), TaskStatus.OPEN, crisis=task["crisis"], nudged=False, calendar=calendar, now=now
        ),
    )
    await record([task_entry(event, task, why, role=people.role)], practice=task["practice"], actor=actor, now=now)
    if people.assignee is not None:
        await tell(task, people.assignee.id, Occasion.MOVED, here, now, why=why)


async def tell(
    task: Row, staff: int | None, occasion: Occasion, here: Staffing, now: datetime, *, why: Reason | None = None
) -> None:
    person = here.team.person(staff)
    if person is None or not person.reachable:
        return
    hours = None if task["crisis"] else here.hours_of(person.role)
    await tell_staff([Telling(task["id"], person.id, occasion, hours, why)], practice=task["practice"], now=now)


def watch(task: Row, status: TaskStatus, here: Staffing, now: datetime, *, nudged: bool = False) -> datetime:
    """When the task is looked at next, in the state that it has from now on."""
    return look_at(
        TaskKind(task["kind"]),
        status,
        crisis=task["crisis"],
        nudged=nudged,
        calendar=here.hours_of(task["role"] or ""),
        now=now,
        promised_at=task["promised_at"],
    )


async def hold_messages(task: Row, *, reason: Reason, actor: str, now: datetime) -> None:
    """While somebody speaks with the patient no message goes; the human deadlines run on."""
    enrolment = await lock_live_enrolment(task["patient"]) if task["patient"] is not None else None
    if enrolment is not None:
        await pause_locked(enrolment, reason=reason, actor=actor, now=now)


async def let_messages_go(task: Row, *, actor: str, now: datetime, even_replied: bool = False) -> bool:
    """Nobody handles it any more: what the handling paused goes on, unless something else keeps it. True if it does."""
    enrolment = await lock_live_enrolment(task["patient"]) if task["patient"] is not None else None
    if enrolment is None or enrolment["status"] != EnrolmentStatus.PAUSED:
        return False
    reasons = (*HANDLING, Reason.REPLIED) if even_replied else HANDLING
    if enrolment["reason"] not in reasons:
        return False
    kept = await _kept_by(task, enrolment, now)
    if kept is None:
        return await resume_locked(enrolment, actor=actor, now=now)
    await fetch("UPDATE enrolment SET reason = $2 WHERE id = $1", enrolment["id"], kept)
    return False


async def let_them_book(task: Row, *, until: datetime, actor: str, now: datetime) -> bool:
    """The messages wait `until` then, and longer where something else keeps them. False when none are to come."""
    enrolment = await lock_live_enrolment(task["patient"])
    if enrolment is not None and enrolment["reason"] == Reason.BY_HAND:
        # What the team decided before holds for as long as it was to.
        if enrolment["resume_at"] is None:
            return False
        until = max(until, enrolment["resume_at"])
    if enrolment is not None and enrolment["status"] == EnrolmentStatus.PAUSED:
        await resume_locked(enrolment, actor=actor, now=now)
        enrolment = await lock_live_enrolment(task["patient"])
    if enrolment is None:
        return False
    await pause_locked(enrolment, reason=Reason.WILL_BOOK, actor=actor, now=now, until=until)
    kept = await _kept_by(task, enrolment, now)
    if kept is not None:
        await fetch("UPDATE enrolment SET reason = $2 WHERE id = $1", enrolment["id"], kept)
    return True


async def _kept_by(task: Row, enrolment: Row, now: datetime) -> Reason | None:
    """What, besides the task, keeps the patient's messages waiting: a reply that nobody has dealt with, the escalation
    that they wait for, another claim, or the time that the patient was given to book."""
    row = await fetch_one(
        "SELECT coalesce(bool_or(kind = ANY($3)), false) AS replied, coalesce(bool_or(kind = $4), false) AS escalated, "
        "coalesce(bool_or(status = $5 AND kind = ANY($6)), false) AS claimed, "
        "(SELECT resume_at > $7 FROM enrolment WHERE id = $8) AS will_book "
        "FROM task WHERE patient = $1 AND id <> $2 AND status = ANY($9)",
        task["patient"],
        task["id"],
        [TaskKind.REPLY, TaskKind.EMERGENCY],
        TaskKind.ESCALATION,
        TaskStatus.CLAIMED,
        list(CALLS),
        now,
        enrolment["id"],
        list(OPEN_TASK),
    )
    assert row is not None
    keeps = {
        Reason.REPLIED: row["replied"],
        Reason.ESCALATED: row["escalated"] and enrolment["reason"] == Reason.ESCALATED,
        Reason.CLAIMED: row["claimed"],
        Reason.WILL_BOOK: row["will_book"],
    }
    return next((reason for reason, does in keeps.items() if does), None)


async def being_called(patients: Sequence[int]) -> dict[int, tuple[Reason, datetime | None]]:
    """Those of the patients with whom somebody has undertaken to speak: why their messages wait, with no end."""
    rows = await fetch(
        "SELECT DISTINCT patient FROM task WHERE patient = ANY($1) AND status = $2 AND kind = ANY($3)",
        list(patients),
        TaskStatus.CLAIMED,
        list(CALLS),
    )
    return {row["patient"]: (Reason.CLAIMED, None) for row in rows}

"""What the changes of the worklist share: a task with its patient locked, moved, and told of."""

from collections.abc import Sequence
from datetime import datetime

from db.actors import Hand
from db.changes._human_steps import task_entry
from db.changes._journal import Event, record
from db.changes._sequences import lock_live_enrolment
from db.changes._telling import Occasion, Telling, tell_staff
from db.changes.enrolments import pause_locked, resume_locked
from db.crypto import vault
from db.engine import Row, fetch, fetch_one, fetch_value
from db.errors import MayNotAct, NotFound, Outdated
from db.queries.practices import practice as profile_of
from db.queries.team import Staffing, staffing
from db.queries.worklist import MARK, NOTE_MARK
from db.rules.acting import CALLS, may_act
from db.rules.ladder import Assigned
from db.rules.watching import look_at
from db.states import OPEN_TASK, TIMED_PAUSES, EnrolmentStatus, Reason, Role, TaskKind, TaskStatus

NOTE_FIELD = "task.note"
# Pauses that a person's handling made, and that its end lifts.
HANDLING = (Reason.CLAIMED, Reason.ESCALATED)

TASK = f"""
SELECT t.id, t.ref, t.practice, t.kind, t.status, t.patient, t.enrolment, t.appointment, t.assignee, t.fallback, t.role,
       t.rung, t.crisis, t.step, t.claimed_by, t.promised_at, t.nudged_at, t.acknowledged_by, t.note, {MARK} AS mark,
       {NOTE_MARK} AS note_mark, p.ref AS patient_ref, e.ref AS enrolment_ref,
       coalesce(e.practitioner, a.practitioner, (SELECT x.practitioner FROM appointment x WHERE x.patient = t.patient
                ORDER BY x.day DESC, x.id DESC LIMIT 1)) AS practitioner
FROM task t LEFT JOIN patient p ON p.id = t.patient LEFT JOIN enrolment e ON e.id = t.enrolment
LEFT JOIN appointment a ON a.id = t.appointment
"""


async def lock_task(ref: str, practice: int) -> Row:
    """The task, its patient locked first, as every change locks them."""
    found = await fetch_one("SELECT id, patient FROM task WHERE ref = $1 AND practice = $2", ref, practice)
    if found is None:
        raise NotFound(f"There is no task {ref} in this practice.")
    if found["patient"] is not None:
        await fetch("SELECT id FROM patient WHERE id = $1 FOR UPDATE", found["patient"])
        await lock_live_enrolment(found["patient"])
    return await locked_task(found["id"])


async def task_for(by: Hand, ref: str, practice: int) -> Row:
    """The task locked for whoever acts on it. Raises `MayNotAct`: every face of the worklist has its changes from here,
    so none can forget who may."""
    task = await lock_task(ref, practice)
    if not await is_entitled(by, task):
        raise MayNotAct("This case waits for a decision of those who give care: it was not given to this person.")
    return task


async def is_entitled(by: Hand, task: Row) -> bool:
    """The terminal of the installation always is; a person as their role and the case allow."""
    if by.staff is None:
        return True
    role = await role_of_hand(by, task)
    given = by.staff in (task["assignee"], task["fallback"], task["claimed_by"])
    return role is not None and may_act(role, TaskKind(task["kind"]), given=given)


async def role_of_hand(by: Hand, task: Row) -> Role | None:
    """None for the terminal, and for whoever does not work here any more."""
    found: str | None = await fetch_value(
        "SELECT role FROM staff WHERE id = $1 AND practice = $2 AND active", by.staff, task["practice"]
    )
    return None if found is None else Role(found)


def must_be_as_shown(task: Row, shown: str | None, *, wholly: bool = True) -> None:
    """`shown` is the mark of the case that whoever acts saw; None where nothing was shown, as at a terminal. A press
    that arrives a second time finds its own effect, and is refused rather than made again.

    Not `wholly`: somebody else's "seen" in between is no reason to refuse, as long as the case was not given to anybody
    anew.
    """
    if shown is None:
        return
    stands: str = task["mark"]
    if (stands if wholly else _turn(stands)) != (shown if wholly else _turn(shown)):
        raise Outdated("The case has changed meanwhile: look at it again.")


def _turn(mark: str) -> str:
    return mark.partition("_")[0]


def note_of(task: Row) -> str:
    """What the case's note says; empty without one."""
    sealed: bytes | None = task["note"]
    return "" if sealed is None else vault().open(sealed, owner=task["ref"], field=NOTE_FIELD)


def must_show_note(task: Row, shown: str | None) -> None:
    """`shown` is the mark of the note that whoever writes has seen, empty where there was none."""
    if shown is not None and shown != task["note_mark"]:
        raise Outdated("The note has changed meanwhile: read it first.")


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
    calendar = here.hours_on(people.role, people.assignee.id if people.assignee is not None else None)
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
        calendar=here.hours_on(task["role"] or "", task["assignee"]),
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
    if enrolment is not None and enrolment["reason"] == Reason.BY_HAND and enrolment["resume_at"] is None:
        return False
    if enrolment is not None and enrolment["resume_at"] is not None:
        # What the team decided before holds for as long as it was to, though a claim has stood over it since.
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
    """What keeps the patient's messages waiting now that the task is done, or nobody's: a reply that nobody has dealt
    with, the escalation that they wait for, though it be this one, another claim, or the time until which they were to
    wait before somebody took the case."""
    row = await fetch_one(
        "SELECT coalesce(bool_or(kind = ANY($2)), false) AS replied, coalesce(bool_or(kind = $3), false) AS escalated, "
        "coalesce(bool_or(status = $4 AND kind = ANY($5)), false) AS claimed, "
        "(SELECT resume_at > $6 FROM enrolment WHERE id = $7) AS timed "
        "FROM task WHERE patient = $1 AND status = ANY($8)",
        task["patient"],
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
    }
    kept = next((reason for reason, does in keeps.items() if does), None)
    return kept if kept is not None or not row["timed"] else await _timed_by(enrolment)


async def _timed_by(enrolment: Row) -> Reason:
    """Whose time it is: the patient's to book, or a day that the team chose. The pause over it has taken its place, so
    the journal says, of this follow-up or of the one that it goes on from."""
    found: str | None = await fetch_value(
        "SELECT reason FROM journal WHERE patient_ref = $1 AND event = $2 AND reason = ANY($3) "
        "ORDER BY id DESC LIMIT 1",
        enrolment["patient_ref"],
        Event.SEQUENCE_PAUSED,
        list(TIMED_PAUSES),
    )
    return Reason(found) if found is not None else Reason.WILL_BOOK


async def being_called(patients: Sequence[int]) -> dict[int, tuple[Reason, datetime | None]]:
    """Those of the patients with whom somebody has undertaken to speak: why their messages wait, with no end."""
    rows = await fetch(
        "SELECT DISTINCT patient FROM task WHERE patient = ANY($1) AND status = $2 AND kind = ANY($3)",
        list(patients),
        TaskStatus.CLAIMED,
        list(CALLS),
    )
    return {row["patient"]: (Reason.CLAIMED, None) for row in rows}

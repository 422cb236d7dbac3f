"""What waits for a person, and one case in full for whoever takes it."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from db.actors import staff as staff_actor
from db.changes._journal import Event
from db.crypto import vault
from db.engine import Row, fetch, fetch_one
from db.errors import NotFound
from db.queries.people import SHOWN_NUMBER
from db.queries.practices import practice as profile_of
from db.states import LIVE_ENROLMENT, OPEN_TASK, EnrolmentStatus, TaskKind, TaskStatus


@dataclass(frozen=True)
class OpenTask:
    """`patient` is what `reprise patient` takes, `reason` a code, `role` whom it is for by the plan or its kind.

    `holder` has claimed it or, while nobody has, acknowledged it. `nudged`: whoever should act was reminded. `paused`:
    the patient's messages wait. `step` is the moment of the plan, where it comes from one.
    """

    ref: str
    kind: str
    status: str
    patient: str | None
    assignee: str | None
    fallback: str | None
    holder: str | None
    role: str | None
    due_at: datetime
    deadline_at: datetime | None
    overdue: bool
    promised_at: datetime | None
    nudged: bool
    reason: str | None
    barrier: str | None
    urgent: bool
    crisis: bool
    paused: bool
    step: int | None


@dataclass(frozen=True)
class CaseEvent:
    """`who` is the name of the member of staff who did it; `task` the kind of the case."""

    at: datetime
    event: str
    actor: str
    who: str | None
    reason: str | None
    data: dict[str, Any]
    task: str


@dataclass(frozen=True)
class TaskInFull:
    """One task, planned, open or closed. `text` is what the patient wrote, until the task is closed; `note` what staff
    wrote, where it was asked for.

    `enrolment` is the patient's running follow-up, else that of the task; `paused`: its messages wait, for the reason
    `paused_reason`; `missed_on` is the day of the appointment
    that was missed; `welfare_check` the practice's own checklist, with an escalation under a crisis flag.
    """

    ref: str
    kind: str
    status: str
    patient: str | None
    assignee: str | None
    fallback: str | None
    holder: str | None
    role: str | None
    created_at: datetime
    due_at: datetime
    deadline_at: datetime | None
    promised_at: datetime | None
    closed_at: datetime | None
    outcome: str | None
    reason: str | None
    barrier: str | None
    urgent: bool
    crisis: bool
    step: int | None
    missed_on: date | None
    enrolment: str | None
    enrolment_status: str | None
    paused: bool
    paused_reason: str | None
    has_note: bool
    welfare_check: tuple[str, ...]
    timeline: tuple[CaseEvent, ...]
    text: str | None = field(repr=False)
    note: str | None = field(repr=False)


# Which state of a case somebody saw: how often it was given to somebody anew, and after the line who has it now. What
# alone would come back to the same (open, taken, open again) differs by the first. A case about no patient has no more
# than the second.
ANEW = (Event.TASK_RELEASED, Event.TASK_REASSIGNED, Event.TASK_ESCALATED)
MARK = f"""
(SELECT count(*) FROM journal j WHERE j.patient_ref = (SELECT x.ref FROM patient x WHERE x.id = t.patient)
 AND j.subject_ref = t.ref AND j.event IN ({", ".join(f"'{event}'" for event in ANEW)})) || '_' ||
left(md5(concat_ws(':', t.status, t.claimed_by, t.acknowledged_by, t.assignee, t.role, t.promised_at)), 10)
"""
NOTE_MARK = "coalesce(left(md5(t.note), 10), '')"
# Until a step is due, `t.role` may hold the reference of the person whom the plan names.
SHOWN = f"""
t.ref, t.kind, t.status, {SHOWN_NUMBER} AS patient, coalesce(s.name, n.name) AS assignee, f.name AS fallback,
coalesce(c.name, a.name) AS holder, CASE WHEN n.id IS NULL THEN t.role END AS role, t.due_at, t.deadline_at,
t.promised_at, t.reason, CASE t.kind WHEN 'barrier' THEN split_part(t.dedupe, ':', 3) END AS barrier, t.urgent,
t.crisis, t.step
"""
SHOWN_FROM = """
FROM task t LEFT JOIN patient p ON p.id = t.patient LEFT JOIN staff s ON s.id = t.assignee
LEFT JOIN staff n ON n.ref = t.role LEFT JOIN staff f ON f.id = t.fallback LEFT JOIN staff c ON c.id = t.claimed_by
LEFT JOIN staff a ON a.id = t.acknowledged_by
"""


async def open_tasks(
    practice: int,
    *,
    now: datetime,
    mine: int | None = None,
    kinds: Collection[TaskKind] = (),
    unclaimed: bool = False,
    most: int = 500,
) -> list[OpenTask]:
    """Those under a crisis flag first, then the urgent ones, then by deadline.

    `mine` (a row of staff): what this person has claimed, or is asked to do and nobody else has claimed.
    """
    rows: Any = await fetch(
        f"SELECT {SHOWN}, coalesce(t.deadline_at < $2, false) AS overdue, t.nudged_at IS NOT NULL AS nudged, "
        "EXISTS (SELECT 1 FROM enrolment e WHERE e.patient = t.patient AND e.status = $8) AS paused "
        f"{SHOWN_FROM} WHERE t.practice = $1 AND t.status = ANY($3) "
        "AND ($4::int IS NULL OR coalesce(t.claimed_by, t.assignee) = $4) "
        "AND (cardinality($5::text[]) = 0 OR t.kind = ANY($5)) AND NOT ($6 AND t.status = $7) "
        "ORDER BY t.crisis DESC, t.urgent DESC, t.deadline_at NULLS LAST, t.due_at, t.id LIMIT $9",
        practice,
        now,
        list(OPEN_TASK),
        mine,
        list(kinds),
        unclaimed,
        TaskStatus.CLAIMED,
        EnrolmentStatus.PAUSED,
        most,
    )
    return [OpenTask(**dict(row)) for row in rows]


async def task_in_full(practice: int, ref: str, *, with_note: bool = False) -> TaskInFull:
    row = await fetch_one(
        f"SELECT {SHOWN}, t.created_at, t.closed_at, t.outcome, t.body, t.note, p.ref AS patient_ref, "
        "m.day AS missed_on, coalesce(v.ref, e.ref) AS enrolment, coalesce(v.status, e.status) AS enrolment_status, "
        f"v.status = $3 AS paused, v.reason AS paused_reason {SHOWN_FROM} LEFT JOIN enrolment e ON e.id = t.enrolment "
        "LEFT JOIN enrolment v ON v.patient = t.patient AND v.status = ANY($4) "
        "LEFT JOIN appointment m ON m.id = coalesce(t.appointment, e.appointment) "
        "WHERE t.practice = $1 AND t.ref = $2",
        practice,
        ref,
        EnrolmentStatus.PAUSED,
        list(LIVE_ENROLMENT),
    )
    if row is None:
        raise NotFound(f"There is no task {ref}: `reprise worklist` lists those that are open.")
    values = dict(row)
    body, note, patient = values.pop("body"), values.pop("note"), values.pop("patient_ref")
    paused = bool(values.pop("paused"))
    return TaskInFull(
        **values | {"paused_reason": values["paused_reason"] if paused else None},
        paused=paused,
        has_note=note is not None,
        welfare_check=await _welfare_check(practice, row),
        timeline=await _timeline(practice, row, patient),
        text=_opened(body, ref, "task.body"),
        note=_opened(note, ref, "task.note") if with_note else None,
    )


async def _welfare_check(practice: int, task: Row) -> tuple[str, ...]:
    if task["kind"] != TaskKind.ESCALATION or not task["crisis"]:
        return ()
    return (await profile_of(practice)).settings.welfare_check


async def _timeline(practice: int, task: Row, patient: str | None) -> tuple[CaseEvent, ...]:
    """What the journal says of the case. It is found by the patient, or by the time from which the task has been."""
    rows = await fetch(
        "SELECT j.at, j.event, j.actor, s.name AS who, j.reason, j.data FROM journal j "
        "LEFT JOIN staff s ON s.practice = j.practice AND $5 || s.ref = j.actor WHERE j.practice = $1 "
        "AND j.subject_ref = $2 AND CASE WHEN $3::text IS NULL THEN j.at >= $4 ELSE j.patient_ref = $3 END "
        "ORDER BY j.id",
        practice,
        task["ref"],
        patient,
        task["created_at"],
        staff_actor(""),
    )
    return tuple(
        CaseEvent(
            at=row["at"],
            event=row["event"],
            actor=row["actor"],
            who=row["who"],
            reason=row["reason"],
            data=json.loads(row["data"]) if row["data"] else {},
            task=task["kind"],
        )
        for row in rows
    )


def _opened(sealed: bytes | None, ref: str, name: str) -> str | None:
    return None if sealed is None else vault().open(sealed, owner=ref, field=name)

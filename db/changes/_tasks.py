"""Opening a task inside the transaction of the change that needs a human."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.changes._journal import Entry, Event, record
from db.crypto import vault
from db.engine import fetch, fetch_value
from db.states import TaskKind, TaskStatus
from db.tokens import new_reference

# Who gets a task first; the next of the list who works there is the fallback.
ROLES = ("front_desk", "care_coordinator", "admin", "clinical_lead", "practitioner")


@dataclass(frozen=True, slots=True)
class NewTask:
    """`dedupe` names the event: telling the same event again opens nothing. `body` is sealed before it is stored."""

    kind: TaskKind
    dedupe: str
    due_at: datetime
    patient: int | None = None
    patient_ref: str | None = None
    enrolment: int | None = None
    enrolment_ref: str | None = None
    delivery: int | None = None
    reason: str | None = None
    body: str | None = None
    urgent: bool = False
    data: Mapping[str, Any] | None = None


async def open_task(task: NewTask, *, practice: int, actor: str, now: datetime) -> bool:
    """False when the event already has its task."""
    ref = new_reference()
    assignee, fallback = await _people(practice)
    body = None if task.body is None else vault().seal(task.body, owner=ref, field="task.body")
    added = await fetch_value(
        "INSERT INTO task (practice, ref, kind, status, patient, enrolment, delivery, assignee, fallback, "
        "reason, body, "
        "urgent, due_at, dedupe, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15) "
        "ON CONFLICT DO NOTHING RETURNING id",
        practice,
        ref,
        task.kind,
        TaskStatus.OPEN,
        task.patient,
        task.enrolment,
        task.delivery,
        assignee,
        fallback,
        task.reason,
        body,
        task.urgent,
        task.due_at,
        task.dedupe,
        now,
    )
    if added is None:
        return False
    entry = Entry(
        Event.TASK_OPENED,
        patient=task.patient_ref,
        enrolment=task.enrolment_ref,
        subject=ref,
        reason=task.kind,
        data=task.data,
    )
    await record([entry], practice=practice, actor=actor, now=now)
    return True


async def _people(practice: int) -> tuple[int | None, int | None]:
    """The person a task goes to and the one it falls back on: by role, then by seniority."""
    staff = await fetch(
        "SELECT id, fallback FROM staff WHERE practice = $1 AND active "
        "ORDER BY array_position($2::text[], role::text), id LIMIT 2",
        practice,
        list(ROLES),
    )
    if not staff:
        return None, None
    named = staff[0]["fallback"]
    return staff[0]["id"], named if named is not None else staff[-1]["id"]

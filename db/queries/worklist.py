"""What waits for a person."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from db.crypto import vault
from db.engine import fetch, fetch_one
from db.errors import NotFound
from db.queries.people import SHOWN_NUMBER


@dataclass(frozen=True)
class OpenTask:
    """`patient` is what `reprise patient` takes, `reason` a code; `paused`: its follow-up waits for an answer."""

    ref: str
    kind: str
    status: str
    patient: str | None
    assignee: str | None
    fallback: str | None
    due_at: datetime
    reason: str | None
    barrier: str | None
    urgent: bool
    paused: bool


@dataclass(frozen=True)
class TaskInFull:
    """One task, open or closed. `text` is what the patient wrote, until the task is closed.

    `paused` are the follow-ups that wait for it: the patient's own, and those of others who share the telephone.
    `waits_alone`: no other open task stands for any of them.
    """

    ref: str
    kind: str
    status: str
    patient: str | None
    created_at: datetime
    enrolment: str | None
    enrolment_status: str | None
    paused: tuple[str, ...]
    waits_alone: bool
    text: str | None = field(repr=False)


async def open_tasks(practice: int, *, most: int = 500) -> list[OpenTask]:
    """Urgent ones first, then by the time since which they are due."""
    rows: Any = await fetch(
        f"SELECT t.ref, t.kind, t.status, {SHOWN_NUMBER} AS patient, s.name AS assignee, f.name AS fallback, t.due_at, "
        "t.reason, "
        "CASE t.kind WHEN 'barrier' THEN split_part(t.dedupe, ':', 3) END AS barrier, t.urgent, "
        "coalesce(e.status = 'paused', false) AS paused FROM task t LEFT JOIN patient p ON p.id = t.patient "
        "LEFT JOIN staff s ON s.id = t.assignee LEFT JOIN staff f ON f.id = t.fallback "
        "LEFT JOIN enrolment e ON e.id = t.enrolment WHERE t.practice = $1 AND t.status <> 'done' "
        "ORDER BY t.urgent DESC, t.due_at, t.id LIMIT $2",
        practice,
        most,
    )
    return [OpenTask(**dict(row)) for row in rows]


async def task_in_full(practice: int, ref: str) -> TaskInFull:
    row = await fetch_one(
        f"SELECT t.id, t.ref, t.kind, t.status, {SHOWN_NUMBER} AS patient, p.phone_index, t.created_at, "
        "e.id AS enrolment_id, "
        "e.ref AS enrolment, e.status AS enrolment_status, t.body FROM task t LEFT JOIN patient p ON p.id = t.patient "
        "LEFT JOIN enrolment e ON e.id = t.enrolment WHERE t.practice = $1 AND t.ref = $2",
        practice,
        ref,
    )
    if row is None:
        raise NotFound(f"There is no task {ref}: `reprise status` lists those that are open.")
    paused = await fetch(
        "SELECT e.ref, EXISTS (SELECT 1 FROM task o WHERE o.enrolment = e.id AND o.status <> 'done' AND o.id <> $4) "
        "AS has_other FROM enrolment e JOIN patient p ON p.id = e.patient WHERE e.practice = $1 "
        "AND e.status = 'paused' AND (e.id = $2 OR p.phone_index = $3) ORDER BY e.id",
        practice,
        row["enrolment_id"],
        row["phone_index"],
        row["id"],
    )
    body = row["body"]
    return TaskInFull(
        **{name: row[name] for name in ("ref", "kind", "status", "patient", "created_at")},
        enrolment=row["enrolment"],
        enrolment_status=row["enrolment_status"],
        paused=tuple(one["ref"] for one in paused),
        waits_alone=not any(one["has_other"] for one in paused),
        text=None if body is None else vault().open(body, owner=ref, field="task.body"),
    )

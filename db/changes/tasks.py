"""Closing a task: a named person says that it is done."""

from datetime import datetime

from db.changes._journal import Entry, Event, record
from db.engine import fetch, fetch_one, transaction
from db.errors import NotFound
from db.states import TASK_MOVES, TaskStatus, check_move


async def close_task(ref: str, *, practice: int, outcome: str, actor: str, now: datetime) -> bool:
    """False when it was closed already. The text of a patient's reply is dropped with it."""
    async with transaction():
        row = await fetch_one(
            "SELECT t.id, t.status, t.kind, p.ref AS patient_ref, e.ref AS enrolment_ref FROM task t "
            "LEFT JOIN patient p ON p.id = t.patient LEFT JOIN enrolment e ON e.id = t.enrolment "
            "WHERE t.ref = $1 AND t.practice = $2 FOR UPDATE OF t",
            ref,
            practice,
        )
        if row is None:
            raise NotFound(f"There is no task {ref} in this practice.")
        if not check_move("This task", TASK_MOVES, TaskStatus(row["status"]), TaskStatus.DONE):
            return False
        await fetch(
            "UPDATE task SET status = $2, closed_at = $3, outcome = $4, body = NULL WHERE id = $1",
            row["id"],
            TaskStatus.DONE,
            now,
            outcome,
        )
        entry = Entry(
            Event.TASK_CLOSED,
            patient=row["patient_ref"],
            enrolment=row["enrolment_ref"],
            subject=ref,
            reason=row["kind"],
            data={"outcome": outcome},
        )
        await record([entry], practice=practice, actor=actor, now=now)
        return True

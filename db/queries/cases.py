"""A case as a member of staff may be told of it outside the staff pages: nothing of the patient."""

from dataclasses import dataclass
from datetime import datetime

from db.engine import fetch_one
from db.states import TaskKind


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """`holder` is the name of the member of staff who has claimed it."""

    ref: str
    kind: TaskKind
    urgent: bool
    deadline_at: datetime | None
    holder: str | None


async def case_facts(task: int) -> CaseFacts | None:
    row = await fetch_one(
        "SELECT t.ref, t.kind, t.urgent OR t.crisis AS urgent, t.deadline_at, s.name AS holder FROM task t "
        "LEFT JOIN staff s ON s.id = t.claimed_by WHERE t.id = $1",
        task,
    )
    if row is None:
        return None
    return CaseFacts(row["ref"], TaskKind(row["kind"]), row["urgent"], row["deadline_at"], row["holder"])

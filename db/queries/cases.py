"""A case as a member of staff may be told of it outside the staff pages: nothing of the patient."""

from dataclasses import dataclass
from datetime import datetime

from db.engine import fetch_one
from db.states import TaskKind


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """`holder` is the name of the member of staff who has claimed it. `not_in_slack`: whoever is told is linked to
    Slack, which has not taken the message."""

    ref: str
    kind: TaskKind
    urgent: bool
    deadline_at: datetime | None
    holder: str | None
    not_in_slack: bool = False


async def case_facts(task: int, *, delivery: int) -> CaseFacts | None:
    """`delivery` is the email that tells of it."""
    row = await fetch_one(
        "SELECT t.ref, t.kind, t.urgent OR t.crisis AS urgent, t.deadline_at, s.name AS holder, "
        "EXISTS (SELECT 1 FROM delivery d JOIN staff f ON f.id = d.staff AND f.slack_user IS NOT NULL JOIN practice c "
        "ON c.id = d.practice AND c.settings->>'slack_route' <> '' WHERE d.id = $2 AND d.detail ? 'held') "
        "AS not_in_slack FROM task t LEFT JOIN staff s ON s.id = t.claimed_by WHERE t.id = $1",
        task,
        delivery,
    )
    if row is None:
        return None
    return CaseFacts(
        ref=row["ref"],
        kind=TaskKind(row["kind"]),
        urgent=row["urgent"],
        deadline_at=row["deadline_at"],
        holder=row["holder"],
        not_in_slack=row["not_in_slack"],
    )

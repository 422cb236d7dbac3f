"""Where something is due."""

from dataclasses import dataclass
from datetime import datetime

from db.engine import fetch
from db.states import Channel


@dataclass(frozen=True, slots=True)
class DueDesk:
    """One practice and channel with at least one message due, whose server is not known to refuse us."""

    practice: int
    channel: Channel


async def due_desks(lane: str, *, now: datetime) -> list[DueDesk]:
    """Costs one index probe for each practice and channel, however much is planned."""
    rows = await fetch(
        "SELECT p.id, c.channel FROM practice p CROSS JOIN (VALUES ('sms'), ('email')) AS c(channel) "
        "WHERE coalesce(CASE c.channel WHEN 'sms' THEN p.sms_refused_until ELSE p.email_refused_until END, $2) <= $2 "
        "AND (SELECT d.attempt_at FROM delivery d WHERE d.practice = p.id AND d.lane = $1 AND d.channel = c.channel "
        "AND d.status = 'planned' ORDER BY d.attempt_at LIMIT 1) <= $2 ORDER BY p.id, c.channel",
        lane,
        now,
    )
    return [DueDesk(row["id"], Channel(row["channel"])) for row in rows]

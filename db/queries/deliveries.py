"""Where something is due."""

from dataclasses import dataclass, field
from datetime import datetime

from db.engine import fetch, fetch_value
from db.states import Channel, DeliveryStatus


@dataclass(frozen=True, slots=True)
class DueDesk:
    """One practice and channel with at least one message due, whose server is not known to refuse us. One that
    `was_down` has taken nothing since: it wants a trial first."""

    practice: int
    channel: Channel
    was_down: bool = field(default=False, compare=False)


async def due_desks(lane: str, *, now: datetime) -> list[DueDesk]:
    """Costs one index probe for each practice and channel, however much is planned."""
    rows = await fetch(
        "SELECT p.id, c.channel, CASE c.channel WHEN 'sms' THEN p.sms_trips ELSE p.email_trips END > 0 AS was_down "
        "FROM practice p CROSS JOIN (VALUES ('sms'), ('email')) AS c(channel) "
        "WHERE coalesce(CASE c.channel WHEN 'sms' THEN p.sms_refused_until ELSE p.email_refused_until END, $2) <= $2 "
        "AND (SELECT d.attempt_at FROM delivery d WHERE d.practice = p.id AND d.lane = $1 AND d.channel = c.channel "
        f"AND d.status = '{DeliveryStatus.PLANNED}' ORDER BY d.attempt_at LIMIT 1) <= $2 ORDER BY p.id, c.channel",
        lane,
        now,
    )
    return [DueDesk(row["id"], Channel(row["channel"]), row["was_down"]) for row in rows]


async def channel_is_held(practice: int, channel: Channel, *, now: datetime) -> bool:
    """Whether some worker has found that the server takes nothing for now."""
    until = await fetch_value(f"SELECT {channel}_refused_until FROM practice WHERE id = $1", practice)
    return until is not None and until > now

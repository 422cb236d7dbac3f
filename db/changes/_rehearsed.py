"""Ending what a rehearsal still plans: by hand, or because whoever gets it has had enough."""

from collections.abc import Sequence
from datetime import datetime

from db.changes._journal import Entry, Event, record
from db.engine import Row, fetch
from db.states import Channel, DeliveryStatus, Reason


async def cancel_rehearsed(rows: Sequence[Row], reason: Reason, *, practice: int, actor: str, now: datetime) -> int:
    """Inside a transaction; `rows` are locked."""
    planned = [row for row in rows if row["status"] == DeliveryStatus.PLANNED]
    await fetch(
        "UPDATE delivery SET status = $2, reason = $3, settled_at = $4 WHERE id = ANY($1)",
        [row["id"] for row in planned],
        DeliveryStatus.CANCELLED,
        reason,
        now,
    )
    entries = [
        Entry(
            Event.MESSAGE_CANCELLED,
            subject=row["ref"],
            reason=reason,
            data={"message": row["message"], "channel": row["channel"], "rehearsal": True},
        )
        for row in planned
    ]
    await record(entries, practice=practice, actor=actor, now=now)
    return len(planned)


async def stop_rehearsing_to(address: bytes, *, channel: Channel, practice: int, actor: str, now: datetime) -> None:
    """A member of staff has answered STOP: that holds for a rehearsal as it would for a patient."""
    rows = await fetch(
        "SELECT id, ref, message, channel, status FROM delivery WHERE practice = $1 AND rehearsal AND channel = $2 "
        "AND address_index = $3 AND status = $4 ORDER BY id FOR UPDATE",
        practice,
        channel,
        address,
        DeliveryStatus.PLANNED,
    )
    await cancel_rehearsed(rows, Reason.CHANNEL_OPT_OUT, practice=practice, actor=actor, now=now)

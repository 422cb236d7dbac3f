"""The limit of a practice's mail server or gateway, shared by all workers.

Slots are reserved before messages are claimed, because what is claimed is sent at once.
"""

from datetime import datetime

from db.engine import fetch, fetch_value, transaction
from db.rules.pacing import Grant, grant
from db.states import Channel

COLUMN = {Channel.SMS: "sms_next_at", Channel.EMAIL: "email_next_at"}


async def reserve_slots(
    practice: int, *, channel: Channel, per_second: float, wanted: int, now: datetime, owed: int = 0
) -> Grant:
    """Reserve up to `wanted` slots; `owed` settles what went without one or, below zero, was not used.

    A stop, a claim, and every row that refers to the practice get past the lock that this holds for a moment.
    """
    async with transaction():
        next_at = await fetch_value(
            f"SELECT {COLUMN[channel]} FROM practice WHERE id = $1 FOR NO KEY UPDATE",
            practice,
        )
        given = grant(next_at, now, per_second=per_second, wanted=wanted, owed=owed)
        if given.slots or owed:
            await fetch(f"UPDATE practice SET {COLUMN[channel]} = $2 WHERE id = $1", practice, given.next_at)
    return given

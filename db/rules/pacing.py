"""How many messages the limit of a mail server or gateway lets go now.

The one thing to remember is when the next message would go if they went one by one, evenly. A lull lets at most
`BURST_S` worth of messages go at once, so that no second sees more than the limit and that much.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

# A worker that is late by less than this loses nothing of the limit.
BURST_S = 0.2
# What may not be held back counts ahead, but nobody waits for it longer than this. A moment later still was written by
# a clock that has been set back since.
MOST_AHEAD = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Grant:
    """`slots` messages may go now, or none and it is worth asking again after `wait_s` seconds; `next_at` is what to
    remember."""

    slots: int
    next_at: datetime
    wait_s: float = 0.0


def grant(next_at: datetime | None, now: datetime, *, per_second: float, wanted: int, owed: int = 0) -> Grant:
    """All that is wanted, as far as it may go at once, or nothing yet: a trickle of single slots would make a
    transaction of each message.

    `owed` went without having asked, or, below zero, was granted and not used.
    """
    each = timedelta(seconds=1 / per_second)
    start = now if next_at is None or next_at > now + MOST_AHEAD else next_at
    if owed:
        start = min((max(start, now) if owed > 0 else start) + owed * each, now + MOST_AHEAD)
    if wanted < 1:
        return Grant(0, start)
    slots = min(wanted, max(1, int(BURST_S * per_second)))
    following = max(start, now) + slots * each
    wait = following - now - max(timedelta(seconds=BURST_S), each)
    if wait > timedelta():
        return Grant(0, start, wait.total_seconds())
    return Grant(slots, following)

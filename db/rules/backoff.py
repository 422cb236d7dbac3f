"""When a message that failed for a passing reason is tried again."""

import hashlib
from datetime import datetime, timedelta

MOST_ATTEMPTS = 8
FIRST_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 4, 15, 60))
LATER_WAIT = timedelta(hours=2)
JITTER = 0.25


def retry_at(attempt: int, now: datetime, *, key: str) -> datetime | None:
    """When to try again after `attempt` attempts (1 after the first); None when it is time to give up.

    Each wait is longer by up to a quarter, always the same for the same key and attempt: what failed together
    does not come back together, and a wait that is worked out twice is the same.
    """
    if attempt < 1:
        raise ValueError("Attempts are counted from 1.")
    if attempt >= MOST_ATTEMPTS:
        return None
    wait = FIRST_WAITS[attempt - 1] if attempt <= len(FIRST_WAITS) else LATER_WAIT
    return now + wait * (1 + JITTER * _fraction(f"{key}/{attempt}"))


def _fraction(text: str) -> float:
    """A number from 0 up to 1 that depends on the text alone, the same in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32

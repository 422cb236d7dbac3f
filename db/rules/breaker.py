"""When a server counts as down, and for how long nothing is sent to it then."""

from datetime import timedelta

# So many errors in a row, of so many messages at least: a server that cannot take one message is not down.
ERRORS = 5
MESSAGES = 3
PAUSES = (
    timedelta(seconds=30),
    *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 20)),
)
LONGEST_PAUSE = timedelta(minutes=30)


def trips(*, errors: int, messages: int) -> bool:
    """Whether so many errors without a success in between, of so many different messages, stop the sending."""
    return errors >= ERRORS and messages >= MESSAGES


def pause_after(tries: int) -> timedelta:
    """How long to wait after a server took nothing `tries` times in a row (1 after the first)."""
    if tries < 1:
        raise ValueError("Tries are counted from 1.")
    return PAUSES[tries - 1] if tries <= len(PAUSES) else LONGEST_PAUSE

"""What a patient may say on the pages: a time, a channel, what stands in the way. Anything else reads as None."""

from collections.abc import Sequence
from datetime import UTC, datetime

from db.states import Barrier, Channel

Fields = Sequence[tuple[str, str]]

BOTH = "both"
LONGEST_MOMENT = 40
LONGEST_MARK = 40


def value(fields: Fields, name: str) -> str | None:
    """The field's only value; a field given twice is a mistake that must not be guessed at."""
    found = [text for key, text in fields if key == name]
    return found[0] if len(found) == 1 else None


def slot(fields: Fields) -> datetime | None:
    """The start of the chosen slot, in UTC."""
    text = value(fields, "slot")
    if text is None or len(text) > LONGEST_MOMENT:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def slot_value(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def is_confirmed(fields: Fields) -> bool:
    return value(fields, "confirm") == "yes"


def shown(fields: Fields) -> str:
    """The mark of the appointment that the page showed; a form without one is about no appointment that there is."""
    text = value(fields, "appointment")
    return text if text is not None and len(text) <= LONGEST_MARK else ""


def channels(fields: Fields) -> tuple[Channel, ...] | None:
    """One button for each channel and one for both; boxes of the same name may be ticked together."""
    chosen = [text for key, text in fields if key == "channel"]
    if not chosen or any(text not in (*Channel, BOTH) for text in chosen):
        return None
    return tuple(Channel) if BOTH in chosen else tuple(channel for channel in Channel if channel in chosen)


def barrier(fields: Fields) -> Barrier | None:
    text = value(fields, "barrier")
    return Barrier(text) if text in set(Barrier) else None

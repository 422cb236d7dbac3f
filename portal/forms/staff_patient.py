"""What the forms of a patient's page and of a day's agenda say, as values; None for what cannot be read."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T", bound=StrEnum)

EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)


class Sequence(StrEnum):
    """What a member of staff does with a running sequence."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


class Standing(StrEnum):
    """A label or an objection begins, or ends."""

    SET = "set"
    END = "end"


class Said(StrEnum):
    """What is said of an appointment."""

    ABSENT = "absent"
    NOT_BROUGHT = "not_brought"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    ATTENDED = "attended"
    RESTORED = "restored"


def day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if EARLIEST <= found <= LATEST else None


def is_day_or_empty(fields: Mapping[str, str], name: str) -> bool:
    return not fields.get(name, "").strip() or day(fields[name]) is not None


def choice(fields: Mapping[str, str], name: str, choices: type[T]) -> T | None:
    given = fields.get(name, "")
    return choices(given) if given in set(choices) else None

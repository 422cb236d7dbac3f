"""What a practice may set about its agenda and its messages, with the defaults of the product."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import time
from typing import Any, Self

from db.errors import ConfigurationError
from db.rules.slots import Opening
from db.rules.windows import Hours

DEFAULT_WEEK = tuple(
    Opening(day, *hours) for day in range(5) for hours in ((time(9), time(12, 30)), (time(14), time(18, 30)))
)


@dataclass(frozen=True)
class Settings:
    """Hours and days are in the practice's own zone; `week` is what a practitioner works unless it has its own."""

    opens: time = time(9)
    closes: time = time(19, 30)
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    step_at: time = time(10)
    week: tuple[Opening, ...] = DEFAULT_WEEK
    duration_min: int = 50
    buffer_min: int = 10
    notice_hours: int = 24
    cancel_notice_hours: int = 24
    horizon_days: int = 28
    max_age_days: int = 2
    history_days: int = 7
    worth_sms: bool = True
    strict: bool = False

    @property
    def hours(self) -> Hours:
        return Hours(self.opens, self.closes, frozenset(self.weekdays), self.step_at)

    def to_json(self) -> dict[str, Any]:
        plain = asdict(self)
        for name in ("opens", "closes", "step_at"):
            plain[name] = plain[name].isoformat("minutes")
        return plain | {"week": week_to_json(self.week), "weekdays": list(self.weekdays)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        for name in ("opens", "closes", "step_at"):
            if name in values:
                values[name] = time.fromisoformat(values[name])
        if "week" in values:
            values["week"] = week_from_json(values["week"])
        if "weekdays" in values:
            values["weekdays"] = tuple(values["weekdays"])
        return cls(**values)


def week_to_json(week: tuple[Opening, ...]) -> list[list[Any]]:
    """`[weekday, "HH:MM", "HH:MM"]` each, Monday 0."""
    return [[o.weekday, o.starts.isoformat("minutes"), o.ends.isoformat("minutes")] for o in week]


def week_from_json(stored: list[list[Any]]) -> tuple[Opening, ...]:
    try:
        return tuple(Opening(int(day), time.fromisoformat(a), time.fromisoformat(b)) for day, a, b in stored)
    except (ValueError, TypeError) as problem:
        raise ConfigurationError(f"A stored week cannot be read ({problem}): run `reprise setup` again.") from None

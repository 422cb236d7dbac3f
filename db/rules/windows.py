"""When messages may leave: the practice's hours, in its own zone, never on a public holiday.

Every moment given is aware; every moment returned is in UTC.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from db.errors import ConfigurationError
from db.rules.public_holidays import is_public_holiday, known_subdivision

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Hours:
    """Local times; weekdays count from Monday, 0. Steps after the first day are due at `step_at`."""

    opens: time = time(9)
    closes: time = time(19, 30)
    weekdays: frozenset[int] = frozenset(range(6))
    step_at: time = time(10)

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ConfigurationError(f"Hours must open before they close, not {self.opens} to {self.closes}.")
        if not self.weekdays or not self.weekdays <= frozenset(range(7)):
            raise ConfigurationError("Hours need at least one day of the week, counted from 0 (Monday) to 6.")


USUAL_HOURS = Hours()


@dataclass(frozen=True)
class Calendar:
    """A practice's time: its zone, its public holidays and its hours. One that cannot work cannot be made.

    `closed`: stretches of days, both ends included, on which nobody is there. They hold back what people do; messages
    go on, since the page books by itself.
    """

    zone: str
    country: str
    subdivision: str | None = None
    hours: Hours = USUAL_HOURS
    closed: tuple[tuple[date, date], ...] = ()

    def __post_init__(self) -> None:
        zone_named(self.zone)
        known_subdivision(self.country, self.subdivision)


def is_open(moment: datetime, calendar: Calendar) -> bool:
    """A moment equal to the opening is inside, one equal to the close is outside."""
    window = _window(local_day(moment, calendar), calendar)
    return window is not None and window[0] <= moment < window[1]


def next_opening(moment: datetime, calendar: Calendar) -> datetime:
    """The moment itself when it is inside the hours, else the start of the next window."""
    day = local_day(moment, calendar)
    while True:
        window = _window(day, calendar)
        if window is not None and moment < window[1]:
            return max(moment.astimezone(UTC), window[0])
        day += ONE_DAY


def opening_of(day: date, calendar: Calendar) -> datetime:
    """The opening hour of a local date, whether or not the practice is open on it."""
    return at_local_time(day, calendar.hours.opens, calendar)


def closing_of(day: date, calendar: Calendar) -> datetime:
    """The closing hour of a local date, whether or not the practice is open on it."""
    return at_local_time(day, calendar.hours.closes, calendar)


def is_working_day(day: date, calendar: Calendar) -> bool:
    return (
        day.weekday() in calendar.hours.weekdays
        and not any(first <= day <= last for first, last in calendar.closed)
        and not is_public_holiday(day, calendar.country, calendar.subdivision)
    )


def local_day(moment: datetime, calendar: Calendar) -> date:
    return moment.astimezone(zone_named(calendar.zone)).date()


def at_local_time(day: date, at: time, calendar: Calendar) -> datetime:
    """A time that the clocks skip moves on by as much; one that they repeat is the first of the two."""
    return datetime.combine(day, at, zone_named(calendar.zone)).astimezone(UTC)


@lru_cache(maxsize=256)
def zone_named(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(f"Time zone {name!r} is not known: use a name such as Europe/Paris.") from None


@lru_cache(maxsize=8192)
def _window(day: date, calendar: Calendar) -> tuple[datetime, datetime] | None:
    if not is_working_day(day, calendar):
        return None
    opens, closes = opening_of(day, calendar), closing_of(day, calendar)
    # Hours that lie within the hour the clocks skip can turn inside out on that one night.
    return (opens, closes) if opens < closes else None

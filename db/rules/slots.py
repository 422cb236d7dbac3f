"""Open slots: weekly availability less closures, public holidays, notice and what is taken.

This is the hot path of the patient's page. The grid of a week is worked out once for each local day and kept
by value; a request only walks it beside the sorted taken times.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from operator import attrgetter
from zoneinfo import ZoneInfo

from db.errors import ConfigurationError
from db.rules.public_holidays import is_public_holiday, known_subdivision
from db.rules.windows import ONE_DAY, zone_named

Closures = tuple[tuple[date, date], ...]
Taken = Sequence[tuple[datetime, datetime]]

NOTHING = timedelta()
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_starts_at = attrgetter("starts_at")


@dataclass(frozen=True)
class Opening:
    """A stretch of one weekday (0 is Monday) in which slots may be offered, in local time."""

    weekday: int
    starts: time
    ends: time

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:
            raise ConfigurationError(f"A weekday is a number from 0 (Monday) to 6, not {self.weekday}.")
        if self.starts >= self.ends:
            raise ConfigurationError(f"An opening must start before it ends, not {self.starts} to {self.ends}.")


@dataclass(frozen=True)
class Week:
    """A practitioner's availability. The buffer stays free after each appointment."""

    openings: tuple[Opening, ...]
    duration: timedelta
    buffer: timedelta
    zone: str
    country: str
    subdivision: str | None = None
    notice: timedelta = ONE_DAY
    horizon_days: int = 28

    def __post_init__(self) -> None:
        if self.duration <= NOTHING:
            raise ConfigurationError("An appointment's duration must be longer than nothing.")
        if self.buffer < NOTHING or self.notice < NOTHING or self.horizon_days < 0:
            raise ConfigurationError("Buffer, notice and horizon cannot be negative.")
        zone_named(self.zone)
        known_subdivision(self.country, self.subdivision)


@dataclass(frozen=True, slots=True)
class Slot:
    """Both ends in UTC; the buffer comes after `ends_at`."""

    starts_at: datetime
    ends_at: datetime


def open_slots(week: Week, closures: Closures, taken: Taken, now: datetime) -> list[Slot]:
    """What may be booked now, in order.

    `closures` are local days, first and last included. `taken` are the appointments' own times, without any
    buffer: one takes a slot away when the two would overlap, each followed by the week's buffer.
    """
    return list(_free(_bookable(week, closures, now), week.buffer, taken))


def is_offered(week: Week, closures: Closures, taken: Taken, now: datetime, starts_at: datetime) -> Slot | None:
    """The slot that starts then, if `open_slots` would list it."""
    slots = _bookable(week, closures, now)
    place = bisect_left(slots, starts_at, key=_starts_at)
    if place == len(slots) or slots[place].starts_at != starts_at:
        return None
    return next(_free((slots[place],), week.buffer, taken), None)


def _free(slots: Iterable[Slot], buffer: timedelta, taken: Taken) -> Iterator[Slot]:
    """One walk over both by start; `busy_until` is the latest end of what starts before the slot is over."""
    ranges = sorted(taken)
    count, place = len(ranges), 0
    busy_until = _LONG_AGO
    for slot in slots:
        clear_by = slot.ends_at + buffer
        while place < count and ranges[place][0] < clear_by:
            busy_until = max(busy_until, ranges[place][1] + buffer)
            place += 1
        if busy_until <= slot.starts_at:
            yield slot


def _bookable(week: Week, closures: Closures, now: datetime) -> Sequence[Slot]:
    today = now.astimezone(zone_named(week.zone)).date()
    grid = _grid(week, closures, today)
    return grid[bisect_left(grid, now + week.notice, key=_starts_at) :]


@lru_cache(maxsize=2048)
def _grid(week: Week, closures: Closures, today: date) -> tuple[Slot, ...]:
    """Every slot from today to the horizon, whether or not it is taken."""
    days = (today + timedelta(days=number) for number in range(week.horizon_days + 1))
    slots: list[Slot] = []
    free_from = _LONG_AGO
    for day in days:
        if _is_closed(day, week, closures):
            continue
        for starts_at in _starts(day, week):
            # Where the clocks change, or openings overlap, two slots could share a stretch of time.
            if starts_at >= free_from:
                slots.append(Slot(starts_at, starts_at + week.duration))
                free_from = starts_at + week.duration + week.buffer
    return tuple(slots)


def _is_closed(day: date, week: Week, closures: Closures) -> bool:
    return any(first <= day <= last for first, last in closures) or is_public_holiday(
        day, week.country, week.subdivision
    )


def _starts(day: date, week: Week) -> list[datetime]:
    zone = zone_named(week.zone)
    local = (
        start
        for opening in week.openings
        if opening.weekday == day.weekday()
        for start in _steps(day, opening, week.duration, week.buffer)
    )
    return sorted(at for at in (_existing(start, zone) for start in local) if at is not None)


def _steps(day: date, opening: Opening, duration: timedelta, buffer: timedelta) -> Iterator[datetime]:
    start = datetime.combine(day, opening.starts, UTC)
    last = datetime.combine(day, opening.ends, UTC) - duration
    while start <= last:
        yield start
        start += duration + buffer


def _existing(wall: datetime, zone: ZoneInfo) -> datetime | None:
    """The moment at which the zone's clocks show this (the first, if twice); None if the clocks skip it."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=UTC) == wall else None

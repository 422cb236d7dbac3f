"""Durations and days as they are written on the command line."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

_PARTS = re.compile(r"(?:(\d{1,4})w)?(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?")


class Duration(click.ParamType[timedelta]):
    """`3d`, `2h`, `90m`, `1d12h`, `2w`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = read_duration(str(value))
        if found is None:
            self.fail(f"{value!r} is no duration: write 3d, 2h, 90m or 1d12h.", param, ctx)
        return found


class Since(click.ParamType[date | timedelta]):
    """A day, or how long ago: 2026-11-16, `7d`."""

    name = "date|duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date | timedelta:
        if isinstance(value, date | timedelta):
            return value
        found = read_duration(str(value))
        if found is not None:
            return found
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither a day such as 2026-11-16 nor a duration such as 7d.", param, ctx)


def read_duration(text: str) -> timedelta | None:
    """None for what is no duration, or a duration of nothing."""
    match = _PARTS.fullmatch(text.strip().lower())
    if match is None:
        return None
    weeks, days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes) or None


def start_of(since: date | timedelta, zone: str, now: datetime) -> datetime:
    """The moment from which to look: a day begins at its local midnight."""
    if isinstance(since, timedelta):
        return now - since
    return datetime.combine(since, time(), ZoneInfo(zone)).astimezone(UTC)

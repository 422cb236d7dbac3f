"""Closures that are longer than a first call may wait."""

from datetime import date, timedelta

import pytest

from db.rules.closed_days import long_closure
from db.rules.windows import Calendar, Hours

OVER = timedelta(hours=72)
MONDAY = date(2026, 11, 16)
WEEKDAYS = Hours(weekdays=frozenset(range(5)))


def found(*closed: tuple[date, date], hours: Hours | None = None, since: date = MONDAY) -> tuple[date, date] | None:
    calendar = Calendar("Europe/Paris", "FR", None, hours or Hours(), closed)
    return long_closure(calendar, since=since, over=OVER)


def november(first: int, last: int) -> tuple[date, date]:
    return date(2026, 11, first), date(2026, 11, last)


@pytest.mark.parametrize(
    ("closed", "stretch"),
    [
        ((), None),
        ((november(18, 19),), None),
        ((november(18, 20),), november(18, 20)),
        ((november(23, 24),), november(22, 24)),
        ((november(20, 20), november(23, 23)), None),
        ((november(19, 20), november(21, 21)), november(19, 22)),
        ((november(16, 18),), november(16, 18)),
    ],
    ids=["none", "two days", "three", "after a sunday", "apart", "one after another", "running"],
)
def test_a_closure_is_long_from_close_to_opening(
    closed: tuple[tuple[date, date], ...], stretch: tuple[date, date] | None
) -> None:
    assert found(*closed) == stretch


def test_weekends_and_holidays_count_as_closed() -> None:
    assert found(hours=WEEKDAYS) == (date(2026, 12, 25), date(2026, 12, 27))
    assert found(since=date(2026, 12, 1)) is None


def test_what_is_closed_further_ahead_is_seen_and_for_ever_is_too() -> None:
    assert found((date(2027, 8, 2), date(2027, 8, 13))) == (date(2027, 8, 1), date(2027, 8, 13))
    assert found((MONDAY, date(2099, 1, 1))) is not None

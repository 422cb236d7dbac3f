from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.errors import ConfigurationError
from db.rules.windows import (
    Calendar,
    Hours,
    at_local_time,
    closing_of,
    is_open,
    is_working_day,
    local_day,
    next_opening,
    opening_of,
)

PARIS = ZoneInfo("Europe/Paris")
FRANCE = Calendar("Europe/Paris", "FR")
CALENDARS = [
    FRANCE,
    Calendar("Europe/Paris", "FR", "Alsace-Moselle"),
    Calendar("Europe/Zurich", "CH", "GE"),
    Calendar("Europe/Brussels", "BE"),
    Calendar("Indian/Reunion", "FR", "974"),
    Calendar("Europe/Paris", "FR", hours=Hours(time(2, 15), time(2, 45), frozenset(range(7)))),
    Calendar("Europe/Paris", "FR", hours=Hours(time(14), time(16), frozenset({6}))),
]

moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("moment", "open_then"),
    [
        ("2026-06-10 08:59:59", False),
        ("2026-06-10 09:00", True),
        ("2026-06-10 19:29:59", True),
        ("2026-06-10 19:30", False),
        ("2026-06-13 12:00", True),  # a Saturday
        ("2026-06-14 12:00", False),  # a Sunday
        ("2026-07-14 12:00", False),  # a public holiday
        ("2026-06-10 00:00", False),
        ("2026-06-10 23:59", False),
    ],
)
def test_the_hours_are_nine_to_half_past_seven_on_working_days(moment: str, open_then: bool) -> None:
    assert is_open(paris(moment), FRANCE) is open_then


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-06-10 11:17:03", "2026-06-10 11:17:03"),
        ("2026-06-10 09:00", "2026-06-10 09:00"),
        ("2026-06-10 03:00", "2026-06-10 09:00"),
        ("2026-06-10 19:30", "2026-06-11 09:00"),
        ("2026-06-13 19:30", "2026-06-15 09:00"),  # Saturday evening to Monday
        ("2026-05-13 20:00", "2026-05-15 09:00"),  # over Ascension Day
        ("2026-12-24 20:00", "2026-12-26 09:00"),  # Christmas, then a Saturday
        ("2026-03-28 20:00", "2026-03-30 09:00"),  # over the night that loses an hour
        ("2026-10-24 20:00", "2026-10-26 09:00"),  # over the night that gains one
    ],
)
def test_what_falls_outside_moves_to_the_next_opening(moment: str, opening: str) -> None:
    result = next_opening(paris(moment), FRANCE)
    assert result == paris(opening)
    assert result.tzinfo is UTC


def test_christmas_lasts_longer_in_alsace() -> None:
    alsace = Calendar("Europe/Paris", "FR", "67")
    assert next_opening(paris("2026-12-24 20:00"), alsace) == paris("2026-12-28 09:00")


def test_the_hours_are_those_of_the_practices_own_zone() -> None:
    reunion = Calendar("Indian/Reunion", "FR", "RE")
    assert is_open(datetime(2026, 6, 10, 5, 0, tzinfo=UTC), reunion)
    assert not is_open(datetime(2026, 6, 10, 5, 0, tzinfo=UTC), FRANCE)
    assert not is_open(datetime(2026, 6, 10, 16, 0, tzinfo=UTC), reunion)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2026, 3, 28), "08:00", "18:30"),
        (date(2026, 3, 30), "07:00", "17:30"),
        (date(2026, 10, 24), "07:00", "17:30"),
        (date(2026, 10, 26), "08:00", "18:30"),
        (date(2026, 7, 14), "07:00", "17:30"),  # closed, and its hours are known all the same
    ],
)
def test_opening_and_closing_follow_the_clocks(day: date, opens: str, closes: str) -> None:
    assert opening_of(day, FRANCE) == datetime.combine(day, time.fromisoformat(opens), UTC)
    assert closing_of(day, FRANCE) == datetime.combine(day, time.fromisoformat(closes), UTC)


def test_a_skipped_time_moves_on_and_a_repeated_one_is_its_first() -> None:
    assert at_local_time(date(2026, 3, 29), time(2, 30), FRANCE) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert at_local_time(date(2026, 10, 25), time(2, 30), FRANCE) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_hours_within_the_skipped_hour_are_closed_that_night_only() -> None:
    night = Calendar("Europe/Paris", "FR", hours=Hours(time(2, 30), time(3, 10), frozenset(range(7))))
    assert next_opening(paris("2026-03-29 00:00"), night) == paris("2026-03-30 02:30")
    assert next_opening(paris("2026-03-28 00:00"), night) == paris("2026-03-28 02:30")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 6, 10, 21, 59, tzinfo=UTC), date(2026, 6, 10)),
        (datetime(2026, 6, 10, 22, 0, tzinfo=UTC), date(2026, 6, 11)),
        (datetime(2026, 6, 11, 3, 0, tzinfo=timezone(timedelta(hours=9))), date(2026, 6, 10)),
    ],
)
def test_the_local_day_is_that_of_the_practice(moment: datetime, day: date) -> None:
    assert local_day(moment, FRANCE) == day


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 6, 10), True),
        (date(2026, 6, 13), True),
        (date(2026, 6, 14), False),
        (date(2026, 5, 1), False),
    ],
)
def test_a_working_day_is_a_listed_weekday_and_no_public_holiday(day: date, working: bool) -> None:
    assert is_working_day(day, FRANCE) is working


@pytest.mark.parametrize(
    ("opens", "closes", "weekdays"),
    [
        (time(9), time(9), {0}),
        (time(19), time(9), {0}),
        (time(9), time(19), set()),
        (time(9), time(19), {7}),
    ],
)
def test_hours_that_never_open_are_refused(opens: time, closes: time, weekdays: set[int]) -> None:
    with pytest.raises(ConfigurationError):
        Hours(opens, closes, frozenset(weekdays))


@pytest.mark.parametrize(
    ("zone", "country", "part"),
    [
        ("Europe/Atlantis", "FR", None),
        ("", "FR", None),
        ("../etc/passwd", "FR", None),
        ("Europe/Paris", "ES", None),
        ("Europe/Zurich", "CH", "Savoie"),
    ],
)
def test_a_calendar_that_cannot_work_cannot_be_made(zone: str, country: str, part: str | None) -> None:
    with pytest.raises(ConfigurationError, match="not"):
        Calendar(zone, country, part)


@given(moments, st.sampled_from(CALENDARS))
def test_the_next_opening_is_open_and_not_before(moment: datetime, calendar: Calendar) -> None:
    opening = next_opening(moment, calendar)
    assert opening >= moment
    assert is_open(opening, calendar)
    assert next_opening(opening, calendar) == opening
    assert (opening == moment) is is_open(moment, calendar)


@given(moments, st.timedeltas(timedelta(), timedelta(days=10)), st.sampled_from(CALENDARS))
def test_a_later_moment_never_opens_earlier(moment: datetime, step: timedelta, calendar: Calendar) -> None:
    assert next_opening(moment, calendar) <= next_opening(moment + step, calendar)


@given(moments, st.floats(0, 1), st.sampled_from(CALENDARS))
def test_nothing_is_open_before_the_next_opening(moment: datetime, share: float, calendar: Calendar) -> None:
    opening = next_opening(moment, calendar)
    between = moment + (opening - moment) * share
    assert between == opening or not is_open(between, calendar)

from datetime import UTC, date, datetime, timedelta

import pytest

from portal.commands._periods import read_duration, start_of

NOW = datetime(2026, 11, 16, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3d", timedelta(days=3)),
        ("2h", timedelta(hours=2)),
        ("90m", timedelta(minutes=90)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("2w", timedelta(weeks=2)),
        (" 1D ", timedelta(days=1)),
    ],
)
def test_durations_are_read(text: str, expected: timedelta) -> None:
    assert read_duration(text) == expected


@pytest.mark.parametrize("text", ["", "3", "d", "3 days", "-3d", "12h1d", "0d", "1.5d", "99999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert read_duration(text) is None


def test_a_day_begins_at_the_practice_s_midnight() -> None:
    assert start_of(date(2026, 11, 16), "Europe/Paris", NOW) == datetime(2026, 11, 15, 23, tzinfo=UTC)
    assert start_of(timedelta(days=1), "Europe/Paris", NOW) == NOW - timedelta(days=1)

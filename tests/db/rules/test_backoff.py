from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.rules.backoff import MOST_ATTEMPTS, retry_at

NOW = datetime(2026, 6, 10, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(("attempt", "minutes"), [(1, 1), (2, 4), (3, 15), (4, 60), (5, 120), (6, 120), (7, 120)])
@pytest.mark.parametrize("key", ["a", "b", "7f3c", ""])
def test_waits_grow_and_stay_within_a_quarter(attempt: int, minutes: int, key: str) -> None:
    again = retry_at(attempt, NOW, key=key)
    assert again is not None
    assert timedelta(minutes=minutes) <= again - NOW < timedelta(minutes=minutes * 1.25)


@pytest.mark.parametrize("attempt", [MOST_ATTEMPTS, MOST_ATTEMPTS + 1, 100])
def test_the_eighth_attempt_is_the_last(attempt: int) -> None:
    assert retry_at(attempt, NOW, key="a") is None


@pytest.mark.parametrize("attempt", [0, -1])
def test_attempts_are_counted_from_one(attempt: int) -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        retry_at(attempt, NOW, key="a")


@given(st.integers(1, 20), st.text())
def test_the_same_failure_waits_the_same_time(attempt: int, key: str) -> None:
    assert retry_at(attempt, NOW, key=key) == retry_at(attempt, NOW, key=key)


def test_what_failed_together_comes_back_apart() -> None:
    assert len({retry_at(4, NOW, key=str(number)) for number in range(100)}) == 100

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.rules.pacing import BURST_S, MOST_AHEAD, grant
from tests.factories import MONDAY


@pytest.mark.parametrize(
    ("per_second", "wanted", "slots"),
    [(400, 32, 32), (400, 500, 80), (10, 8, 2), (1, 8, 1), (0.1, 8, 1), (400, 0, 0)],
)
def test_after_a_lull_a_fifth_of_a_second_may_go_at_once(per_second: float, wanted: int, slots: int) -> None:
    assert grant(None, MONDAY, per_second=per_second, wanted=wanted).slots == slots


@pytest.mark.parametrize("per_second", [0.1, 0.5, 1, 3, 7, 10, 33.3, 400])
def test_whoever_asks_again_when_told_to_gets_the_limit_and_no_more(per_second: float) -> None:
    now, next_at, gone = MONDAY, None, 0
    until = MONDAY + timedelta(seconds=max(10, 5 / per_second))
    while now < until:
        given = grant(next_at, now, per_second=per_second, wanted=32)
        next_at, gone = given.next_at, gone + given.slots
        now += timedelta(seconds=given.wait_s)
    seconds = (until - MONDAY).total_seconds()
    at_once = max(1, BURST_S * per_second)
    assert seconds * per_second - at_once <= gone <= seconds * per_second + at_once + 1


@given(
    per_second=st.sampled_from([1, 10, 400]),
    asks=st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 40)), min_size=1, max_size=60),
)
def test_no_second_sees_more_than_the_limit_and_what_may_go_at_once(
    per_second: float, asks: list[tuple[float, int]]
) -> None:
    now, next_at, granted = MONDAY, None, []
    for pause, wanted in asks:
        now += timedelta(seconds=pause)
        given = grant(next_at, now, per_second=per_second, wanted=wanted)
        next_at = given.next_at
        granted.append((now, given.slots))
    for start, _ in granted:
        within = sum(slots for at, slots in granted if start <= at < start + timedelta(seconds=1))
        assert within <= per_second + max(1, BURST_S * per_second)


def test_what_went_without_asking_counts_and_what_was_not_used_comes_back() -> None:
    first = grant(None, MONDAY, per_second=10, wanted=2)
    assert grant(first.next_at, MONDAY, per_second=10, wanted=2).wait_s == pytest.approx(0.2)
    assert grant(first.next_at, MONDAY, per_second=10, wanted=2, owed=-2).slots == 2
    assert grant(None, MONDAY, per_second=10, wanted=2, owed=10).wait_s == pytest.approx(1.0)


def test_neither_a_flood_nor_a_clock_that_was_set_back_stops_sending_for_long() -> None:
    flood = grant(None, MONDAY, per_second=1, wanted=0, owed=100_000)
    assert flood.next_at == MONDAY + MOST_AHEAD
    assert grant(MONDAY + timedelta(days=10), MONDAY, per_second=1, wanted=1).slots == 1

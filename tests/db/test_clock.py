"""The one clock: aware, in UTC, and moved by file for every process of a demo stack."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db import clock as module
from db.clock import Clock

THEN = datetime(2016, 6, 1, 8, tzinfo=UTC)
A_WHILE = timedelta(seconds=30)


@pytest.fixture
def shared(tmp_path: Path) -> tuple[Clock, Clock]:
    """Two processes of one stack."""
    clocks = Clock(), Clock()
    for one in clocks:
        one.follow(tmp_path / "clock")
    return clocks


@pytest.fixture
def process_clock() -> Iterator[Clock]:
    yield module.clock
    module.clock.reset()


def is_about(moment: datetime, wanted: datetime) -> bool:
    return wanted <= moment < wanted + A_WHILE


def test_now_is_aware_and_in_utc() -> None:
    assert Clock().now().tzinfo is UTC
    assert is_about(Clock().now(), datetime.now(UTC) - timedelta(seconds=1))


def test_moved_clock_runs_on_from_there() -> None:
    clock = Clock()
    clock.move_to(THEN)
    first, second = clock.now(), clock.now()
    assert is_about(first, THEN)
    assert first <= second


def test_steps_add_up_and_go_back_on_reset() -> None:
    clock = Clock()
    clock.move_to(THEN)
    clock.move_by(timedelta(days=3))
    clock.move_by(timedelta(hours=-1))
    assert is_about(clock.now(), THEN + timedelta(days=3, hours=-1))
    clock.reset()
    assert clock.now() > THEN + timedelta(days=365)


def test_other_processes_follow_at_their_next_look(shared: tuple[Clock, Clock]) -> None:
    here, there = shared
    here.move_to(THEN)
    assert is_about(there.now(), THEN)
    there.move_by(timedelta(days=8))
    assert is_about(here.now(), THEN + timedelta(days=8))


def test_steps_made_by_two_processes_add_up(shared: tuple[Clock, Clock]) -> None:
    here, there = shared
    here.move_to(THEN)
    for one in (here, there, there, here):
        one.move_by(timedelta(hours=1))
    assert is_about(here.now(), THEN + timedelta(hours=4))


def test_process_that_starts_later_finds_the_same_time(shared: tuple[Clock, Clock], tmp_path: Path) -> None:
    shared[0].move_to(THEN)
    late = Clock()
    late.follow(tmp_path / "clock")
    assert is_about(late.now(), THEN)


def test_file_is_written_whole_and_nothing_is_left_beside_it(shared: tuple[Clock, Clock], tmp_path: Path) -> None:
    shared[0].move_to(THEN)
    assert [path.name for path in tmp_path.iterdir()] == ["clock"]


def test_missing_file_means_no_offset(tmp_path: Path) -> None:
    clock = Clock()
    clock.move_to(THEN)
    clock.follow(tmp_path / "clock")
    assert clock.now() > THEN + timedelta(days=365)


def test_clock_that_follows_nothing_writes_nothing(tmp_path: Path) -> None:
    clock = Clock()
    clock.follow(None)
    clock.move_to(THEN)
    assert list(tmp_path.iterdir()) == []


def test_now_of_the_module_is_the_process_clock(process_clock: Clock) -> None:
    process_clock.move_to(THEN)
    assert is_about(module.now(), THEN)

"""Transitions are data: every move there is, and every one there is not."""

import itertools
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from db.engine import fetch
from db.errors import IllegalTransition
from db.states import (
    APPOINTMENT_MOVES,
    DELIVERY_MOVES,
    ENROLMENT_MOVES,
    LIVE_ENROLMENT,
    TASK_MOVES,
    UNSETTLED_DELIVERY,
    AppointmentStatus,
    DeliveryStatus,
    EnrolmentStatus,
    Reason,
    TaskKind,
    TaskStatus,
    check_move,
)

MACHINES: list[tuple[type[StrEnum], Mapping[Any, frozenset[Any]]]] = [
    (AppointmentStatus, APPOINTMENT_MOVES),
    (EnrolmentStatus, ENROLMENT_MOVES),
    (DeliveryStatus, DELIVERY_MOVES),
    (TaskStatus, TASK_MOVES),
]
ENDS = {
    EnrolmentStatus: {"stopped", "completed"},
    DeliveryStatus: {"delivered", "skipped", "cancelled", "failed"},
    TaskStatus: {"done", "skipped", "cancelled"},
    AppointmentStatus: set[str](),
}
COLUMNS = {
    AppointmentStatus: "appointment",
    EnrolmentStatus: "enrolment",
    DeliveryStatus: "delivery",
    TaskStatus: "task",
}


@pytest.mark.parametrize(("statuses", "moves"), MACHINES)
def test_every_status_has_its_line_and_no_move_to_itself(statuses: type[StrEnum], moves: Mapping[Any, Any]) -> None:
    assert set(moves) == set(statuses)
    assert all(status not in allowed for status, allowed in moves.items())


@pytest.mark.parametrize(("statuses", "moves"), MACHINES)
def test_ends_are_ends(statuses: type[StrEnum], moves: Mapping[Any, Any]) -> None:
    assert {status.value for status, allowed in moves.items() if not allowed} == ENDS[statuses]


@pytest.mark.parametrize(("statuses", "moves"), MACHINES)
def test_every_status_is_reached_from_the_first(statuses: type[StrEnum], moves: Mapping[Any, Any]) -> None:
    reached = [next(iter(statuses))]
    for status in reached:
        reached += [other for other in moves[status] if other not in reached]
    assert set(reached) == set(statuses)


PAIRS = [
    pytest.param(statuses, moves, current, wanted, id=f"{statuses.__name__}-{current}-{wanted}")
    for statuses, moves in MACHINES
    for current, wanted in itertools.product(statuses, repeat=2)
]


@pytest.mark.parametrize(("statuses", "moves", "current", "wanted"), PAIRS)
def test_move_is_made_repeated_or_refused(
    statuses: type[StrEnum], moves: Mapping[Any, Any], current: StrEnum, wanted: StrEnum
) -> None:
    if current == wanted:
        assert check_move("This", moves, current, wanted) is False
    elif wanted in moves[current]:
        assert check_move("This", moves, current, wanted) is True
    else:
        with pytest.raises(IllegalTransition, match=f"This is {current}: it cannot become {wanted}") as refused:
            check_move("This", moves, current, wanted)
        assert (refused.value.current, refused.value.wanted) == (current, wanted)


def test_live_and_unsettled_are_what_may_still_move_towards_a_message() -> None:
    assert {status for status in LIVE_ENROLMENT if ENROLMENT_MOVES[status]} == set(LIVE_ENROLMENT)
    assert all(DeliveryStatus.SENT in DELIVERY_MOVES[status] for status in UNSETTLED_DELIVERY)


@pytest.mark.parametrize("statuses", COLUMNS)
async def test_database_knows_the_same_statuses(migrated: None, statuses: type[StrEnum]) -> None:
    (row,) = await fetch(
        "SELECT pg_get_constraintdef(oid) AS rule FROM pg_constraint WHERE conname = $1", f"{COLUMNS[statuses]}_status"
    )
    assert {status for status in statuses if f"'{status}'" in row["rule"]} == set(statuses)
    assert row["rule"].count("::character varying") == len(statuses)


@pytest.mark.parametrize(
    ("column", "length"),
    [("delivery.status", 10), ("enrolment.status", 12), ("appointment.status", 20), ("task.status", 14)],
)
def test_codes_fit_their_columns(column: str, length: int) -> None:
    table = column.partition(".")[0]
    (statuses,) = [kind for kind, name in COLUMNS.items() if name == table]
    assert max(len(status) for status in statuses) <= length
    assert max(map(len, Reason)) <= 30
    assert max(map(len, TaskKind)) <= 30

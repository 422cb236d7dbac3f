"""When a task that waits is looked at again."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.rules.watching import CRISIS, PAPERWORK, PATIENT_WAITS, Look, look_at, pace_of, told_at_once, what_next
from db.rules.windows import Calendar, is_open, next_opening
from db.states import OPEN_TASK, TaskKind, TaskStatus
from tests.db.rules.strategies import any_moment, calendars

kinds = st.sampled_from(TaskKind)
open_statuses = st.sampled_from(OPEN_TASK)
ahead = st.timedeltas(timedelta(minutes=1), timedelta(days=14))


@given(kinds, open_statuses, st.booleans(), st.booleans(), calendars(), any_moment, st.none() | ahead)
def test_next_look_lies_ahead_and_within_the_hours_but_for_a_crisis(
    kind: TaskKind,
    status: TaskStatus,
    crisis: bool,
    nudged: bool,
    calendar: Calendar,
    now: datetime,
    promised_in: timedelta | None,
) -> None:
    promised = now + promised_in if promised_in is not None else None
    at = look_at(
        kind,
        status,
        crisis=crisis,
        nudged=nudged,
        calendar=calendar,
        now=now,
        promised_at=promised,
    )
    assert at > now
    if crisis:
        assert at <= max(now, promised or now) + timedelta(hours=1)
    else:
        assert is_open(at, calendar)
        assert at <= next_opening(max(now, promised or now) + timedelta(hours=24), calendar)


@given(kinds, st.booleans(), open_statuses)
def test_the_more_it_presses_the_sooner_it_is_looked_at(kind: TaskKind, crisis: bool, status: TaskStatus) -> None:
    wait = pace_of(kind, crisis=crisis)[status]
    assert wait.nudge <= PAPERWORK[status].nudge
    assert wait.nudge >= CRISIS[status].nudge
    assert CRISIS[status].move <= PATIENT_WAITS[status].move <= PAPERWORK[status].move


@given(open_statuses)
def test_a_nudge_comes_first_and_then_it_moves_on(status: TaskStatus) -> None:
    assert what_next(status, nudged=False) is Look.NUDGE
    assert what_next(status, nudged=True) is (Look.CLIMB if status is TaskStatus.OPEN else Look.RELEASE)


@pytest.mark.parametrize(
    "kind",
    [TaskKind.CALL, TaskKind.ALERT, TaskKind.ESCALATION, TaskKind.EMERGENCY, TaskKind.REPLY, TaskKind.CALL_REQUEST],
)
def test_what_a_patient_waits_for_is_told_at_once(kind: TaskKind) -> None:
    assert told_at_once(kind)
    assert pace_of(kind, crisis=False) is PATIENT_WAITS

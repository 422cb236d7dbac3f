from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.rules.starting import (
    LONGEST_GRACE,
    SHORTEST_GRACE,
    Decline,
    Start,
    StartFacts,
    decide_start,
    first_due,
    missed_start,
)
from db.rules.windows import Calendar
from db.states import AppointmentStatus, Channel, Reason, TaskKind

FRANCE = Calendar("Europe/Paris", "FR")
MISSED = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
NOW = MISSED + timedelta(minutes=20)
FACTS = StartFacts(AppointmentStatus.NO_SHOW, MISSED, has_usable_phone=True, has_usable_email=True)
BOTH = frozenset(Channel)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize(
    ("marked_after", "grace", "late"),
    [
        (0, 30, False),
        (10, 30, False),
        (90, 30, False),
        (91, 29, False),
        (100, 20, False),
        (114, 6, False),
        (115, 5, False),
        (119, 5, False),
        (120, 5, False),
        (121, 5, True),
        (60 * 30, 5, True),
    ],
)
def test_grace_is_what_is_left_of_two_hours_held_between_five_and_thirty_minutes(
    marked_after: int, grace: int, late: bool
) -> None:
    due = first_due(missed_start=MISSED, marked_at=MISSED + minutes(marked_after))
    assert due.due_at == MISSED + minutes(marked_after + grace)
    assert due.late_entry is late


def test_an_absence_marked_ahead_of_its_hour_waits_for_it() -> None:
    due = first_due(missed_start=MISSED, marked_at=MISSED - timedelta(hours=5))
    assert due.due_at == MISSED + LONGEST_GRACE
    assert not due.late_entry


def test_an_absence_without_a_time_of_day_does_not_wait_for_the_close() -> None:
    marked_at = MISSED - timedelta(hours=5)
    assert first_due(missed_start=MISSED, marked_at=marked_at, timed=False).due_at == marked_at + LONGEST_GRACE


@given(st.timedeltas(timedelta(days=-3), timedelta(days=3)), st.booleans())
def test_the_first_message_is_due_within_the_grace_of_its_marking(after: timedelta, timed: bool) -> None:
    marked_at = MISSED + after
    due = first_due(missed_start=MISSED, marked_at=marked_at, timed=timed)
    start = max(marked_at, MISSED) if timed else marked_at
    assert SHORTEST_GRACE <= due.due_at - start <= LONGEST_GRACE
    assert due.late_entry is (after > timedelta(hours=2))


@pytest.mark.parametrize(
    ("day", "starts_at", "expected"),
    [
        (date(2026, 6, 10), time(14, 30), datetime(2026, 6, 10, 12, 30, tzinfo=UTC)),
        (date(2026, 1, 14), time(14, 30), datetime(2026, 1, 14, 13, 30, tzinfo=UTC)),
        (date(2026, 6, 10), None, datetime(2026, 6, 10, 17, 30, tzinfo=UTC)),
        (date(2026, 6, 14), None, datetime(2026, 6, 14, 17, 30, tzinfo=UTC)),  # a Sunday has its hours too
        (date(2026, 6, 10), time(0), datetime(2026, 6, 9, 22, 0, tzinfo=UTC)),
    ],
)
def test_an_absence_begins_at_its_hour_or_at_the_close_of_its_day(
    day: date, starts_at: time | None, expected: datetime
) -> None:
    assert missed_start(day, starts_at, FRANCE) == expected


def test_an_absence_with_nothing_against_it_starts_on_both_channels() -> None:
    assert decide_start(FACTS, NOW) == Start(BOTH)


@pytest.mark.parametrize(
    ("changes", "channels"),
    [
        ({"has_usable_phone": False}, {Channel.EMAIL}),
        ({"has_usable_email": False}, {Channel.SMS}),
        ({"opted_out": frozenset({Channel.SMS})}, {Channel.EMAIL}),
        ({"opted_out": frozenset({Channel.EMAIL})}, {Channel.SMS}),
        ({"has_usable_phone": False, "opted_out": frozenset({Channel.SMS})}, {Channel.EMAIL}),
        ({"high_risk": True}, set(Channel)),
    ],
)
def test_one_channel_is_enough(changes: dict[str, object], channels: set[Channel]) -> None:
    assert decide_start(replace(FACTS, **changes), NOW) == Start(frozenset(channels))  # type: ignore[arg-type]


NOBODY = {"has_usable_phone": False, "has_usable_email": False}
BROUGHT = {"status": AppointmentStatus.WAS_NOT_BROUGHT}


@pytest.mark.parametrize(
    ("changes", "reason", "task"),
    [
        (BROUGHT, Reason.WAS_NOT_BROUGHT, TaskKind.WAS_NOT_BROUGHT),
        ({"minor": True}, Reason.WAS_NOT_BROUGHT, TaskKind.WAS_NOT_BROUGHT),
        ({"has_objection": True}, Reason.OBJECTION, TaskKind.OBJECTION),
        ({"newer_absence_running": True}, Reason.NEWER_ABSENCE, None),
        ({"has_future_appointment": True}, Reason.FUTURE_APPOINTMENT, None),
        (NOBODY, Reason.UNREACHABLE, TaskKind.UNREACHABLE),
        ({"opted_out": BOTH}, Reason.OPTED_OUT, TaskKind.UNREACHABLE),
        (
            {"has_usable_email": False, "opted_out": frozenset({Channel.SMS})},
            Reason.OPTED_OUT,
            TaskKind.UNREACHABLE,
        ),
        # What comes first decides.
        ({"minor": True, "has_objection": True, **NOBODY}, Reason.WAS_NOT_BROUGHT, TaskKind.WAS_NOT_BROUGHT),
        ({"has_objection": True, "has_future_appointment": True}, Reason.OBJECTION, TaskKind.OBJECTION),
        ({"has_future_appointment": True, **NOBODY}, Reason.FUTURE_APPOINTMENT, None),
    ],
)
def test_a_declined_absence_has_its_reason_and_its_task(
    changes: dict[str, object], reason: Reason, task: TaskKind | None
) -> None:
    assert decide_start(replace(FACTS, **changes), NOW) == Decline(reason, task)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("age", "changes", "reason", "task"),
    [
        (timedelta(days=2), {}, None, None),
        (timedelta(days=2, seconds=1), {}, Reason.TOO_OLD, None),
        (timedelta(days=7), {}, Reason.TOO_OLD, None),
        (timedelta(days=7, seconds=1), {}, Reason.HISTORY, None),
        (timedelta(days=3), NOBODY, Reason.TOO_OLD, None),
        (timedelta(days=3), {"minor": True}, Reason.WAS_NOT_BROUGHT, TaskKind.WAS_NOT_BROUGHT),
        (timedelta(days=3), {"has_objection": True}, Reason.OBJECTION, TaskKind.OBJECTION),
        (timedelta(days=8), {"minor": True}, Reason.HISTORY, None),
        (timedelta(days=8), {"has_objection": True}, Reason.HISTORY, None),
        (timedelta(days=8), NOBODY, Reason.HISTORY, None),
        (timedelta(days=3), {"max_age_days": 4}, None, None),
        (timedelta(days=1), {"max_age_days": 0}, Reason.TOO_OLD, None),
        (timedelta(days=4), {"history_days": 3}, Reason.HISTORY, None),
        (timedelta(hours=-3), {}, None, None),
    ],
)
def test_age_counts_from_the_missed_start(
    age: timedelta, changes: dict[str, object], reason: Reason | None, task: TaskKind | None
) -> None:
    expected = Start(BOTH) if reason is None else Decline(reason, task)
    assert decide_start(replace(FACTS, **changes), MISSED + age) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "age", "alert"),
    [
        ({"has_objection": True}, timedelta(), True),
        ({"has_future_appointment": True}, timedelta(), True),
        (BROUGHT, timedelta(), True),
        (NOBODY, timedelta(), True),
        ({}, timedelta(days=3), True),
        ({}, timedelta(days=8), False),
        ({"newer_absence_running": True}, timedelta(), False),
    ],
)
def test_a_high_risk_patient_who_is_not_followed_up_alerts_somebody(
    changes: dict[str, object], age: timedelta, alert: bool
) -> None:
    risky = decide_start(replace(FACTS, high_risk=True, **changes), MISSED + age)  # type: ignore[arg-type]
    usual = decide_start(replace(FACTS, **changes), MISSED + age)  # type: ignore[arg-type]
    assert isinstance(risky, Decline)
    assert isinstance(usual, Decline)
    assert (risky.alert, usual.alert) == (alert, False)
    assert (risky.reason, risky.task) == (usual.reason, usual.task)


@pytest.mark.parametrize("status", set(AppointmentStatus) - {"no_show", "was_not_brought"})
def test_only_an_absence_can_be_asked_about(status: AppointmentStatus) -> None:
    with pytest.raises(ValueError, match="not an absence"):
        decide_start(replace(FACTS, status=status), NOW)


FLAGS = ("has_objection", "minor", "has_future_appointment", "newer_absence_running", "high_risk")


@pytest.mark.parametrize("values", [*product([False, True], repeat=len(FLAGS))])
@pytest.mark.parametrize("days", [0, 3, 8])
def test_a_sequence_starts_only_when_nothing_stands_against_it(values: tuple[bool, ...], days: int) -> None:
    flags = dict(zip(FLAGS, values, strict=True))
    decision = decide_start(replace(FACTS, **flags), MISSED + timedelta(days=days))  # type: ignore[arg-type]
    against = [name for name in FLAGS if flags[name] and name != "high_risk"]
    assert isinstance(decision, Start) is (not against and days == 0)
    if isinstance(decision, Decline) and days == 8:
        assert decision == Decline(Reason.HISTORY)

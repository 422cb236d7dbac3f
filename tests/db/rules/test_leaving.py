from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from db.rules.leaving import Cancel, Defer, Go, LeaveFacts, Skip, may_leave
from db.rules.plans import SPACING
from db.rules.windows import Calendar, is_open
from db.states import AppointmentStatus, EnrolmentStatus, Reason

PARIS = ZoneInfo("Europe/Paris")
FRANCE = Calendar("Europe/Paris", "FR")
NOW = datetime(2026, 6, 10, 10, 0, tzinfo=PARIS)  # a Wednesday
READY = LeaveFacts(EnrolmentStatus.ACTIVE, AppointmentStatus.NO_SHOW, has_address=True)
STOPPED = EnrolmentStatus.STOPPED
PAUSED = EnrolmentStatus.PAUSED
HOUR = timedelta(hours=1)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def with_(**changes: object) -> LeaveFacts:
    return replace(READY, **changes)  # type: ignore[arg-type]


def test_a_message_with_nothing_against_it_goes_on_time() -> None:
    assert may_leave(READY, FRANCE, NOW) == Go(Reason.ON_TIME)


@pytest.mark.parametrize("reason", [Reason.REBOOKED, Reason.OPTED_OUT, Reason.SUPERSEDED, Reason.STOPPED_BY_STAFF])
def test_a_stop_cancels_with_its_own_reason(reason: Reason) -> None:
    assert may_leave(with_(enrolment_status=STOPPED, stop_reason=reason), FRANCE, NOW) == Cancel(reason)


@pytest.mark.parametrize(
    ("facts", "decision"),
    [
        (with_(enrolment_status=STOPPED), Cancel(Reason.STOPPED_BY_STAFF)),
        (with_(enrolment_status=EnrolmentStatus.COMPLETED), Cancel(Reason.COMPLETED)),
        (with_(objection=True), Cancel(Reason.OBJECTION)),
        (with_(opted_out=True), Cancel(Reason.CHANNEL_OPT_OUT)),
        (with_(has_address=False), Skip(Reason.NO_ADDRESS)),
        (with_(successor_due_at=NOW), Skip(Reason.SUCCESSOR_DUE)),
        (with_(successor_due_at=NOW - HOUR), Skip(Reason.SUCCESSOR_DUE)),
        (with_(successor_due_at=NOW + HOUR), Go()),
        (with_(last_sent_at=NOW - SPACING), Go()),
        (with_(enrolment_status=PAUSED, resume_at=NOW), Go()),
        # What forbids comes first.
        (
            with_(enrolment_status=STOPPED, stop_reason=Reason.REBOOKED, objection=True),
            Cancel(Reason.REBOOKED),
        ),
        (with_(opted_out=True, has_address=False), Cancel(Reason.CHANNEL_OPT_OUT)),
        (with_(opted_out=True, enrolment_status=PAUSED), Cancel(Reason.CHANNEL_OPT_OUT)),
        (with_(objection=True, opted_out=True), Cancel(Reason.OBJECTION)),
        (with_(successor_due_at=NOW, last_sent_at=NOW - HOUR), Skip(Reason.SUCCESSOR_DUE)),
        (with_(successor_due_at=NOW, enrolment_status=PAUSED, resume_at=NOW), Skip(Reason.SUCCESSOR_DUE)),
    ],
)
def test_the_first_reason_decides(facts: LeaveFacts, decision: object) -> None:
    assert may_leave(facts, FRANCE, NOW) == decision


@pytest.mark.parametrize("status", set(AppointmentStatus) - {AppointmentStatus.NO_SHOW})
def test_a_corrected_absence_withdraws_its_message(status: AppointmentStatus) -> None:
    assert may_leave(with_(appointment_status=status), FRANCE, NOW) == Cancel(Reason.NO_SHOW_WITHDRAWN)


@pytest.mark.parametrize(
    ("now", "facts", "at", "reason"),
    [
        ("2026-06-10 08:59", READY, "2026-06-10 09:00", Reason.OUTSIDE_HOURS),
        ("2026-06-10 19:30", READY, "2026-06-11 09:00", Reason.OUTSIDE_HOURS),
        ("2026-06-14 11:00", READY, "2026-06-15 09:00", Reason.OUTSIDE_HOURS),
        ("2026-07-14 11:00", READY, "2026-07-15 09:00", Reason.OUTSIDE_HOURS),
        (
            "2026-06-10 10:00",
            with_(last_sent_at=paris("2026-06-09 18:00")),
            "2026-06-10 14:00",
            Reason.TOO_CLOSE,
        ),
        (
            "2026-06-13 10:00",
            with_(last_sent_at=paris("2026-06-13 09:00")),
            "2026-06-15 09:00",
            Reason.TOO_CLOSE,
        ),
        (
            "2026-06-10 10:00",
            with_(enrolment_status=PAUSED, resume_at=paris("2026-06-12 15:00")),
            "2026-06-12 15:00",
            Reason.PAUSED,
        ),
        (
            "2026-06-10 10:00",
            with_(enrolment_status=PAUSED, resume_at=paris("2026-06-13 23:00")),
            "2026-06-15 09:00",
            Reason.PAUSED,
        ),
        ("2026-06-10 10:00", with_(enrolment_status=PAUSED), "2026-07-10 10:00", Reason.PAUSED),
        # A pause says nothing of the successor: that is asked on resuming.
        (
            "2026-06-10 10:00",
            with_(enrolment_status=PAUSED, successor_due_at=NOW - HOUR),
            "2026-07-10 10:00",
            Reason.PAUSED,
        ),
    ],
)
def test_what_must_wait_says_until_when(now: str, facts: LeaveFacts, at: str, reason: Reason) -> None:
    assert may_leave(facts, FRANCE, paris(now)) == Defer(paris(at), reason)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
any_facts = st.builds(
    LeaveFacts,
    enrolment_status=st.sampled_from(EnrolmentStatus),
    appointment_status=st.sampled_from(AppointmentStatus) | st.just(AppointmentStatus.NO_SHOW),
    has_address=st.booleans(),
    stop_reason=st.none() | st.sampled_from(Reason),
    resume_at=st.none() | moments,
    opted_out=st.booleans(),
    objection=st.booleans(),
    successor_due_at=st.none() | moments,
    last_sent_at=st.none() | moments,
)
clear_facts = st.builds(
    with_,
    enrolment_status=st.sampled_from([EnrolmentStatus.ACTIVE, PAUSED]),
    resume_at=st.none() | moments,
    successor_due_at=st.none() | moments,
    last_sent_at=st.none() | moments,
)


@given(any_facts | clear_facts, moments)
def test_nothing_goes_outside_the_hours_or_after_a_stop(facts: LeaveFacts, now: datetime) -> None:
    if not isinstance(may_leave(facts, FRANCE, now), Go):
        return
    assert is_open(now, FRANCE)
    assert facts.enrolment_status in (EnrolmentStatus.ACTIVE, PAUSED)
    assert facts.appointment_status is AppointmentStatus.NO_SHOW
    assert facts.has_address
    assert not facts.objection
    assert not facts.opted_out
    assert facts.last_sent_at is None or now - facts.last_sent_at >= SPACING
    assert facts.successor_due_at is None or facts.successor_due_at > now


@given(any_facts | clear_facts, moments)
def test_a_deferral_is_later_and_within_the_hours(facts: LeaveFacts, now: datetime) -> None:
    decision = may_leave(facts, FRANCE, now)
    assume(isinstance(decision, Defer))
    assert isinstance(decision, Defer)
    assert decision.at > now
    assert is_open(decision.at, FRANCE)


@given(clear_facts, moments)
def test_what_waited_goes_when_its_time_comes(facts: LeaveFacts, now: datetime) -> None:
    facts = replace(facts, successor_due_at=None, enrolment_status=EnrolmentStatus.ACTIVE)
    decision = may_leave(facts, FRANCE, now)
    if isinstance(decision, Defer):
        decision = may_leave(facts, FRANCE, decision.at)
    assert decision == Go()


@given(any_facts, moments, moments)
def test_a_stop_is_final_whatever_the_hour(facts: LeaveFacts, now: datetime, later: datetime) -> None:
    stopped = replace(facts, enrolment_status=STOPPED)
    assert isinstance(may_leave(stopped, FRANCE, now), Cancel)
    assert may_leave(stopped, FRANCE, now) == may_leave(stopped, FRANCE, later)

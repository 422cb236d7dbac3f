"""Whether an absence starts a sequence, what is planned then, and what becomes of those that start none."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from db.changes.absences import decide_absences, practices_with_undecided
from db.changes.bookings import book
from db.changes.inbound import Meaning, record_inbound
from db.changes.intake import record_appointments
from db.changes.opt_outs import opt_out_by_link
from db.engine import fetch, fetch_one, fetch_value
from db.queries.practices import Profile
from db.rules.plans import STANDARD, from_json
from db.rules.risk import RiskRule
from db.rules.settings import Settings
from db.rules.telephones import TelephoneKind
from db.states import AppointmentStatus, Channel, EnrolmentStatus
from tests import factories as f
from tests.db.changes.acts import run_until, sequence, slots_of, statuses, story, tasks

NO_PHONE: dict[str, Any] = {"phone": None, "phone_kind": None}


def days_ago(days: int) -> dict[str, Any]:
    at = f.MISSED_AT - timedelta(days=days)
    return {"starts_at": at, "day": at.date()}


async def dues(patient_key: str) -> list[tuple[int, str, str, str]]:
    return [
        (d["step"], d["message"], d["channel"], f"{d['due_at'].astimezone(f.PARIS):%m-%d %H:%M}")
        for d in await f.deliveries_of(patient_key)
    ]


async def test_standard_plan_is_one_row_for_each_step_and_channel(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    assert await dues(missed.patient_key) == [
        (0, "first", "sms", "11-16 10:40"),
        (0, "first", "email", "11-16 10:40"),
        (1, "flexible", "email", "11-17 10:00"),
        (2, "worth", "sms", "11-19 10:00"),
        (2, "worth", "email", "11-19 10:00"),
        (3, "closing", "email", "11-21 10:00"),
        (4, "last", "sms", "11-23 10:00"),
        (4, "last", "email", "11-23 10:00"),
    ]
    links = await f.link_ids(missed.patient_key)
    assert len(set(links)) == 8


async def test_worth_sms_may_be_switched_off(database: None) -> None:
    practice = await f.make_practice(settings=Settings(worth_sms=False))
    missed = await f.make_absence(practice)
    assert ("worth", "sms") not in {(d["message"], d["channel"]) for d in await f.deliveries_of(missed.patient_key)}


async def test_enrolment_keeps_the_plan_it_started_with(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    enrolment = await f.enrolment_of(missed.patient_key)
    assert from_json(enrolment["plan"]) == STANDARD
    assert enrolment["plan_name"] == "standard"


@pytest.mark.parametrize(
    ("starts_at", "marked_at", "first_due", "late"),
    [
        (f.local(16, 10), f.local(16, 10, 10), f.local(16, 10, 40), False),
        (f.local(16, 10), f.local(16, 11, 45), f.local(16, 12), False),
        (f.local(16, 10), f.local(16, 11, 58), f.local(16, 12, 3), False),
        (f.local(16, 10), f.local(16, 15), f.local(16, 15, 5), True),
        (f.local(16, 18), f.local(16, 19, 20), f.local(17, 9), False),
        (f.local(14, 11), f.local(14, 20), f.local(16, 9), True),
        (None, f.local(16, 20), f.local(17, 9), False),
    ],
    ids=[
        "thirty minutes at most",
        "what is left of two hours",
        "five minutes at least",
        "late entry",
        "after the close",
        "Saturday evening waits for Monday",
        "without a time of day",
    ],
)
async def test_grace(
    practice: Profile, starts_at: datetime | None, marked_at: datetime, first_due: datetime, late: bool
) -> None:
    missed = await f.make_absence(practice, now=marked_at, starts_at=starts_at)
    (first, *_) = await f.deliveries_of(missed.patient_key)
    enrolment = await f.enrolment_of(missed.patient_key)
    assert (first["due_at"], enrolment["late_entry"]) == (first_due, late)


@pytest.mark.parametrize(
    ("changes", "reason", "task"),
    [
        ({"minor": True}, "was_not_brought", ["was_not_brought"]),
        ({"status": AppointmentStatus.WAS_NOT_BROUGHT}, "was_not_brought", ["was_not_brought"]),
        (days_ago(3), "too_old", []),
        (days_ago(8), "history", []),
        ({"minor": True} | days_ago(8), "history", []),
        (NO_PHONE | {"email": None}, "unreachable", ["unreachable"]),
        ({"phone_kind": TelephoneKind.FIXED, "email": None}, "unreachable", ["not_a_mobile"]),
        (NO_PHONE | {"email": None} | days_ago(3), "too_old", []),
        (NO_PHONE | {"email": None} | days_ago(30), "history", []),
    ],
)
async def test_absence_that_starts_no_sequence_says_why(
    practice: Profile, changes: dict[str, Any], reason: str, task: list[str]
) -> None:
    missed = await f.make_absence(practice, **changes)
    assert await f.enrolment_of(missed.patient_key) is None
    assert await story("absence_not_followed") == [("absence_not_followed", reason)]
    assert await tasks() == task


@pytest.mark.parametrize("starts_at", [f.local(30, 9), None], ids=["timed", "without a time of day"])
async def test_future_appointment_anywhere_in_the_file_makes_a_sequence_needless(
    practice: Profile, starts_at: datetime | None
) -> None:
    missed = f.row()
    ahead = replace(
        missed,
        appointment_key="ahead",
        starts_at=starts_at,
        day=date(2026, 11, 30),
        status=AppointmentStatus.BOOKED,
    )
    await f.intake([missed, ahead], practice)
    assert await f.enrolment_of(missed.patient_key) is None
    assert await story("absence_not_followed") == [("absence_not_followed", "future_appointment")]
    assert await tasks() == []


async def test_objection_gives_a_task_and_no_sequence(practice: Profile) -> None:
    known = f.row(status=AppointmentStatus.ATTENDED)
    await f.intake([known], practice)
    await fetch("UPDATE patient SET objected_at = $1", f.MONDAY)
    await f.intake([replace(known, appointment_key="n", status=AppointmentStatus.NO_SHOW)], practice)
    assert await story("absence_not_followed") == [("absence_not_followed", "objection")]
    assert await tasks() == ["objection"]


async def test_opted_out_of_everything_gives_a_task_and_no_sequence(practice: Profile) -> None:
    missed = await f.make_absence(practice, phone="+33611111111")
    (link, *_) = await f.link_ids(missed.patient_key)
    await opt_out_by_link(link, channels=list(Channel), source="page", now=f.MONDAY)
    again = replace(missed, appointment_key="again", starts_at=f.local(17, 10), day=date(2026, 11, 17))
    await f.intake([again], practice, now=f.local(17, 11))
    assert await story("absence_not_followed") == [("absence_not_followed", "opted_out")]
    assert await tasks() == ["unreachable"]


async def test_number_known_to_be_invalid_is_not_called_a_landline(practice: Profile) -> None:
    known = f.row(status=AppointmentStatus.ATTENDED, email=None)
    await f.intake([known], practice)
    await fetch("UPDATE patient SET phone_invalid_at = now()")
    await f.intake([replace(known, appointment_key="n", status=AppointmentStatus.NO_SHOW)], practice)
    assert await tasks() == ["unreachable"]


async def test_newer_absence_supersedes_the_running_sequence(practice: Profile) -> None:
    first = await f.make_absence(practice)
    second = replace(first, appointment_key="second", starts_at=f.local(17, 15), day=date(2026, 11, 17))
    await f.intake([second], practice, now=f.local(17, 15, 10))
    rows = await fetch("SELECT status, reason FROM enrolment ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("stopped", "superseded"), ("active", None)]
    left = await fetch("SELECT DISTINCT reason FROM delivery WHERE status = 'cancelled'")
    assert [row["reason"] for row in left] == ["superseded"]


@pytest.mark.parametrize("together", [True, False])
async def test_older_absence_that_comes_in_later_starts_nothing(practice: Profile, together: bool) -> None:
    newer = f.row(starts_at=f.local(17, 15))
    older = replace(newer, appointment_key="older", starts_at=f.local(17, 9))
    now = f.local(17, 15, 10)
    for batch in [[newer, older]] if together else [[newer], [older]]:
        await f.intake(batch, practice, now=now)
    assert await fetch_value("SELECT count(*) FROM enrolment") == 1
    assert (await f.enrolment_of(newer.patient_key))["started_at"] == now
    assert await story("absence_not_followed") == [("absence_not_followed", "newer_absence")]


async def test_superseding_absence_keeps_one_live_enrolment_only(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    for hour in (11, 12, 13):
        again = replace(missed, appointment_key=f"at {hour}", starts_at=f.local(16, hour))
        await f.intake([again], practice, now=f.local(16, hour, 10))
    live = await fetch_value("SELECT count(*) FROM enrolment WHERE status = ANY($1)", [EnrolmentStatus.ACTIVE])
    assert live == 1


async def test_absences_of_one_moment_in_one_file_leave_one_live_enrolment(practice: Profile) -> None:
    missed = f.row()
    rows = [replace(missed, appointment_key=f"at {number}") for number in range(3)]
    decided = await f.intake([rows[0], f.row(), *rows[1:], f.row()], practice)
    assert decided.enrolled == 5
    live = await fetch("SELECT patient FROM enrolment WHERE status = ANY($1)", [EnrolmentStatus.ACTIVE])
    assert len(live) == 3
    assert await fetch_value("SELECT count(*) FROM delivery WHERE status = 'planned'") == 3 * 8
    assert await fetch_value("SELECT count(*) FROM delivery WHERE reason = 'superseded'") == 2 * 8


async def test_each_absence_is_decided_once(practice: Profile) -> None:
    await record_appointments([f.row()], practice=practice, known=f.ALL_CONTACTS, now=f.MONDAY)
    assert (await decide_absences(practice, now=f.MONDAY)).enrolled == 1
    assert (await decide_absences(practice, now=f.MONDAY)).total == 0
    assert await fetch_value("SELECT count(*) FROM delivery") == 8


async def test_absences_that_an_import_left_undecided_are_found(practice: Profile) -> None:
    await record_appointments([f.row()], practice=practice, known=f.ALL_CONTACTS, now=f.MONDAY)
    assert await practices_with_undecided(f.MONDAY) == []
    assert await practices_with_undecided(f.MONDAY + timedelta(seconds=1)) == [practice.id]
    await decide_absences(practice, now=f.MONDAY)
    assert await practices_with_undecided(f.MONDAY + timedelta(days=1)) == []


async def test_two_absences_two_practitioners_one_patient_follow_one(practice: Profile) -> None:
    first = f.row()
    other = replace(first, appointment_key="other", practitioner="Dominique Ba", starts_at=f.local(16, 9))
    await f.intake([first, other], practice)
    assert await fetch_value("SELECT count(*) FROM enrolment") == 1
    assert await fetch_value("SELECT count(*) FROM delivery WHERE step = 0") == 2


async def test_booking_through_an_old_link_makes_the_next_absence_needless(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    await book(link, starts_at=(await slots_of(link, f.MONDAY))[0], now=f.MONDAY)
    again = replace(missed, appointment_key="again", starts_at=f.local(16, 14))
    await f.intake([again], practice, now=f.local(16, 14, 10))
    assert await story("absence_not_followed") == [("absence_not_followed", "future_appointment")]


@pytest.mark.parametrize(
    ("missed_at", "expected"),
    [
        (datetime(2026, 3, 27, 9, 0, tzinfo=UTC), ["03-27 10:40", "03-28 10:00", "03-30 10:00", "04-01 10:00"]),
        (datetime(2026, 10, 24, 8, 0, tzinfo=UTC), ["10-24 10:40", "10-26 09:00", "10-27 10:00", "10-29 10:00"]),
    ],
    ids=["clocks go forward on the 29th of March", "clocks go back on the 25th of October"],
)
async def test_steps_keep_their_local_hour_over_a_change_of_clocks(
    practice: Profile, missed_at: datetime, expected: list[str]
) -> None:
    missed = await f.make_absence(practice, now=missed_at + timedelta(minutes=10), starts_at=missed_at)
    emails = [when for _, _, channel, when in await dues(missed.patient_key) if channel == "email"]
    assert emails[:4] == expected


async def test_public_holiday_moves_what_would_fall_on_it(practice: Profile) -> None:
    at = datetime(2026, 12, 24, 9, 0, tzinfo=UTC)
    missed = await f.make_absence(practice, now=at + timedelta(minutes=10), starts_at=at)
    emails = {message: when for _, message, channel, when in await dues(missed.patient_key) if channel == "email"}
    assert emails["flexible"] == "12-26 09:00"


async def test_links_live_thirty_days_after_the_last_touchpoint(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    enrolment = await f.enrolment_of(missed.patient_key)
    assert enrolment["links_expire_at"] == f.local(23, 10) + timedelta(days=30)


async def test_whole_sequence_arrives_in_order_and_then_nothing(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    left = await run_until(practice, f.local(31, 12, month=12))
    assert [(one.message, one.channel.value) for _, one in left] == [
        ("first", "sms"),
        ("first", "email"),
        ("flexible", "email"),
        ("worth", "sms"),
        ("worth", "email"),
        ("closing", "email"),
        ("last", "sms"),
        ("last", "email"),
    ]
    assert await sequence(missed.patient_key) == ("completed", "completed")
    assert await statuses(missed.patient_key) == {"sent"}


async def test_start_stands_in_the_journal_with_what_is_planned(practice: Profile) -> None:
    await f.make_absence(practice)
    entry = await fetch_one("SELECT * FROM journal WHERE event = 'sequence_started'")
    assert entry is not None
    assert '"late_entry": false' in entry["data"]
    assert entry["data"].count("2026-11-") == 8


async def test_stop_known_for_a_number_holds_for_whoever_has_it_next(practice: Profile) -> None:
    """The key is the number: an opt-out is not undone by the next member of the family."""
    stop = {"gateway": "twilio", "provider_id": "SM1", "text": "STOP", "meaning": Meaning.STOP, "now": f.MONDAY}
    await record_inbound(practice=practice.id, from_e164="+33612121212", **stop)  # type: ignore[arg-type]
    missed = await f.make_absence(practice, phone="+33612121212", email=None)
    assert await f.enrolment_of(missed.patient_key) is None


async def test_risk_rule_is_kept_by_name_and_date_once(practice: Profile) -> None:
    absence = f.row(risk_rules=frozenset({RiskRule.CRISIS}))
    await f.intake([absence], practice)
    await f.intake([absence], practice, now=f.MONDAY + timedelta(hours=1))
    rows = await fetch("SELECT rule, since, ended_at FROM patient_risk")
    assert [(row["rule"], row["since"], row["ended_at"]) for row in rows] == [("crisis", f.MONDAY, None)]
    assert ("high_risk_noted", "crisis") in await f.events()


async def test_high_risk_patient_who_is_not_followed_still_reaches_a_person(practice: Profile) -> None:
    ahead = f.local(20, 10)
    absence = f.row(risk_rules=frozenset({RiskRule.CRISIS}))
    appointment = f.row(patient_key=absence.patient_key, starts_at=ahead, status=AppointmentStatus.BOOKED)
    decided = await f.intake([absence, appointment], practice)
    assert (decided.enrolled, decided.tasks) == (0, 1)
    tasks = await fetch("SELECT kind, urgent FROM task")
    assert [(row["kind"], row["urgent"]) for row in tasks] == [("high_risk_not_enrolled", True)]

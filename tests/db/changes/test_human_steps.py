"""Calls, alerts and escalations: when they open, to whom, and what alone ends them."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.changes.bookings import book
from db.changes.human_steps import open_due_steps
from db.changes.intake import record_appointments
from db.changes.labels import end_label, set_label
from db.changes.objections import record_objection
from db.changes.opt_outs import opt_out_by_link
from db.changes.practices import NewClosure
from db.changes.watching import look_again
from db.engine import fetch
from db.queries.agenda import availability
from db.queries.practices import Profile
from db.rules.risk import RiskRule
from db.states import AppointmentStatus, Channel
from tests import factories as f

RISK = frozenset({RiskRule.CHRONIC_CONDITIONS})
CRISIS = frozenset({RiskRule.CRISIS})


@pytest.fixture
async def house(database: None) -> Profile:
    """A practice with somebody in every role; Maxime Lefèvre treats."""
    return await f.make_practice(staff=f.EVERY_ROLE)


async def steps(patient_key: str) -> list[Any]:
    return list(
        await fetch(
            "SELECT t.*, s.name AS who FROM task t JOIN patient p ON p.id = t.patient "
            "LEFT JOIN staff s ON s.id = t.assignee WHERE p.key = $1 AND t.step IS NOT NULL ORDER BY t.due_at, t.id",
            patient_key,
        )
    )


def brief(rows: Sequence[Any]) -> list[tuple[str, str, str | None]]:
    return [(row["kind"], row["status"], row["who"]) for row in rows]


async def open_until(moment: datetime) -> None:
    while await open_due_steps(now=moment):
        pass


async def test_high_risk_absence_plans_a_call_an_alert_and_an_escalation_with_their_days(house: Profile) -> None:
    absence = await f.make_absence(house, risk_rules=RISK)
    planned = await steps(absence.patient_key)
    assert [(row["kind"], row["due_at"], row["deadline_at"]) for row in planned] == [
        ("call", f.local(17, 9), f.local(17, 19, 30)),
        ("alert", f.local(19, 9), f.local(19, 19, 30)),
        ("escalation", f.local(21, 9), f.local(21, 19, 30)),
    ]
    assert [row["message"] for row in await f.deliveries_of(absence.patient_key)] == [
        "first",
        "first",
        "flexible",
        "brief",
        "worth",
        "last",
    ]


async def test_steps_open_for_their_person_when_they_are_due_and_never_twice(house: Profile) -> None:
    absence = await f.make_absence(house, risk_rules=RISK)
    await open_until(f.local(17, 8, 59))
    assert {row["status"] for row in await steps(absence.patient_key)} == {"planned"}
    await open_until(f.local(17, 9))
    await open_until(f.local(17, 9))
    assert brief(await steps(absence.patient_key))[0] == ("call", "open", "Sacha Morel")
    await open_until(f.local(21, 9))
    assert brief(await steps(absence.patient_key)) == [
        ("call", "open", "Sacha Morel"),
        ("alert", "open", "Maxime Lefèvre"),
        ("escalation", "open", "Andrea Blanc"),
    ]
    told = await fetch("SELECT message, staff FROM delivery WHERE staff IS NOT NULL")
    assert [row["message"] for row in told] == ["case_opened"] * 3


async def test_crisis_flag_alerts_practitioner_and_clinical_lead_as_soon_as_the_grace_ends(house: Profile) -> None:
    late = f.local(16, 20, 10)
    absence = await f.make_absence(house, risk_rules=CRISIS, starts_at=f.local(16, 20), now=late)
    await open_until(late + timedelta(minutes=30))
    opened = [row for row in await steps(absence.patient_key) if row["status"] == "open"]
    assert sorted((row["kind"], row["who"], row["crisis"]) for row in opened) == [
        ("alert", "Andrea Blanc", True),
        ("alert", "Maxime Lefèvre", True),
    ]
    told = await fetch("SELECT due_at FROM delivery WHERE staff IS NOT NULL")
    assert [row["due_at"] for row in told] == [late + timedelta(minutes=30)] * 2


async def rebook(patient_key: str, now: datetime) -> None:
    link = (await f.link_ids(patient_key))[0]
    practitioner = (await fetch("SELECT id FROM practitioner"))[0]["id"]
    slot = next(iter((await availability(practitioner, now=now, duration=None)).open_slots(now)))
    await book(link, starts_at=slot.starts_at, now=now)


@pytest.mark.parametrize(("rules", "left"), [(RISK, set()), (CRISIS, {"planned"})])
async def test_rebooking_ends_planned_and_open_steps_but_not_under_a_crisis_flag(
    house: Profile, rules: frozenset[RiskRule], left: set[str]
) -> None:
    absence = await f.make_absence(house, risk_rules=rules)
    await rebook(absence.patient_key, f.MONDAY + timedelta(hours=1))
    found = await steps(absence.patient_key)
    assert {row["status"] for row in found} - {"cancelled"} == left
    assert {row["reason"] for row in found if row["status"] == "cancelled"} <= {"rebooked"}


async def test_crisis_keeps_alert_and_escalation_after_rebooking(house: Profile) -> None:
    absence = await f.make_absence(house, risk_rules=CRISIS)
    await rebook(absence.patient_key, f.MONDAY + timedelta(hours=1))
    await open_until(f.local(21, 9))
    kinds = [row["kind"] for row in await steps(absence.patient_key) if row["status"] == "open"]
    assert sorted(kinds) == ["alert", "alert", "alert", "call", "escalation"]


async def test_what_stops_messages_leaves_the_steps_of_people_standing(house: Profile) -> None:
    absence = await f.make_absence(house, risk_rules=RISK)
    link = (await f.link_ids(absence.patient_key))[0]
    await opt_out_by_link(link, channels=list(Channel), source="page", now=f.MONDAY)
    patient = (await fetch("SELECT ref FROM patient"))[0]["ref"]
    await record_objection(patient, practice=house.id, actor="staff:terminal", now=f.MONDAY)
    assert {row["status"] for row in await steps(absence.patient_key)} == {"planned"}
    await open_until(f.local(17, 9))
    assert brief(await steps(absence.patient_key))[0] == ("call", "open", "Sacha Morel")


async def test_withdrawn_absence_ends_every_step(house: Profile) -> None:
    absence = f.row(risk_rules=CRISIS, appointment_key="A-withdrawn")
    await f.intake([absence], house)
    corrected = f.row(
        **{name: getattr(absence, name) for name in ("patient_key", "appointment_key", "phone", "email")},
        status=AppointmentStatus.ATTENDED,
    )
    await f.intake([corrected], house, now=f.MONDAY + timedelta(minutes=1))
    found = await steps(absence.patient_key)
    assert {(row["status"], row["reason"]) for row in found} == {("cancelled", "no_show_withdrawn")}


async def test_booking_by_telephone_that_an_import_tells_of_ends_the_steps(house: Profile) -> None:
    absence = await f.make_absence(house, risk_rules=RISK)
    later = f.row(
        patient_key=absence.patient_key, phone=absence.phone, email=absence.email, starts_at=f.local(25, 10),
        status=AppointmentStatus.BOOKED,
    )  # fmt: skip
    await record_appointments([later], practice=house, known=f.ALL_CONTACTS, now=f.local(17, 9))
    assert {row["reason"] for row in await steps(absence.patient_key)} == {"rebooked"}


async def test_first_call_before_a_long_closure_is_made_at_once_by_the_person_on_call(database: None) -> None:
    shut = NewClosure(datetime(2026, 11, 17, tzinfo=UTC).date(), datetime(2026, 11, 30, tzinfo=UTC).date())
    house = await f.make_practice(staff=f.EVERY_ROLE, closures=(shut,))
    absence = await f.make_absence(house, risk_rules=RISK)
    call = (await steps(absence.patient_key))[0]
    assert (call["kind"], call["due_at"], call["role"]) == ("call", f.local(16, 10, 40), "on_call")
    await open_until(f.local(16, 10, 40))
    assert brief(await steps(absence.patient_key))[0] == ("call", "open", "Sacha Morel")


async def test_closure_that_appears_in_between_puts_the_step_off(house: Profile) -> None:
    absence = await f.make_absence(house, risk_rules=RISK)
    await fetch("INSERT INTO closure (practice, starts_on, ends_on) VALUES ($1, '2026-11-19', '2026-11-20')", house.id)
    await open_until(f.local(19, 9))
    alert = next(row for row in await steps(absence.patient_key) if row["kind"] == "alert")
    assert (alert["status"], alert["due_at"]) == ("planned", f.local(21, 9))


async def test_item_that_nobody_acknowledges_is_nudged_and_climbs_to_the_last_person(house: Profile) -> None:
    absence = await f.make_absence(house, risk_rules=RISK)
    now = f.local(19, 9)
    await open_until(now)
    seen: list[str] = []
    for _ in range(600):
        now += timedelta(minutes=10)
        await look_again(now=now)
        alert = next(row for row in await steps(absence.patient_key) if row["kind"] == "alert")
        if not seen or seen[-1] != alert["who"]:
            seen.append(alert["who"])
    assert seen == ["Maxime Lefèvre", "Sacha Morel", "Andrea Blanc", "Dominique Petit"]
    assert alert["status"] == "open"
    assert alert["look_at"] is not None


async def test_label_replaces_a_running_standard_sequence_and_keeps_what_was_sent(house: Profile) -> None:
    absence = await f.make_absence(house)
    await fetch("UPDATE delivery SET status = 'sent', sent_at = $1 WHERE message = 'first'", f.local(16, 10, 41))
    patient = (await fetch("SELECT ref FROM patient"))[0]["ref"]
    rule = RiskRule.PRACTITIONER_LABEL
    assert await set_label(patient, rule=rule, practice=house, actor="staff:x", now=f.local(17, 12))
    assert not await set_label(patient, rule=rule, practice=house, actor="staff:x", now=f.local(17, 12))
    rows = await fetch("SELECT plan_name, status, reason FROM enrolment ORDER BY id")
    assert [tuple(row) for row in rows] == [("standard", "stopped", "superseded"), ("high_risk", "active", None)]
    planned = [row["message"] for row in await f.deliveries_of(absence.patient_key) if row["status"] == "planned"]
    assert planned == ["flexible", "brief", "worth", "last"]
    assert [(row["kind"], row["due_at"]) for row in await steps(absence.patient_key)] == [
        ("call", f.local(17, 12)),
        ("alert", f.local(19, 9)),
        ("escalation", f.local(21, 9)),
    ]
    assert await end_label(patient, rule=rule, practice=house, actor="staff:x", now=f.local(18, 12))
    assert (await f.enrolment_of(absence.patient_key))["status"] == "active"


async def test_crisis_that_nobody_acknowledges_is_nudged_again_each_hour(house: Profile) -> None:
    late = f.local(16, 20, 10)
    absence = await f.make_absence(house, risk_rules=CRISIS, starts_at=f.local(16, 20), now=late)
    await open_until(late + timedelta(minutes=30))
    for minutes in range(40, 600, 10):
        await look_again(now=late + timedelta(minutes=minutes))
    nudges = [row["at"] for row in await fetch("SELECT at FROM journal WHERE event = 'task_nudged' ORDER BY at")]
    gaps = [later - earlier for earlier, later in itertools.pairwise(nudges)]
    assert max(gaps) <= timedelta(minutes=90)
    assert {row["status"] for row in await steps(absence.patient_key) if row["crisis"]} >= {"open"}

"""What keeps a patient's messages waiting outlives the absence that it began with, and no longer than somebody is at
it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from db.actors import Hand
from db.changes.human_steps import open_due_steps
from db.changes.inbound import Meaning, record_inbound
from db.changes.outcomes import Follow, record_outcome
from db.changes.practices import NewStaff, NewStaffAbsence, save_practice
from db.changes.watching import look_again
from db.changes.worklist import claim_task
from db.engine import fetch_one, fetch_value
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.rules.risk import RiskRule
from db.states import AppointmentStatus, CallOutcome
from tests import factories as f
from tests.db.changes.acts import sequence

PHONE = "+33611111111"
HOUR = timedelta(hours=1)
TEAM = (
    NewStaff("Camille Roux", "camille@tilleuls.example", "front_desk", "fr", "dominique@tilleuls.example"),
    NewStaff("Dominique Petit", "dominique@tilleuls.example", "admin", "fr"),
    NewStaff("Sacha Morel", "sacha@tilleuls.example", "care_coordinator", "fr", "dominique@tilleuls.example"),
    NewStaff("Andrea Blanc", "andrea@tilleuls.example", "clinical_lead", "fr", "dominique@tilleuls.example"),
)
CALL = f.local(17, 9)


@pytest.fixture
async def house(database: None) -> Profile:
    return await f.make_practice(staff=TEAM)


def another(row: IntakeRow) -> IntakeRow:
    return replace(row, appointment_key=f"{row.appointment_key}/2", starts_at=f.local(17, 8), day=f.local(17, 8).date())


async def at_risk(practice: Profile) -> IntakeRow:
    return await f.make_absence(practice, phone=PHONE, risk_rules=frozenset({RiskRule.CHRONIC_CONDITIONS}))


async def hand(name: str = "Sacha Morel") -> Hand:
    row = await fetch_one("SELECT id, ref FROM staff WHERE name = $1", name)
    assert row is not None
    return Hand(f"staff:{row['ref']}", row["id"])


async def ref_of(kind: str) -> str:
    return str(await fetch_value("SELECT ref FROM task WHERE kind = $1 ORDER BY id LIMIT 1", kind))


async def claimed_call(practice: Profile) -> IntakeRow:
    row = await at_risk(practice)
    await open_due_steps(now=CALL)
    await claim_task(await ref_of("call"), practice=practice.id, by=await hand(), now=CALL)
    assert await sequence(row.patient_key) == ("paused", "claimed")
    return row


async def test_reply_that_nobody_has_read_holds_the_messages_of_a_newer_absence_too(house: Profile) -> None:
    row = await at_risk(house)
    await record_inbound(
        practice=house.id,
        gateway="twilio",
        provider_id="SM1",
        from_e164=PHONE,
        text="Merci",
        meaning=Meaning.REPLY,
        now=f.MONDAY,
    )
    await f.intake([another(row)], house, now=CALL)
    assert await sequence(row.patient_key) == ("paused", "replied")
    await record_outcome(
        await ref_of("reply"),
        outcome=CallOutcome.HANDLED,
        practice=house.id,
        by=await hand(),
        now=CALL,
        follow=Follow.RESUME,
    )
    assert await sequence(row.patient_key) == ("active", None)


async def test_no_message_of_a_newer_absence_crosses_the_call_about_an_older_one(house: Profile) -> None:
    row = await claimed_call(house)
    await f.intake([another(row)], house, now=CALL)
    assert await sequence(row.patient_key) == ("paused", "claimed")


async def test_call_about_an_absence_that_was_none_holds_no_messages_of_another(house: Profile) -> None:
    row = await claimed_call(house)
    await f.intake([another(row)], house, now=CALL)
    await f.intake([replace(row, status=AppointmentStatus.ATTENDED)], house, now=CALL + HOUR)
    assert await sequence(row.patient_key) == ("active", None)


async def test_case_of_somebody_who_has_gone_on_leave_holds_no_messages(house: Profile) -> None:
    row = await claimed_call(house)
    away = NewStaffAbsence("sacha@tilleuls.example", CALL.date(), CALL.date() + timedelta(days=9))
    await save_practice(f.new_practice(staff=TEAM, absences=(away,)), now=CALL)
    await look_again(now=CALL + 3 * HOUR)
    task = await fetch_one(
        "SELECT t.status, s.name AS who, o.name AS fallback FROM task t JOIN staff s ON s.id = t.assignee "
        "JOIN staff o ON o.id = t.fallback WHERE t.kind = 'call'"
    )
    assert task is not None
    assert tuple(task.values()) == ("open", "Dominique Petit", "Andrea Blanc")
    assert await sequence(row.patient_key) == ("active", None)

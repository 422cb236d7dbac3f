"""What the worklist's moves leave of the reasons for which a patient's messages wait."""

from datetime import date, timedelta

import pytest

from db.changes import worklist
from db.changes.enrolments import pause_by_staff, review_enrolments
from db.engine import fetch_value
from db.queries.practices import Profile
from db.states import CallOutcome, TaskKind
from tests import factories as f
from tests.db.changes.acts import sequence
from tests.db.changes.people import ANDREA, CALL_DUE, SACHA, a_call, ended, hand_of, make_house, ref_of, task

NOW = CALL_DUE + timedelta(minutes=5)
# Sooner and later than the time that a patient is given to book.
WEDNESDAY, FRIDAY = date(2026, 11, 18), date(2026, 11, 20)


@pytest.fixture
async def house(database: None) -> Profile:
    return await make_house()


async def paused_until(practice: Profile, patient_key: str, day: date) -> None:
    ref = (await f.enrolment_of(patient_key))["ref"]
    assert await pause_by_staff(ref, practice=practice, until=day, actor="staff:x", now=NOW)


@pytest.mark.parametrize("way", ["release", "reassign", "no_answer"])
async def test_a_day_that_the_team_chose_outlives_a_claim_under_its_own_name(house: Profile, way: str) -> None:
    absence, ref = await a_call(house)
    await paused_until(house, absence.patient_key, FRIDAY)
    by = await hand_of(SACHA)
    await worklist.claim_task(ref, practice=house.id, by=by, now=NOW)
    assert await sequence(absence.patient_key) == ("paused", "claimed")
    if way == "release":
        await worklist.release_task(ref, practice=house.id, by=by, now=NOW)
    elif way == "reassign":
        await worklist.reassign_task(ref, practice=house.id, to="clinical_lead", by=by, now=NOW)
    else:
        await ended(ref, CallOutcome.NO_ANSWER, house, NOW)
    assert await sequence(absence.patient_key) == ("paused", "by_hand")
    assert (await f.enrolment_of(absence.patient_key))["resume_at"] == f.local(20, 9)
    await review_enrolments(now=f.local(20, 9))
    assert await sequence(absence.patient_key) == ("active", None)


@pytest.mark.parametrize(("day", "goes_on"), [(WEDNESDAY, NOW + timedelta(hours=48)), (FRIDAY, f.local(20, 9))])
async def test_will_book_said_by_whoever_had_claimed_shortens_no_pause_of_the_team(
    house: Profile, day: date, goes_on: object
) -> None:
    absence, ref = await a_call(house)
    await paused_until(house, absence.patient_key, day)
    await worklist.claim_task(ref, practice=house.id, by=await hand_of(SACHA), now=NOW)
    await ended(ref, CallOutcome.REACHED_WILL_BOOK, house, NOW)
    assert (await f.enrolment_of(absence.patient_key))["resume_at"] == goes_on


@pytest.mark.parametrize("way", ["give on", "claim and give back"])
async def test_messages_that_wait_for_an_escalation_wait_for_its_outcome_whoever_has_it(
    house: Profile, way: str
) -> None:
    absence, call = await a_call(house)
    await ended(call, CallOutcome.NEEDS_CLINICAL_LEAD, house, NOW)
    escalation, by = await ref_of(TaskKind.ESCALATION), await hand_of(ANDREA)
    if way == "give on":
        await worklist.reassign_task(escalation, practice=house.id, to="practitioner", by=by, now=NOW)
    else:
        await worklist.claim_task(escalation, practice=house.id, by=by, now=NOW)
        await worklist.release_task(escalation, practice=house.id, by=by, now=NOW)
    assert (await task(escalation))["status"] == "open"
    assert await sequence(absence.patient_key) == ("paused", "escalated")
    await ended(escalation, CallOutcome.LEFT_MESSAGE, house, NOW, who=ANDREA)
    assert await sequence(absence.patient_key) == ("active", None)
    assert await fetch_value("SELECT count(*) FROM journal WHERE event = 'sequence_resumed'") == 1

"""A pause that a member of staff decides, with or without its end, among the other reasons to wait."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from db.actors import Hand
from db.changes._sequences import lock_enrolment
from db.changes.enrolments import pause_by_staff, pause_locked, resume, review_enrolments, stop_by_staff
from db.changes.outcomes import record_outcome
from db.changes.requests import request_call
from db.changes.worklist import claim_task, release_task
from db.engine import fetch_value, transaction
from db.errors import IllegalTransition, NotFound, Refused
from db.queries.practices import Profile
from db.states import CallOutcome, Reason
from tests import factories as f
from tests.db.changes.acts import FIRST_DUE, send, sequence, story

STAFF = "staff:abc"
BY_HAND = ("paused", "by_hand")
THURSDAY = date(2026, 11, 19)


async def followed(practice: Profile) -> tuple[str, str]:
    missed = await f.make_absence(practice)
    return missed.patient_key, (await f.enrolment_of(missed.patient_key))["ref"]


async def pause(ref: str, practice: Profile, until: date | None = None) -> bool:
    return await pause_by_staff(ref, practice=practice, until=until, actor=STAFF, now=f.MONDAY)


async def wait_for(ref: str, reason: Reason) -> None:
    async with transaction():
        enrolment = await lock_enrolment(await fetch_value("SELECT id FROM enrolment WHERE ref = $1", ref))
        await pause_locked(enrolment, reason=reason, actor=STAFF, now=f.MONDAY)


async def asked_to_call(practice: Profile, patient_key: str) -> str:
    (link, *_) = await f.link_ids(patient_key)
    await request_call(link, now=f.MONDAY)
    task: str = await fetch_value("SELECT ref FROM task WHERE kind = 'call_request'")
    return task


async def test_nothing_leaves_until_somebody_lets_it_go_on(practice: Profile) -> None:
    key, ref = await followed(practice)
    assert await pause(ref, practice)
    assert not await pause(ref, practice)
    assert await send(practice, FIRST_DUE) == []
    await review_enrolments(now=f.local(30, 12))
    assert await sequence(key) == BY_HAND
    assert await resume(ref, practice=practice.id, actor=STAFF, now=FIRST_DUE)
    assert len(await send(practice, FIRST_DUE)) == 2


async def test_with_a_day_it_goes_on_by_itself_when_the_practice_opens(practice: Profile) -> None:
    key, ref = await followed(practice)
    assert await pause(ref, practice, THURSDAY)
    assert await send(practice, f.local(18, 12)) == []
    assert await send(practice, f.local(19, 8, 59)) == []
    await review_enrolments(now=f.local(19, 9))
    assert await sequence(key) == ("active", None)
    assert len(await send(practice, f.local(19, 10))) > 0


async def test_the_later_word_of_the_team_stands(practice: Profile) -> None:
    _, ref = await followed(practice)
    for until in (THURSDAY, None, date(2026, 11, 20)):
        assert await pause(ref, practice, until)
    assert await fetch_value("SELECT resume_at FROM enrolment") == f.local(20, 9)


@pytest.mark.parametrize("until", [date(2026, 11, 16), date(2026, 11, 1)])
async def test_pause_cannot_end_on_a_day_that_has_come(practice: Profile, until: date) -> None:
    key, ref = await followed(practice)
    with pytest.raises(Refused):
        await pause(ref, practice, until)
    assert await sequence(key) == ("active", None)


async def test_sequence_that_has_ended_or_is_elsewhere_is_not_paused(practice: Profile) -> None:
    _, ref = await followed(practice)
    with pytest.raises(NotFound):
        await pause(ref, replace(practice, id=practice.id + 1))
    await stop_by_staff(ref, practice=practice.id, actor=STAFF, now=f.MONDAY)
    with pytest.raises(IllegalTransition):
        await pause(ref, practice)


@pytest.mark.parametrize("reason", [Reason.CLAIMED, Reason.ESCALATED, Reason.REPLIED])
async def test_what_a_person_must_answer_outweighs_a_day_but_not_a_word(practice: Profile, reason: Reason) -> None:
    key, ref = await followed(practice)
    await wait_for(ref, reason)
    assert not await pause(ref, practice, THURSDAY)
    assert await sequence(key) == ("paused", reason)
    assert await pause(ref, practice)
    assert await sequence(key) == BY_HAND


async def test_day_that_comes_while_a_reply_waits_sends_nothing(practice: Profile) -> None:
    key, ref = await followed(practice)
    await pause(ref, practice, THURSDAY)
    await wait_for(ref, Reason.REPLIED)
    await review_enrolments(now=f.local(19, 12))
    assert await send(practice, f.local(19, 12)) == []
    assert await sequence(key) == ("paused", "replied")


async def test_call_that_is_claimed_and_released_gives_the_pause_back(practice: Profile) -> None:
    key, ref = await followed(practice)
    await pause(ref, practice)
    task = await asked_to_call(practice, key)
    hand = Hand(STAFF)
    await claim_task(task, practice=practice.id, by=hand, now=f.MONDAY)
    await release_task(task, practice=practice.id, by=hand, now=f.MONDAY)
    assert await sequence(key) == BY_HAND


@pytest.mark.parametrize(("until", "reason", "goes_on"), [(None, "by_hand", None), (THURSDAY, "will_book", 19)])
async def test_will_book_shortens_no_pause_of_the_team(
    practice: Profile, until: date | None, reason: str, goes_on: int | None
) -> None:
    key, ref = await followed(practice)
    await pause(ref, practice, until)
    task = await asked_to_call(practice, key)
    await record_outcome(
        task, outcome=CallOutcome.REACHED_WILL_BOOK, practice=practice.id, by=Hand(STAFF), now=f.MONDAY
    )
    assert await sequence(key) == ("paused", reason)
    resume_at: Any = await fetch_value("SELECT resume_at FROM enrolment")
    assert resume_at == (goes_on and f.local(goes_on, 9))


async def test_journal_says_who_paused_and_until_when(practice: Profile) -> None:
    _, ref = await followed(practice)
    await pause(ref, practice, THURSDAY)
    assert await story("sequence_paused") == [("sequence_paused", "by_hand")]
    told = await fetch_value("SELECT actor || data::text FROM journal WHERE event = 'sequence_paused'")
    assert told.startswith(STAFF)
    assert "2026-11-19T08:00:00" in told

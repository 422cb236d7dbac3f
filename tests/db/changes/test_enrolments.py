"""Pausing, resuming, stopping and completing, each of them told once and harmless when told again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from db.changes._sequences import lock_enrolment
from db.changes.deliveries import claim_due
from db.changes.enrolments import complete_touched, pause_locked, resume, review_enrolments, stop_by_staff
from db.changes.settlements import Outcome
from db.engine import fetch, transaction
from db.errors import IllegalTransition, NotFound
from db.queries.practices import Profile
from db.states import Channel, Reason
from tests import factories as f
from tests.db.changes.acts import (
    DOMAIN,
    FIRST_DUE,
    claim_one,
    fates,
    run_until,
    send,
    sequence,
    settled,
    statuses,
    story,
    tasks,
)

STAFF = "staff:abc"


async def pause(practice: Profile, patient_key: str, *, reason: Reason = Reason.REPLIED) -> Any:
    enrolment = await f.enrolment_of(patient_key)
    async with transaction():
        changed = await pause_locked(await lock_enrolment(enrolment["id"]), reason=reason, actor=STAFF, now=f.MONDAY)
    return enrolment["ref"], changed


async def test_stop_cancels_what_was_planned_and_says_who_and_why(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await send(practice, FIRST_DUE)
    ref = (await f.enrolment_of(missed.patient_key))["ref"]
    assert await stop_by_staff(ref, practice=practice.id, actor=STAFF, now=f.local(16, 12))
    assert await sequence(missed.patient_key) == ("stopped", "stopped_by_staff")
    assert (await fates(missed.patient_key))["worth", "sms"] == ("cancelled", "stopped_by_staff")
    assert await story("sequence_stopped") == [("sequence_stopped", "stopped_by_staff")]
    told = await fetch("SELECT actor FROM journal WHERE event IN ('sequence_stopped', 'message_cancelled')")
    assert {row["actor"] for row in told} == {STAFF}
    assert len(told) == 1 + 6


async def test_stopping_again_is_harmless(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    ref = (await f.enrolment_of(missed.patient_key))["ref"]
    told = [await stop_by_staff(ref, practice=practice.id, actor=STAFF, now=f.MONDAY) for _ in range(2)]
    assert told == [True, False]
    assert len(await story("sequence_stopped")) == 1


@pytest.mark.parametrize("change", [stop_by_staff, resume])
async def test_sequence_that_is_completed_refuses_to_move(practice: Profile, change: Any) -> None:
    missed = await f.make_absence(practice)
    await run_until(practice, f.local(30, 12))
    ref = (await f.enrolment_of(missed.patient_key))["ref"]
    with pytest.raises(IllegalTransition, match="completed"):
        await change(ref, practice=practice.id, actor=STAFF, now=f.local(30, 12))


@pytest.mark.parametrize("change", [stop_by_staff, resume])
@pytest.mark.parametrize("whose", ["nobody's", "another practice's"])
async def test_sequence_of_another_practice_is_not_found(practice: Profile, change: Any, whose: str) -> None:
    missed = await f.make_absence(practice)
    ref = (await f.enrolment_of(missed.patient_key))["ref"] if whose == "another practice's" else "nobody"
    with pytest.raises(NotFound):
        await change(ref, practice=practice.id + 1, actor=STAFF, now=f.MONDAY)
    assert await sequence(missed.patient_key) == ("active", None)


async def test_pause_and_resume_are_told_once_each(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    ref, changed = await pause(practice, missed.patient_key)
    assert changed
    assert not (await pause(practice, missed.patient_key))[1]
    told = [await resume(ref, practice=practice.id, actor=STAFF, now=f.MONDAY) for _ in range(2)]
    assert told == [True, False]
    assert await story("sequence_paused", "sequence_resumed") == [
        ("sequence_paused", "replied"),
        ("sequence_resumed", None),
    ]


async def test_resumed_at_once_it_goes_as_if_nothing_had_been(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    ref, _ = await pause(practice, missed.patient_key)
    await send(practice, FIRST_DUE)
    await resume(ref, practice=practice.id, actor=STAFF, now=FIRST_DUE + timedelta(minutes=1))
    assert len(await send(practice, FIRST_DUE + timedelta(minutes=1))) == 2


async def test_paused_sequence_can_be_stopped(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    ref, _ = await pause(practice, missed.patient_key)
    assert await stop_by_staff(ref, practice=practice.id, actor=STAFF, now=f.MONDAY)
    assert await statuses(missed.patient_key) == {"cancelled"}


async def test_sequence_paused_after_its_last_message_completes_when_it_goes_on(practice: Profile) -> None:
    missed = await f.make_absence(practice, phone=None, phone_kind=None)
    await run_until(practice, f.local(22, 12))
    await claim_due(practice, lane="bulk", channel=Channel.SMS, limit=9, mail_domain=DOMAIN, now=f.local(23, 10))
    last = await claim_one(practice, Channel.EMAIL, f.local(23, 10))
    ref, _ = await pause(practice, missed.patient_key)
    await settled(practice, last, Outcome.SENT, f.local(23, 10))
    assert await sequence(missed.patient_key) == ("paused", "replied")
    await resume(ref, practice=practice.id, actor=STAFF, now=f.local(24, 10))
    assert await sequence(missed.patient_key) == ("completed", "completed")


async def test_review_completes_what_a_dead_worker_left(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await fetch("UPDATE delivery SET status = 'skipped', reason = 'no_address'")
    assert await review_enrolments(now=f.local(24, 9)) == 0
    assert await review_enrolments(now=f.local(24, 10)) == 1
    assert await sequence(missed.patient_key) == ("completed", "completed")
    assert await review_enrolments(now=f.local(30, 10)) == 0


async def test_review_leaves_alone_what_still_has_something_to_send(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    assert await review_enrolments(now=f.local(24, 10)) == 1
    assert await review_enrolments(now=f.local(24, 11)) == 0
    assert await review_enrolments(now=f.local(25, 10)) == 1
    assert await sequence(missed.patient_key) == ("active", None)


async def test_review_hands_the_unreachable_to_a_person(practice: Profile) -> None:
    """The worker died between the claim that found no address and the look at what that leaves."""
    missed = await f.make_absence(practice)
    await f.intake([replace(missed, phone=None, phone_kind=None, email=None)], practice)
    for channel in Channel:
        await claim_due(practice, lane="bulk", channel=channel, limit=9, mail_domain=DOMAIN, now=f.local(23, 10))
    await review_enrolments(now=f.local(24, 10))
    assert await sequence(missed.patient_key) == ("stopped", "unreachable")
    assert await tasks() == ["unreachable"]


async def test_nothing_touched_is_nothing_done(practice: Profile) -> None:
    assert await complete_touched([], practice=practice.id, now=f.MONDAY) == 0

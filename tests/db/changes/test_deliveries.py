"""The decision taken when a message would go: the claim."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from db.changes.channels import hold_channel
from db.changes.deliveries import LEASE
from db.changes.enrolments import resume, stop_by_staff
from db.changes.inbound import Meaning, record_inbound
from db.changes.opt_outs import opt_out_by_link
from db.changes.settlements import Outcome
from db.engine import fetch, fetch_one
from db.queries.deliveries import DueDesk, due_desks
from db.queries.practices import Profile
from db.rules.plans import SPACING
from db.rules.settings import Settings
from db.rules.windows import is_open
from db.states import AppointmentStatus, Channel
from db.tables.deliveries import BULK, HUMAN
from tests import factories as f
from tests.db.changes.acts import (
    DOMAIN,
    FIRST_DUE,
    claim,
    claim_one,
    claim_whole,
    fates,
    minutes,
    run_until,
    send,
    sequence,
    settled,
    statuses,
    story,
    tasks,
)

EMAIL, SMS = Channel.EMAIL, Channel.SMS


async def test_nothing_is_claimed_before_it_is_due(practice: Profile) -> None:
    await f.make_absence(practice)
    assert (await claim_whole(practice, EMAIL, FIRST_DUE - timedelta(microseconds=1))).looked_at == 0
    assert len(await claim(practice, EMAIL, FIRST_DUE)) == 1


async def test_what_is_claimed_carries_all_that_its_text_needs(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    sms, email = await claim_one(practice, SMS, FIRST_DUE), await claim_one(practice, EMAIL, FIRST_DUE)
    assert (sms.address, email.address) == (missed.phone, missed.email)
    for one in (sms, email):
        assert (one.message, one.first_name, one.language, one.missed_on) == ("first", "Alix", "fr", missed.day)
        assert (one.speciality, one.attempts, one.ambiguous) == ("physiotherapy", 1, False)
        assert one.message_id.endswith(f"@{DOMAIN}>")
    assert sms.link_id != email.link_id


async def test_claimed_message_is_nobody_elses(practice: Profile) -> None:
    await f.make_absence(practice)
    assert len(await claim(practice, EMAIL, FIRST_DUE)) == 1
    assert await claim(practice, EMAIL, FIRST_DUE) == []


async def test_claim_takes_the_oldest_first_and_no_more_than_asked(practice: Profile) -> None:
    absences = [await f.make_absence(practice, starts_at=f.MISSED_AT - minutes(n)) for n in (30, 40, 0)]
    first = await claim(practice, EMAIL, f.local(16, 12), limit=2)
    rest = await claim(practice, EMAIL, f.local(16, 12), limit=2)
    assert {one.address for one in [*first, *rest]} == {absence.email for absence in absences}
    assert (len(first), len(rest)) == (2, 1)


@pytest.mark.parametrize(
    "now", [f.local(16, 19, 30), f.local(16, 23), f.local(17, 8, 59)], ids=["at the close", "at night", "early"]
)
async def test_outside_the_hours_the_same_row_waits_for_the_opening(practice: Profile, now: datetime) -> None:
    missed = await f.make_absence(practice)
    assert (await claim_whole(practice, EMAIL, now)).going == []
    row = next(d for d in await f.deliveries_of(missed.patient_key) if (d["step"], d["channel"]) == (0, "email"))
    assert (row["due_at"], row["attempt_at"], row["reason"]) == (f.local(17, 9), f.local(17, 9), "outside_hours")
    assert await story("message_deferred") == [("message_deferred", "outside_hours")]
    assert await claim(practice, EMAIL, now) == []


async def test_deferred_message_pushes_the_next_of_its_channel_by_twenty_hours(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await claim(practice, EMAIL, f.local(16, 20))
    rows = {(d["message"], d["channel"]): d["due_at"] for d in await f.deliveries_of(missed.patient_key)}
    assert rows["first", "email"] == f.local(17, 9)
    assert rows["flexible", "email"] == f.local(18, 9)
    assert rows["worth", "email"] == f.local(19, 10)
    assert rows["first", "sms"] == FIRST_DUE


async def test_practice_closed_on_saturdays_defers_to_monday(database: None) -> None:
    practice = await f.make_practice(settings=Settings(weekdays=(0, 1, 2, 3, 4)))
    missed = await f.make_absence(practice)
    closing = next(d for d in await f.deliveries_of(missed.patient_key) if d["message"] == "closing")
    assert closing["due_at"] == f.local(23, 9)


async def test_two_of_one_channel_are_never_closer_than_twenty_hours_however_late(practice: Profile) -> None:
    """The first one leaves late: the second waits on its own row, and the third follows."""
    missed = await f.make_absence(practice)
    await send(practice, f.local(16, 19))
    assert await claim(practice, EMAIL, f.local(17, 10)) == []
    flexible = next(d for d in await f.deliveries_of(missed.patient_key) if d["message"] == "flexible")
    assert (flexible["due_at"], flexible["reason"]) == (f.local(17, 15), "too_close")


@pytest.mark.parametrize(
    "late", [timedelta(), timedelta(seconds=3), timedelta(hours=5), timedelta(hours=26), timedelta(days=9)]
)
async def test_spacing_and_hours_hold_for_a_worker_that_is_late(practice: Profile, late: timedelta) -> None:
    missed = await f.make_absence(practice)
    for _ in range(40):
        row = await fetch_one("SELECT min(attempt_at) AS at FROM delivery WHERE status = 'planned'")
        assert row is not None
        if row["at"] is None:
            break
        await send(practice, row["at"] + late)
    sent = [d for d in await f.deliveries_of(missed.patient_key) if d["sent_at"]]
    assert all(is_open(d["sent_at"], practice.calendar) for d in sent)
    for channel in Channel:
        times = sorted(d["sent_at"] for d in sent if d["channel"] == channel)
        assert all(b - a >= SPACING for a, b in pairwise(times))
    assert await sequence(missed.patient_key) == ("completed", "completed")


async def test_message_whose_successor_is_due_is_skipped(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    sent = await send(practice, f.local(19, 11))
    assert [(one.message, one.channel.value) for one in sent] == [("worth", "sms"), ("worth", "email")]
    told = await fates(missed.patient_key)
    assert told["first", "sms"] == told["flexible", "email"] == ("skipped", "successor_due")


async def test_message_tried_again_does_not_follow_its_own_successor(practice: Profile) -> None:
    """The first email's next attempt falls minutes after the second one has left."""
    missed = await f.make_absence(practice)
    one = await claim_one(practice, EMAIL, FIRST_DUE)
    await settled(practice, one, Outcome.REFUSED, f.local(17, 9, 58))
    assert [mail.message for mail in await send(practice, f.local(17, 10)) if mail.channel is EMAIL] == ["flexible"]
    assert [mail.message for mail in await send(practice, f.local(17, 10, 3)) if mail.channel is EMAIL] == []
    assert (await fates(missed.patient_key))["first", "email"] == ("skipped", "successor_due")


async def test_message_under_way_keeps_the_next_of_its_channel_at_a_distance(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    one = await claim_one(practice, EMAIL, FIRST_DUE)
    await settled(practice, one, Outcome.REFUSED, f.local(17, 9, 54))
    assert [mail.message for mail in await claim(practice, EMAIL, f.local(17, 9, 59))] == ["first"]
    assert await claim(practice, EMAIL, f.local(17, 10)) == []
    assert (await fates(missed.patient_key))["flexible", "email"] == ("planned", "too_close")


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        ("UPDATE patient SET objected_at = now()", "objection"),
        ("UPDATE appointment SET status = 'attended'", "no_show_withdrawn"),
        ("UPDATE appointment SET status = 'cancelled'", "no_show_withdrawn"),
        ("UPDATE enrolment SET status = 'stopped', reason = 'rebooked'", "rebooked"),
    ],
)
async def test_what_forbids_is_looked_at_when_it_goes(practice: Profile, fact: str, reason: str) -> None:
    """Whatever way the fact came about, even one that cancelled nothing."""
    missed = await f.make_absence(practice)
    await fetch(fact)
    for channel in Channel:
        assert await claim(practice, channel, FIRST_DUE) == []
    told = await fates(missed.patient_key)
    assert told["first", "sms"] == told["first", "email"] == ("cancelled", reason)


async def test_opt_out_that_came_from_elsewhere_forbids_one_channel(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await fetch(
        "INSERT INTO channel_opt_out (practice, channel, address_index, source, created_at) "
        "SELECT practice, 'sms', phone_index, 'page', now() FROM patient"
    )
    assert [one.channel for one in await send(practice, FIRST_DUE)] == [EMAIL]
    assert (await fates(missed.patient_key))["first", "sms"] == ("cancelled", "channel_opt_out")


async def test_patient_without_a_mobile_gets_the_emails_and_the_sequence_completes(practice: Profile) -> None:
    missed = await f.make_absence(practice, phone=None, phone_kind=None)
    left = await run_until(practice, f.local(31, 12, month=12))
    assert {one.channel for _, one in left} == {EMAIL}
    assert len(left) == 5
    assert (await fates(missed.patient_key))["first", "sms"] == ("skipped", "no_address")
    assert await sequence(missed.patient_key) == ("completed", "completed")
    assert await tasks() == []


async def test_new_number_of_a_running_sequence_is_the_one_written_to(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await send(practice, FIRST_DUE)
    await f.intake([replace(missed, phone="+33687654321", email="new@mail.example")], practice, now=f.local(17, 9))
    addresses = {one.address for _, one in await run_until(practice, f.local(30, 12))}
    assert addresses == {"+33687654321", "new@mail.example"}


async def test_patient_whose_last_address_vanishes_is_handed_to_a_person(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await send(practice, FIRST_DUE)
    await f.intake([replace(missed, phone=None, phone_kind=None, email=None)], practice, now=f.local(17, 9))
    assert await run_until(practice, f.local(30, 12)) == []
    assert await sequence(missed.patient_key) == ("stopped", "unreachable")
    assert await tasks() == ["unreachable"]


async def test_patient_whose_new_number_is_opted_out_is_left_alone(practice: Profile) -> None:
    other = await f.make_absence(practice)
    (link, *_) = await f.link_ids(other.patient_key)
    await opt_out_by_link(link, channels=[SMS], source="page", now=f.MONDAY)
    missed = await f.make_absence(practice, email=None)
    await f.intake([replace(missed, phone=other.phone)], practice, now=f.MONDAY + minutes(1))
    assert [one.address for one in await send(practice, FIRST_DUE)] == [other.email]
    assert await sequence(missed.patient_key) == ("stopped", "opted_out")
    assert await tasks() == []


async def _paused(practice: Profile) -> Any:
    missed = await f.make_absence(practice)
    await record_inbound(
        practice=practice.id,
        gateway="twilio",
        provider_id="SM1",
        from_e164=str(missed.phone),
        text="Je rappelle demain",
        meaning=Meaning.REPLY,
        now=f.MONDAY,
    )
    return missed


async def test_pause_sends_nothing_and_moves_no_due_time(practice: Profile) -> None:
    missed = await _paused(practice)
    before = [d["due_at"] for d in await f.deliveries_of(missed.patient_key)]
    assert await run_until(practice, f.local(20, 12)) == []
    assert [d["due_at"] for d in await f.deliveries_of(missed.patient_key)] == before
    assert await statuses(missed.patient_key) == {"planned"}
    assert await sequence(missed.patient_key) == ("paused", "replied")


async def test_resuming_skips_what_its_successor_overtook_and_sends_the_rest(practice: Profile) -> None:
    missed = await _paused(practice)
    await run_until(practice, f.local(19, 12))
    now = f.local(19, 15)
    enrolment = await f.enrolment_of(missed.patient_key)
    assert await resume(enrolment["ref"], practice=practice.id, actor="staff:x", now=now)
    assert [(one.message, one.channel.value) for one in await send(practice, now)] == [
        ("worth", "sms"),
        ("worth", "email"),
    ]
    told = await fates(missed.patient_key)
    assert told["first", "email"] == told["flexible", "email"] == ("skipped", "successor_due")


async def test_stopped_sequence_sends_nothing_ever_again(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await send(practice, FIRST_DUE)
    enrolment = await f.enrolment_of(missed.patient_key)
    await stop_by_staff(enrolment["ref"], practice=practice.id, actor="staff:x", now=f.local(17, 9))
    assert await run_until(practice, f.local(31, 12, month=12)) == []
    assert await statuses(missed.patient_key) == {"sent", "cancelled"}


async def test_lease_and_message_id_are_written_with_the_claim(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    one = await claim_one(practice, EMAIL, FIRST_DUE)
    row = next(d for d in await f.deliveries_of(missed.patient_key) if d["id"] == one.id)
    assert (row["status"], row["lease_until"], row["attempts"]) == ("claimed", FIRST_DUE + LEASE, 1)
    assert row["message_id"] == one.message_id
    assert row["address_index"] is not None


async def test_every_attempt_has_the_same_message_id(practice: Profile) -> None:
    await f.make_absence(practice)
    now, seen = FIRST_DUE, []
    for outcome in (Outcome.AMBIGUOUS, Outcome.TEMPORARY, Outcome.TEMPORARY, Outcome.SENT):
        one = await claim_one(practice, EMAIL, now)
        seen.append((one.message_id, one.link_id, one.ambiguous))
        await settled(practice, one, outcome, now)
        now += timedelta(minutes=30)
    assert len({(ident, link) for ident, link, _ in seen}) == 1
    assert [ambiguous for *_, ambiguous in seen] == [False, True, True, True]


async def test_row_per_step_and_channel_is_unique_in_the_database(practice: Profile) -> None:
    await f.make_absence(practice)
    with pytest.raises(Exception, match="delivery_once"):
        await fetch(
            "INSERT INTO delivery (practice, ref, lane, message, channel, enrolment, step, due_at, attempt_at, status, "
            "attempts, ambiguous, created_at) SELECT practice, 'another', lane, message, channel, enrolment, step, "
            "due_at, attempt_at, status, 0, false, created_at FROM delivery LIMIT 1"
        )


async def test_held_channel_is_nobodys_desk_until_the_hold_ends(practice: Profile) -> None:
    await f.make_absence(practice)
    both = [DueDesk(practice.id, SMS), DueDesk(practice.id, EMAIL)]
    assert sorted(await due_desks(BULK, now=FIRST_DUE), key=lambda d: d.channel) == sorted(
        both, key=lambda d: d.channel
    )
    await hold_channel(practice, SMS, until=FIRST_DUE + minutes(5), code="535", now=FIRST_DUE)
    assert await due_desks(BULK, now=FIRST_DUE + minutes(4)) == [DueDesk(practice.id, EMAIL)]
    assert len(await due_desks(BULK, now=FIRST_DUE + minutes(5))) == 2


async def test_lanes_do_not_see_each_other(practice: Profile) -> None:
    await f.make_absence(practice)
    assert await due_desks(HUMAN, now=FIRST_DUE) == []
    assert (await claim_whole(practice, EMAIL, FIRST_DUE, lane=HUMAN)).looked_at == 0


async def test_claims_of_one_practice_leave_another_one_alone(practice: Profile) -> None:
    await f.make_absence(practice)
    other = replace(practice, id=practice.id + 1)
    assert (await claim_whole(other, EMAIL, FIRST_DUE)).looked_at == 0


async def test_appointment_marked_again_by_itself_is_not_needed_for_a_claim(practice: Profile) -> None:
    """A correction that is repeated changes nothing: the messages that were planned still go."""
    missed = await f.make_absence(practice)
    await f.intake([replace(missed, status=AppointmentStatus.NO_SHOW)], practice, now=f.MONDAY + minutes(1))
    assert len(await send(practice, FIRST_DUE)) == 2

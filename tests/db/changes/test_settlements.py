"""What became of a message: the sender's word, the provider's receipts, and leases that ran out."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from db.changes.deliveries import LEASE
from db.changes.enrolments import stop_by_staff
from db.changes.opt_outs import opt_out_by_link
from db.changes.settlements import REFUSED_PAUSE, Outcome, expire_leases, record_receipt
from db.engine import fetch, fetch_one, fetch_value
from db.queries.practices import Profile
from db.rules.backoff import MOST_ATTEMPTS, retry_at
from db.states import Channel
from tests import factories as f
from tests.db.changes.acts import (
    FIRST_DUE,
    claim,
    claim_one,
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
NO_PHONE: dict[str, Any] = {"phone": None, "phone_kind": None}
NO_EMAIL: dict[str, Any] = {"email": None}


async def delivery(ident: int) -> Any:
    return await fetch_one("SELECT * FROM delivery WHERE id = $1", ident)


async def receipt(practice: Profile, one: Any, outcome: Outcome, *, minute: int = 1, code: str | None = None) -> bool:
    now = FIRST_DUE + minutes(minute)
    return await record_receipt(
        practice=practice.id, reference=one.ref, provider_id="SM1", outcome=outcome, code=code, now=now
    )


async def test_sent_message_says_when_and_why(practice: Profile) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, SMS, FIRST_DUE)
    await settled(practice, one, Outcome.SENT, FIRST_DUE + minutes(1), provider_id="SM1", code="accepted")
    row = await delivery(one.id)
    assert (row["status"], row["reason"], row["provider_id"], row["code"]) == ("sent", "on_time", "SM1", "accepted")
    assert (row["sent_at"], row["lease_until"]) == (FIRST_DUE + minutes(1), None)
    assert await story("message_sent") == [("message_sent", "on_time")]


async def test_telling_twice_changes_nothing(practice: Profile) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, EMAIL, FIRST_DUE)
    for minute in (1, 2):
        await settled(practice, one, Outcome.SENT, FIRST_DUE + minutes(minute))
    assert (await delivery(one.id))["sent_at"] == FIRST_DUE + minutes(1)
    assert len(await story("message_sent")) == 1


@pytest.mark.parametrize("outcome", [Outcome.TEMPORARY, Outcome.AMBIGUOUS])
async def test_passing_failure_is_tried_again_later_each_time_and_given_up_in_the_end(
    practice: Profile, outcome: Outcome
) -> None:
    missed = await f.make_absence(practice, starts_at=f.local(16, 8), now=f.local(16, 8, 40))
    now, waits = f.local(16, 9, 10), []
    for attempt in range(1, MOST_ATTEMPTS + 1):
        one = await claim_one(practice, SMS, now)
        assert one.attempts == attempt
        await settled(practice, one, outcome, now, code="451")
        expected = retry_at(attempt, now, key=one.ref)
        row = await delivery(one.id)
        if expected is None:
            break
        assert (row["status"], row["attempt_at"], row["ambiguous"]) == ("planned", expected, outcome == "ambiguous")
        waits.append(expected - now)
        now = expected
    assert waits[:5] == sorted(waits[:5])
    assert (await fates(missed.patient_key))["first", "sms"] == ("failed", "given_up")
    assert await tasks() == ["delivery_failed"]
    assert len(await story("message_retried")) == MOST_ATTEMPTS - 1


async def test_server_that_asks_for_more_time_gets_it(practice: Profile) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, SMS, FIRST_DUE)
    await settled(practice, one, Outcome.TEMPORARY, FIRST_DUE, retry_after=3600)
    assert (await delivery(one.id))["attempt_at"] == FIRST_DUE + timedelta(hours=1)


async def test_retry_that_would_fall_into_the_night_waits_for_the_morning(practice: Profile) -> None:
    await f.make_absence(practice, starts_at=f.local(16, 17), now=f.local(16, 19))
    one = await claim_one(practice, EMAIL, f.local(16, 19, 29))
    await settled(practice, one, Outcome.TEMPORARY, f.local(16, 19, 29))
    assert await claim(practice, EMAIL, f.local(16, 19, 35)) == []
    assert (await delivery(one.id))["attempt_at"] == f.local(17, 9)
    assert len(await claim(practice, EMAIL, f.local(17, 9))) == 1


async def test_refused_credentials_cost_no_attempt_and_make_one_task_a_day(practice: Profile) -> None:
    absences = [await f.make_absence(practice, **NO_PHONE) for _ in range(3)]
    for hour in (11, 12):
        now = f.local(16, hour)
        await settled(practice, await claim(practice, EMAIL, now), Outcome.REFUSED, now, code="535")
    for absence in absences:
        row = next(d for d in await f.deliveries_of(absence.patient_key) if (d["step"], d["channel"]) == (0, "email"))
        assert (row["status"], row["attempts"], row["attempt_at"]) == ("planned", 0, f.local(16, 12) + REFUSED_PAUSE)
    assert await tasks() == ["sending_refused"]
    assert await fetch_value("SELECT urgent FROM task") is True
    await settled(practice, await claim(practice, EMAIL, f.local(17, 9)), Outcome.REFUSED, f.local(17, 9))
    assert await tasks() == ["sending_refused"] * 2


@pytest.mark.parametrize(
    ("channel", "kind", "other"), [(SMS, "delivery_failed", "email"), (EMAIL, "bounce", "sms")], ids=["sms", "email"]
)
async def test_address_that_does_not_exist_is_a_task_and_the_other_channel_goes_on(
    practice: Profile, channel: Channel, kind: str, other: str
) -> None:
    missed = await f.make_absence(practice)
    await settled(practice, await claim_one(practice, channel, FIRST_DUE), Outcome.ADDRESS_INVALID, FIRST_DUE)
    left = await run_until(practice, f.local(30, 12))
    assert {one.channel.value for _, one in left} == {other}
    assert await tasks() == [kind]
    assert await sequence(missed.patient_key) == ("completed", "completed")
    skipped = {told for (_, via), told in (await fates(missed.patient_key)).items() if via == channel}
    assert skipped == {("failed", "permanent_failure"), ("skipped", "no_address")}


@pytest.mark.parametrize(("gone", "channel"), [(NO_PHONE, EMAIL), (NO_EMAIL, SMS)])
async def test_without_another_channel_the_sequence_stops_and_a_person_takes_over(
    practice: Profile, gone: dict[str, Any], channel: Channel
) -> None:
    missed = await f.make_absence(practice, **gone)
    await settled(practice, await claim_one(practice, channel, FIRST_DUE), Outcome.ADDRESS_INVALID, FIRST_DUE)
    assert await sequence(missed.patient_key) == ("stopped", "unreachable")
    assert (await tasks())[-1] == "unreachable"
    assert "planned" not in await statuses(missed.patient_key)


async def test_both_addresses_failing_one_after_the_other_stops_the_sequence(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    for channel in Channel:
        await settled(practice, await claim_one(practice, channel, FIRST_DUE), Outcome.ADDRESS_INVALID, FIRST_DUE)
    assert await sequence(missed.patient_key) == ("stopped", "unreachable")
    assert sorted(await tasks()) == ["bounce", "delivery_failed", "unreachable"]


async def test_one_address_invalid_and_the_other_opted_out_is_unreachable(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    await opt_out_by_link(link, channels=[EMAIL], source="page", now=f.MONDAY)
    await settled(practice, await claim_one(practice, SMS, FIRST_DUE), Outcome.ADDRESS_INVALID, FIRST_DUE)
    assert await sequence(missed.patient_key) == ("stopped", "unreachable")
    assert sorted(await tasks()) == ["delivery_failed", "unreachable"]


async def test_number_corrected_and_wrong_again_is_a_second_task(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await settled(practice, await claim_one(practice, SMS, FIRST_DUE), Outcome.ADDRESS_INVALID, FIRST_DUE)
    await f.intake([replace(missed, phone="+33699999999")], practice, now=f.local(17, 9))
    await settled(practice, await claim_one(practice, SMS, f.local(19, 10)), Outcome.ADDRESS_INVALID, f.local(19, 10))
    assert await tasks() == ["delivery_failed"] * 2


async def test_bounce_of_an_old_address_does_not_condemn_the_new_one(practice: Profile) -> None:
    missed = await f.make_absence(practice, email=None)
    one = await claim_one(practice, SMS, FIRST_DUE)
    await settled(practice, one, Outcome.SENT, FIRST_DUE, provider_id="SM1")
    await f.intake([replace(missed, phone="+33699999999")], practice, now=FIRST_DUE + minutes(1))
    assert await receipt(practice, one, Outcome.ADDRESS_INVALID, minute=2)
    assert await fetch_value("SELECT phone_invalid_at FROM patient") is None
    assert await sequence(missed.patient_key) == ("active", None)
    assert await tasks() == ["delivery_failed"]


async def test_opt_out_held_by_the_provider_is_of_the_number_that_was_written_to(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    one = await claim_one(practice, SMS, FIRST_DUE)
    await settled(practice, one, Outcome.SENT, FIRST_DUE)
    await f.intake([replace(missed, phone="+33699999999")], practice, now=FIRST_DUE + minutes(1))
    assert await receipt(practice, one, Outcome.BLOCKED, minute=2)
    row = await fetch_one(
        "SELECT o.address_index = d.address_index AS old, o.address_index = p.phone_index AS new "
        "FROM channel_opt_out o, delivery d, patient p WHERE d.id = $1",
        one.id,
    )
    assert row is not None
    assert (row["old"], row["new"]) == (True, False)


async def test_blocked_number_opts_the_whole_family_out(practice: Profile) -> None:
    parent = await f.make_absence(practice, phone="+33611111111")
    child = await f.make_absence(practice, phone="+33611111111", email=None)
    one = next(one for one in await claim(practice, SMS, FIRST_DUE) if one.enrolment is not None)
    await settled(practice, one, Outcome.BLOCKED, FIRST_DUE, code="21610")
    assert await fetch_value("SELECT source FROM channel_opt_out") == "provider"
    assert await sequence(child.patient_key) == ("stopped", "opted_out")
    assert await sequence(parent.patient_key) == ("active", None)
    parents = [told for (_, channel), told in (await fates(parent.patient_key)).items() if channel == "sms"]
    assert [told for told in parents if told[0] == "cancelled"] == [("cancelled", "channel_opt_out")] * 2
    assert await tasks() == []


@pytest.mark.parametrize(
    ("outcome", "fate", "task"),
    [
        (Outcome.FAILED, ("failed", "permanent_failure"), "delivery_failed"),
        (Outcome.TEXT_REFUSED, ("failed", "text_refused"), "text_refused"),
    ],
)
async def test_message_that_will_never_go_is_a_task_and_the_sequence_goes_on(
    practice: Profile, outcome: Outcome, fate: tuple[str, str], task: str
) -> None:
    missed = await f.make_absence(practice)
    await settled(practice, await claim_one(practice, SMS, FIRST_DUE), outcome, FIRST_DUE)
    assert (await fates(missed.patient_key))["first", "sms"] == fate
    assert await tasks() == [task]
    assert await sequence(missed.patient_key) == ("active", None)


async def test_sequence_completes_with_its_last_message_whatever_became_of_it(practice: Profile) -> None:
    missed = await f.make_absence(practice, **NO_PHONE)
    await run_until(practice, f.local(22, 12))
    await send(practice, f.local(23, 10), outcome=Outcome.FAILED)
    assert await sequence(missed.patient_key) == ("completed", "completed")


# Leases: each point at which a worker may die.


async def test_worker_that_died_after_its_claim_gives_the_message_back_as_ambiguous(practice: Profile) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, EMAIL, FIRST_DUE)
    assert await expire_leases(now=FIRST_DUE + LEASE - timedelta(microseconds=1)) == 0
    assert await expire_leases(now=FIRST_DUE + LEASE) == 1
    assert await expire_leases(now=FIRST_DUE + LEASE) == 0
    again = await claim_one(practice, EMAIL, FIRST_DUE + LEASE)
    assert (again.message_id, again.attempts, again.ambiguous) == (one.message_id, 2, True)
    await settled(practice, again, Outcome.SENT, FIRST_DUE + LEASE)
    assert (await delivery(one.id))["reason"] == "ambiguous"
    assert await story("message_retried", "message_sent") == [
        ("message_retried", "lease_expired"),
        ("message_sent", "ambiguous"),
    ]


@pytest.mark.parametrize("again", ["planned", "claimed"], ids=["given back", "claimed anew"])
async def test_late_word_of_a_message_that_left_is_believed(practice: Profile, again: str) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, EMAIL, FIRST_DUE)
    later = FIRST_DUE + LEASE
    await expire_leases(now=later)
    if again == "claimed":
        await claim_one(practice, EMAIL, later)
    await settled(practice, one, Outcome.SENT, later)
    assert (await delivery(one.id))["status"] == "sent"
    assert await claim(practice, EMAIL, later + minutes(10)) == []


@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in (Outcome.SENT, Outcome.DELIVERED)])
async def test_late_word_of_a_failure_does_not_undo_the_next_claim(practice: Profile, outcome: Outcome) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, EMAIL, FIRST_DUE)
    later = FIRST_DUE + LEASE
    await expire_leases(now=later)
    again = await claim_one(practice, EMAIL, later)
    await settled(practice, one, outcome, later)
    row = await delivery(one.id)
    assert (row["status"], row["attempts"]) == ("claimed", again.attempts)
    assert await tasks() == []


async def test_worker_that_dies_each_time_is_not_fed_for_ever(practice: Profile) -> None:
    missed = await f.make_absence(practice, **NO_EMAIL)
    now = FIRST_DUE
    for _ in range(MOST_ATTEMPTS):
        assert len(await claim(practice, SMS, now)) == 1
        now += LEASE
        await expire_leases(now=now)
    assert (await fates(missed.patient_key))["first", "sms"] == ("failed", "given_up")
    assert await tasks() == ["delivery_failed"]


async def test_message_under_way_at_a_stop_is_told_as_sent_when_it_left(practice: Profile) -> None:
    """The lease had run out: nobody waited for it any more, but its sender lives and reports."""
    missed = await f.make_absence(practice, **NO_PHONE)
    one = await claim_one(practice, EMAIL, FIRST_DUE)
    enrolment = await f.enrolment_of(missed.patient_key)
    await stop_by_staff(enrolment["ref"], practice=practice.id, actor="staff:x", now=FIRST_DUE + LEASE)
    await settled(practice, one, Outcome.SENT, FIRST_DUE + LEASE)
    assert (await fates(missed.patient_key))["first", "email"][0] == "sent"
    assert await sequence(missed.patient_key) == ("stopped", "stopped_by_staff")


async def test_expired_message_of_a_stopped_sequence_does_not_go_again(practice: Profile) -> None:
    missed = await f.make_absence(practice, **NO_PHONE)
    await claim_one(practice, EMAIL, FIRST_DUE)
    enrolment = await f.enrolment_of(missed.patient_key)
    later = FIRST_DUE + LEASE
    await stop_by_staff(enrolment["ref"], practice=practice.id, actor="staff:x", now=later)
    await expire_leases(now=later)
    assert await claim(practice, EMAIL, later) == []
    assert (await fates(missed.patient_key))["first", "email"] == ("cancelled", "stopped_by_staff")


# Receipts: early, late, twice, in any order.

TOLD = (Outcome.SENT, Outcome.DELIVERED)


@pytest.mark.parametrize("order", [*itertools.permutations(("settle", *TOLD)), ("settle", *TOLD, *TOLD)])
async def test_receipts_in_any_order_end_as_delivered_and_told_once(
    practice: Profile, order: tuple[str | Outcome, ...]
) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, SMS, FIRST_DUE)
    for minute, step in enumerate(order):
        if isinstance(step, Outcome):
            await receipt(practice, one, step, minute=minute)
        else:
            await settled(practice, one, Outcome.SENT, FIRST_DUE + minutes(minute), provider_id="SM1")
    row = await delivery(one.id)
    assert (row["status"], row["provider_id"]) == ("delivered", "SM1")
    assert row["sent_at"] is not None
    assert len(await story("message_sent")) == 1
    assert len(await story("message_delivered")) == 1


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ((Outcome.DELIVERED, Outcome.FAILED), "delivered"),
        ((Outcome.FAILED, Outcome.DELIVERED), "failed"),
        ((Outcome.FAILED, Outcome.SENT, Outcome.FAILED), "failed"),
    ],
)
async def test_first_final_word_stands(practice: Profile, outcomes: tuple[Outcome, ...], status: str) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, SMS, FIRST_DUE)
    await settled(practice, one, Outcome.SENT, FIRST_DUE)
    told = [await receipt(practice, one, outcome) for outcome in outcomes]
    assert told == [True] + [False] * (len(outcomes) - 1)
    assert (await delivery(one.id))["status"] == status
    assert await tasks() == (["delivery_failed"] if status == "failed" else [])


@pytest.mark.parametrize(
    "outcome", [Outcome.TEMPORARY, Outcome.AMBIGUOUS, Outcome.REFUSED, Outcome.FAILED, Outcome.TEXT_REFUSED]
)
async def test_provider_that_gives_up_for_whatever_reason_makes_a_task(practice: Profile, outcome: Outcome) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, SMS, FIRST_DUE)
    await settled(practice, one, Outcome.SENT, FIRST_DUE)
    assert await receipt(practice, one, outcome, code="30008")
    row = await delivery(one.id)
    assert (row["status"], row["code"]) == ("failed", "30008")
    assert len(await tasks()) == 1


async def test_receipt_that_overtakes_the_settling_ends_the_attempt(practice: Profile) -> None:
    missed = await f.make_absence(practice, **NO_EMAIL)
    one = await claim_one(practice, SMS, FIRST_DUE)
    assert await receipt(practice, one, Outcome.DELIVERED)
    await settled(practice, one, Outcome.AMBIGUOUS, FIRST_DUE + minutes(2))
    assert (await fates(missed.patient_key))["first", "sms"][0] == "delivered"
    assert await claim(practice, SMS, FIRST_DUE + minutes(30)) == []


async def test_receipt_for_a_message_given_back_proves_that_it_left(practice: Profile) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, SMS, FIRST_DUE)
    await expire_leases(now=FIRST_DUE + LEASE)
    assert await receipt(practice, one, Outcome.SENT)
    assert await claim(practice, SMS, FIRST_DUE + minutes(10)) == []


async def test_receipt_is_found_by_the_providers_own_id(practice: Profile) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, SMS, FIRST_DUE)
    await settled(practice, one, Outcome.SENT, FIRST_DUE, provider_id="SM1")
    args = {"practice": practice.id, "reference": None, "outcome": Outcome.DELIVERED, "code": None, "now": FIRST_DUE}
    assert await record_receipt(provider_id="SM1", **args)  # type: ignore[arg-type]


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_receipt_of_something_unknown_or_never_tried_is_harmless(practice: Profile, outcome: Outcome) -> None:
    missed = await f.make_absence(practice)
    (row, *_) = await f.deliveries_of(missed.patient_key)
    for reference, ident in (("nobody", practice.id), (row["ref"], practice.id), (row["ref"], practice.id + 1)):
        assert not await record_receipt(
            practice=ident, reference=reference, provider_id="SM9", outcome=outcome, code=None, now=FIRST_DUE
        )
    assert await statuses(missed.patient_key) == {"planned"}


@pytest.mark.parametrize("outcome", [Outcome.ADDRESS_INVALID, Outcome.BLOCKED, Outcome.FAILED, Outcome.DELIVERED])
async def test_receipt_after_the_end_of_the_sequence_is_taken_in(practice: Profile, outcome: Outcome) -> None:
    """The last SMS comes back after its settling has completed the sequence."""
    missed = await f.make_absence(practice, **NO_EMAIL)
    left = await run_until(practice, f.local(30, 12))
    assert await sequence(missed.patient_key) == ("completed", "completed")
    assert await receipt(practice, left[-1][1], outcome)
    assert await sequence(missed.patient_key) == ("completed", "completed")
    expected = {Outcome.ADDRESS_INVALID: ["delivery_failed"], Outcome.FAILED: ["delivery_failed"]}
    assert await tasks() == expected.get(outcome, [])


async def test_receipt_that_fails_the_last_message_completes_the_sequence(practice: Profile) -> None:
    missed = await f.make_absence(practice, **NO_EMAIL)
    await run_until(practice, f.local(22, 12))
    assert await claim(practice, EMAIL, f.local(23, 10)) == []
    one = await claim_one(practice, SMS, f.local(23, 10))
    assert await receipt(practice, one, Outcome.FAILED)
    assert await sequence(missed.patient_key) == ("completed", "completed")


async def test_links_live_thirty_days_after_the_last_message_left(practice: Profile) -> None:
    missed = await f.make_absence(practice, **NO_PHONE)
    await fetch("UPDATE enrolment SET links_expire_at = $1", f.local(20, 10))
    await send(practice, f.local(16, 11))
    enrolment = await f.enrolment_of(missed.patient_key)
    assert enrolment["links_expire_at"] == f.local(16, 11) + timedelta(days=30)

"""An email that comes back after it was sent: seconds later, days later, twice, or to an address of the past."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from db.changes.enrolments import stop_by_staff
from db.changes.settlements import Outcome, record_bounce, record_receipt
from db.engine import fetch, fetch_one
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.states import Channel
from tests import factories as f
from tests.db.changes import acts

SENT = acts.FIRST_DUE
LATER = SENT + timedelta(minutes=5)


async def sent_email(practice: Profile, **changes: Any) -> tuple[IntakeRow, str]:
    """An absence whose first messages have left, and the reference of the email among them."""
    absence = await f.make_absence(practice, **changes)
    left = await acts.send(practice, SENT)
    return absence, next(one.ref for one in left if one.channel is Channel.EMAIL)


async def bounced(reference: str, code: str = "5.1.1") -> bool:
    return await record_bounce(reference=reference, permanent=code.startswith("5"), code=code, now=LATER)


async def email_of(patient_key: str) -> Any:
    return await fetch_one("SELECT email, email_index, email_invalid_at FROM patient WHERE key = $1", patient_key)


async def tasks() -> Sequence[Any]:
    return await fetch("SELECT kind, reason, patient, delivery, assignee, fallback FROM task ORDER BY id")


async def test_unknown_mailbox_closes_the_address_and_tells_a_person(practice: Profile) -> None:
    absence, reference = await sent_email(practice)
    assert await bounced(reference) is True
    assert (await acts.fates(absence.patient_key))["first", "email"] == ("failed", "bounced")
    assert (await email_of(absence.patient_key))["email_invalid_at"] == LATER
    (task,) = await tasks()
    assert (task["kind"], task["reason"]) == ("bounce", "bounced")
    assert None not in (task["patient"], task["delivery"], task["assignee"], task["fallback"])
    assert await acts.story("message_failed", "address_invalid", "task_opened") == [
        ("message_failed", "bounced"),
        ("address_invalid", None),
        ("task_opened", "bounce"),
    ]
    told = await fetch_one("SELECT actor, data FROM journal WHERE event = 'message_failed'")
    assert told is not None
    assert told["actor"] == "mail_server"
    assert '"code": "5.1.1"' in told["data"]


async def test_other_channel_goes_on_and_no_email_follows(practice: Profile) -> None:
    absence, reference = await sent_email(practice)
    await bounced(reference)
    assert await acts.sequence(absence.patient_key) == ("active", None)
    left = [one.channel for _, one in await acts.run_until(practice, f.local(30, 12))]
    assert left == [Channel.SMS, Channel.SMS]


async def test_patient_whom_nothing_reaches_any_more_is_handed_to_a_person(practice: Profile) -> None:
    absence, reference = await sent_email(practice, phone=None, phone_kind=None)
    await bounced(reference)
    assert await acts.sequence(absence.patient_key) == ("stopped", "unreachable")
    assert await acts.tasks() == ["bounce", "unreachable"]


@pytest.mark.parametrize("code", ["5.1.1", "5.7.1", "4.4.1"])
async def test_same_bounce_again_changes_nothing(practice: Profile, code: str) -> None:
    _, reference = await sent_email(practice)
    assert await bounced(reference, code) is True
    before = await f.events()
    assert await bounced(reference, code) is False
    assert await f.events() == before
    assert len(await tasks()) == 1


@pytest.mark.parametrize("code", ["4.4.1", "4.2.2", "5.2.2", "5.7.1", "5.7.26", "5.3.4", "5.6.0"])
async def test_refusal_that_is_not_about_the_address_leaves_it_open_and_tells_a_person(
    practice: Profile, code: str
) -> None:
    absence, reference = await sent_email(practice)
    assert await bounced(reference, code) is True
    assert (await acts.fates(absence.patient_key))["first", "email"] == ("failed", "bounced")
    assert (await email_of(absence.patient_key))["email_invalid_at"] is None
    assert [(task["kind"], task["reason"]) for task in await tasks()] == [("delivery_failed", "bounced")]
    assert await acts.sequence(absence.patient_key) == ("active", None)


async def test_returned_message_is_not_sent_anew(practice: Profile) -> None:
    absence, reference = await sent_email(practice)
    await bounced(reference, "4.4.1")
    left = [one.message for _, one in await acts.run_until(practice, f.local(30, 12)) if one.channel is Channel.EMAIL]
    assert left == ["flexible", "worth", "closing", "last"]
    assert await acts.sequence(absence.patient_key) == ("completed", "completed")


async def test_full_mailbox_is_one_thing_to_look_at_however_many_messages_come_back(practice: Profile) -> None:
    await f.make_absence(practice)
    left = [one for _, one in await acts.run_until(practice, f.local(30, 12)) if one.channel is Channel.EMAIL]
    for one in left:
        assert await bounced(one.ref, "4.2.2") is True
    assert len(left) == 5
    assert await acts.tasks() == ["delivery_failed"]


async def test_each_patient_gets_a_task_of_their_own(practice: Profile) -> None:
    for _ in range(3):
        await f.make_absence(practice)
    left = [one for one in await acts.send(practice, SENT) if one.channel is Channel.EMAIL]
    for one, code in zip(left, ["5.1.1", "4.4.1", "5.7.1"], strict=True):
        await bounced(one.ref, code)
    assert await acts.tasks() == ["bounce", "delivery_failed", "delivery_failed"]


async def test_bounce_of_an_address_that_was_changed_meanwhile_leaves_the_new_one_open(practice: Profile) -> None:
    absence, reference = await sent_email(practice)
    await f.intake([f.row(**(fields(absence) | {"email": "nouvelle@mail.example"}))], practice, now=SENT)
    assert await bounced(reference) is True
    assert (await email_of(absence.patient_key))["email_invalid_at"] is None
    assert (await acts.fates(absence.patient_key))["first", "email"] == ("failed", "bounced")
    assert [(task["kind"], task["reason"]) for task in await tasks()] == [("delivery_failed", "bounced")]
    (again,) = await acts.claim(practice, Channel.EMAIL, f.local(17, 11))
    assert again.address == "nouvelle@mail.example"


async def test_new_address_that_bounces_too_is_told_again(practice: Profile) -> None:
    absence, reference = await sent_email(practice)
    await bounced(reference)
    await f.intake([f.row(**(fields(absence) | {"email": "nouvelle@mail.example"}))], practice, now=LATER)
    assert (await email_of(absence.patient_key))["email_invalid_at"] is None
    (again,) = [one for one in await acts.send(practice, f.local(17, 11)) if one.channel is Channel.EMAIL]
    assert await bounced(again.ref) is True
    assert (await email_of(absence.patient_key))["email_invalid_at"] is not None
    assert await acts.tasks() == ["bounce", "bounce"]


async def test_receipt_of_a_number_that_was_changed_meanwhile_leaves_the_new_one_open(practice: Profile) -> None:
    absence = await f.make_absence(practice)
    sms = next(one for one in await acts.send(practice, SENT) if one.channel is Channel.SMS)
    await f.intake([f.row(**(fields(absence) | {"phone": "+33699999999"}))], practice, now=SENT)
    assert await record_receipt(
        practice=practice.id,
        reference=sms.ref,
        provider_id="SM1",
        outcome=Outcome.ADDRESS_INVALID,
        code="30005",
        now=LATER,
    )
    row = await fetch_one("SELECT phone_invalid_at FROM patient WHERE key = $1", absence.patient_key)
    assert row is not None
    assert row["phone_invalid_at"] is None
    assert await acts.tasks() == ["delivery_failed"]


def fields(absence: IntakeRow) -> dict[str, Any]:
    return {name: getattr(absence, name) for name in IntakeRow.__dataclass_fields__}


@pytest.mark.parametrize("code", ["5.1.1", "4.4.1"])
async def test_bounce_after_the_last_message_reopens_nothing(practice: Profile, code: str) -> None:
    absence = await f.make_absence(practice, phone=None, phone_kind=None)
    left = [one for _, one in await acts.run_until(practice, f.local(30, 12))]
    assert await acts.sequence(absence.patient_key) == ("completed", "completed")
    assert await bounced(left[-1].ref, code) is True
    assert await acts.sequence(absence.patient_key) == ("completed", "completed")
    assert len(await tasks()) == 1


async def test_bounce_that_is_quicker_than_its_own_settlement_wins(practice: Profile) -> None:
    absence = await f.make_absence(practice)
    claimed = await acts.claim_one(practice, Channel.EMAIL, SENT)
    assert await bounced(claimed.ref) is True
    await acts.settled(practice, claimed, Outcome.SENT, LATER)
    assert (await acts.fates(absence.patient_key))["first", "email"] == ("failed", "bounced")
    assert (await email_of(absence.patient_key))["email_invalid_at"] == LATER


async def test_message_that_will_be_tried_again_is_not_given_up_for_a_passing_failure(practice: Profile) -> None:
    absence = await f.make_absence(practice)
    claimed = await acts.claim_one(practice, Channel.EMAIL, SENT)
    await acts.settled(practice, claimed, Outcome.AMBIGUOUS, SENT)
    assert await bounced(claimed.ref, "4.4.1") is False
    assert (await acts.fates(absence.patient_key))["first", "email"] == ("planned", "ambiguous")
    assert await bounced(claimed.ref, "5.1.1") is True
    assert (await acts.fates(absence.patient_key))["first", "email"] == ("failed", "bounced")


async def test_address_is_closed_even_where_the_message_was_cancelled_after_an_ambiguous_attempt(
    practice: Profile,
) -> None:
    absence = await f.make_absence(practice)
    claimed = await acts.claim_one(practice, Channel.EMAIL, SENT)
    await acts.settled(practice, claimed, Outcome.AMBIGUOUS, SENT)
    enrolment = await f.enrolment_of(absence.patient_key)
    await stop_by_staff(enrolment["ref"], practice=practice.id, actor="staff:x", now=SENT)
    assert await bounced(claimed.ref) is True
    assert (await acts.fates(absence.patient_key))["first", "email"] == ("cancelled", "stopped_by_staff")
    assert (await email_of(absence.patient_key))["email_invalid_at"] == LATER
    await bounced(claimed.ref)
    assert await acts.tasks() == ["bounce"]


async def test_reference_that_means_no_sent_email_is_harmless(practice: Profile) -> None:
    absence = await f.make_absence(practice)
    planned = [row["ref"] for row in await f.deliveries_of(absence.patient_key)]
    before = await f.events()
    for reference in ["k3n2p8vxw4ra", "", *planned]:
        assert await bounced(reference) is False
    assert await f.events() == before


async def test_sms_cannot_bounce(practice: Profile) -> None:
    await f.make_absence(practice)
    sms = next(one for one in await acts.send(practice, SENT) if one.channel is Channel.SMS)
    assert await bounced(sms.ref) is False


async def test_notice_to_the_practice_that_comes_back_is_told_to_a_person(practice: Profile) -> None:
    await fetch(
        "INSERT INTO delivery (practice, ref, lane, message, channel, due_at, attempt_at, status, attempts, "
        "created_at) VALUES ($1, 'k3n2p8vxw4ra', 'human', 'notice_booked', 'email', $2, $2, 'sent', 1, $2)",
        practice.id,
        SENT,
    )
    assert await bounced("k3n2p8vxw4ra") is True
    (task,) = await tasks()
    assert (task["kind"], task["reason"], task["patient"]) == ("delivery_failed", "bounced", None)

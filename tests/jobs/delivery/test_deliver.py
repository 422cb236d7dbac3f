"""Claim, send, settle against a real database, a real SMTP conversation and a gateway over HTTP."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from db.changes.bookings import book, cancel, move
from db.changes.enrolments import stop_by_staff
from db.changes.settlements import expire_leases
from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.links import patient_page
from db.states import DeliveryStatus, Reason
from tests import factories as f
from tests.jobs.delivery.conftest import Wired

FIRST_DUE = f.local(16, 10, 40)


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


async def statuses(patient_key: str) -> list[tuple[str, str, str, str | None]]:
    return [(d["message"], d["channel"], d["status"], d["reason"]) for d in await f.deliveries_of(patient_key)]


async def test_first_touchpoint_goes_by_sms_and_email_once(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    assert await wired.tick() == 2
    assert await wired.tick() == 0
    assert [form["To"] for form in wired.twilio.sent] == [absence.phone]
    (mail,) = wired.smtp.received
    assert mail.rcpt_tos == [absence.email]
    assert (await statuses(absence.patient_key))[:2] == [
        ("first", "sms", "sent", "on_time"),
        ("first", "email", "sent", "on_time"),
    ]


async def test_nothing_goes_before_it_is_due(wired: Wired) -> None:
    await f.make_absence(wired.practice)
    clock.move_to(FIRST_DUE - timedelta(minutes=1))
    assert await wired.tick() == 0
    assert wired.smtp.received == []
    assert wired.twilio.sent == []


async def test_email_carries_what_the_standards_ask(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    mail = parsed(wired.smtp.received[0].content)
    stored = await fetch_value(
        "SELECT message_id FROM delivery WHERE channel = 'email' AND status = 'sent' AND patient IS NOT NULL"
    )
    unsubscribe = str(mail["List-Unsubscribe"]).strip("<>")
    assert mail["Message-ID"] == stored
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert unsubscribe.startswith("https://rdv.example/u/")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Reply-To"] == "accueil@tilleuls.example"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    link = next(word for word in text.get_content().split() if word.startswith("https://rdv.example/r/"))
    assert link in html.get_content()
    assert len(link) <= 52
    assert absence.last_name not in mail.as_string()


@pytest.mark.parametrize("answer", ["450 4.2.0 greylisted", "421 4.3.0 busy"])
async def test_temporary_failure_is_tried_again_under_the_same_message_id(wired: Wired, answer: str) -> None:
    absence = await f.make_absence(wired.practice, phone=None, phone_kind=None)
    wired.smtp.script.answers["RCPT"] = [answer]
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    first = await f.deliveries_of(absence.patient_key)
    assert first[1]["status"] == DeliveryStatus.PLANNED
    assert first[1]["reason"] == Reason.TEMPORARY_FAILURE
    clock.move_to(FIRST_DUE + timedelta(minutes=3))
    await wired.tick()
    (mail,) = wired.smtp.received
    assert parsed(mail.content)["Message-ID"] == first[1]["message_id"]
    assert (await f.deliveries_of(absence.patient_key))[1]["attempts"] == 2


async def test_body_without_an_answer_is_ambiguous_and_keeps_its_message_id(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice, phone=None, phone_kind=None)
    wired.smtp.script.drops["BODY"] = 1
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    assert (await f.deliveries_of(absence.patient_key))[1]["ambiguous"] is True
    clock.move_to(FIRST_DUE + timedelta(minutes=5))
    await wired.tick()
    ids = {parsed(mail.content)["Message-ID"] for mail in wired.smtp.received}
    assert len(wired.smtp.received) == 2
    assert len(ids) == 1
    assert ("first", "email", "sent", "ambiguous") in await statuses(absence.patient_key)


async def test_server_down_costs_no_attempt(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice, phone=None, phone_kind=None)
    await wired.smtp.stop()
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    assert await wired.tick() == 0
    assert (await f.deliveries_of(absence.patient_key))[1]["attempts"] == 0
    await wired.smtp.start()
    clock.move_by(timedelta(seconds=31))
    assert await wired.tick() == 1


async def test_server_down_for_long_becomes_one_urgent_task(wired: Wired) -> None:
    await f.make_absence(wired.practice, phone=None, phone_kind=None)
    await wired.smtp.stop()
    for minutes in (0, 10, 20, 30):
        clock.move_to(FIRST_DUE + timedelta(minutes=minutes, seconds=1))
        await wired.tick()
    tasks = await fetch("SELECT kind, urgent FROM task")
    assert [(row["kind"], row["urgent"]) for row in tasks] == [("sending_refused", True)]


async def test_one_contact_that_does_not_open_holds_up_nobody_else(wired: Wired) -> None:
    broken = await f.make_absence(wired.practice, phone=None, phone_kind=None)
    sound = await f.make_absence(wired.practice, phone=None, phone_kind=None)
    await fetch("UPDATE patient SET email = email || '\\x00'::bytea WHERE key = $1", broken.patient_key)
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    assert [mail.rcpt_tos for mail in wired.smtp.received] == [[sound.email]]
    assert ("first", "email", "failed", "permanent_failure") in await statuses(broken.patient_key)
    assert [row["kind"] for row in await fetch("SELECT kind FROM task")] == ["delivery_failed"]


async def test_unknown_mailbox_becomes_a_task_and_the_other_channel_goes_on(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    wired.smtp.script.answers["RCPT"] = ["550 5.1.1 no such user"]
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    assert ("first", "email", "failed", "permanent_failure") in await statuses(absence.patient_key)
    assert len(wired.twilio.sent) == 1
    assert [row["kind"] for row in await fetch("SELECT kind FROM task")] == ["bounce"]
    assert (await f.enrolment_of(absence.patient_key))["status"] == "active"
    clock.move_to(f.local(17, 11))
    await wired.tick()
    assert ("flexible", "email", "skipped", "no_address") in await statuses(absence.patient_key)


async def test_patient_whom_nothing_reaches_any_more_is_handed_to_a_person(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice, phone=None, phone_kind=None)
    wired.smtp.script.answers["RCPT"] = ["550 5.1.1 no such user"]
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    enrolment = await f.enrolment_of(absence.patient_key)
    assert (enrolment["status"], enrolment["reason"]) == ("stopped", "unreachable")
    kinds = {row["kind"] for row in await fetch("SELECT kind FROM task")}
    assert kinds == {"bounce", "unreachable"}


async def test_refused_credentials_hold_the_channel_and_tell_a_person_once(wired: Wired) -> None:
    for _ in range(3):
        await f.make_absence(wired.practice, email=None)
    wired.twilio.answers = [(401, 20003)] * 10
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    await wired.tick()
    tasks = await fetch("SELECT kind, urgent FROM task")
    assert [(row["kind"], row["urgent"]) for row in tasks] == [("sending_refused", True)]
    wired.twilio.answers = []
    clock.move_to(FIRST_DUE + timedelta(minutes=10))
    await wired.tick()
    assert len(wired.twilio.sent) == 3


async def test_opt_out_known_to_the_provider_enters_our_register(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    wired.twilio.answers = [(400, 21610)]
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    told = await statuses(absence.patient_key)
    assert [status for _, channel, status, _ in told if channel == "sms"] == ["failed", "cancelled", "cancelled"]
    assert await fetch_value("SELECT source FROM channel_opt_out") == "provider"


async def test_sms_whose_answer_was_lost_is_looked_for_and_not_sent_twice(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice, email=None, starts_at=f.local(16, 9, 50))
    wired.twilio.answers = ["hang up"]
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    assert (await f.deliveries_of(absence.patient_key))[0]["ambiguous"] is True
    clock.move_to(FIRST_DUE + timedelta(minutes=5))
    await wired.tick()
    assert len(wired.twilio.sent) == 1
    assert wired.twilio.asked == 1
    assert ("first", "sms", "sent", "ambiguous") in await statuses(absence.patient_key)


async def test_worker_that_died_between_claim_and_send_loses_nothing(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice, phone=None, phone_kind=None)
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await fetch(
        "UPDATE delivery SET status = 'claimed', attempts = 1, claimed_at = $1, lease_until = $2 "
        "WHERE channel = 'email' AND step = 0",
        clock.now(),
        clock.now() + timedelta(seconds=30),
    )
    assert await wired.tick() == 0
    clock.move_by(timedelta(seconds=31))
    assert await expire_leases(now=clock.now()) == 1
    assert await wired.tick() == 1
    assert ("first", "email", "sent", "ambiguous") in await statuses(absence.patient_key)


async def test_stop_leaves_nothing_to_send(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    enrolment = await f.enrolment_of(absence.patient_key)
    await stop_by_staff(enrolment["ref"], practice=wired.practice.id, actor="staff:x", now=f.MONDAY)
    clock.move_to(f.local(24, 12))
    assert await wired.tick() == 0
    assert wired.smtp.received == []
    assert {status for _, _, status, _ in await statuses(absence.patient_key)} == {"cancelled"}


async def test_practice_hears_of_a_booking_a_move_and_a_cancellation(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    link = (await f.link_ids(absence.patient_key))[0]
    now = f.local(16, 11)
    clock.move_to(now)
    page = await patient_page(link, now=now)
    assert page is not None
    first, second = page.slots[0].starts_at, page.slots[1].starts_at
    await book(link, starts_at=first, now=now)
    await move(link, starts_at=second, now=now + timedelta(minutes=1))
    await cancel(link, now=now + timedelta(minutes=2))
    clock.move_to(now + timedelta(minutes=3))
    assert await wired.human.send_due() == 3
    mails = sorted((parsed(mail.content) for mail in wired.smtp.received), key=lambda mail: calendar(mail)["SEQUENCE"])
    assert [calendar(mail)["SEQUENCE"] for mail in mails] == ["0", "1", "2"]
    assert len({calendar(mail)["UID"] for mail in mails}) == 1
    assert [calendar(mail)["STATUS"] for mail in mails] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    for mail in mails:
        assert mail["To"] == "accueil@tilleuls.example"
        assert mail["List-Unsubscribe"] is None
        assert absence.patient_key in mail.as_string()
        assert "Alix" not in mail.as_string()


def calendar(mail: EmailMessage) -> dict[str, str]:
    (file,) = mail.iter_attachments()
    lines = file.get_content().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


async def test_five_moments_arrive_on_their_days_and_then_nothing(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    when: list[tuple[str, str, str]] = []
    moment = FIRST_DUE
    while moment < f.local(30, 12):
        clock.move_to(moment + timedelta(seconds=1))
        await wired.tick()
        moment += timedelta(minutes=30)
    for row in await f.deliveries_of(absence.patient_key):
        assert row["status"] == "sent"
        when.append((row["message"], row["channel"], f"{row['sent_at'].astimezone(f.PARIS):%a %d %H}"))
    assert when == [
        ("first", "sms", "Mon 16 10"),
        ("first", "email", "Mon 16 10"),
        ("flexible", "email", "Tue 17 10"),
        ("worth", "sms", "Thu 19 10"),
        ("worth", "email", "Thu 19 10"),
        ("closing", "email", "Sat 21 10"),
        ("last", "sms", "Mon 23 10"),
        ("last", "email", "Mon 23 10"),
    ]
    assert (await f.enrolment_of(absence.patient_key))["status"] == "completed"

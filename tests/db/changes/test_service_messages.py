"""What the patient is told of an appointment that was booked through a link: planned, replaced, withdrawn."""

import asyncio
import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from db.changes.bookings import book, cancel, confirm, move
from db.changes.intake import record_appointments
from db.engine import fetch, fetch_value
from db.queries.practices import Profile
from db.states import AppointmentStatus, Channel
from db.tables.deliveries import BULK, HUMAN
from tests import factories as f
from tests.db.changes.acts import claim, page_of, slots_of

NOW = f.local(16, 11)
AT = f.local(26, 14)
LATER = f.local(27, 15)


async def a_link(practice: Profile, **changes: Any) -> str:
    missed = await f.make_absence(practice, **changes)
    return (await f.link_ids(missed.patient_key))[0]


async def booked(practice: Profile, *, at: datetime = AT, now: datetime = NOW, **changes: Any) -> str:
    """The link of a patient who has booked."""
    link = await a_link(practice, **changes)
    await book(link, starts_at=at, now=now)
    return link


async def rows() -> list[Any]:
    return list(
        await fetch("SELECT * FROM delivery WHERE patient IS NOT NULL AND step IS NULL ORDER BY appointment, id")
    )


async def told() -> list[tuple[str, str, str, str | None]]:
    """(message, channel, when it is due here, why it does not go) of all that was planned so far."""
    return [
        (
            row["message"],
            row["channel"],
            f"{row['due_at'].astimezone(f.PARIS):%d %H:%M}",
            None if row["status"] == "planned" else row["reason"],
        )
        for row in await rows()
    ]


async def appointment() -> Any:
    (row,) = await fetch("SELECT * FROM appointment WHERE source = 'reprise' ORDER BY id DESC LIMIT 1")
    return row


async def test_booking_plans_a_confirmation_and_two_reminders(practice: Profile) -> None:
    await booked(practice)
    assert await told() == [
        ("confirmation", "email", "16 11:00", None),
        ("reminder_email", "email", "24 14:00", None),
        ("reminder_sms", "sms", "25 14:00", None),
    ]


async def test_each_of_them_says_of_what_it_speaks_and_opens_the_page(practice: Profile) -> None:
    await booked(practice)
    made = await appointment()
    for row in await rows():
        assert row["appointment"] == made["id"]
        assert (row["patient"], row["enrolment"]) == (made["patient"], made["enrolment"])
        assert json.loads(row["detail"]) == {"starts_at": AT.isoformat()}
        assert row["attempt_at"] == row["due_at"]
        page = await page_of(row["link_id"], NOW)
        assert page.booking is not None
        assert page.booking.ref == made["ref"]
    assert [row["lane"] for row in await rows()] == ["human", "bulk", "bulk"]
    assert len({row["link_id"] for row in await rows()}) == 3
    assert len({row["dedupe"] for row in await rows()}) == 3


async def test_booking_twice_plans_them_once(practice: Profile) -> None:
    link = await booked(practice)
    await book(link, starts_at=AT, now=NOW)
    assert len(await told()) == 3


async def test_moving_cancels_what_speaks_of_the_old_time_and_plans_anew(practice: Profile) -> None:
    link = await booked(practice)
    for _ in range(2):
        await move(link, starts_at=LATER, now=NOW + timedelta(hours=1))
    assert await told() == [
        ("confirmation", "email", "16 11:00", "appointment_changed"),
        ("reminder_email", "email", "24 14:00", "appointment_changed"),
        ("reminder_sms", "sms", "25 14:00", "appointment_changed"),
        ("confirmation", "email", "16 12:00", None),
        ("reminder_email", "email", "25 15:00", None),
        ("reminder_sms", "sms", "26 15:00", None),
    ]
    assert {json.loads(row["detail"])["starts_at"] for row in (await rows())[3:]} == {LATER.isoformat()}


async def test_moving_there_and_back_plans_them_for_each_time(practice: Profile) -> None:
    link = await booked(practice)
    await move(link, starts_at=LATER, now=NOW)
    await move(link, starts_at=AT, now=NOW)
    assert [reason for *_, reason in await told()] == ["appointment_changed"] * 6 + [None] * 3


async def test_moving_leaves_alone_what_was_sent(practice: Profile) -> None:
    link = await booked(practice)
    await fetch("UPDATE delivery SET status = 'sent', reason = 'on_time' WHERE message = 'confirmation'")
    await move(link, starts_at=LATER, now=NOW)
    assert [reason for *_, reason in await told()][:3] == ["on_time", "appointment_changed", "appointment_changed"]


async def test_cancelling_cancels_them_with_an_entry_for_each(practice: Profile) -> None:
    link = await booked(practice)
    await cancel(link, now=NOW)
    assert {reason for *_, reason in await told()} == {"cancelled_by_patient"}
    refs = {row["ref"] for row in await rows()}
    entries = await fetch(
        "SELECT subject_ref, patient_ref, enrolment_ref, data FROM journal WHERE event = 'message_cancelled' "
        "AND subject_ref = ANY($1) ORDER BY id",
        list(refs),
    )
    assert {entry["subject_ref"] for entry in entries} == refs
    assert all(entry["patient_ref"] and entry["enrolment_ref"] for entry in entries)
    assert [json.loads(entry["data"])["message"] for entry in entries] == [
        "confirmation",
        "reminder_email",
        "reminder_sms",
    ]


async def test_cancelling_leaves_alone_what_the_practice_is_told(practice: Profile) -> None:
    link = await booked(practice)
    await cancel(link, now=NOW)
    notices = await fetch("SELECT status FROM delivery WHERE message LIKE 'notice%' ORDER BY id")
    assert [row["status"] for row in notices] == ["planned", "planned"]


async def test_cancelling_leaves_alone_what_another_patient_is_told(practice: Profile) -> None:
    link = await booked(practice)
    await booked(practice, at=LATER)
    await cancel(link, now=NOW)
    assert [reason for *_, reason in await told()] == ["cancelled_by_patient"] * 3 + [None] * 3


async def test_confirming_leaves_the_reminders_as_they_are(practice: Profile) -> None:
    link = await booked(practice)
    await confirm(link, now=NOW)
    assert [reason for *_, reason in await told()] == [None] * 3


async def test_change_waits_for_a_message_that_is_being_handed_over(practice: Profile) -> None:
    link = await booked(practice)
    await fetch("UPDATE delivery SET status = 'claimed', lease_until = $1 WHERE message = 'confirmation'", LATER)
    moving = asyncio.create_task(move(link, starts_at=LATER, now=NOW))
    await asyncio.sleep(0.3)
    assert not moving.done()
    assert (await appointment())["starts_at"] == AT
    await fetch("UPDATE delivery SET status = 'sent', reason = 'on_time' WHERE message = 'confirmation'")
    await moving
    assert (await appointment())["starts_at"] == LATER
    assert [reason for *_, reason in await told()][:3] == ["on_time", "appointment_changed", "appointment_changed"]


async def test_link_of_a_reminder_lives_until_after_the_appointment(practice: Profile) -> None:
    link = await a_link(practice)
    late = f.local(22, 9, month=12)
    at = (await slots_of(link, late))[-1]
    await book(link, starts_at=at, now=late)
    reminder = (await rows())[-1]["link_id"]
    for one in (link, reminder):
        page = await page_of(one, at - timedelta(hours=1))
        assert page.booking is not None
        assert (await page_of(one, at + timedelta(days=6))).booking is None


async def test_link_is_never_made_shorter(practice: Profile) -> None:
    link = await a_link(practice)
    before = await fetch_value("SELECT links_expire_at FROM enrolment")
    await book(link, starts_at=f.local(18, 10), now=NOW)
    assert await fetch_value("SELECT links_expire_at FROM enrolment") == before


async def test_appointment_of_the_practices_own_software_gets_none(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    ahead = replace(missed, appointment_key="tel", starts_at=AT, day=date(2026, 11, 26))
    await f.intake([replace(ahead, status=AppointmentStatus.BOOKED)], practice, now=NOW)
    assert await told() == []


@pytest.mark.parametrize(
    "changed",
    [{"status": AppointmentStatus.CANCELLED}, {"starts_at": LATER, "day": date(2026, 11, 27)}],
    ids=["cancelled there", "moved there"],
)
async def test_nothing_is_said_of_an_appointment_that_the_practices_software_has_changed(
    practice: Profile, changed: dict[str, Any]
) -> None:
    """The import cancels no rows: each says of which time it speaks, and its claim compares."""
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    await book(link, starts_at=AT, now=NOW)
    come_back = replace(
        missed, appointment_key="77", starts_at=AT, day=date(2026, 11, 26), status=AppointmentStatus.BOOKED
    )
    for row in (come_back, replace(come_back, **changed)):
        await record_appointments([row], practice=practice, known=frozenset(), now=NOW)
    for lane, channel in ((HUMAN, Channel.EMAIL), (BULK, Channel.EMAIL), (BULK, Channel.SMS)):
        assert [one for one in await claim(practice, channel, f.local(25, 15), lane=lane) if one.link_id] == []
    assert {reason for *_, reason in await told()} == {"appointment_changed"}


async def test_each_leaves_when_it_is_due_with_the_time_that_it_speaks_of(practice: Profile) -> None:
    await booked(practice)
    moments = (NOW, f.local(24, 14), f.local(25, 14))
    places = ((HUMAN, Channel.EMAIL), (BULK, Channel.EMAIL), (BULK, Channel.SMS))
    for (lane, channel), due in zip(places, moments, strict=True):
        assert not [c for c in await claim(practice, channel, due - timedelta(seconds=1), lane=lane) if c.link_id]
        (one,) = [c for c in await claim(practice, channel, due, lane=lane) if c.link_id]
        assert one.detail == {"starts_at": AT.isoformat()}
        assert one.first_name == "Alix"

"""Booking, moving and cancelling through a link."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from db.changes.bookings import book, cancel, move
from db.changes.deliveries import Claimed
from db.changes.practices import NewClosure, NewPractitioner
from db.engine import fetch, fetch_one, fetch_value
from db.errors import NotFound, SlotTaken
from db.queries.practices import Profile
from db.states import AppointmentStatus, Channel
from db.tables.deliveries import HUMAN
from tests import factories as f
from tests.db.changes.acts import (
    FIRST_DUE,
    appointments,
    claim,
    page_of,
    run_until,
    send,
    sequence,
    slots_of,
    story,
)

NOW = f.local(16, 11)
NEXT_WEEK = f.local(24, 10)


async def links_of(practice: Profile, **changes: Any) -> list[str]:
    missed = await f.make_absence(practice, **changes)
    return await f.link_ids(missed.patient_key)


async def newest_link(patient_key: str) -> str:
    enrolment = await f.enrolment_of(patient_key)
    link: str = await fetch_value("SELECT link_id FROM delivery WHERE enrolment = $1 ORDER BY id", enrolment["id"])
    return link


async def the_booking() -> Any:
    return await fetch_one("SELECT * FROM appointment WHERE source = 'reprise' ORDER BY id DESC LIMIT 1")


async def notices() -> list[tuple[str, dict[str, Any]]]:
    rows = await fetch(
        "SELECT message, detail FROM delivery WHERE lane = $1 AND message LIKE 'notice%' ORDER BY id", HUMAN
    )
    return [(row["message"], json.loads(row["detail"])) for row in rows]


async def claimed_notices(practice: Profile, now: datetime) -> list[Claimed]:
    claimed = await claim(practice, Channel.EMAIL, now, lane=HUMAN)
    return [one for one in claimed if one.message.startswith("notice_")]


async def touchpoints(patient_key: str) -> dict[tuple[str, str], str]:
    """The follow-up's own messages, without what was said of the booking."""
    return {
        (row["message"], row["channel"]): row["status"]
        for row in await f.deliveries_of(patient_key)
        if row["step"] is not None
    }


async def test_booking_stops_the_sequence_and_is_told_to_the_practice(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await send(practice, FIRST_DUE)
    (_, email, *_) = await f.link_ids(missed.patient_key)
    at = (await slots_of(email, NOW))[4]
    ref = await book(email, starts_at=at, now=NOW)
    booked = await the_booking()
    assert (booked["ref"], booked["starts_at"], booked["status"]) == (ref, at, "booked")
    assert (booked["link_id"], booked["day"]) == (email, at.astimezone(f.PARIS).date())
    assert booked["ends_at"] - at == timedelta(minutes=50)
    assert booked["blocked_until"] - at == timedelta(minutes=60)
    assert await sequence(missed.patient_key) == ("stopped", "rebooked")
    assert set((await touchpoints(missed.patient_key)).values()) == {"sent", "cancelled"}
    ((message, detail),) = await notices()
    assert message == "notice_booked"
    assert (detail["uid"], detail["sequence"], detail["patient"]) == (ref, 0, missed.patient_key)
    before = await touchpoints(missed.patient_key)
    await run_until(practice, f.local(30, 12))
    assert await touchpoints(missed.patient_key) == before


async def test_after_a_booking_nothing_more_of_the_follow_up_is_sent(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    await book(link, starts_at=(await slots_of(link, f.MONDAY))[0], now=f.MONDAY)
    for channel in Channel:
        await claim(practice, channel, f.local(30, 12))
    assert set((await touchpoints(missed.patient_key)).values()) == {"cancelled"}


async def test_every_link_of_the_enrolment_shows_the_booked_appointment(practice: Profile) -> None:
    links = await links_of(practice)
    at = (await slots_of(links[0], NOW))[0]
    ref = await book(links[0], starts_at=at, now=NOW)
    for link in links:
        page = await page_of(link, NOW)
        assert page.booking is not None
        assert (page.booking.ref, page.booking.starts_at, page.booking.can_change, page.slots) == (ref, at, True, ())


@pytest.mark.parametrize("other", [0, 3], ids=["the same slot", "another slot"])
async def test_booking_twice_keeps_the_first(practice: Profile, other: int) -> None:
    links = await links_of(practice)
    slots = await slots_of(links[0], NOW)
    first = await book(links[0], starts_at=slots[0], now=NOW)
    assert await book(links[-1], starts_at=slots[other], now=NOW) == first
    assert len([a for a in await appointments() if a["status"] == "booked"]) == 1
    assert len(await notices()) == 1
    assert len(await story("booked")) == 1


@pytest.mark.parametrize(
    "starts_at",
    [
        f.local(16, 14),
        f.local(17, 10, 59),
        f.local(24, 10, 7),
        f.local(22, 10),
        datetime(2026, 12, 25, 9, tzinfo=UTC),
        datetime(2027, 6, 1, 8, tzinfo=UTC),
        f.local(9, 10),
    ],
    ids=["today", "within the notice", "off the grid", "a Sunday", "Christmas", "beyond the horizon", "past"],
)
async def test_time_that_was_never_offered_is_refused_and_nothing_is_written(
    practice: Profile, starts_at: datetime
) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    with pytest.raises(SlotTaken):
        await book(link, starts_at=starts_at, now=NOW)
    assert await sequence(missed.patient_key) == ("active", None)
    assert await notices() == []


async def test_slot_that_somebody_has_taken_is_refused(practice: Profile) -> None:
    (one, *_), (other, *_) = await links_of(practice), await links_of(practice)
    at = (await slots_of(one, NOW))[0]
    await book(one, starts_at=at, now=NOW)
    with pytest.raises(SlotTaken):
        await book(other, starts_at=at, now=NOW)
    assert at not in await slots_of(other, NOW)


async def test_slot_of_an_imported_appointment_is_refused(practice: Profile) -> None:
    (link, *_) = await links_of(practice)
    at = (await slots_of(link, NOW))[0]
    taken = f.row(starts_at=at + timedelta(minutes=20), status=AppointmentStatus.BOOKED)
    await f.intake([taken], practice)
    with pytest.raises(SlotTaken):
        await book(link, starts_at=at, now=NOW)


async def test_practice_closed_on_a_day_offers_and_books_nothing_on_it(database: None) -> None:
    closed = NewClosure(date(2026, 11, 23), date(2026, 11, 27))
    practice = await f.make_practice(closures=(closed,))
    (link, *_) = await links_of(practice)
    offered = await slots_of(link, NOW)
    assert not any(date(2026, 11, 23) <= at.date() <= date(2026, 11, 27) for at in offered)
    with pytest.raises(SlotTaken):
        await book(link, starts_at=NEXT_WEEK, now=NOW)


async def test_closure_of_another_practitioner_closes_nothing_here(database: None) -> None:
    people = (NewPractitioner("Maxime Lefèvre", "dental", 50, 10), NewPractitioner("Dominique Ba", "dental", 50, 10))
    closed = NewClosure(date(2026, 11, 24), date(2026, 11, 24), "Dominique Ba")
    practice = await f.make_practice(practitioners=people, closures=(closed,))
    (link, *_) = await links_of(practice)
    assert await book(link, starts_at=NEXT_WEEK, now=NOW)


async def test_slot_lasts_as_long_as_the_missed_appointment_did(practice: Profile) -> None:
    (link, *_) = await links_of(practice, duration_min=30)
    await book(link, starts_at=(await slots_of(link, NOW))[0], now=NOW)
    booked = await the_booking()
    assert booked["ends_at"] - booked["starts_at"] == timedelta(minutes=30)


@pytest.mark.parametrize("now", [f.local(18, 9, month=12), f.local(23, 10, month=12)])
async def test_link_lives_until_thirty_days_after_the_last_touchpoint(practice: Profile, now: datetime) -> None:
    (link, *_) = await links_of(practice)
    alive = now < f.local(23, 10, month=12)
    if alive:
        assert await book(link, starts_at=(await slots_of(link, now))[0], now=now)
        return
    for change in (book(link, starts_at=NEXT_WEEK, now=now), move(link, starts_at=NEXT_WEEK, now=now)):
        with pytest.raises(NotFound):
            await change
    with pytest.raises(NotFound):
        await cancel(link, now=now)


async def test_revoked_or_unknown_link_leads_nowhere(practice: Profile) -> None:
    (link, *_) = await links_of(practice)
    await fetch("UPDATE enrolment SET links_revoked_at = now()")
    for dead in (link, "Unknown0"):
        with pytest.raises(NotFound):
            await book(dead, starts_at=NEXT_WEEK, now=NOW)


async def test_booking_by_an_old_link_stops_the_newer_sequence_too(practice: Profile) -> None:
    first = await f.make_absence(practice)
    (old, *_) = await f.link_ids(first.patient_key)
    again = replace(first, appointment_key="again", starts_at=f.local(17, 15), day=date(2026, 11, 17))
    await f.intake([again], practice, now=f.local(17, 15, 10))
    now = f.local(17, 16)
    await book(old, starts_at=(await slots_of(old, now))[0], now=now)
    assert await sequence(first.patient_key) == ("stopped", "rebooked")
    assert await fetch_value("SELECT count(*) FROM enrolment WHERE status IN ('active', 'paused')") == 0
    for link in await f.link_ids(first.patient_key):
        assert (await page_of(link, now)).booking is not None


async def test_booking_after_the_sequence_has_completed(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await run_until(practice, f.local(24, 9))
    (link, *_) = await f.link_ids(missed.patient_key)
    assert await book(link, starts_at=(await slots_of(link, f.local(24, 9)))[0], now=f.local(24, 9))
    assert await sequence(missed.patient_key) == ("completed", "completed")


async def test_appointment_known_from_the_practices_software_is_kept(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    ahead = replace(missed, appointment_key="tel", starts_at=NEXT_WEEK, day=date(2026, 11, 24))
    await f.intake([replace(ahead, status=AppointmentStatus.BOOKED)], practice, now=NOW)
    standing = await fetch_value("SELECT ref FROM appointment WHERE key = 'n:tel'")
    assert await book(link, starts_at=f.local(25, 10), now=NOW) == standing
    for change in (move(link, starts_at=f.local(25, 10), now=NOW), cancel(link, now=NOW)):
        with pytest.raises(NotFound):
            await change


async def test_moving_keeps_the_identity_and_raises_the_sequence_number(practice: Profile) -> None:
    (link, *_) = await links_of(practice)
    slots = await slots_of(link, NOW)
    ref = await book(link, starts_at=slots[0], now=NOW)
    assert await move(link, starts_at=slots[5], now=NOW) == ref
    booked = await the_booking()
    assert (booked["starts_at"], booked["calendar_sequence"]) == (slots[5], 1)
    assert [message for message, _ in await notices()] == ["notice_booked", "notice_moved"]
    assert (await notices())[1][1]["previous"] == slots[0].isoformat()
    (other, *_) = await links_of(practice)
    assert slots[0] in await slots_of(other, NOW)


async def test_moving_twice_to_the_same_time_changes_nothing_more(practice: Profile) -> None:
    (link, *_) = await links_of(practice)
    slots = await slots_of(link, NOW)
    await book(link, starts_at=slots[0], now=NOW)
    for _ in range(2):
        await move(link, starts_at=slots[1], now=NOW)
    assert (await the_booking())["calendar_sequence"] == 1
    assert len(await notices()) == 2


async def test_move_to_a_taken_time_is_refused_and_the_appointment_stays(practice: Profile) -> None:
    (one, *_), (other, *_) = await links_of(practice), await links_of(practice)
    slots = await slots_of(one, NOW)
    await book(one, starts_at=slots[0], now=NOW)
    await book(other, starts_at=slots[1], now=NOW)
    with pytest.raises(SlotTaken):
        await move(other, starts_at=slots[0], now=NOW)
    assert (await the_booking())["starts_at"] == slots[1]


async def test_moving_offers_the_time_that_one_has_already(practice: Profile) -> None:
    (link, *_) = await links_of(practice)
    at = (await slots_of(link, NOW))[0]
    await book(link, starts_at=at, now=NOW)
    assert at in [slot.starts_at for slot in (await page_of(link, NOW, moving=True)).slots]


async def test_nothing_booked_cannot_be_moved_or_cancelled(practice: Profile) -> None:
    (link, *_) = await links_of(practice)
    for change in (move(link, starts_at=NEXT_WEEK, now=NOW), cancel(link, now=NOW)):
        with pytest.raises(NotFound):
            await change


async def test_booking_with_another_practitioner_is_shown_and_moved_in_that_ones_agenda(database: None) -> None:
    """Two absences, two practitioners: the older link shows the booking that the newer one made."""
    people = (NewPractitioner("Maxime Lefèvre", "dental", 50, 10), NewPractitioner("Dominique Ba", "dental", 30, 5))
    practice = await f.make_practice(practitioners=people)
    first = await f.make_absence(practice)
    (old, *_) = await f.link_ids(first.patient_key)
    again = replace(
        first,
        appointment_key="again",
        practitioner="Dominique Ba",
        starts_at=f.local(17, 15),
        day=date(2026, 11, 17),
    )
    now = f.local(17, 16)
    await f.intake([again], practice, now=now)
    new = await newest_link(first.patient_key)
    await book(new, starts_at=(await slots_of(new, now))[0], now=now)
    page = await page_of(old, now, moving=True)
    assert (page.practitioner, page.duration_min) == ("Dominique Ba", 30)
    await move(old, starts_at=page.slots[7].starts_at, now=now)
    moved = await the_booking()
    assert moved["starts_at"] == page.slots[7].starts_at
    assert moved["ends_at"] - moved["starts_at"] == timedelta(minutes=30)
    assert moved["blocked_until"] - moved["ends_at"] == timedelta(minutes=5)


async def test_cancelling_frees_the_time_and_the_links_show_slots_again(practice: Profile) -> None:
    links = await links_of(practice)
    at = (await slots_of(links[0], NOW))[0]
    ref = await book(links[0], starts_at=at, now=NOW)
    assert await cancel(links[-1], now=NOW) == ref
    page = await page_of(links[0], NOW)
    assert (page.booking, page.was_cancelled) == (None, True)
    assert at in [slot.starts_at for slot in page.slots]
    assert await story("booking_cancelled") == [("booking_cancelled", "cancelled_by_patient")]
    assert [(message, detail["sequence"]) for message, detail in await notices()] == [
        ("notice_booked", 0),
        ("notice_cancelled", 1),
    ]


async def test_cancelling_twice_is_harmless(practice: Profile) -> None:
    links = await links_of(practice)
    ref = await book(links[0], starts_at=(await slots_of(links[0], NOW))[0], now=NOW)
    assert [await cancel(link, now=NOW) for link in (links[0], links[0], links[2])] == [ref] * 3
    assert len(await notices()) == 2


@pytest.mark.parametrize("before", [timedelta(hours=3), timedelta(minutes=1)])
async def test_late_cancellation_has_no_consequence(practice: Profile, before: timedelta) -> None:
    (link, *_) = await links_of(practice)
    at = (await slots_of(link, NOW))[0]
    ref = await book(link, starts_at=at, now=NOW)
    assert await cancel(link, now=at - before) == ref


async def test_appointment_that_has_begun_is_not_cancelled_any_more(practice: Profile) -> None:
    (link, *_) = await links_of(practice)
    at = (await slots_of(link, NOW))[0]
    await book(link, starts_at=at, now=NOW)
    with pytest.raises(NotFound):
        await cancel(link, now=at)
    assert (await page_of(link, at)).booking is not None


async def test_booked_cancelled_and_booked_anew(practice: Profile) -> None:
    (link, *_) = await links_of(practice)
    slots = await slots_of(link, NOW)
    first = await book(link, starts_at=slots[0], now=NOW)
    await cancel(link, now=NOW)
    second = await book(link, starts_at=slots[0], now=NOW)
    assert first != second
    assert await cancel(link, now=NOW + timedelta(minutes=1)) == second


async def test_old_link_cancels_what_a_newer_one_booked_though_it_cancelled_before(practice: Profile) -> None:
    first = await f.make_absence(practice)
    (old, *_) = await f.link_ids(first.patient_key)
    await book(old, starts_at=(await slots_of(old, NOW))[0], now=NOW)
    await cancel(old, now=NOW)
    again = replace(first, appointment_key="again", starts_at=f.local(17, 15), day=date(2026, 11, 17))
    now = f.local(17, 16)
    await f.intake([again], practice, now=now)
    new = await newest_link(first.patient_key)
    booked = await book(new, starts_at=(await slots_of(new, now))[0], now=now)
    assert await cancel(old, now=now) == booked
    assert (await page_of(new, now)).booking is None


async def test_exclusion_constraint_is_the_last_word_on_overlaps(practice: Profile) -> None:
    (link, *_) = await links_of(practice)
    await book(link, starts_at=(await slots_of(link, NOW))[0], now=NOW)
    copy = (
        "INSERT INTO appointment (practice, practitioner, patient, ref, key, source, day, starts_at, ends_at, "
        "blocked_until, status, undecided, calendar_sequence, created_at, updated_at) SELECT practice, practitioner, "
        "patient, $1, $1, source, day, starts_at + $2::interval, ends_at + $2::interval, blocked_until + $2::interval, "
        "$3, false, 0, created_at, updated_at FROM appointment WHERE source = 'reprise' ORDER BY id LIMIT 1"
    )
    await fetch(copy, "cancelled", timedelta(minutes=10), "cancelled")
    await fetch(copy, "after", timedelta(minutes=60), "booked")
    with pytest.raises(Exception, match="appointment_no_overlap"):
        await fetch(copy, "buffer", timedelta(minutes=55), "booked")


async def test_notice_carries_the_state_of_its_own_moment(practice: Profile) -> None:
    """Booked and moved before the first mail leaves: each mail says what was true when it was written."""
    (link, *_) = await links_of(practice)
    slots = await slots_of(link, NOW)
    await book(link, starts_at=slots[0], now=NOW)
    await move(link, starts_at=slots[1], now=NOW)
    claimed = await claimed_notices(practice, NOW)
    assert [datetime.fromisoformat(one.detail["starts_at"]) for one in claimed] == slots[:2]
    assert {(one.address, one.first_name, one.link_id) for one in claimed} == {("accueil@tilleuls.example", "", None)}


async def test_notices_leave_at_night_and_on_holidays(practice: Profile) -> None:
    (link, *_) = await links_of(practice)
    night = f.local(17, 2)
    await book(link, starts_at=(await slots_of(link, night))[0], now=night)
    assert len(await claimed_notices(practice, night)) == 1


async def test_practice_without_a_mailbox_for_notices_hears_of_them_in_the_one_it_watches(database: None) -> None:
    practice = await f.make_practice(notice_email=None, reply_to="watched@tilleuls.example")
    (link, *_) = await links_of(practice)
    await book(link, starts_at=(await slots_of(link, NOW))[0], now=NOW)
    (notice,) = await claimed_notices(practice, NOW)
    assert notice.address == "watched@tilleuls.example"


async def test_slots_keep_their_local_hour_over_a_change_of_clocks(practice: Profile) -> None:
    at = datetime(2026, 10, 20, 8, 0, tzinfo=UTC)
    (link, *_) = await links_of(practice, now=at + timedelta(minutes=10), starts_at=at)
    slots = [s.astimezone(f.PARIS) for s in await slots_of(link, at)]
    firsts = {s.date(): s for s in reversed(slots)}
    assert firsts[date(2026, 10, 23)].hour == firsts[date(2026, 10, 26)].hour == 9
    assert firsts[date(2026, 10, 23)].utcoffset() != firsts[date(2026, 10, 26)].utcoffset()

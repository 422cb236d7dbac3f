"""Confirming an appointment, forms of pages that were left open, and a booking that leaves nothing in its place."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from db.changes.bookings import book, cancel, confirm, move
from db.engine import fetch, fetch_value
from db.errors import NotFound, Outdated
from db.queries.practices import Profile
from db.states import AppointmentStatus
from tests import factories as f
from tests.db.changes.acts import page_of, story

NOW = f.local(16, 11)
AT, LATER = f.local(26, 14), f.local(27, 15)


@pytest.fixture
async def link(practice: Profile) -> str:
    """Of a patient who has booked for Thursday of the week after."""
    return await booked(practice)


async def booked(practice: Profile, **changes: Any) -> str:
    missed = await f.make_absence(practice, **changes)
    (link, *_) = await f.link_ids(missed.patient_key)
    await book(link, starts_at=AT, now=NOW)
    return link


async def shown(link: str, now: datetime = NOW) -> str:
    page = await page_of(link, now)
    assert page.booking is not None
    return page.booking.mark


async def is_confirmed(link: str) -> bool:
    page = await page_of(link, NOW)
    return page.booking is not None and page.booking.confirmed


async def stands() -> list[tuple[str, datetime]]:
    rows = await fetch("SELECT status, starts_at FROM appointment WHERE source = 'reprise' ORDER BY id")
    return [(row["status"], row["starts_at"]) for row in rows]


async def test_confirming_is_noted_once(link: str) -> None:
    assert not await is_confirmed(link)
    refs = {await confirm(link, now=NOW + timedelta(minutes=number)) for number in range(3)}
    assert refs == {await fetch_value("SELECT ref FROM appointment WHERE source = 'reprise'")}
    assert await is_confirmed(link)
    assert await fetch_value("SELECT confirmed_at FROM appointment WHERE source = 'reprise'") == NOW
    assert await story("appointment_confirmed") == [("appointment_confirmed", None)]


async def test_moving_takes_the_confirmation_back(link: str) -> None:
    await confirm(link, now=NOW)
    await move(link, starts_at=LATER, now=NOW)
    assert not await is_confirmed(link)
    await confirm(link, now=NOW)
    assert await is_confirmed(link)


async def test_confirming_changes_nothing_in_the_calendar(link: str) -> None:
    before = await page_of(link, NOW)
    await confirm(link, now=NOW + timedelta(hours=1))
    after = await page_of(link, NOW)
    assert before.booking is not None
    assert after.booking == replace(before.booking, confirmed=True)


async def test_nothing_booked_or_over_cannot_be_confirmed(practice: Profile, link: str) -> None:
    missed = await f.make_absence(practice)
    (bare, *_) = await f.link_ids(missed.patient_key)
    for one, now in ((bare, NOW), (link, AT)):
        with pytest.raises(NotFound):
            await confirm(one, now=now)
    await cancel(link, now=NOW)
    with pytest.raises(NotFound):
        await confirm(link, now=NOW)


async def test_appointment_of_the_practices_own_software_cannot_be_confirmed(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    ahead = replace(missed, appointment_key="tel", starts_at=AT, day=AT.date(), status=AppointmentStatus.BOOKED)
    await f.intake([ahead], practice, now=NOW)
    with pytest.raises(NotFound):
        await confirm(link, now=NOW)


Change = Callable[[str, str], Coroutine[Any, Any, str]]
CHANGES: dict[str, Change] = {
    "cancel": lambda link, mark: cancel(link, shown=mark, now=NOW),
    "move": lambda link, mark: move(link, starts_at=f.local(25, 10), shown=mark, now=NOW),
    "confirm": lambda link, mark: confirm(link, shown=mark, now=NOW),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_form_of_the_page_that_shows_the_appointment_does_what_it_says(link: str, change: Change) -> None:
    await change(link, await shown(link))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_form_of_a_page_from_before_a_move_changes_nothing(link: str, change: Change) -> None:
    mark = await shown(link)
    await move(link, starts_at=LATER, now=NOW)
    with pytest.raises(Outdated):
        await change(link, mark)
    assert await stands() == [("booked", LATER)]
    assert not await is_confirmed(link)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("at", [AT, LATER], ids=["at the same time", "at another time"])
async def test_form_about_a_cancelled_appointment_does_not_touch_the_next_one(
    link: str, change: Change, at: datetime
) -> None:
    mark = await shown(link)
    await cancel(link, shown=mark, now=NOW)
    await book(link, starts_at=at, now=NOW)
    with pytest.raises(Outdated):
        await change(link, mark)
    assert await stands() == [("cancelled", AT), ("booked", at)]


async def test_cancel_and_move_that_are_sent_again_are_harmless(link: str) -> None:
    mark = await shown(link)
    ref = await move(link, starts_at=LATER, shown=mark, now=NOW)
    assert await move(link, starts_at=LATER, shown=mark, now=NOW) == ref
    mark = await shown(link)
    assert [await cancel(link, shown=mark, now=NOW) for _ in range(2)] == [ref, ref]
    assert len(await story("booking_moved", "booking_cancelled")) == 2


@pytest.mark.parametrize(("rule", "fates"), [("early_therapy", {"cancelled"}), ("crisis", {"planned"})])
async def test_booking_ends_what_people_were_to_do_unless_a_crisis_flag_stands(
    practice: Profile, rule: str, fates: set[str]
) -> None:
    await booked(practice, risk_rules=frozenset({rule}))
    steps = await fetch("SELECT status, reason FROM task WHERE step IS NOT NULL")
    assert {row["status"] for row in steps} == fates
    assert {row["reason"] for row in steps} == ({"rebooked"} if "cancelled" in fates else {None})


async def lost() -> list[Any]:
    return list(await fetch("SELECT * FROM task WHERE kind = 'high_risk_cancelled' ORDER BY id"))


@pytest.mark.parametrize(("rule", "crisis"), [("early_therapy", False), ("crisis", True)])
async def test_high_risk_booking_that_is_cancelled_with_nothing_in_its_place_is_a_task_at_once(
    practice: Profile, rule: str, crisis: bool
) -> None:
    link = await booked(practice, risk_rules=frozenset({rule}))
    for _ in range(2):
        await cancel(link, now=NOW)
    (task,) = await lost()
    assert (task["status"], task["urgent"], task["crisis"], task["due_at"]) == ("open", True, crisis, NOW)
    assert task["appointment"] == await fetch_value("SELECT id FROM appointment WHERE source = 'reprise'")
    assert task["reason"] == "cancelled_by_patient"
    assert None not in (task["patient"], task["enrolment"], task["assignee"])


async def test_each_booking_that_is_lost_is_a_task_of_its_own(practice: Profile) -> None:
    link = await booked(practice, risk_rules=frozenset({"early_therapy"}))
    await cancel(link, now=NOW)
    await book(link, starts_at=LATER, now=NOW)
    await cancel(link, now=NOW)
    assert len(await lost()) == 2


async def test_booking_that_is_moved_is_not_lost(practice: Profile) -> None:
    link = await booked(practice, risk_rules=frozenset({"early_therapy"}))
    await move(link, starts_at=LATER, now=NOW)
    assert await lost() == []


async def test_cancelling_without_high_risk_asks_nobody_for_anything(link: str) -> None:
    await cancel(link, now=NOW)
    assert await lost() == []


async def test_another_appointment_ahead_stands_in_its_place(practice: Profile) -> None:
    missed = f.row(risk_rules=frozenset({"early_therapy"}))
    await f.intake([missed], practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    await book(link, starts_at=AT, now=NOW)
    other = replace(missed, appointment_key="tel", starts_at=LATER, day=LATER.date(), status=AppointmentStatus.BOOKED)
    await f.intake([other], practice, now=NOW)
    await cancel(link, now=NOW)
    assert await lost() == []


@pytest.mark.parametrize(
    ("ended_at", "until", "open_tasks"),
    [
        (None, date(2026, 11, 16), 1),
        (None, date(2026, 11, 15), 0),
        (NOW, None, 0),
    ],
    ids=["until that day", "until the day before", "ended"],
)
async def test_risk_that_is_over_asks_nobody_for_anything(
    practice: Profile, ended_at: datetime | None, until: date | None, open_tasks: int
) -> None:
    link = await booked(practice, risk_rules=frozenset({"early_therapy"}))
    await fetch("UPDATE patient_risk SET ended_at = $1, until = $2", ended_at, until)
    await cancel(link, now=NOW)
    assert len(await lost()) == open_tasks

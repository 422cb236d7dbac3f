"""An absence told by a click: recorded and decided as an import's, taken back, corrected by the import that follows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from db.changes.bookings import book
from db.changes.intake import record_appointments
from db.changes.marking import (
    mark_absence,
    mark_late_cancellation,
    mark_not_brought,
    undo_cancellation,
    withdraw_absence,
)
from db.changes.settlements import Outcome
from db.engine import fetch, fetch_value
from db.errors import IllegalTransition, NotFound, TooEarly
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.rules.risk import RiskRule
from db.states import AppointmentStatus, Channel, TaskStatus
from tests import factories as f
from tests.db.changes.acts import (
    FIRST_DUE,
    claim_one,
    fates,
    minutes,
    send,
    sequence,
    settled,
    slots_of,
    statuses,
    story,
)

STAFF = "staff:abc"
BOOKED = AppointmentStatus.BOOKED
Click = Callable[..., Awaitable[bool]]


async def expected(practice: Profile, **changes: Any) -> tuple[IntakeRow, str]:
    """An appointment that stands, and its reference."""
    row = f.row(**{"status": BOOKED, **changes})
    await f.intake([row], practice)
    return row, await reference(row)


async def reference(row: IntakeRow) -> str:
    found: str = await fetch_value("SELECT ref FROM appointment WHERE key = $1", f"n:{row.appointment_key}")
    return found


async def click(change: Click, ref: str, practice: Profile, *, now: Any = f.MONDAY, **more: Any) -> bool:
    return await change(ref, practice=practice, actor=STAFF, now=now, **more)


async def state(ref: str) -> tuple[str, bool, bool]:
    """Status, whether it is marked, whether it waits for a decision."""
    (row,) = await fetch("SELECT status, marked_at, undecided FROM appointment WHERE ref = $1", ref)
    return row["status"], row["marked_at"] is not None, row["undecided"]


async def tasks() -> list[tuple[str, str]]:
    return [(row["kind"], row["status"]) for row in await fetch("SELECT kind, status FROM task ORDER BY id")]


async def test_absence_by_a_click_is_decided_as_one_of_an_import(practice: Profile) -> None:
    imported = await f.make_absence(practice)
    clicked, ref = await expected(practice)
    assert await click(mark_absence, ref, practice)
    assert await state(ref) == ("no_show", True, False)
    columns = "message, channel, step, due_at, status"
    mine, theirs = [
        [
            tuple(row.values())
            for row in await fetch(
                f"SELECT d.{columns.replace(', ', ', d.')} FROM delivery d JOIN patient p ON p.id = d.patient "
                "WHERE p.key = $1 ORDER BY d.step, d.channel",
                row.patient_key,
            )
        ]
        for row in (clicked, imported)
    ]
    assert mine == theirs != []


async def test_journal_says_who_marked_it(practice: Profile) -> None:
    _, ref = await expected(practice)
    await click(mark_absence, ref, practice)
    told = await fetch("SELECT event, actor FROM journal WHERE actor LIKE 'staff:%' ORDER BY id")
    assert [tuple(row.values()) for row in told] == [("absence_marked", STAFF), ("sequence_started", STAFF)]


@pytest.mark.parametrize("change", [mark_absence, mark_not_brought, mark_late_cancellation])
async def test_saying_it_again_is_harmless(practice: Profile, change: Click) -> None:
    _, ref = await expected(practice)
    assert await click(change, ref, practice)
    before = await f.events()
    assert not await click(change, ref, practice, now=f.MONDAY + minutes(9))
    assert await f.events() == before


@pytest.mark.parametrize("change", [mark_absence, mark_not_brought])
async def test_nobody_is_missed_before_they_were_expected(practice: Profile, change: Click) -> None:
    _, ref = await expected(practice, starts_at=f.MONDAY + minutes(1))
    with pytest.raises(TooEarly):
        await click(change, ref, practice)
    assert await state(ref) == ("booked", False, False)
    assert await click(change, ref, practice, now=f.MONDAY + minutes(1))


async def test_without_a_time_the_day_has_to_have_come(practice: Profile) -> None:
    _, ref = await expected(practice, starts_at=None)
    with pytest.raises(TooEarly):
        await click(mark_absence, ref, practice, now=f.local(15, 23, 59))
    assert await click(mark_absence, ref, practice, now=f.local(16, 0, 1))


CLICKS = [mark_absence, mark_not_brought, mark_late_cancellation, withdraw_absence, undo_cancellation]


@pytest.mark.parametrize("change", CLICKS)
async def test_appointment_of_another_practice_is_not_found(practice: Profile, change: Click) -> None:
    _, ref = await expected(practice)
    for whose, which in ((replace(practice, id=practice.id + 1), ref), (practice, "nobody")):
        with pytest.raises(NotFound):
            await click(change, which, whose)
    assert await state(ref) == ("booked", False, False)


async def test_online_booking_is_marked_here_and_known_again_when_the_software_tells_of_it(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    (first, *_) = await slots_of(link, FIRST_DUE)
    ref = await book(link, starts_at=first, now=FIRST_DUE)
    assert await click(mark_absence, ref, practice, now=first + minutes(10))
    known = replace(missed, appointment_key="from-the-software", starts_at=first, day=first.date(), status=BOOKED)
    await f.intake([known], practice, now=first + minutes(20))
    rows = await fetch("SELECT ref, status FROM appointment WHERE starts_at = $1", first)
    assert [tuple(row) for row in rows] == [(ref, "no_show")]


@pytest.mark.parametrize("change", [mark_absence, mark_not_brought, withdraw_absence])
async def test_appointment_that_was_cancelled_is_no_absence(practice: Profile, change: Click) -> None:
    _, ref = await expected(practice, status=AppointmentStatus.CANCELLED)
    with pytest.raises(IllegalTransition):
        await click(change, ref, practice)


async def test_click_decides_nothing_of_a_file_that_is_still_being_read(practice: Profile) -> None:
    _, ref = await expected(practice)
    from_file = f.row()
    await record_appointments([from_file], practice=practice, known=f.ALL_CONTACTS, now=f.MONDAY)
    await click(mark_absence, ref, practice)
    assert await state(await reference(from_file)) == ("no_show", True, True)
    assert await state(ref) == ("no_show", True, False)


async def test_old_absence_is_kept_as_history(practice: Profile) -> None:
    _, ref = await expected(practice)
    await click(mark_absence, ref, practice, now=f.MONDAY + timedelta(days=8))
    assert await story("absence_not_followed") == [("absence_not_followed", "history")]
    assert await tasks() == []


async def test_not_brought_asks_the_front_desk_and_sends_nothing(practice: Profile) -> None:
    row, ref = await expected(practice)
    await click(mark_not_brought, ref, practice)
    assert await tasks() == [("was_not_brought", TaskStatus.OPEN)]
    assert await f.deliveries_of(row.patient_key) == []


async def test_absence_corrected_to_not_brought_stops_its_sequence(practice: Profile) -> None:
    row, ref = await expected(practice)
    await click(mark_absence, ref, practice)
    await click(mark_not_brought, ref, practice)
    assert await sequence(row.patient_key) == ("stopped", "no_show_withdrawn")
    assert await statuses(row.patient_key) == {"cancelled"}
    assert await tasks() == [("was_not_brought", TaskStatus.OPEN)]


@pytest.mark.parametrize(("attended", "wanted"), [(False, "booked"), (True, "attended")])
async def test_absence_withdrawn_in_time_leaves_no_trace_to_the_patient(
    practice: Profile, attended: bool, wanted: str
) -> None:
    row, ref = await expected(practice)
    await click(mark_absence, ref, practice)
    assert await click(withdraw_absence, ref, practice, now=f.MONDAY + minutes(5), attended=attended)
    assert await state(ref) == (wanted, False, False)
    assert await sequence(row.patient_key) == ("stopped", "no_show_withdrawn")
    assert await statuses(row.patient_key) == {"cancelled"}
    assert await send(practice, f.local(30, 12)) == []
    assert not await click(withdraw_absence, ref, practice, attended=attended)


async def test_withdrawn_later_it_simply_stops(practice: Profile) -> None:
    row, ref = await expected(practice)
    await click(mark_absence, ref, practice)
    await send(practice, FIRST_DUE)
    await click(withdraw_absence, ref, practice, now=FIRST_DUE + minutes(5))
    assert (await fates(row.patient_key))["first", "sms"] == ("sent", "on_time")
    assert await send(practice, f.local(30, 12)) == []


async def test_withdrawing_ends_what_people_were_asked(practice: Profile) -> None:
    _, ref = await expected(practice, risk_rules=frozenset({RiskRule.CHRONIC_CONDITIONS}))
    await click(mark_absence, ref, practice)
    assert [kind for kind, _ in await tasks()] == ["call", "alert", "escalation"]
    await click(withdraw_absence, ref, practice)
    assert {status for _, status in await tasks()} == {TaskStatus.CANCELLED}


async def test_marked_again_it_asks_again(practice: Profile) -> None:
    _, ref = await expected(practice)
    for change in (mark_not_brought, withdraw_absence, mark_not_brought):
        assert await click(change, ref, practice)
    assert await tasks() == [("was_not_brought", TaskStatus.CANCELLED), ("was_not_brought", TaskStatus.OPEN)]


async def test_marked_again_it_is_followed_again(practice: Profile) -> None:
    row, ref = await expected(practice)
    for change in (mark_absence, withdraw_absence, mark_absence):
        assert await click(change, ref, practice)
    assert await sequence(row.patient_key) == ("active", None)
    assert len(await send(practice, FIRST_DUE)) == 2


async def test_there_is_nothing_to_withdraw_from_an_appointment_that_took_place(practice: Profile) -> None:
    _, ref = await expected(practice, status=AppointmentStatus.ATTENDED)
    with pytest.raises(IllegalTransition):
        await click(withdraw_absence, ref, practice)
    assert not await click(withdraw_absence, ref, practice, attended=True)


async def test_late_cancellation_starts_nothing(practice: Profile) -> None:
    row, ref = await expected(practice, starts_at=f.local(16, 17))
    assert await click(mark_late_cancellation, ref, practice)
    assert await state(ref) == ("cancelled", False, False)
    assert await f.enrolment_of(row.patient_key) is None
    assert (await f.events())[-1] == ("appointment_changed", "cancelled_by_patient")
    assert await tasks() == []


@pytest.mark.parametrize(("other", "asked"), [(False, True), (True, False)])
async def test_late_cancellation_under_a_risk_rule_needs_a_person(practice: Profile, other: bool, asked: bool) -> None:
    risk = frozenset({RiskRule.CHRONIC_CONDITIONS})
    row, ref = await expected(practice, starts_at=f.local(16, 17), risk_rules=risk)
    if other:
        await f.intake(
            [replace(row, appointment_key="next", starts_at=f.local(20, 9), day=f.local(20, 9).date())], practice
        )
    await click(mark_late_cancellation, ref, practice)
    assert await tasks() == ([("high_risk_cancelled", TaskStatus.OPEN)] if asked else [])


async def test_cancellation_taken_back_asks_nobody_any_more(practice: Profile) -> None:
    risk = frozenset({RiskRule.CHRONIC_CONDITIONS})
    _, ref = await expected(practice, starts_at=f.local(16, 17), risk_rules=risk)
    await click(mark_late_cancellation, ref, practice)
    assert await click(undo_cancellation, ref, practice)
    assert not await click(undo_cancellation, ref, practice)
    assert await state(ref) == ("booked", False, False)
    assert await tasks() == [("high_risk_cancelled", TaskStatus.CANCELLED)]
    await click(mark_late_cancellation, ref, practice)
    assert (await tasks())[-1] == ("high_risk_cancelled", TaskStatus.OPEN)


async def test_cancellation_of_the_practice_software_is_not_ours_to_take_back(practice: Profile) -> None:
    _, ref = await expected(practice, status=AppointmentStatus.CANCELLED)
    with pytest.raises(IllegalTransition):
        await click(undo_cancellation, ref, practice)


@pytest.mark.parametrize("said", [AppointmentStatus.ATTENDED, AppointmentStatus.CANCELLED])
async def test_import_that_says_otherwise_corrects_the_click(practice: Profile, said: AppointmentStatus) -> None:
    """The practice's software is the authority on what happened."""
    row, ref = await expected(practice)
    await click(mark_absence, ref, practice)
    await f.intake([replace(row, status=said)], practice, now=f.MONDAY + minutes(10))
    assert await state(ref) == (said, False, False)
    assert await sequence(row.patient_key) == ("stopped", "no_show_withdrawn")


async def test_import_that_says_it_is_still_to_come_says_nothing_of_what_has_begun(practice: Profile) -> None:
    row, ref = await expected(practice)
    await click(mark_absence, ref, practice)
    await f.intake([replace(row, status=BOOKED)], practice, now=f.MONDAY + minutes(10))
    assert await state(ref) == ("no_show", True, False)
    moved = replace(row, status=BOOKED, starts_at=f.local(25, 10), day=f.local(25, 10).date())
    await f.intake([moved], practice, now=f.MONDAY + minutes(20))
    assert await sequence(row.patient_key) == ("stopped", "rebooked")


async def test_import_that_agrees_changes_nothing(practice: Profile) -> None:
    row, ref = await expected(practice)
    await click(mark_absence, ref, practice)
    before = await f.events()
    await f.intake([replace(row, status=AppointmentStatus.NO_SHOW)], practice, now=f.MONDAY + minutes(10))
    assert await f.events() == before
    assert await sequence(row.patient_key) == ("active", None)


async def test_import_corrects_a_cancellation_by_a_click(practice: Profile) -> None:
    row, ref = await expected(practice)
    await click(mark_late_cancellation, ref, practice)
    await f.intake([replace(row, status=AppointmentStatus.NO_SHOW)], practice, now=f.MONDAY + minutes(10))
    assert await state(ref) == ("no_show", True, False)
    assert await sequence(row.patient_key) == ("active", None)


async def test_two_who_mark_at_once_start_one_sequence(practice: Profile) -> None:
    row, ref = await expected(practice)
    told = await asyncio.gather(*(click(mark_absence, ref, practice) for _ in range(4)))
    assert sorted(told) == [False, False, False, True]
    assert await fetch_value("SELECT count(*) FROM enrolment") == 1
    assert len(await f.deliveries_of(row.patient_key)) == 8


async def test_different_words_at_once_end_in_one_of_them(practice: Profile) -> None:
    _, ref = await expected(practice)
    await asyncio.gather(*(click(change, ref, practice) for change in (mark_absence, mark_not_brought) * 2))
    status, marked, undecided = await state(ref)
    assert (status in ("no_show", "was_not_brought"), marked, undecided) == (True, True, False)
    running = await fetch_value("SELECT count(*) FROM enrolment WHERE status = 'active'")
    assert running == (1 if status == "no_show" else 0)


async def test_withdrawing_waits_for_the_message_that_is_being_handed_over(practice: Profile) -> None:
    row, ref = await expected(practice, phone=None, phone_kind=None)
    await click(mark_absence, ref, practice)
    one = await claim_one(practice, Channel.EMAIL, FIRST_DUE)
    withdrawing = asyncio.create_task(click(withdraw_absence, ref, practice, now=FIRST_DUE))
    await asyncio.sleep(0.1)
    assert not withdrawing.done()
    assert await state(ref) == ("no_show", True, False)
    await settled(practice, one, Outcome.SENT, FIRST_DUE)
    assert await withdrawing
    assert await sequence(row.patient_key) == ("stopped", "no_show_withdrawn")
    assert await story("message_under_way_at_stop") == []


async def test_import_and_click_at_once_agree_in_the_end(practice: Profile) -> None:
    """Whichever comes last stands, whole: no sequence without its absence, no absence without its decision."""
    rows = [await expected(practice) for _ in range(6)]
    corrected = [replace(row, status=AppointmentStatus.ATTENDED) for row, _ in rows]
    await asyncio.gather(
        *(click(mark_absence, ref, practice) for _, ref in rows),
        *(f.intake(corrected, practice, now=f.MONDAY + minutes(1)) for _ in range(2)),
    )
    odd = await fetch(
        "SELECT a.ref FROM appointment a LEFT JOIN enrolment e ON e.appointment = a.id AND e.status = 'active' "
        "WHERE a.undecided OR (a.status = 'no_show') <> (e.id IS NOT NULL)"
    )
    assert list(odd) == []


async def test_booking_and_click_at_once_leave_no_message_to_go(practice: Profile) -> None:
    """The patient books through an older link while the front desk marks a newer absence."""
    older = await f.make_absence(practice, starts_at=f.local(14, 10), now=f.local(14, 10, 10))
    newer = replace(older, appointment_key="newer", starts_at=f.MISSED_AT, day=f.MISSED_AT.date(), status=BOOKED)
    await f.intake([newer], practice, now=f.MISSED_AT)
    (link, *_) = await f.link_ids(older.patient_key)
    (first, *_) = await slots_of(link, f.MONDAY)
    await asyncio.gather(
        book(link, starts_at=first, now=f.MONDAY), click(mark_absence, await reference(newer), practice)
    )
    assert await fetch_value("SELECT count(*) FROM enrolment WHERE status = 'active'") == 0
    assert await fetch_value("SELECT count(*) FROM delivery WHERE step IS NOT NULL AND status = 'planned'") == 0

"""What an import records, and what a correction does."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from db.changes.accounts import add_member
from db.changes.bookings import book, cancel
from db.changes.intake import record_appointments
from db.crypto import vault
from db.engine import fetch, fetch_one, fetch_value
from db.queries.agenda import overlaps
from db.queries.coverage import coverage
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.rules.names import name_key
from db.rules.telephones import TelephoneKind
from db.states import AppointmentStatus, Role
from tests import factories as f
from tests.db.changes.acts import appointments, fates, page_of, sequence, slots_of, statuses, story

LATER = f.MONDAY + timedelta(hours=1)
NEXT_WEEK = f.local(24, 10)


async def contact(patient_key: str) -> dict[str, str | None]:
    row = await fetch_one("SELECT ref, first_name, last_name, phone, email FROM patient WHERE key = $1", patient_key)
    assert row is not None
    return {
        name: None if row[name] is None else vault().open(row[name], owner=row["ref"], field=f"patient.{name}")
        for name in ("first_name", "last_name", "phone", "email")
    }


async def snapshot() -> dict[str, Any]:
    """Every row of every table that an import may write, but for the journal's identities."""
    tables = ("patient", "appointment", "enrolment", "delivery", "task", "practitioner", "journal")
    return {table: await fetch(f"SELECT * FROM {table} ORDER BY id") for table in tables}


async def test_same_rows_again_change_nothing(practice: Profile) -> None:
    rows = [f.row(), f.row(email=None), f.row(status=AppointmentStatus.ATTENDED), f.row(starts_at=None)]
    await f.intake(rows, practice)
    before = await snapshot()
    await f.intake(rows, practice, now=LATER)
    assert await snapshot() == before


async def test_same_rows_in_other_batches_and_another_order_change_nothing(practice: Profile) -> None:
    rows = [f.row() for _ in range(4)]
    await f.intake(rows, practice)
    before = await snapshot()
    for row in reversed(rows):
        await f.intake([row], practice, now=LATER)
    assert await snapshot() == before


async def test_row_twice_in_one_batch_counts_once(practice: Profile) -> None:
    row = f.row()
    counts = await record_appointments([row, row], practice=practice, known=f.ALL_CONTACTS, now=f.MONDAY)
    assert (counts.patients_added, counts.appointments_added) == (1, 1)


async def test_counts_of_batches_add_up(practice: Profile) -> None:
    known = f.row()
    await f.intake([known], practice)
    counts = await record_appointments([f.row()], practice=practice, known=f.ALL_CONTACTS, now=LATER)
    corrected = replace(known, first_name="Sacha", status=AppointmentStatus.ATTENDED)
    counts.add(await record_appointments([corrected], practice=practice, known=f.ALL_CONTACTS, now=LATER))
    assert (counts.patients_added, counts.patients_updated) == (1, 1)
    assert (counts.appointments_added, counts.appointments_changed, counts.withdrawn) == (1, 1, 1)


async def test_contact_fields_stand_sealed_and_nowhere_in_clear(practice: Profile) -> None:
    row = f.row(first_name="Zéphirine", last_name="Quatrebarbes", phone="+33698765432", email="zq@mail.example")
    await f.intake([row], practice)
    assert await contact(row.patient_key) == {
        "first_name": "Zéphirine",
        "last_name": "Quatrebarbes",
        "phone": "+33698765432",
        "email": "zq@mail.example",
    }
    written = repr(await snapshot())
    for secret in ("phirine", "Quatrebarbes", "98765432", "zq@"):
        assert secret not in written


async def test_sealed_contact_does_not_open_in_another_row_or_field(practice: Profile) -> None:
    first, second = f.row(), f.row()
    await f.intake([first, second], practice)
    await fetch("UPDATE patient SET phone = (SELECT phone FROM patient WHERE key = $1)", first.patient_key)
    assert (await contact(first.patient_key))["phone"] == first.phone
    with pytest.raises(Exception, match="does not open"):
        await contact(second.patient_key)


@pytest.mark.parametrize(
    ("known", "said", "kept"),
    [
        (f.ALL_CONTACTS, {"phone": None, "phone_kind": None}, False),
        (f.ALL_CONTACTS - {"phone"}, {"phone": None, "phone_kind": None}, True),
    ],
    ids=["a blank cell removes the number", "a file without that column says nothing"],
)
async def test_blank_telephone(practice: Profile, known: frozenset[str], said: dict[str, Any], kept: bool) -> None:
    row = f.row()
    await f.intake([row], practice)
    await f.intake([replace(row, **said)], practice, now=LATER, known=known)
    stored = await fetch_one("SELECT phone, phone_index, phone_kind FROM patient")
    assert stored is not None
    assert [value is not None for value in stored.values()] == [kept] * 3


async def test_older_appointment_does_not_overwrite_the_contact_of_a_newer_one(practice: Profile) -> None:
    row = f.row(phone="+33611111111")
    await f.intake([row], practice)
    old = replace(row, phone="+33622222222", appointment_key="old", day=row.day - timedelta(days=30), starts_at=None)
    await f.intake([old], practice, now=LATER)
    assert (await contact(row.patient_key))["phone"] == "+33611111111"


@pytest.mark.parametrize("newest_first", [True, False])
async def test_of_several_rows_the_latest_appointment_says_how_to_reach(practice: Profile, newest_first: bool) -> None:
    new = f.row(phone="+33611111111")
    old = replace(new, phone="+33622222222", appointment_key="old", day=new.day - timedelta(days=1), starts_at=None)
    await f.intake([new, old] if newest_first else [old, new], practice)
    assert (await contact(new.patient_key))["phone"] == "+33611111111"


async def test_new_number_is_no_longer_known_to_be_invalid_and_the_mailbox_still_is(practice: Profile) -> None:
    row = f.row()
    await f.intake([row], practice)
    await fetch("UPDATE patient SET phone_invalid_at = now(), email_invalid_at = now()")
    await f.intake([replace(row, phone="+33600000999")], practice, now=LATER)
    stored = await fetch_one("SELECT phone_invalid_at, email_invalid_at FROM patient")
    assert stored is not None
    assert (stored["phone_invalid_at"] is None, stored["email_invalid_at"] is None) == (True, False)


@pytest.mark.parametrize(
    ("known", "minor_after"),
    [(f.ALL_CONTACTS, True), (f.ALL_CONTACTS | {"minor"}, False)],
    ids=["a file without birth dates makes nobody an adult", "a file with birth dates does"],
)
async def test_minor_stays_one_until_a_birth_date_says_otherwise(
    practice: Profile, known: frozenset[str], minor_after: bool
) -> None:
    row = f.row(minor=True)
    await f.intake([row], practice, known=f.ALL_CONTACTS | {"minor"})
    await f.intake([replace(row, minor=False)], practice, now=LATER, known=known)
    assert await fetch_value("SELECT minor FROM patient") is minor_after


async def test_practitioner_first_met_gets_the_practices_own_week(practice: Profile) -> None:
    await f.intake([f.row(practitioner="Dr Inès Öztürk", speciality="dental")], practice)
    added = await fetch_one("SELECT * FROM practitioner WHERE name = 'Dr Inès Öztürk'")
    assert added is not None
    assert (added["week"], added["duration_min"], added["buffer_min"], added["speciality"]) == (None, 50, 10, "dental")


@pytest.mark.parametrize(
    ("written", "staff", "linked"),
    [
        ("Dr MARCHAND Elise", [("Élise Marchand", Role.PRACTITIONER, "email")], True),
        ("Élise Marchand (kiné)", [("elise marchand", Role.PRACTITIONER, "email")], True),
        ("Élise Marchand", [("Élise Marchand", Role.CLINICAL_LEAD, "email")], False),
        ("Élise Marchand", [("Élise Marchand", Role.PRACTITIONER, "none")], False),
        ("Élise Marchand", [("Élise Marchand", Role.PRACTITIONER, "email")] * 2, False),
        ("Élise Marchand", [("Élise Marchaud", Role.PRACTITIONER, "email")], False),
        ("", [("Élise Marchand", Role.PRACTITIONER, "email")], False),
    ],
)
async def test_a_practitioner_first_met_is_the_one_member_of_staff_of_that_name(
    practice: Profile, written: str, staff: list[tuple[str, Role, str]], linked: bool
) -> None:
    """So that an alert for the treating practitioner finds them: `doctor` names whoever stays unknown."""
    for number, (name, role, alerts) in enumerate(staff):
        who: dict[str, Any] = {"name": name, "role": role, "language": "fr", "actor": "staff:terminal", "now": f.MONDAY}
        ref, _ = await add_member(f"e{number}@tilleuls.example", practice=practice.id, **who)
        await fetch("UPDATE staff SET alerts = $2 WHERE ref = $1", ref, alerts)
    await f.intake([f.row(practitioner=written)], practice)
    found = await fetch_value("SELECT s.ref FROM practitioner p LEFT JOIN staff s ON s.id = p.staff ORDER BY p.id DESC")
    assert found == (ref if linked else None)
    assert (name_key(written) in {name_key(one) for one in (await coverage(practice, now=f.MONDAY)).unknown}) == (
        bool(written) and not linked
    )


async def test_a_practitioner_who_gets_an_account_later_is_the_one_whom_an_import_met(practice: Profile) -> None:
    await f.intake([f.row(practitioner="MARCHAND Élise")], practice)
    who: dict[str, Any] = {
        "name": "Élise Marchand",
        "role": Role.PRACTITIONER,
        "language": "fr",
        "actor": "staff:terminal",
    }
    ref, _ = await add_member("elise@tilleuls.example", practice=practice.id, now=f.MONDAY, **who)
    linked = await fetch_value("SELECT p.name FROM practitioner p JOIN staff s ON s.id = p.staff WHERE s.ref = $1", ref)
    assert linked == "MARCHAND Élise"


@pytest.mark.parametrize("spelling", ["MAXIME LEFÈVRE", "maxime  lefevre", "Maxime-Lefèvre", ""])
async def test_practitioner_is_recognised_by_folded_name_and_a_blank_is_the_first(
    practice: Profile, spelling: str
) -> None:
    await f.intake([f.row(practitioner=spelling)], practice)
    assert await fetch_value("SELECT count(*) FROM practitioner") == 1


async def test_imported_overlaps_are_kept_and_listed(practice: Profile) -> None:
    at = f.local(24, 10)
    rows = [f.row(starts_at=at, status=AppointmentStatus.BOOKED) for _ in range(2)]
    await f.intake(rows, practice)
    (overlap,) = await overlaps(practice.id, since=f.MONDAY)
    assert overlap.starts_at == at


async def test_appointment_without_a_time_takes_no_slot(practice: Profile) -> None:
    link = f.link_ids
    missed = await f.make_absence(practice)
    offered = await slots_of((await link(missed.patient_key))[0], f.MONDAY)
    untimed = f.row(starts_at=None, day=date(2026, 11, 24), status=AppointmentStatus.BOOKED)
    await f.intake([untimed], practice)
    assert await slots_of((await link(missed.patient_key))[0], f.MONDAY) == offered


async def test_imported_appointment_takes_its_slot_away(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    taken = (await slots_of(link, f.MONDAY))[3]
    await f.intake([f.row(starts_at=taken, status=AppointmentStatus.BOOKED)], practice)
    assert taken not in await slots_of(link, f.MONDAY)


@pytest.mark.parametrize("starts_at", [NEXT_WEEK, None], ids=["timed", "without a time of day"])
async def test_future_appointment_stops_the_sequence_as_rebooked(practice: Profile, starts_at: Any) -> None:
    missed = await f.make_absence(practice)
    ahead = replace(
        missed,
        appointment_key="ahead",
        starts_at=starts_at,
        day=date(2026, 11, 24),
        status=AppointmentStatus.BOOKED,
    )
    await f.intake([ahead], practice, now=LATER)
    assert await sequence(missed.patient_key) == ("stopped", "rebooked")
    assert await statuses(missed.patient_key) == {"cancelled"}
    assert set((await fates(missed.patient_key)).values()) == {("cancelled", "rebooked")}


async def test_appointment_that_is_over_stops_nothing(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    past = replace(missed, appointment_key="past", starts_at=f.local(16, 8), status=AppointmentStatus.BOOKED)
    await f.intake([past], practice, now=LATER)
    assert await sequence(missed.patient_key) == ("active", None)


@pytest.mark.parametrize(
    ("status", "changes", "reason"),
    [
        (AppointmentStatus.ATTENDED, {}, "no_show_withdrawn"),
        (AppointmentStatus.CANCELLED, {}, "no_show_withdrawn"),
        (AppointmentStatus.WAS_NOT_BROUGHT, {}, "no_show_withdrawn"),
        (AppointmentStatus.BOOKED, {"starts_at": NEXT_WEEK, "day": date(2026, 11, 24)}, "rebooked"),
    ],
)
async def test_corrected_absence_ends_its_sequence(
    practice: Profile, status: AppointmentStatus, changes: dict[str, Any], reason: str
) -> None:
    missed = await f.make_absence(practice)
    await f.intake([replace(missed, status=status, **changes)], practice, now=LATER)
    assert await sequence(missed.patient_key) == ("stopped", reason)
    assert await statuses(missed.patient_key) == {"cancelled"}


async def test_withdrawn_within_the_grace_leaves_no_trace_to_the_patient(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await f.intake([replace(missed, status=AppointmentStatus.ATTENDED)], practice, now=f.MONDAY + timedelta(minutes=4))
    assert await statuses(missed.patient_key) == {"cancelled"}
    assert {d["attempts"] for d in await f.deliveries_of(missed.patient_key)} == {0}


async def test_absence_marked_anew_after_its_withdrawal_starts_a_new_sequence(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await f.intake([replace(missed, status=AppointmentStatus.ATTENDED)], practice, now=LATER)
    await f.intake([missed], practice, now=LATER + timedelta(hours=1))
    assert await fetch_value("SELECT count(*) FROM enrolment") == 2
    assert await sequence(missed.patient_key) == ("active", None)


async def test_absence_whose_time_is_corrected_starts_nothing_a_second_time(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await f.intake([replace(missed, starts_at=f.local(16, 9, 30))], practice, now=LATER)
    assert await fetch_value("SELECT count(*) FROM enrolment") == 1
    assert await sequence(missed.patient_key) == ("active", None)


async def test_absence_that_was_somebody_elses_is_withdrawn_there_and_followed_here(practice: Profile) -> None:
    """Without patient numbers, a corrected mailbox makes another person of the same appointment's patient."""
    wrong = await f.make_absence(practice, email="slip@mail.example")
    right = replace(wrong, patient_key="h:other", email="right@mail.example")
    await f.intake([right], practice, now=LATER)
    assert await sequence(wrong.patient_key) == ("stopped", "no_show_withdrawn")
    assert await statuses(wrong.patient_key) == {"cancelled"}
    assert await sequence(right.patient_key) == ("active", None)


async def _booked_here(practice: Profile, missed: IntakeRow) -> Any:
    (link, *_) = await f.link_ids(missed.patient_key)
    at = (await slots_of(link, LATER))[2]
    await book(link, starts_at=at, now=LATER)
    return link, at


async def test_own_booking_that_comes_back_in_an_import_is_recognised(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    _, at = await _booked_here(practice, missed)
    back = replace(missed, appointment_key="B1", starts_at=at, day=at.date(), status=AppointmentStatus.BOOKED)
    await f.intake([back], practice, now=LATER)
    booked = [one for one in await appointments() if one["status"] == "booked"]
    assert [(one["key"], one["starts_at"]) for one in booked] == [("n:B1", at)]


async def test_booking_made_and_cancelled_and_made_again_comes_back_once(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    link, at = await _booked_here(practice, missed)
    await cancel(link, now=LATER)
    await book(link, starts_at=at, now=LATER)
    back = replace(missed, appointment_key="B1", starts_at=at, day=at.date(), status=AppointmentStatus.BOOKED)
    await f.intake([back], practice, now=LATER)
    found = await fetch("SELECT key, status FROM appointment WHERE source = 'reprise' ORDER BY id")
    assert [(one["key"] == "n:B1", one["status"]) for one in found] == [(False, "cancelled"), (True, "booked")]


async def test_import_that_missed_a_cancellation_does_not_fail(practice: Profile) -> None:
    """The practice's software still holds the time that the patient has given back; it is the authority."""
    missed = await f.make_absence(practice)
    link, at = await _booked_here(practice, missed)
    back = replace(missed, appointment_key="B1", starts_at=at, day=at.date(), status=AppointmentStatus.BOOKED)
    await f.intake([back], practice, now=LATER)
    await cancel(link, now=LATER)
    await book(link, starts_at=(await slots_of(link, LATER))[5], now=LATER)
    await f.intake([back], practice, now=LATER)
    assert await fetch_value("SELECT count(*) FROM appointment WHERE status = 'booked'") == 2


async def test_link_shows_what_the_practice_booked_by_telephone_and_cannot_change_it(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    ahead = replace(missed, appointment_key="tel", starts_at=NEXT_WEEK, day=date(2026, 11, 24))
    await f.intake([replace(ahead, status=AppointmentStatus.BOOKED)], practice, now=LATER)
    for link in await f.link_ids(missed.patient_key):
        page = await page_of(link, LATER)
        assert page.booking is not None
        assert (page.booking.starts_at, page.booking.can_change, page.slots) == (NEXT_WEEK, False, ())


@pytest.mark.parametrize("kind", [TelephoneKind.FIXED, TelephoneKind.OTHER])
async def test_number_becomes_a_landline_during_a_sequence_and_email_goes_on(
    practice: Profile, kind: TelephoneKind
) -> None:
    missed = await f.make_absence(practice)
    await f.intake([replace(missed, phone="+33142000001", phone_kind=kind)], practice, now=LATER)
    assert await sequence(missed.patient_key) == ("active", None)


async def test_journal_tells_of_facts_by_reference_alone(practice: Profile) -> None:
    missed = await f.make_absence(practice, first_name="Zéphirine")
    entries = await fetch("SELECT * FROM journal WHERE event IN ('patient_added', 'absence_marked')")
    assert len(entries) == 2
    assert missed.patient_key not in repr(entries)
    assert await story("absence_marked") == [("absence_marked", None)]

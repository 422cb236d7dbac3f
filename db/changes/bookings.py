"""Booking, moving, cancelling and confirming through a patient's link. Each stops what must stop, tells the practice
and plans what the patient is told.

`shown` is the mark of the appointment on the page that asks (`db.queries.links.mark`): a page that was left open must
not change another appointment, or another state of this one. Without it, what stands now is meant.
"""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from db.actors import PATIENT
from db.changes._human_steps import end_rebooked
from db.changes._journal import Entry, Event, record
from db.changes._links import lock_link
from db.changes._lost_bookings import ask_for_a_person
from db.changes._sequences import lock_live_enrolment, stop_sequence, when_quiet
from db.changes._service_messages import cancel_service_messages, plan_service_messages
from db.changes._telling import tell_of_return
from db.engine import Row, fetch, fetch_one, fetch_value
from db.errors import NotFound, Outdated, SlotTaken
from db.queries.agenda import availability
from db.queries.links import mark
from db.queries.people import SHOWN_NUMBER
from db.queries.practices import practice as profile_of
from db.rules.slots import Slot
from db.rules.windows import Calendar
from db.states import AppointmentStatus, Channel, DeliveryStatus, Reason
from db.tables.agenda import BOOKED_HERE
from db.tables.deliveries import HUMAN
from db.tokens import new_reference

# Bookings of one practitioner are decided one after the other; the exclusion constraint stays as the last word.
AGENDA_LOCK = 0x41474E


async def book(link_id: str, *, starts_at: datetime, now: datetime, actor: str = PATIENT) -> str:
    """Book the slot that starts then; returns the appointment's reference.

    A patient who has an appointment ahead already keeps it: the same call again is harmless. Raises `SlotTaken` when
    the time is gone or was never offered, `NotFound` when the link leads nowhere.
    """

    async def change(insist: bool) -> str:
        enrolment = await lock_link(link_id, now)
        standing = await _standing(enrolment, now)
        if standing is not None:
            return str(standing["ref"])
        slot = await _lock_slot(enrolment["practitioner"], enrolment["missed_duration"], starts_at, now)
        ref = await _insert(enrolment, slot, link_id, now)
        entry = Entry(
            Event.BOOKED,
            patient=enrolment["patient_ref"],
            enrolment=enrolment["ref"],
            subject=ref,
            data={
                "starts_at": slot.starts_at.isoformat(),
                "message": enrolment["message"],
                "channel": enrolment["channel"],
            },
        )
        await record([entry], practice=enrolment["practice"], actor=actor, now=now)
        running = await lock_live_enrolment(enrolment["patient"])
        if running is not None:
            await stop_sequence(running, Reason.REBOOKED, actor=actor, now=now, insist=insist)
        await end_rebooked([enrolment["patient"]], actor=actor, now=now)
        await _tell_practice("notice_booked", enrolment, ref, now)
        await tell_of_return(ref, practice=enrolment["practice"], hours=await _hours(enrolment), now=now)
        await plan_service_messages(ref, now=now)
        return ref

    return await _unless_taken(change)


async def move(
    link_id: str, *, starts_at: datetime, now: datetime, shown: str | None = None, actor: str = PATIENT
) -> str:
    """Move the booked appointment; its calendar identity stays, its sequence number rises. Raises `Outdated` when the
    page showed another one."""

    async def change(insist: bool) -> str:
        enrolment = await lock_link(link_id, now)
        booking = await _own_booking(enrolment, now)
        if booking is None:
            raise NotFound("There is no appointment ahead that could be moved here.")
        ref: str = booking["ref"]
        if booking["starts_at"] == starts_at:
            return ref
        _check_shown(booking, shown)
        # It may have been booked through another follow-up of this patient: with whom, and for how long, is its own.
        duration = booking["ends_at"] - booking["starts_at"]
        slot = await _lock_slot(booking["practitioner"], duration, starts_at, now, moving=booking["id"])
        await _update(booking, slot, enrolment["zone"], now)
        previous = booking["starts_at"].isoformat()
        entry = Entry(
            Event.BOOKING_MOVED,
            patient=enrolment["patient_ref"],
            enrolment=enrolment["ref"],
            subject=ref,
            data={"starts_at": slot.starts_at.isoformat(), "previous": previous},
        )
        await record([entry], practice=enrolment["practice"], actor=actor, now=now)
        await _untell(enrolment, booking, Reason.APPOINTMENT_CHANGED, actor=actor, now=now, insist=insist)
        await _tell_practice("notice_moved", enrolment, ref, now, previous=previous)
        await plan_service_messages(ref, now=now)
        return ref

    return await _unless_taken(change)


async def cancel(link_id: str, *, now: datetime, shown: str | None = None, actor: str = PATIENT) -> str:
    """Cancel the booked appointment, late or not. Cancelling again is harmless.

    Raises `Outdated` when the page showed another one: a form that comes in a second time must not cancel what the
    patient has booked since.
    """

    async def change(insist: bool) -> str:
        enrolment = await lock_link(link_id, now)
        booking = await _own_booking(enrolment, now)
        if booking is None:
            return await _cancelled_before(enrolment)
        _check_shown(booking, shown)
        ref: str = booking["ref"]
        await fetch(
            "UPDATE appointment SET status = $2, calendar_sequence = calendar_sequence + 1, updated_at = $3 "
            "WHERE id = $1",
            booking["id"],
            AppointmentStatus.CANCELLED,
            now,
        )
        entry = Entry(
            Event.BOOKING_CANCELLED,
            patient=enrolment["patient_ref"],
            enrolment=enrolment["ref"],
            subject=ref,
            reason=Reason.CANCELLED_BY_PATIENT,
            data={"starts_at": booking["starts_at"].isoformat()},
        )
        await record([entry], practice=enrolment["practice"], actor=actor, now=now)
        running = await lock_live_enrolment(enrolment["patient"])
        if running is not None:
            await stop_sequence(running, Reason.CANCELLED_BY_PATIENT, actor=actor, now=now, insist=insist)
        why = Reason.CANCELLED_BY_PATIENT
        await _untell(enrolment, booking, why, actor=actor, now=now, insist=insist)
        await _tell_practice("notice_cancelled", enrolment, ref, now)
        await ask_for_a_person(booking, enrolment=enrolment, reason=why, actor=actor, now=now)
        return ref

    return await when_quiet(change)


async def confirm(link_id: str, *, now: datetime, shown: str | None = None, actor: str = PATIENT) -> str:
    """Note that the patient means to come; moving the appointment takes it back. Confirming again is harmless.

    Raises `Outdated` when the page showed another appointment.
    """

    async def change(_insist: bool) -> str:
        enrolment = await lock_link(link_id, now)
        booking = await _own_booking(enrolment, now)
        if booking is None:
            raise NotFound("There is no appointment ahead that could be confirmed here.")
        _check_shown(booking, shown)
        ref: str = booking["ref"]
        if booking["confirmed_at"] is not None:
            return ref
        # `updated_at` stays: it dates the calendar file, which says nothing of this.
        await fetch("UPDATE appointment SET confirmed_at = $2 WHERE id = $1", booking["id"], now)
        entry = Entry(
            Event.APPOINTMENT_CONFIRMED,
            patient=enrolment["patient_ref"],
            enrolment=enrolment["ref"],
            subject=ref,
            data={"starts_at": booking["starts_at"].isoformat()},
        )
        await record([entry], practice=enrolment["practice"], actor=actor, now=now)
        return ref

    return await when_quiet(change)


def _check_shown(booking: Row, shown: str | None) -> None:
    if shown is not None and shown != mark(booking["ref"], booking["calendar_sequence"]):
        raise Outdated("The appointment has changed since the page was opened.")


async def _hours(enrolment: Row) -> Calendar:
    return (await profile_of(enrolment["practice"])).calendar


async def _unless_taken(change: Any) -> str:
    try:
        return str(await when_quiet(change))
    except (asyncpg.ExclusionViolationError, asyncpg.UniqueViolationError):
        raise SlotTaken("This time has just been taken.") from None


async def _standing(enrolment: Row, now: datetime) -> Row | None:
    """The appointment that this patient has ahead, booked here or known from the practice's own software."""
    return await fetch_one(
        f"SELECT ref FROM appointment WHERE patient = $1 AND status = '{AppointmentStatus.BOOKED}' AND "
        "((enrolment = $2 AND ends_at > $3) OR coalesce(starts_at, day::timestamp AT TIME ZONE $4) > $3) "
        "ORDER BY (enrolment IS NOT DISTINCT FROM $2) DESC, day, starts_at LIMIT 1",
        enrolment["patient"],
        enrolment["id"],
        now,
        enrolment["zone"],
    )


async def _own_booking(enrolment: Row, now: datetime) -> Row | None:
    """What this patient booked here and may still change, through this follow-up's links or another's."""
    return await fetch_one(
        "SELECT a.id, a.ref, a.practitioner, a.starts_at, a.ends_at, a.calendar_sequence, a.confirmed_at, r.buffer_min "
        "FROM appointment a "
        "JOIN practitioner r ON r.id = a.practitioner WHERE a.patient = $1 AND a.source = $2 "
        f"AND a.status = '{AppointmentStatus.BOOKED}' "
        "AND a.starts_at > $3 ORDER BY (a.enrolment IS NOT DISTINCT FROM $4) DESC, a.starts_at LIMIT 1 FOR UPDATE OF a",
        enrolment["patient"],
        BOOKED_HERE,
        now,
        enrolment["id"],
    )


async def _cancelled_before(enrolment: Row) -> str:
    ref: str | None = await fetch_value(
        f"SELECT ref FROM appointment WHERE patient = $1 AND source = $2 AND status = '{AppointmentStatus.CANCELLED}' "
        "ORDER BY updated_at DESC, id DESC LIMIT 1",
        enrolment["patient"],
        BOOKED_HERE,
    )
    if ref is None:
        raise NotFound("There is no appointment ahead that could be cancelled here.")
    return ref


async def _lock_slot(
    practitioner: int, duration: timedelta | None, starts_at: datetime, now: datetime, *, moving: int | None = None
) -> Slot:
    await fetch("SELECT pg_advisory_xact_lock($1, $2)", AGENDA_LOCK, practitioner)
    found = await availability(practitioner, now=now, duration=duration, moving=moving)
    slot = found.offered(starts_at, now)
    if slot is None:
        raise SlotTaken("This time is not open any more.")
    return slot


async def _update(booking: Row, slot: Slot, zone: str, now: datetime) -> None:
    await fetch(
        "UPDATE appointment SET starts_at = $2, ends_at = $3::timestamptz, blocked_until = $3::timestamptz + "
        "make_interval(mins => $4), day = $5, confirmed_at = NULL, "
        "calendar_sequence = calendar_sequence + 1, updated_at = $6 WHERE id = $1",
        booking["id"],
        slot.starts_at,
        slot.ends_at,
        booking["buffer_min"],
        slot.starts_at.astimezone(ZoneInfo(zone)).date(),
        now,
    )


async def _untell(enrolment: Row, booking: Row, reason: Reason, *, actor: str, now: datetime, insist: bool) -> None:
    """What was to be said of the appointment as it stood is not true any more."""
    await cancel_service_messages(
        booking["id"], patient=enrolment["patient"], reason=reason, actor=actor, now=now, insist=insist
    )


async def _insert(enrolment: Row, slot: Slot, link_id: str, now: datetime) -> str:
    ref = new_reference()
    await fetch(
        "INSERT INTO appointment (practice, practitioner, patient, ref, key, source, day, starts_at, ends_at, "
        "blocked_until, status, enrolment, link_id, created_at, updated_at, undecided, calendar_sequence) "
        "SELECT $1, r.id, $3, $4, $4, $5, $6, $7::timestamptz, $8::timestamptz, $8::timestamptz + "
        "make_interval(mins => r.buffer_min), $9, $10, $11, $12, $12, "
        "false, 0 FROM practitioner r WHERE r.id = $2",
        enrolment["practice"],
        enrolment["practitioner"],
        enrolment["patient"],
        ref,
        BOOKED_HERE,
        slot.starts_at.astimezone(ZoneInfo(enrolment["zone"])).date(),
        slot.starts_at,
        slot.ends_at,
        AppointmentStatus.BOOKED,
        enrolment["id"],
        link_id,
        now,
    )
    return ref


async def _tell_practice(message: str, enrolment: Row, appointment: str, now: datetime, **detail: Any) -> None:
    """A due row for the neutral email with the calendar file; it carries the state of this moment, since the
    appointment may move again before the mail leaves."""
    await fetch(
        "INSERT INTO delivery (practice, ref, lane, message, channel, appointment, detail, due_at, attempt_at, status, "
        "attempts, ambiguous, created_at) SELECT a.practice, $2, $3, $4, $5, a.id, $6::jsonb || jsonb_build_object("
        "'starts_at', a.starts_at, 'ends_at', a.ends_at, 'sequence', a.calendar_sequence, 'uid', a.ref, "
        f"'practitioner', r.name, 'patient', {SHOWN_NUMBER}), $7, $7, $8, 0, false, $7 FROM appointment a "
        "JOIN practitioner r ON r.id = a.practitioner JOIN patient p ON p.id = a.patient "
        "WHERE a.ref = $1 AND a.practice = $9",
        appointment,
        new_reference(),
        HUMAN,
        message,
        Channel.EMAIL,
        json.dumps(detail),
        now,
        DeliveryStatus.PLANNED,
        enrolment["practice"],
    )

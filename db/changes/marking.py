"""An absence, or a late cancellation, told by a click rather than by the practice's software.

It is recorded and decided at once, as a row of an import would be, by the same rules. The practice's software stays the
authority on what happened: an import that says otherwise later corrects what was clicked. Only "still to come" says
nothing of an appointment that has begun: much software never learns who came.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import asyncpg

from db.changes._agenda import ABSENCES, KnownAppointment, entry_of
from db.changes._human_steps import end_withdrawn
from db.changes._journal import Event, record
from db.changes._lost_bookings import ask_for_a_person
from db.changes._sequences import when_quiet
from db.changes._service_messages import cancel_service_messages
from db.changes.absences import decide_in_transaction
from db.changes.intake import INTAKE_LOCK, IntakeCounts, follow_change
from db.engine import Row, fetch, fetch_one
from db.errors import IllegalTransition, NotFound, SlotTaken, TooEarly
from db.queries.practices import Profile
from db.states import APPOINTMENT_CLICKS, AppointmentStatus, Reason, check_move

WHAT = "This appointment"


@dataclass(frozen=True, slots=True)
class _Click:
    practice: Profile
    actor: str
    now: datetime
    insist: bool


async def mark_absence(ref: str, *, practice: Profile, actor: str, now: datetime) -> bool:
    """The patient did not come. False when the appointment is marked so already.

    Raises `NotFound`, `TooEarly` before its start, and `IllegalTransition` for one that was cancelled.
    """
    return await _mark_missed(ref, AppointmentStatus.NO_SHOW, practice=practice, actor=actor, now=now)


async def mark_not_brought(ref: str, *, practice: Profile, actor: str, now: datetime) -> bool:
    """A child or a dependent adult whom somebody else should have brought: a task for the front desk, no message.
    Refuses what `mark_absence` does."""
    return await _mark_missed(ref, AppointmentStatus.WAS_NOT_BROUGHT, practice=practice, actor=actor, now=now)


async def _mark_missed(ref: str, missed: AppointmentStatus, *, practice: Profile, actor: str, now: datetime) -> bool:
    async def change(insist: bool) -> bool:
        row = await _lock(ref, practice)
        if not check_move(WHAT, APPOINTMENT_CLICKS, AppointmentStatus(row["status"]), missed):
            return False
        if _begins(row, practice.zone) > now:
            raise TooEarly("Nobody is missed before they were expected: mark this once the appointment has begun.")
        click = _Click(practice, actor, now, insist)
        await _set(row, missed, click)
        await decide_in_transaction(practice, now=now, actor=actor, insist=insist, only=row["id"])
        return True

    return await when_quiet(change)


async def withdraw_absence(ref: str, *, practice: Profile, actor: str, now: datetime, attended: bool = False) -> bool:
    """The absence was none. Its sequence stops before its first message or wherever it is, and what it asked of people
    is void. `attended`: the patient was there; else the appointment stands as before. False when there is none.

    Raises `IllegalTransition` for an appointment that was cancelled, or that was never marked and is now to be
    `attended`.
    """
    wanted = AppointmentStatus.ATTENDED if attended else AppointmentStatus.BOOKED

    async def change(insist: bool) -> bool:
        row = await _lock(ref, practice)
        current = AppointmentStatus(row["status"])
        if current not in ABSENCES and current is not wanted:
            raise IllegalTransition(WHAT, current, wanted)
        if not check_move(WHAT, APPOINTMENT_CLICKS, current, wanted):
            return False
        await _set(row, wanted, _Click(practice, actor, now, insist))
        return True

    return await _unless_taken(change)


async def mark_late_cancellation(ref: str, *, practice: Profile, actor: str, now: datetime) -> bool:
    """The patient called it off at short notice: nobody is missed, no sequence starts, one that ran for it stops. A
    high-risk patient with nothing ahead needs a person at once. False when it is cancelled already.

    Raises `NotFound`, and `IllegalTransition` for one that took place.
    """

    async def change(insist: bool) -> bool:
        row = await _lock(ref, practice)
        cancelled = AppointmentStatus.CANCELLED
        if not check_move(WHAT, APPOINTMENT_CLICKS, AppointmentStatus(row["status"]), cancelled):
            return False
        await _set(row, cancelled, _Click(practice, actor, now, insist))
        why = Reason.CANCELLED_BY_PATIENT
        # An online booking that the practice's software took over has its reminders here.
        await cancel_service_messages(
            row["id"], patient=row["patient"], reason=why, actor=actor, now=now, insist=insist
        )
        await ask_for_a_person(row, enrolment=await _latest_enrolment(row), reason=why, actor=actor, now=now)
        return True

    return await when_quiet(change)


async def undo_cancellation(ref: str, *, practice: Profile, actor: str, now: datetime) -> bool:
    """The appointment stands after all. False when it does already.

    Raises `IllegalTransition` for one that was not cancelled by `mark_late_cancellation`: the practice's software, or
    the patient's own page, said so.
    """

    async def change(insist: bool) -> bool:
        row = await _lock(ref, practice)
        current, wanted = AppointmentStatus(row["status"]), AppointmentStatus.BOOKED
        if current is not wanted and not await _was_cancelled_here(row):
            raise IllegalTransition(WHAT, current, wanted)
        if not check_move(WHAT, APPOINTMENT_CLICKS, current, wanted):
            return False
        await _set(row, wanted, _Click(practice, actor, now, insist))
        await end_withdrawn(row["id"], reason=Reason.APPOINTMENT_CHANGED, actor=actor, now=now)
        return True

    return await _unless_taken(change)


async def _unless_taken(change: Callable[[bool], Awaitable[bool]]) -> bool:
    """An online booking that stands again may find another one in its place."""
    try:
        return await when_quiet(change)
    except (asyncpg.ExclusionViolationError, asyncpg.UniqueViolationError):
        raise SlotTaken("Another appointment has taken its place.") from None


async def _lock(ref: str, practice: Profile) -> Row:
    """The appointment and its patient, in the order of an import, which waits meanwhile."""
    await fetch("SELECT pg_advisory_xact_lock($1, $2)", INTAKE_LOCK, practice.id)
    found = await fetch_one("SELECT id, patient FROM appointment WHERE ref = $1 AND practice = $2", ref, practice.id)
    if found is None:
        raise NotFound(f"There is no appointment {ref} in this practice.")
    await fetch("SELECT id FROM patient WHERE id = $1 FOR UPDATE", found["patient"])
    row = await fetch_one(
        "SELECT a.id, a.ref, a.key, a.source, a.practice, a.patient, a.day, a.starts_at, a.status, "
        "p.ref AS patient_ref FROM appointment a JOIN patient p ON p.id = a.patient WHERE a.id = $1 FOR UPDATE OF a",
        found["id"],
    )
    assert row is not None
    return row


def _begins(row: Row, zone: str) -> datetime:
    """Without a time of day, its day has to have come."""
    starts_at: datetime | None = row["starts_at"]
    return starts_at or datetime.combine(row["day"], time(), ZoneInfo(zone))


async def _set(row: Row, status: AppointmentStatus, click: _Click) -> None:
    """Write the status, tell it, and stop or withdraw what no longer stands."""
    missed = status in ABSENCES
    await fetch(
        "UPDATE appointment SET status = $2, marked_at = $3, undecided = $4, updated_at = $5 WHERE id = $1",
        row["id"],
        status,
        click.now if missed else None,
        missed,
        click.now,
    )
    changed = KnownAppointment(
        id=row["id"],
        ref=row["ref"],
        patient=row["patient"],
        patient_ref=row["patient_ref"],
        day=row["day"],
        starts_at=row["starts_at"],
        status=status,
        was=AppointmentStatus(row["status"]),
        was_of=None,
    )
    entry = entry_of(changed)
    if status is AppointmentStatus.CANCELLED:
        entry = replace(entry, reason=Reason.CANCELLED_BY_PATIENT)
    await record([entry], practice=click.practice.id, actor=click.actor, now=click.now)
    await follow_change(
        changed,
        practice=click.practice,
        now=click.now,
        actor=click.actor,
        insist=click.insist,
        counts=IntakeCounts(),
    )


async def _latest_enrolment(row: Row) -> Row:
    """The patient's latest follow-up, or nobody's: a cancellation needs none to matter."""
    found = await fetch_one("SELECT id, ref FROM enrolment WHERE patient = $1 ORDER BY id DESC LIMIT 1", row["patient"])
    whose = {"practice": row["practice"], "patient": row["patient"], "patient_ref": row["patient_ref"]}
    return {"id": None, "ref": None, **whose} | (dict(found) if found is not None else {})


async def _was_cancelled_here(row: Row) -> bool:
    said = await fetch_one(
        "SELECT event, reason FROM journal WHERE patient_ref = $1 AND subject_ref = $2 ORDER BY id DESC LIMIT 1",
        row["patient_ref"],
        row["ref"],
    )
    return said is not None and (said["event"], said["reason"]) == (
        Event.APPOINTMENT_CHANGED,
        Reason.CANCELLED_BY_PATIENT,
    )

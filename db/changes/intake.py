"""What an import says, recorded as facts: patients, appointments, and the corrections that stop or withdraw a sequence.

Whether an absence starts a sequence is decided afterwards, when the whole file is known (`db.changes.absences`): the
future appointment that makes a follow-up needless may stand on the file's last line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from db.actors import INTAKE
from db.changes._agenda import ABSENCES, KnownAppointment, known_appointments, write_appointments
from db.changes._human_steps import STANDING, end_rebooked, end_withdrawn
from db.changes._journal import Entry, Event, record
from db.changes._lost_bookings import ask_for_a_person
from db.changes._patients import note_risks, risks_of, write_patients
from db.changes._sequences import lock_live_enrolment, stop_sequence, when_quiet
from db.changes._telling import tell_of_return
from db.changes._treating import link_by_name
from db.changes._worklist import let_messages_go
from db.engine import fetch
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.rules.names import name_key
from db.rules.settings import week_to_json
from db.states import LIVE_ENROLMENT, AppointmentStatus, Reason
from db.tokens import new_reference

# One import of a practice at a time: two files that speak of the same patients would undo each other.
INTAKE_LOCK = 0x494E54


@dataclass
class IntakeCounts:
    """What one batch changed; adding up batches gives the file's."""

    patients_added: int = 0
    patients_updated: int = 0
    appointments_added: int = 0
    appointments_changed: int = 0
    stopped: int = 0
    withdrawn: int = 0
    practitioners_added: list[str] = field(default_factory=list)

    def add(self, other: "IntakeCounts") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


async def record_appointments(
    rows: Sequence[IntakeRow], *, practice: Profile, known: frozenset[str], now: datetime, actor: str = INTAKE
) -> IntakeCounts:
    """Record one batch of rows. The same rows again change nothing; a corrected row updates.

    `known` names the contact columns that the file has: a blank telephone in a file with a telephone column removes
    the number, a file without that column says nothing about it.
    """

    async def change(insist: bool) -> IntakeCounts:
        return await record_in_transaction(rows, practice=practice, known=known, now=now, actor=actor, insist=insist)

    return await when_quiet(change)


async def record_in_transaction(
    rows: Sequence[IntakeRow],
    *,
    practice: Profile,
    known: frozenset[str],
    now: datetime,
    actor: str,
    insist: bool,
) -> IntakeCounts:
    await fetch("SELECT pg_advisory_xact_lock($1, $2)", INTAKE_LOCK, practice.id)
    counts = IntakeCounts()
    practitioners = await _practitioners(rows, practice, counts, now, actor)
    patients = await write_patients(rows, practice=practice, known=known, counts=counts, now=now, actor=actor)
    await note_risks(risks_of(rows, patients), practice=practice.id, now=now, actor=actor)
    before = await known_appointments(rows, practice=practice, patients=patients, practitioners=practitioners)
    changed = await write_appointments(
        rows,
        practice=practice,
        patients=patients,
        practitioners=practitioners,
        before=before,
        now=now,
        actor=actor,
        counts=counts,
    )
    followed = await _followed(changed)
    for appointment in changed:
        if appointment.patient in followed or appointment.was_of in followed:
            await follow_change(appointment, practice=practice, now=now, actor=actor, insist=insist, counts=counts)
    lost = [one for one in changed if (one.was, one.status) == (AppointmentStatus.BOOKED, AppointmentStatus.CANCELLED)]
    await _ask_about(lost, actor=actor, now=now)
    return counts


async def _ask_about(lost: Sequence[KnownAppointment], *, actor: str, now: datetime) -> None:
    """The practice's software says that somebody cancelled: where a follow-up had ended with that appointment, the
    patient may need a person."""
    rows = await fetch(
        "SELECT DISTINCT ON (e.patient) e.id, e.ref, e.practice, e.patient, p.ref AS patient_ref FROM enrolment e "
        "JOIN patient p ON p.id = e.patient WHERE e.patient = ANY($1) AND e.reason = $2 ORDER BY e.patient, e.id DESC",
        list({one.patient for one in lost}),
        Reason.REBOOKED,
    )
    followed = {row["patient"]: row for row in rows}
    for one in lost:
        if one.patient in followed:
            row, reason = followed[one.patient], Reason.APPOINTMENT_CHANGED
            await ask_for_a_person({"id": one.id, "ref": one.ref}, enrolment=row, reason=reason, actor=actor, now=now)


async def _followed(changed: Sequence[KnownAppointment]) -> frozenset[int | None]:
    """Which of the patients concerned have a running sequence, or something that a person is to do for them. None
    begins meanwhile: that waits for the same lock."""
    patients = {patient for one in changed for patient in (one.patient, one.was_of) if patient is not None}
    rows = await fetch(
        "SELECT patient FROM enrolment WHERE patient = ANY($1) AND status = ANY($2) "
        "UNION SELECT patient FROM task WHERE patient = ANY($1) AND status = ANY($3)",
        list(patients),
        list(LIVE_ENROLMENT),
        list(STANDING),
    )
    return frozenset(row["patient"] for row in rows)


async def follow_change(
    appointment: KnownAppointment,
    *,
    practice: Profile,
    now: datetime,
    actor: str,
    insist: bool,
    counts: IntakeCounts,
) -> None:
    """What a new or corrected appointment means for the patient's running sequence."""
    if appointment.was_of is not None:
        other = await lock_live_enrolment(appointment.was_of)
        if other is not None and other["appointment"] == appointment.id:
            await stop_sequence(other, Reason.NO_SHOW_WITHDRAWN, actor=actor, now=now, insist=insist)
            counts.withdrawn += 1
        await _withdraw(appointment.id, appointment.was_of, actor=actor, now=now)
    if not appointment.may_touch_a_sequence(now, practice.zone):
        return
    if appointment.is_ahead(now, practice.zone):
        await end_rebooked([appointment.patient], actor=actor, now=now)
    elif appointment.status not in ABSENCES:
        await _withdraw(appointment.id, appointment.patient, actor=actor, now=now)
    enrolment = await lock_live_enrolment(appointment.patient)
    if enrolment is None:
        return
    if enrolment["appointment"] == appointment.id and appointment.status is not AppointmentStatus.NO_SHOW:
        reason = Reason.REBOOKED if appointment.is_ahead(now, practice.zone) else Reason.NO_SHOW_WITHDRAWN
    elif appointment.is_ahead(now, practice.zone):
        reason = Reason.REBOOKED
    else:
        return
    if await stop_sequence(enrolment, reason, actor=actor, now=now, insist=insist):
        counts.stopped += reason is Reason.REBOOKED
        if reason is Reason.REBOOKED:
            await tell_of_return(appointment.ref, practice=practice.id, hours=practice.calendar, now=now)
        counts.withdrawn += reason is Reason.NO_SHOW_WITHDRAWN


async def _withdraw(appointment: int, patient: int, *, actor: str, now: datetime) -> None:
    """What was asked of people for it is void; where one of them had claimed it, the messages of another absence go
    on."""
    ended = await end_withdrawn(appointment, actor=actor, now=now)
    enrolment = await lock_live_enrolment(patient)
    if ended and enrolment is not None and enrolment["appointment"] != appointment:
        await let_messages_go({"id": 0, "patient": patient}, actor=actor, now=now)


async def _practitioners(
    rows: Sequence[IntakeRow], practice: Profile, counts: IntakeCounts, now: datetime, actor: str
) -> dict[str, int]:
    """Folded name -> id; a practitioner first met here gets the practice's default week, duration and buffer, and is
    the member of staff of that name."""
    known = {
        row["key"]: row["id"]
        for row in await fetch("SELECT key, id FROM practitioner WHERE practice = $1 ORDER BY id DESC", practice.id)
    }
    first = next(reversed(known.values()), None)
    for row in rows:
        key = name_key(row.practitioner)
        if key in known:
            continue
        if not key and first is not None:
            known[key] = first
            continue
        known[key] = await _add_practitioner(row, key, practice, now, actor)
        first = first if first is not None else known[key]
        counts.practitioners_added.append(row.practitioner)
    if counts.practitioners_added:
        await link_by_name(practice.id)
    return known


async def _add_practitioner(row: IntakeRow, key: str, practice: Profile, now: datetime, actor: str) -> int:
    ref = new_reference()
    added = await fetch(
        "INSERT INTO practitioner (practice, ref, key, name, speciality, duration_min, buffer_min, created_at) "
        "VALUES ($1,$2,$3,$4,$5,$6,$7,$8) RETURNING id",
        practice.id,
        ref,
        key,
        row.practitioner or practice.discreet_name,
        row.speciality or "general",
        practice.settings.duration_min,
        practice.settings.buffer_min,
        now,
    )
    entry = Entry(
        Event.PRACTITIONER_ADDED,
        subject=ref,
        data={"week": week_to_json(practice.settings.week), "from": "intake"},
    )
    await record([entry], practice=practice.id, actor=actor, now=now)
    practitioner: int = added[0]["id"]
    return practitioner

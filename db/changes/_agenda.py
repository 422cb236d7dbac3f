"""Writing the appointments of one batch of an import, and telling which of them changed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from db.changes._journal import Entry, Event, record
from db.changes._patients import KnownPatient
from db.engine import Row, fetch
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.rules.names import name_key
from db.states import ABSENT, AppointmentStatus, one_of
from db.tables.agenda import BOOKED_HERE, IMPORTED
from db.tokens import new_reference

if TYPE_CHECKING:
    from db.changes.intake import IntakeCounts

ABSENCES = (AppointmentStatus.NO_SHOW, AppointmentStatus.WAS_NOT_BROUGHT)
COLUMNS = ("ref", "key", "practitioner", "patient", "day", "starts_at", "ends_at", "status")
TYPES = ("text[]", "text[]", "int[]", "bigint[]", "date[]", "timestamptz[]", "timestamptz[]", "text[]")
LISTED = ", ".join(COLUMNS)
UNNESTED = ", ".join(f"${number}::{kind}" for number, kind in enumerate(TYPES, start=3))


@dataclass(frozen=True, slots=True)
class KnownAppointment:
    id: int
    ref: str
    patient: int
    patient_ref: str
    day: date
    starts_at: datetime | None
    status: AppointmentStatus
    was: AppointmentStatus | None
    was_of: int | None  # the patient whose appointment it was until now, where that is somebody else

    def is_ahead(self, now: datetime, zone: str) -> bool:
        """Live and still to come; without a time of day, only one of a later day is surely that."""
        return self.status is AppointmentStatus.BOOKED and _moment(self.day, self.starts_at, zone) > now

    def may_touch_a_sequence(self, now: datetime, zone: str) -> bool:
        return self.is_ahead(now, zone) or self.was in ABSENCES


def _moment(day: date, starts_at: datetime | None, zone: str) -> datetime:
    return starts_at or datetime.combine(day, time(), ZoneInfo(zone))


def appointment_key(row: IntakeRow) -> str:
    """The practice's own appointment number, else what makes an appointment one: who, with whom, when."""
    if row.appointment_key:
        return f"n:{row.appointment_key}"[:200]
    when = row.starts_at.isoformat() if row.starts_at else row.day.isoformat()
    text = "\x1f".join((row.patient_key, name_key(row.practitioner), when))
    return "d:" + hashlib.sha256(text.encode()).hexdigest()


async def known_appointments(
    rows: Sequence[IntakeRow],
    *,
    practice: Profile,
    patients: Mapping[str, KnownPatient],
    practitioners: Mapping[str, int],
) -> dict[str, Row]:
    """Key -> stored row. A booking made through Reprise that now comes back from the practice's own software is
    recognised by patient and start, marked as missed or not, and takes the practice's key."""
    keys = list({appointment_key(row): None for row in rows})
    stored = {row["key"]: row for row in await _stored(practice.id, keys)}
    unknown = [row for row in rows if row.starts_at and appointment_key(row) not in stored]
    if unknown:
        adopted = await fetch(
            "UPDATE appointment a SET key = t.key FROM unnest($2::text[], $3::bigint[], $4::int[], $5::timestamptz[]) "
            "AS t(key, patient, practitioner, starts_at) WHERE a.practice = $1 AND a.source = $6 AND a.key = a.ref "
            "AND a.status = ANY($7) AND a.patient = t.patient AND a.practitioner = t.practitioner "
            "AND a.starts_at = t.starts_at RETURNING a.key",
            practice.id,
            [appointment_key(row) for row in unknown],
            [patients[row.patient_key].id for row in unknown],
            [practitioners[name_key(row.practitioner)] for row in unknown],
            [row.starts_at for row in unknown],
            BOOKED_HERE,
            [AppointmentStatus.BOOKED, *ABSENCES],
        )
        stored |= {row["key"]: row for row in await _stored(practice.id, [row["key"] for row in adopted])}
    return stored


async def _stored(practice: int, keys: list[str]) -> Sequence[Row]:
    return await fetch(
        "SELECT id, ref, key, practitioner, patient, day, starts_at, ends_at, status, source FROM appointment "
        "WHERE practice = $1 AND key = ANY($2) FOR UPDATE",
        practice,
        keys,
    )


async def write_appointments(
    rows: Sequence[IntakeRow],
    *,
    practice: Profile,
    patients: Mapping[str, KnownPatient],
    practitioners: Mapping[str, int],
    before: Mapping[str, Row],
    now: datetime,
    actor: str,
    counts: "IntakeCounts",
) -> list[KnownAppointment]:
    """Insert what is new, update what differs; returns those, as they are now."""
    durations = await _durations(practitioners)
    wanted = {
        appointment_key(row): _columns(row, patients, practitioners, durations, before.get(appointment_key(row)))
        for row in rows
    }
    for key, row in wanted.items():
        row["status"] = _said_of(row, before.get(key), now)
    fresh = [row for key, row in wanted.items() if key not in before]
    stale = [row for key, row in wanted.items() if key in before and _differs(before[key], row)]
    changed = await _insert(fresh, practice.id, now) | await _update(stale, practice.id, now)
    counts.appointments_added += len(fresh)
    counts.appointments_changed += len(stale)
    refs = {patient.id: patient.ref for patient in patients.values()}
    found = [_known(row, changed[row["key"]], before.get(row["key"]), refs) for row in [*fresh, *stale]]
    await record([entry_of(a) for a in found], practice=practice.id, actor=actor, now=now)
    return found


async def _durations(practitioners: Mapping[str, int]) -> dict[int, timedelta]:
    rows = await fetch(
        "SELECT id, duration_min FROM practitioner WHERE id = ANY($1)", list(set(practitioners.values()))
    )
    return {row["id"]: timedelta(minutes=row["duration_min"]) for row in rows}


def _columns(
    row: IntakeRow,
    patients: Mapping[str, KnownPatient],
    practitioners: Mapping[str, int],
    durations: Mapping[int, timedelta],
    stored: Row | None,
) -> dict[str, Any]:
    practitioner = practitioners[name_key(row.practitioner)]
    duration = timedelta(minutes=row.duration_min) if row.duration_min else durations[practitioner]
    ends_at = row.starts_at + duration if row.starts_at else None
    if stored is not None and not row.duration_min and stored["starts_at"] == row.starts_at:
        # The file does not say how long: what is stored was either said by an earlier file, or booked here.
        ends_at = stored["ends_at"]
    return {
        "ref": new_reference() if stored is None else stored["ref"],
        "key": appointment_key(row),
        "practitioner": practitioner,
        "patient": patients[row.patient_key].id,
        "day": row.day,
        "starts_at": row.starts_at,
        "ends_at": ends_at,
        "status": row.status,
    }


def _said_of(row: Mapping[str, Any], stored: Row | None, now: datetime) -> AppointmentStatus:
    """That an appointment is to come says nothing once it has begun: an absence that was marked stays marked."""
    if stored is None or row["status"] is not AppointmentStatus.BOOKED or row["starts_at"] is None:
        return AppointmentStatus(row["status"])
    marked = stored["status"] in ABSENCES and stored["starts_at"] == row["starts_at"] and row["starts_at"] <= now
    return AppointmentStatus(stored["status"] if marked else row["status"])


def _differs(stored: Row, row: Mapping[str, Any]) -> bool:
    return any(stored[name] != row[name] for name in COLUMNS if name not in ("ref", "key"))


async def _insert(fresh: Sequence[Mapping[str, Any]], practice: int, now: datetime) -> dict[str, int]:
    if not fresh:
        return {}
    rows = await fetch(
        f"INSERT INTO appointment (practice, created_at, updated_at, source, {LISTED}, blocked_until, marked_at, "
        f"undecided, "
        f"calendar_sequence) SELECT $1, $2::timestamptz, $2::timestamptz, '{IMPORTED}', {LISTED}, ends_at, "
        f"CASE WHEN status IN {one_of(ABSENT)} THEN $2::timestamptz END, status IN {one_of(ABSENT)}, 0 "
        f"FROM unnest({UNNESTED}) AS t({LISTED}) RETURNING id, key",
        practice,
        now,
        *([row[name] for row in fresh] for name in COLUMNS),
    )
    return {row["key"]: row["id"] for row in rows}


async def _update(stale: Sequence[Mapping[str, Any]], practice: int, now: datetime) -> dict[str, int]:
    """An absence is undecided again only when it becomes one, or somebody else's: correcting its time starts nothing a
    second time."""
    if not stale:
        return {}
    rows = await fetch(
        "UPDATE appointment a SET updated_at = $2::timestamptz, practitioner = t.practitioner, patient = "
        "t.patient, day = t.day, "
        "starts_at = t.starts_at, ends_at = t.ends_at, blocked_until = t.ends_at, status = t.status, "
        f"source = '{IMPORTED}', "
        f"undecided = (t.status IN {one_of(ABSENT)} AND (a.undecided OR a.status <> t.status "
        "OR a.patient <> t.patient)), "
        f"marked_at = CASE WHEN t.status NOT IN {one_of(ABSENT)} THEN NULL "
        "WHEN a.status <> t.status THEN $2::timestamptz ELSE a.marked_at END "
        f"FROM unnest({UNNESTED}) AS t({LISTED}) WHERE a.practice = $1 AND a.ref = t.ref RETURNING a.id, a.key",
        practice,
        now,
        *([row[name] for row in stale] for name in COLUMNS),
    )
    return {row["key"]: row["id"] for row in rows}


def _known(row: Mapping[str, Any], ident: int, stored: Row | None, refs: Mapping[int, str]) -> KnownAppointment:
    return KnownAppointment(
        id=ident,
        ref=row["ref"],
        patient=row["patient"],
        patient_ref=refs[row["patient"]],
        day=row["day"],
        starts_at=row["starts_at"],
        status=AppointmentStatus(row["status"]),
        was=None if stored is None else AppointmentStatus(stored["status"]),
        was_of=None if stored is None or stored["patient"] == row["patient"] else stored["patient"],
    )


def entry_of(appointment: KnownAppointment) -> Entry:
    if appointment.status in ABSENCES and appointment.was != appointment.status:
        event = Event.ABSENCE_MARKED
    else:
        event = Event.APPOINTMENT_ADDED if appointment.was is None else Event.APPOINTMENT_CHANGED
    data = {"status": appointment.status, "was": appointment.was, "day": appointment.day.isoformat()}
    return Entry(event, patient=appointment.patient_ref, subject=appointment.ref, data=data)

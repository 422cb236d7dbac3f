"""One day's appointments as the front desk sees them: who was expected, who came, and what follows where nobody did."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from db.changes._agenda import ABSENCES
from db.changes._journal import Event
from db.crypto import vault
from db.engine import Row, fetch
from db.queries.people import SHOWN_NUMBER
from db.states import OPEN_TASK, AppointmentStatus, DeliveryStatus, Reason
from db.tables.agenda import BOOKED_HERE


@dataclass(frozen=True)
class Followed:
    """The sequence of an absence. `next_due` is when its next message should go, `left` how many have left."""

    status: str
    reason: str | None
    next_due: datetime | None
    left: int


@dataclass(frozen=True)
class DayAppointment:
    """`staff` is who of the staff the practitioner is. `begins_at` is the start, or the day's midnight where no time is
    known. `online`: booked through Reprise, and not come back from the practice's software yet. `declined` says why an
    absence has no sequence; `cancelled_here`: a member of staff said so, and may take it back. `case` is what it asks
    of a person."""

    ref: str
    patient: str
    number: str
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    practitioner: str
    staff: int | None
    begins_at: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    status: AppointmentStatus
    minor: bool
    online: bool
    marked_at: datetime | None
    cancelled_here: bool
    declined: str | None
    followed: Followed | None
    case: str | None


# What the journal said last of the appointment tells whose cancellation it is, and why an absence has no sequence.
DAY = f"""
SELECT a.ref, p.ref AS patient, {SHOWN_NUMBER} AS number, p.first_name, p.last_name, p.minor, r.name AS practitioner,
       r.staff, coalesce(a.starts_at, a.day::timestamp AT TIME ZONE c.zone) AS begins_at, a.starts_at, a.ends_at,
       a.status, a.marked_at, a.source = $3 AND a.key = a.ref AS online, said.event, said.reason,
       e.status AS sequence, e.reason AS sequence_reason, m.next_due, m.left_already, t.ref AS case
FROM appointment a JOIN patient p ON p.id = a.patient JOIN practitioner r ON r.id = a.practitioner
JOIN practice c ON c.id = a.practice
LEFT JOIN LATERAL (SELECT j.event, j.reason FROM journal j WHERE a.status = ANY($4) AND j.patient_ref = p.ref
                   AND j.subject_ref = a.ref ORDER BY j.id DESC LIMIT 1) said ON true
LEFT JOIN LATERAL (SELECT x.id, x.status, x.reason FROM enrolment x WHERE x.appointment = a.id
                   ORDER BY x.id DESC LIMIT 1) e ON true
LEFT JOIN LATERAL (SELECT min(d.due_at) FILTER (WHERE d.status = $5 AND d.enrolment = e.id) AS next_due,
                          count(*) FILTER (WHERE d.sent_at IS NOT NULL) AS left_already
                   FROM delivery d JOIN enrolment y ON y.id = d.enrolment
                   WHERE y.appointment = a.id AND d.step IS NOT NULL) m ON true
LEFT JOIN LATERAL (SELECT k.ref FROM task k WHERE k.patient = a.patient AND k.appointment = a.id AND k.status = ANY($6)
                   ORDER BY k.crisis DESC, k.urgent DESC, k.id LIMIT 1) t ON true
WHERE a.practice = $1 AND a.day = $2 ORDER BY r.name, r.id, a.starts_at NULLS LAST, a.id
"""


async def agenda_day(practice: int, day: date) -> tuple[DayAppointment, ...]:
    """By practitioner, then by time; `day` is local."""
    rows = await fetch(
        DAY,
        practice,
        day,
        BOOKED_HERE,
        [*ABSENCES, AppointmentStatus.CANCELLED],
        DeliveryStatus.PLANNED,
        list(OPEN_TASK),
    )
    return tuple(_appointment(row) for row in rows)


def _appointment(row: Row) -> DayAppointment:
    values: dict[str, Any] = {name: row[name] for name in DayAppointment.__dataclass_fields__ if name in dict(row)}
    said = (row["event"], row["reason"])
    return DayAppointment(
        **values
        | {name: _opened(row, name) for name in ("first_name", "last_name")}
        | {"status": AppointmentStatus(row["status"])},
        cancelled_here=row["status"] == AppointmentStatus.CANCELLED
        and said == (Event.APPOINTMENT_CHANGED, Reason.CANCELLED_BY_PATIENT),
        declined=row["reason"] if row["event"] == Event.ABSENCE_NOT_FOLLOWED else None,
        followed=_followed(row),
    )


def _followed(row: Row) -> Followed | None:
    if row["sequence"] is None:
        return None
    return Followed(row["sequence"], row["sequence_reason"], row["next_due"], row["left_already"])


def _opened(row: Row, name: str) -> str:
    return "" if row[name] is None else vault().open(row[name], owner=row["patient"], field=f"patient.{name}")

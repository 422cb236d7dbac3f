"""What a patient's link shows: made for that page, and without anything that must not stand on it."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from db.engine import Row, fetch_one
from db.queries.agenda import AVAILABILITY_COLUMNS, availability_of
from db.rules.slots import Slot
from db.states import AppointmentStatus
from db.tables.agenda import BOOKED_HERE


def mark(ref: str, calendar_sequence: int) -> str:
    """Which appointment a page showed, and at which of its times: what a form on that page is about."""
    return f"{ref}.{calendar_sequence}"


@dataclass(frozen=True, slots=True)
class Booking:
    """The appointment that a link shows. `can_change` is false for one that the practice's own software holds,
    which may have no time of day. `confirmed`: the patient has said that they will come."""

    ref: str
    day: date
    starts_at: datetime | None
    ends_at: datetime | None
    calendar_sequence: int
    updated_at: datetime
    can_change: bool
    confirmed: bool

    @property
    def mark(self) -> str:
        return mark(self.ref, self.calendar_sequence)


@dataclass(frozen=True, slots=True)
class PatientPage:
    """Times are UTC, to be shown in `zone`; `phone` is the practice's, E.164. No patient's name, no motive, no
    speciality. `slots` is empty while a booking stands, unless it is being moved."""

    practice: str
    phone: str
    country: str
    zone: str
    address: str | None
    language: str
    practitioner: str
    duration_min: int
    cancel_notice_hours: int
    booking: Booking | None
    was_cancelled: bool
    slots: tuple[Slot, ...]
    channels: tuple[str, ...]
    opted_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PracticeContact:
    """What a page may say when the link leads nowhere."""

    practice: str
    phone: str
    country: str
    language: str


PAGE = f"""
SELECT c.discreet_name AS practice, c.phone, c.address, e.language, r.name AS practitioner,
       {AVAILABILITY_COLUMNS},
       coalesce(b.ends_at - b.starts_at, a.ends_at - a.starts_at) AS duration,
       b.id AS booking_id, b.ref AS booking_ref, b.day AS booked_on, b.starts_at AS booked_from,
       b.ends_at AS booked_to, b.calendar_sequence, b.updated_at AS booked_at, b.source AS booking_source,
       b.confirmed_at,
       EXISTS (SELECT 1 FROM appointment g
               WHERE g.enrolment = e.id AND g.status = '{AppointmentStatus.CANCELLED}') AS was_cancelled,
       p.phone_index IS NOT NULL AND p.phone_kind = 'mobile' AS has_sms, p.email_index IS NOT NULL AS has_email,
       EXISTS (SELECT 1 FROM channel_opt_out o WHERE o.practice = c.id AND o.channel = 'sms'
               AND o.address_index = p.phone_index AND o.ended_at IS NULL) AS sms_off,
       EXISTS (SELECT 1 FROM channel_opt_out o WHERE o.practice = c.id AND o.channel = 'email'
               AND o.address_index = p.email_index AND o.ended_at IS NULL) AS email_off
FROM delivery d
JOIN enrolment e ON e.id = d.enrolment
JOIN patient p ON p.id = e.patient
JOIN practice c ON c.id = e.practice
JOIN appointment a ON a.id = e.appointment
LEFT JOIN LATERAL (
    SELECT x.* FROM appointment x WHERE x.patient = e.patient AND x.status = '{AppointmentStatus.BOOKED}'
    AND ((x.enrolment = e.id AND x.ends_at > $2) OR coalesce(x.starts_at, x.day::timestamp AT TIME ZONE c.zone) > $2)
    ORDER BY (x.enrolment IS NOT DISTINCT FROM e.id) DESC, x.day, x.starts_at LIMIT 1
) b ON true
JOIN practitioner r ON r.id = coalesce(b.practitioner, e.practitioner)
WHERE d.link_id = $1 AND (e.links_expire_at > $2 OR $4) AND e.links_revoked_at IS NULL
"""


async def patient_page(
    link_id: str, *, now: datetime, moving: bool = False, even_expired: bool = False
) -> PatientPage | None:
    """None for a link that is unknown, expired or revoked: the caller must not tell which.

    `even_expired` is for opting out, which an old message still lets one do.
    """
    row = await fetch_one(PAGE, link_id, now, None, even_expired)
    if row is None:
        return None
    booking = _booking(row)
    duration: timedelta | None = row["duration"]
    found = availability_of(row, duration=duration)
    if booking is not None and moving:
        found.taken[:] = [t for t in found.taken if t != (booking.starts_at, booking.ends_at)]
    shows_slots = booking is None or (moving and booking.can_change)
    return PatientPage(
        practice=row["practice"],
        phone=row["phone"],
        country=row["country"],
        zone=row["zone"],
        address=row["address"],
        language=row["language"],
        practitioner=row["practitioner"],
        duration_min=int(found.week.duration.total_seconds() // 60),
        cancel_notice_hours=json.loads(row["settings"]).get("cancel_notice_hours", 24),
        booking=booking,
        was_cancelled=row["was_cancelled"] and booking is None,
        slots=tuple(found.open_slots(now)) if shows_slots else (),
        channels=_named(sms=row["has_sms"], email=row["has_email"]),
        opted_out=_named(sms=row["sms_off"], email=row["email_off"]),
    )


def _booking(row: Row) -> Booking | None:
    if row["booking_id"] is None:
        return None
    return Booking(
        ref=row["booking_ref"],
        day=row["booked_on"],
        starts_at=row["booked_from"],
        ends_at=row["booked_to"],
        calendar_sequence=row["calendar_sequence"],
        updated_at=row["booked_at"],
        can_change=row["booking_source"] == BOOKED_HERE,
        confirmed=row["booking_source"] == BOOKED_HERE and row["confirmed_at"] is not None,
    )


def _named(**flags: bool) -> tuple[str, ...]:
    return tuple(name for name, on in flags.items() if on)


async def any_contact() -> PracticeContact | None:
    """The practice's telephone for the page of a link that leads nowhere; None before a practice is set up."""
    row = await fetch_one(
        "SELECT discreet_name AS practice, phone, country, language FROM practice ORDER BY id LIMIT 1"
    )
    return PracticeContact(**dict(row)) if row else None

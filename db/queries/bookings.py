"""Appointments that came about through Reprise."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.engine import Row, fetch
from db.queries.people import SHOWN_NUMBER
from db.states import AppointmentStatus

TELEPHONE = "telephone"


@dataclass(frozen=True)
class BookingMade:
    """`what` is booked, moved or cancelled. Through a link, `message` and `channel` name its touchpoint; a new
    appointment that ended a follow-up by coming in with an import has `through` "telephone" instead. `confirmed`: the
    appointment still stands at this time, and the patient has confirmed it."""

    at: datetime
    what: str
    starts_at: datetime | None
    previous: datetime | None
    practitioner: str | None
    patient: str
    through: str
    message: str | None
    channel: str | None
    confirmed: bool


async def bookings_since(practice: int, since: datetime) -> list[BookingMade]:
    """Oldest first. An appointment that came in without a time of day has no `starts_at`."""
    rows = await fetch(
        f"SELECT j.at, j.event, j.data, {SHOWN_NUMBER} AS patient, a.starts_at, "
        f"a.status = '{AppointmentStatus.BOOKED}' AND a.confirmed_at IS NOT NULL AS confirmed, r.name AS practitioner, "
        "d.message, d.channel "
        "FROM journal j JOIN patient p ON p.ref = j.patient_ref "
        "LEFT JOIN LATERAL (SELECT x.* FROM appointment x WHERE CASE WHEN j.event = 'sequence_stopped' "
        "THEN x.patient = p.id AND x.source = 'import' AND x.created_at <= j.at AND x.day >= j.at::date "
        "ELSE x.ref = j.subject_ref END ORDER BY x.updated_at = j.at DESC, x.day, x.starts_at LIMIT 1) a ON true "
        "LEFT JOIN practitioner r ON r.id = a.practitioner LEFT JOIN delivery d ON d.link_id = a.link_id "
        "WHERE j.practice = $1 AND j.at >= $2 AND (j.event IN ('booked', 'booking_moved', 'booking_cancelled') "
        "OR (j.event = 'sequence_stopped' AND j.reason = 'rebooked' AND j.actor = 'intake')) ORDER BY j.id",
        practice,
        since,
    )
    return [_booking(row) for row in rows]


def _booking(row: Row) -> BookingMade:
    data = json.loads(row["data"]) if row["data"] else {}
    by_telephone = row["event"] == "sequence_stopped"
    starts_at = row["starts_at"] if by_telephone else _moment(data, "starts_at")
    return BookingMade(
        at=row["at"],
        what="booked" if by_telephone else row["event"].removeprefix("booking_"),
        starts_at=starts_at,
        previous=_moment(data, "previous"),
        practitioner=row["practitioner"],
        patient=row["patient"],
        through=TELEPHONE if by_telephone else "link",
        message=None if by_telephone else row["message"],
        channel=None if by_telephone else row["channel"],
        confirmed=bool(row["confirmed"]) and starts_at == row["starts_at"],
    )


def _moment(data: dict[str, Any], name: str) -> datetime | None:
    value = data.get(name)
    return datetime.fromisoformat(value) if value else None

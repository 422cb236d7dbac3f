"""When a practitioner can be booked."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from db.engine import Row, fetch, fetch_one
from db.errors import NotFound
from db.rules.settings import Settings, week_from_json
from db.rules.slots import Slot, Week, is_offered, open_slots
from db.states import AppointmentStatus

# Selects what `availability_of` reads, for one practitioner `r` of one practice `c`; `$2` is now, `$3` an appointment
# whose time counts as free (the one that is being moved), or null.
AVAILABILITY_COLUMNS = f"""
c.settings, c.zone, c.country, c.subdivision, r.week, r.duration_min, r.buffer_min,
(SELECT array_agg(ARRAY[k.starts_on, k.ends_on] ORDER BY k.starts_on) FROM closure k WHERE k.practice = c.id
 AND (k.practitioner IS NULL OR k.practitioner = r.id) AND k.ends_on >= ($2::timestamptz AT TIME ZONE c.zone)::date
) AS closures,
(SELECT array_agg(ARRAY[t.starts_at, t.ends_at] ORDER BY t.starts_at) FROM appointment t WHERE t.practitioner = r.id
 AND t.status = '{AppointmentStatus.BOOKED}' AND t.starts_at > $2::timestamptz - interval '1 day'
 AND t.starts_at < $2::timestamptz + interval '1 year' AND t.id IS DISTINCT FROM $3::bigint) AS taken
"""


@dataclass(frozen=True, slots=True)
class Availability:
    """A practitioner's week for one length of appointment, and what stands in it already."""

    week: Week
    closures: tuple[tuple[date, date], ...]
    taken: list[tuple[datetime, datetime]]

    def open_slots(self, now: datetime) -> list[Slot]:
        return open_slots(self.week, self.closures, self.taken, now)

    def offered(self, starts_at: datetime, now: datetime) -> Slot | None:
        return is_offered(self.week, self.closures, self.taken, now, starts_at)


def availability_of(row: Row, *, duration: timedelta | None) -> Availability:
    """`duration` is the missed appointment's; without one the practitioner's own applies."""
    minutes = int(duration.total_seconds() // 60) if duration else row["duration_min"]
    return Availability(
        week=_week(
            row["settings"],
            row["week"],
            minutes,
            row["buffer_min"],
            row["zone"],
            row["country"],
            row["subdivision"],
        ),
        closures=tuple((first, last) for first, last in row["closures"] or ()),
        taken=[(starts, ends) for starts, ends in row["taken"] or ()],
    )


@lru_cache(maxsize=1024)
def _week(
    settings: str,
    week: str | None,
    minutes: int,
    buffer: int,
    zone: str,
    country: str,
    subdivision: str | None,
) -> Week:
    """By value: the same stored text gives the same week, so that its slot grid is found again."""
    rules = Settings.from_json(json.loads(settings))
    return Week(
        openings=week_from_json(json.loads(week)) if week else rules.week,
        duration=timedelta(minutes=minutes),
        buffer=timedelta(minutes=buffer),
        zone=zone,
        country=country,
        subdivision=subdivision,
        notice=timedelta(hours=rules.notice_hours),
        horizon_days=rules.horizon_days,
    )


async def availability(
    practitioner: int, *, now: datetime, duration: timedelta | None, moving: int | None = None
) -> Availability:
    row = await fetch_one(
        f"SELECT {AVAILABILITY_COLUMNS} FROM practitioner r JOIN practice c ON c.id = r.practice WHERE r.id = $1",
        practitioner,
        now,
        moving,
    )
    if row is None:
        raise NotFound("This practitioner does not exist.")
    return availability_of(row, duration=duration)


@dataclass(frozen=True)
class Overlap:
    """A live appointment that begins while another one of the same practitioner lasts: imported ones are facts, and
    may do that. Patients by the practice's own number."""

    practitioner: str
    first_patient: str
    second_patient: str
    starts_at: datetime


# One walk over each practitioner's appointments, remembering the one that ends last so far.
OVERLAPS = f"""
WITH walked AS (
    SELECT a.practitioner, a.patient, a.starts_at,
           max(ARRAY[extract(epoch FROM a.ends_at), a.patient]::numeric[]) OVER (PARTITION BY a.practitioner
               ORDER BY a.starts_at, a.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS longest
    FROM appointment a WHERE a.practice = $1 AND a.status = '{AppointmentStatus.BOOKED}' AND a.starts_at > $2
)
SELECT r.name AS practitioner, p.key AS first_patient, q.key AS second_patient, w.starts_at
FROM walked w JOIN practitioner r ON r.id = w.practitioner JOIN patient p ON p.id = w.longest[2]::bigint
JOIN patient q ON q.id = w.patient
WHERE w.longest[1] > extract(epoch FROM w.starts_at) ORDER BY w.starts_at, w.practitioner LIMIT $3
"""


async def overlaps(practice: int, *, since: datetime, most: int = 100) -> list[Overlap]:
    rows: Any = await fetch(OVERLAPS, practice, since, most)
    return [Overlap(**dict(row)) for row in rows]


async def has_appointments(practice: int) -> bool:
    return bool(await fetch("SELECT 1 FROM appointment WHERE practice = $1 LIMIT 1", practice))

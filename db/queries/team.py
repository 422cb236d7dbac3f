"""The people of a practice on one day, and when each role may be disturbed."""

import json
from dataclasses import dataclass
from datetime import date, datetime

from db.crypto import vault
from db.engine import Row, fetch, fetch_one, fetch_value
from db.errors import NotFound
from db.queries.practices import Profile
from db.rules.ladder import TOP, Person, Team
from db.rules.windows import Calendar, local_day
from db.states import Role

BY_EMAIL = "email"
NO_ALERTS = "none"

# Somebody hears of a task only at an address that works.
REACHABLE = "s.active AND s.alerts <> 'none' AND s.email_invalid_at IS NULL"


@dataclass(frozen=True)
class Staffing:
    """Who is there, who treats the patient in question, and the days on which the whole practice is closed."""

    practice: Profile
    team: Team
    closed: tuple[tuple[date, date], ...]

    def hours_of(self, target: str) -> Calendar:
        """The on-call hours of a role, or of the role of a person."""
        person = self.team.person(target)
        return self.practice.on_call(person.role if person is not None else target, self.closed)

    def hours_on(self, rung: str, who: int | None) -> Calendar:
        """The on-call hours of a rung of the ladder. Above the last one stands no role but a person: theirs."""
        person = self.team.person(who) if rung == TOP else None
        return self.hours_of(person.ref if person is not None else rung)


async def staffing(practice: Profile, *, practitioner: int | None, now: datetime) -> Staffing:
    """`practitioner`: who treats the patient that the task is about, where that is known."""
    today = local_day(now, practice.calendar)
    rows = await fetch(
        f"SELECT s.id, s.ref, s.role, s.fallback, s.days, {REACHABLE} AS reachable, a.id IS NOT NULL AS away, "
        "a.stand_in FROM staff s LEFT JOIN LATERAL (SELECT x.id, x.stand_in FROM staff_absence x WHERE x.staff = s.id "
        "AND x.starts_on <= $2 AND x.ends_on >= $2 ORDER BY x.id DESC LIMIT 1) a ON true "
        "WHERE s.practice = $1 AND s.active ORDER BY s.id",
        practice.id,
        today,
    )
    people = tuple(_person(row, today) for row in rows)
    on_call = next((one.id for one in people if one.ref == practice.settings.on_call_person), None)
    treating: int | None = await fetch_value("SELECT staff FROM practitioner WHERE id = $1", practitioner)
    return Staffing(practice, Team(people, treating, on_call), await closed_days(practice.id, since=today))


def _person(row: Row, today: date) -> Person:
    worked = json.loads(row["days"]) if row["days"] else None
    return Person(
        id=row["id"],
        ref=row["ref"],
        role=Role(row["role"]),
        reachable=row["reachable"],
        present=not row["away"] and (worked is None or today.weekday() in worked),
        stand_in=row["stand_in"],
        fallback=row["fallback"],
    )


async def closed_days(practice: int, *, since: date) -> tuple[tuple[date, date], ...]:
    """The closures of the whole practice that are not over."""
    rows = await fetch(
        "SELECT starts_on, ends_on FROM closure WHERE practice = $1 AND practitioner IS NULL AND ends_on >= $2 "
        "ORDER BY starts_on",
        practice,
        since,
    )
    return tuple((row["starts_on"], row["ends_on"]) for row in rows)


@dataclass(frozen=True, slots=True)
class StaffMember:
    id: int
    ref: str
    name: str
    role: Role


async def staff_member(practice: int, *, index: bytes | None = None, ref: str | None = None) -> StaffMember:
    """An active person, by the blind index of an address or by reference."""
    row = await fetch_one(
        "SELECT id, ref, name, role FROM staff WHERE practice = $1 AND active AND (email_index = $2 OR ref = $3)",
        practice,
        index,
        ref,
    )
    if row is None:
        raise NotFound("Nobody who works here has this address: `reprise doctor` lists the staff.")
    return StaffMember(row["id"], row["ref"], row["name"], Role(row["role"]))


async def email_of(staff: int) -> str:
    """The address of a member of staff."""
    row = await fetch_one("SELECT ref, email FROM staff WHERE id = $1", staff)
    if row is None:
        raise NotFound("This person does not work here.")
    return vault().open(row["email"], owner=row["ref"], field="staff.email")

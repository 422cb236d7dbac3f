"""Setting up a practice from its file, and again: the same file changes nothing, an edited one updates."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any

from db.actors import INSTALLER
from db.changes._journal import Entry, Event, record
from db.changes._slack import plan_open_cases
from db.crypto import vault
from db.engine import fetch, fetch_one, fetch_value, transaction
from db.errors import ConfigurationError, NotFound
from db.queries.practices import practice as profile_of
from db.queries.team import BY_EMAIL, NO_ALERTS
from db.rules.names import name_key
from db.rules.settings import Settings, week_to_json
from db.rules.slots import Opening
from db.rules.windows import Calendar, local_day
from db.states import Role
from db.tokens import new_reference

SETUP_LOCK = 0x534554


@dataclass(frozen=True)
class NewStaff:
    """`fallback` is the email address of another member of staff; `days` the weekdays worked, Monday 0, None for all;
    `alerts` how the person hears of a case: `email`, or `none`."""

    name: str
    email: str = field(repr=False)
    role: str
    language: str
    fallback: str | None = field(default=None, repr=False)
    days: tuple[int, ...] | None = None
    alerts: str = BY_EMAIL


@dataclass(frozen=True)
class NewStaffAbsence:
    """Leave, both days included; `staff` and `stand_in` are addresses of the same file."""

    staff: str = field(repr=False)
    starts_on: date
    ends_on: date
    stand_in: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class NewPractitioner:
    """Without a week of its own, the practice's applies; `staff` is the address of the member of staff who it is."""

    name: str
    speciality: str
    duration_min: int
    buffer_min: int
    week: tuple[Opening, ...] | None = None
    staff: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class NewClosure:
    """Both days included; `practitioner` is a name of the same file, or None for the whole practice."""

    starts_on: date
    ends_on: date
    practitioner: str | None = None


@dataclass(frozen=True)
class NewPractice:
    """A whole practice file, checked. `smtp`, `sms` and `slack` are sealed before they are stored; where `settings`
    name a person by their address, the reference is stored. Without `absences`, known leave stays."""

    key: str
    name: str
    discreet_name: str
    country: str
    subdivision: str | None
    zone: str
    language: str
    phone: str
    address: str | None
    notice_email: str | None
    reply_to: str
    settings: Settings
    smtp: Mapping[str, Any] = field(repr=False)
    sms: Mapping[str, Any] = field(repr=False)
    staff: tuple[NewStaff, ...]
    practitioners: tuple[NewPractitioner, ...]
    closures: tuple[NewClosure, ...] = ()
    absences: tuple[NewStaffAbsence, ...] = ()
    slack: Mapping[str, Any] = field(repr=False, default_factory=dict)


async def save_practice(new: NewPractice, *, now: datetime, actor: str = INSTALLER) -> bool:
    """True if anything changed. People whom the file no longer names stay; its closures replace all, and its leave
    replaces all leave that is not over."""
    mark = vault().index(json.dumps(asdict(new), default=str, sort_keys=True), kind="setup")
    async with transaction():
        # Two set-ups of a new practice at once would seal its access for a reference that only one of them gets.
        await fetch("SELECT pg_advisory_xact_lock($1)", SETUP_LOCK)
        stored = await fetch_one("SELECT id, ref, setup_mark FROM practice WHERE key = $1 FOR UPDATE", new.key)
        if stored is not None and stored["setup_mark"] == mark:
            return False
        ref = stored["ref"] if stored else new_reference()
        refs = await _references(new)
        practice = await _save(new, ref, refs, mark, now)
        staff = await _save_staff(new, practice, refs, now)
        practitioners = await _save_practitioners(new, practice, staff, now)
        await _link_by_name(new, practice, staff)
        await _save_closures(new, practice, practitioners)
        await _save_absences(new, practice, staff, now)
        if new.settings.slack_route:
            await plan_open_cases(await profile_of(practice), now=now)
        entry = Entry(
            Event.PRACTICE_SAVED,
            subject=ref,
            data={
                "practitioners": len(practitioners),
                "staff": len(staff),
                "closures": len(new.closures),
            },
        )
        await record([entry], practice=practice, actor=actor, now=now)
    return True


async def _references(new: NewPractice) -> dict[str, str]:
    """Address -> reference of everybody of the file, also of those who are new."""
    rows = await fetch(
        "SELECT s.email_index, s.ref FROM staff s JOIN practice p ON p.id = s.practice WHERE p.key = $1", new.key
    )
    known: dict[bytes, str] = {bytes(row["email_index"]): row["ref"] for row in rows}
    keys = vault()
    return {one.email: known.get(keys.index(one.email, kind="email")) or new_reference() for one in new.staff}


def _with_references(settings: Settings, refs: Mapping[str, str]) -> Settings:
    """Addresses are stored sealed, and nowhere else: plans and the person on call are named by reference."""

    def of(target: str) -> str:
        if "@" in target and target not in refs:
            raise ConfigurationError("A plan or [on_call] names an address that is not of this file.")
        return refs.get(target, target)

    plans = {
        name: replace(
            plan,
            steps=tuple(replace(one, assignee=of(one.assignee), fallback=of(one.fallback)) for one in plan.steps),
        )
        for name, plan in settings.plans.items()
    }
    return replace(settings, plans=plans, on_call_person=of(settings.on_call_person))


async def _save(new: NewPractice, ref: str, refs: Mapping[str, str], mark: bytes, now: datetime) -> int:
    sending = json.dumps({"smtp": dict(new.smtp), "sms": dict(new.sms), "slack": dict(new.slack)})
    practice: int = await fetch_value(
        "INSERT INTO practice (key, ref, name, discreet_name, country, subdivision, zone, language, phone, address, "
        "notice_email, reply_to, settings, sending, setup_mark, created_at, updated_at) "
        "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$16) ON CONFLICT (key) DO UPDATE SET "
        "name = $3, discreet_name = $4, country = $5, subdivision = $6, zone = $7, language = $8, phone = $9, "
        "address = $10, notice_email = $11, reply_to = $12, settings = $13, sending = $14, setup_mark = $15, "
        "email_refused_until = NULL, sms_refused_until = NULL, updated_at = $16 RETURNING id",
        new.key,
        ref,
        new.name,
        new.discreet_name,
        new.country,
        new.subdivision,
        new.zone,
        new.language,
        new.phone,
        new.address,
        new.notice_email,
        new.reply_to,
        json.dumps(_with_references(new.settings, refs).to_json()),
        vault().seal(sending, owner=ref, field="sending"),
        mark,
        now,
    )
    return practice


async def _save_staff(new: NewPractice, practice: int, refs: Mapping[str, str], now: datetime) -> dict[str, int]:
    """Address -> id. A changed file is one more try for an address from which mail came back."""
    keys = vault()
    ids: dict[str, int] = {}
    for person in new.staff:
        ids[person.email] = await fetch_value(
            "INSERT INTO staff (practice, ref, name, email, email_index, role, language, active, days, alerts, "
            "created_at) VALUES ($1,$2,$3,$4,$5,$6,$7,true,$8,$9,$10) ON CONFLICT (practice, email_index) DO UPDATE "
            "SET name = $3, role = $6, language = $7, active = true, days = $8, alerts = $9, email_invalid_at = NULL "
            "RETURNING id",
            practice,
            refs[person.email],
            person.name,
            keys.seal(person.email, owner=refs[person.email], field="staff.email"),
            keys.index(person.email, kind="email"),
            person.role,
            person.language,
            None if person.days is None else json.dumps(person.days),
            person.alerts,
            now,
        )
    for person in new.staff:
        await fetch(
            "UPDATE staff SET fallback = $2 WHERE id = $1",
            ids[person.email],
            ids[person.fallback] if person.fallback else None,
        )
    return ids


async def _save_practitioners(
    new: NewPractice, practice: int, staff: Mapping[str, int], now: datetime
) -> dict[str, int]:
    ids: dict[str, int] = {}
    for person in new.practitioners:
        ids[person.name] = await fetch_value(
            "INSERT INTO practitioner (practice, ref, key, name, speciality, duration_min, buffer_min, week, staff, "
            "created_at) "
            "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) ON CONFLICT (practice, key) DO UPDATE SET "
            "name = $4, speciality = $5, duration_min = $6, buffer_min = $7, week = $8, staff = $9 RETURNING id",
            practice,
            new_reference(),
            name_key(person.name),
            person.name,
            person.speciality,
            person.duration_min,
            person.buffer_min,
            json.dumps(week_to_json(person.week)) if person.week is not None else None,
            staff[person.staff] if person.staff else None,
            now,
        )
    return ids


async def _link_by_name(new: NewPractice, practice: int, staff: Mapping[str, int]) -> None:
    """A practitioner first met in an import, whom a file now names under its staff, is that person."""
    people = [(name_key(one.name), staff[one.email]) for one in new.staff if _may_be_linked(one)]
    keys = [key for key, _ in people]
    await fetch(
        "UPDATE practitioner p SET staff = t.staff FROM unnest($2::text[], $3::int[]) AS t(key, staff) "
        "WHERE p.practice = $1 AND p.key = t.key AND p.staff IS NULL",
        practice,
        [key for key in keys if keys.count(key) == 1],
        [person for key, person in people if keys.count(key) == 1],
    )


def _may_be_linked(person: NewStaff) -> bool:
    return person.role == Role.PRACTITIONER and person.alerts != NO_ALERTS


async def _save_closures(new: NewPractice, practice: int, practitioners: Mapping[str, int]) -> None:
    await fetch("DELETE FROM closure WHERE practice = $1", practice)
    for closure in new.closures:
        await fetch(
            "INSERT INTO closure (practice, practitioner, starts_on, ends_on) VALUES ($1, $2, $3, $4)",
            practice,
            practitioners[closure.practitioner] if closure.practitioner else None,
            closure.starts_on,
            closure.ends_on,
        )


async def _save_absences(new: NewPractice, practice: int, staff: Mapping[str, int], now: datetime) -> None:
    """What is over stays as it was. A file that names no leave says nothing of the leave that the terminal recorded."""
    if not new.absences:
        return
    today = local_day(now, Calendar(new.zone, new.country, new.subdivision))
    await fetch("DELETE FROM staff_absence WHERE practice = $1 AND ends_on >= $2", practice, today)
    for absence in new.absences:
        if absence.ends_on >= today:
            await fetch(
                "INSERT INTO staff_absence (practice, staff, starts_on, ends_on, stand_in) "
                "SELECT practice, id, $2, $3, $4 FROM staff WHERE id = $1",
                staff[absence.staff],
                absence.starts_on,
                absence.ends_on,
                staff[absence.stand_in] if absence.stand_in else None,
            )


async def change_access(
    practice: int,
    *,
    smtp: Mapping[str, Any],
    sms: Mapping[str, Any],
    slack: Mapping[str, Any] | None = None,
    now: datetime,
    actor: str = INSTALLER,
) -> bool:
    """Replace the access to mail server and gateway alone, and to Slack where it is given. False when it is the same
    already."""
    async with transaction():
        stored = await fetch_one("SELECT ref, sending FROM practice WHERE id = $1 FOR UPDATE", practice)
        if stored is None:
            raise NotFound("This practice does not exist.")
        sealed = stored["sending"]
        known = json.loads(vault().open(sealed, owner=stored["ref"], field="sending")) if sealed else {}
        kept = known.get("slack", {}) if slack is None else dict(slack)
        wanted = {"smtp": dict(smtp), "sms": dict(sms), "slack": kept}
        if {"slack": {}, **known} == wanted:
            return False
        # Without the mark, the practice file that is set up next counts as changed, and has the last word.
        await fetch(
            "UPDATE practice SET sending = $2, setup_mark = NULL, updated_at = $3, email_refused_until = NULL, "
            "sms_refused_until = NULL WHERE id = $1",
            practice,
            vault().seal(json.dumps(wanted), owner=stored["ref"], field="sending"),
            now,
        )
        saved = Entry(Event.PRACTICE_SAVED, subject=stored["ref"], data={"access": True})
        await record([saved], practice=practice, actor=actor, now=now)
    return True

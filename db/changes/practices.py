"""Setting up a practice from its file, and again: the same file changes nothing, an edited one updates."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from db.actors import INSTALLER
from db.changes._journal import Entry, Event, record
from db.crypto import vault
from db.engine import fetch, fetch_one, fetch_value, transaction
from db.errors import NotFound
from db.rules.names import name_key
from db.rules.settings import Settings, week_to_json
from db.rules.slots import Opening
from db.tokens import new_reference

SETUP_LOCK = 0x534554


@dataclass(frozen=True)
class NewStaff:
    """`fallback` is the email address of another member of staff."""

    name: str
    email: str = field(repr=False)
    role: str
    language: str
    fallback: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class NewPractitioner:
    """Without a week of its own, the practice's applies."""

    name: str
    speciality: str
    duration_min: int
    buffer_min: int
    week: tuple[Opening, ...] | None = None


@dataclass(frozen=True)
class NewClosure:
    """Both days included; `practitioner` is a name of the same file, or None for the whole practice."""

    starts_on: date
    ends_on: date
    practitioner: str | None = None


@dataclass(frozen=True)
class NewPractice:
    """A whole practice file, checked. `smtp` and `sms` are sealed before they are stored."""

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


async def save_practice(new: NewPractice, *, now: datetime, actor: str = INSTALLER) -> bool:
    """True if anything changed. People whom the file no longer names stay; its closures replace all."""
    mark = vault().index(json.dumps(asdict(new), default=str, sort_keys=True), kind="setup")
    async with transaction():
        # Two set-ups of a new practice at once would seal its access for a reference that only one of them gets.
        await fetch("SELECT pg_advisory_xact_lock($1)", SETUP_LOCK)
        stored = await fetch_one("SELECT id, ref, setup_mark FROM practice WHERE key = $1 FOR UPDATE", new.key)
        if stored is not None and stored["setup_mark"] == mark:
            return False
        ref = stored["ref"] if stored else new_reference()
        practice = await _save(new, ref, mark, now)
        staff = await _save_staff(new, practice, now)
        practitioners = await _save_practitioners(new, practice, now)
        await _save_closures(new, practice, practitioners)
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


async def _save(new: NewPractice, ref: str, mark: bytes, now: datetime) -> int:
    sending = json.dumps({"smtp": dict(new.smtp), "sms": dict(new.sms)})
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
        json.dumps(new.settings.to_json()),
        vault().seal(sending, owner=ref, field="sending"),
        mark,
        now,
    )
    return practice


async def _save_staff(new: NewPractice, practice: int, now: datetime) -> dict[str, int]:
    keys = vault()
    ids: dict[str, int] = {}
    for person in new.staff:
        ref = new_reference()
        index = keys.index(person.email, kind="email")
        known = await fetch_one("SELECT id, ref FROM staff WHERE practice = $1 AND email_index = $2", practice, index)
        if known is not None:
            ref = known["ref"]
        ids[person.email] = await fetch_value(
            "INSERT INTO staff (practice, ref, name, email, email_index, role, language, active, created_at) "
            "VALUES ($1,$2,$3,$4,$5,$6,$7,true,$8) ON CONFLICT (practice, email_index) DO UPDATE SET "
            "name = $3, role = $6, language = $7, active = true RETURNING id",
            practice,
            ref,
            person.name,
            keys.seal(person.email, owner=ref, field="staff.email"),
            index,
            person.role,
            person.language,
            now,
        )
    for person in new.staff:
        await fetch(
            "UPDATE staff SET fallback = $2 WHERE id = $1",
            ids[person.email],
            ids[person.fallback] if person.fallback else None,
        )
    return ids


async def _save_practitioners(new: NewPractice, practice: int, now: datetime) -> dict[str, int]:
    ids: dict[str, int] = {}
    for person in new.practitioners:
        ids[person.name] = await fetch_value(
            "INSERT INTO practitioner (practice, ref, key, name, speciality, duration_min, buffer_min, week, "
            "created_at) "
            "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT (practice, key) DO UPDATE SET "
            "name = $4, speciality = $5, duration_min = $6, buffer_min = $7, week = $8 RETURNING id",
            practice,
            new_reference(),
            name_key(person.name),
            person.name,
            person.speciality,
            person.duration_min,
            person.buffer_min,
            json.dumps(week_to_json(person.week)) if person.week is not None else None,
            now,
        )
    return ids


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


async def change_access(
    practice: int, *, smtp: Mapping[str, Any], sms: Mapping[str, Any], now: datetime, actor: str = INSTALLER
) -> bool:
    """Replace the access to mail server and gateway alone. False when it is the same already."""
    async with transaction():
        stored = await fetch_one("SELECT ref, sending FROM practice WHERE id = $1 FOR UPDATE", practice)
        if stored is None:
            raise NotFound("This practice does not exist.")
        wanted = json.dumps({"smtp": dict(smtp), "sms": dict(sms)})
        if stored["sending"] and vault().open(stored["sending"], owner=stored["ref"], field="sending") == wanted:
            return False
        # Without the mark, the practice file that is set up next counts as changed, and has the last word.
        await fetch(
            "UPDATE practice SET sending = $2, setup_mark = NULL, updated_at = $3, email_refused_until = NULL, "
            "sms_refused_until = NULL WHERE id = $1",
            practice,
            vault().seal(wanted, owner=stored["ref"], field="sending"),
            now,
        )
        saved = Entry(Event.PRACTICE_SAVED, subject=stored["ref"], data={"access": True})
        await record([saved], practice=practice, actor=actor, now=now)
    return True

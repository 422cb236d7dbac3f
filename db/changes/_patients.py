"""Writing the patients of one batch of an import: one read, one insert, one update, however many rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from db.changes._journal import Entry, Event, record
from db.crypto import Vault, vault
from db.engine import Row, fetch
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.rules.risk import DISCHARGE_DAYS, RiskRule
from db.tokens import new_reference

if TYPE_CHECKING:
    from db.changes.intake import IntakeCounts

CONTACT_FIELDS = ("first_name", "last_name", "phone", "email", "language")
COLUMNS = (
    "ref",
    "key",
    "first_name",
    "last_name",
    "phone",
    "phone_index",
    "phone_kind",
    "email",
    "email_index",
    "language",
    "minor",
    "intake_mark",
    "contact_on",
)
TYPES = (
    "text[]",
    "text[]",
    "bytea[]",
    "bytea[]",
    "bytea[]",
    "bytea[]",
    "text[]",
    "bytea[]",
    "bytea[]",
    "text[]",
    "bool[]",
    "bytea[]",
    "date[]",
)
LISTED = ", ".join(COLUMNS)
UNNESTED = ", ".join(f"${number}::{kind}" for number, kind in enumerate(TYPES, start=3))


@dataclass(frozen=True, slots=True)
class KnownPatient:
    id: int
    ref: str


async def write_patients(
    rows: Sequence[IntakeRow],
    *,
    practice: Profile,
    known: frozenset[str],
    counts: "IntakeCounts",
    now: datetime,
    actor: str,
) -> dict[str, KnownPatient]:
    """Key -> patient. Of several rows for one patient, the one with the latest appointment says how to reach them."""
    said = _latest(rows)
    stored = {
        row["key"]: row
        for row in await fetch(
            "SELECT id, ref, key, intake_mark, contact_on, first_name, last_name, phone, phone_index, "
            "phone_kind, email, "
            "email_index, language, minor FROM patient WHERE practice = $1 AND key = ANY($2) ORDER BY id FOR UPDATE",
            practice.id,
            list(said),
        )
    }
    keys = vault()
    fresh = [_columns(keys, new_reference(), row, known, None) for key, row in said.items() if key not in stored]
    stale = [
        _columns(keys, stored[key]["ref"], row, known, stored[key])
        for key, row in said.items()
        if key in stored and _differs(keys, stored[key], row, known)
    ]
    ids = {key: KnownPatient(row["id"], row["ref"]) for key, row in stored.items()}
    ids |= await _insert(fresh, practice.id, now)
    await _update(stale, practice.id, now)
    counts.patients_added += len(fresh)
    counts.patients_updated += len(stale)
    entries = [Entry(Event.PATIENT_ADDED, patient=str(row["ref"])) for row in fresh]
    entries += [Entry(Event.PATIENT_UPDATED, patient=str(row["ref"])) for row in stale]
    await record(entries, practice=practice.id, actor=actor, now=now)
    return ids


def _latest(rows: Sequence[IntakeRow]) -> dict[str, IntakeRow]:
    said: dict[str, IntakeRow] = {}
    for row in rows:
        other = said.get(row.patient_key)
        if other is None or row.day >= other.day:
            said[row.patient_key] = row
    return said


def _differs(keys: Vault, stored: Row, row: IntakeRow, known: frozenset[str]) -> bool:
    older = stored["contact_on"] is not None and row.day < stored["contact_on"]
    return not older and bytes(stored["intake_mark"] or b"") != _mark(keys, row, known)


def _mark(keys: Vault, row: IntakeRow, known: frozenset[str]) -> bytes:
    said = {name: getattr(row, name) for name in CONTACT_FIELDS if name in known}
    return keys.index(json.dumps([said, row.minor], sort_keys=True), kind="intake")


def _columns(keys: Vault, ref: str, row: IntakeRow, known: frozenset[str], stored: Row | None) -> Mapping[str, object]:
    """The patient's columns after this row; a field the file does not have keeps what is stored."""

    def sealed(name: str, value: str | None) -> bytes | None:
        if name not in known:
            return None if stored is None else stored[name]
        return keys.seal(value, owner=ref, field=f"patient.{name}") if value else None

    def kept(name: str, source: str, value: object) -> object:
        return value if source in known else (None if stored is None else stored[name])

    return {
        "ref": ref,
        "key": row.patient_key,
        "first_name": sealed("first_name", row.first_name),
        "last_name": sealed("last_name", row.last_name),
        "phone": sealed("phone", row.phone),
        "phone_index": kept("phone_index", "phone", row.phone and keys.index(row.phone, kind="phone")),
        "phone_kind": kept("phone_kind", "phone", row.phone_kind),
        "email": sealed("email", row.email),
        "email_index": kept("email_index", "email", row.email and keys.index(row.email, kind="email")),
        "language": kept("language", "language", row.language),
        # A file without birth dates or ages makes nobody an adult.
        "minor": row.minor or (stored is not None and stored["minor"] and "minor" not in known),
        "intake_mark": _mark(keys, row, known),
        "contact_on": row.day,
    }


async def _insert(fresh: Sequence[Mapping[str, object]], practice: int, now: datetime) -> dict[str, KnownPatient]:
    if not fresh:
        return {}
    rows = await fetch(
        f"INSERT INTO patient (practice, created_at, updated_at, {LISTED}) "
        f"SELECT $1, $2, $2, {LISTED} FROM unnest({UNNESTED}) AS t({LISTED}) RETURNING id, ref, key",
        practice,
        now,
        *([row[name] for row in fresh] for name in COLUMNS),
    )
    return {row["key"]: KnownPatient(row["id"], row["ref"]) for row in rows}


async def _update(stale: Sequence[Mapping[str, object]], practice: int, now: datetime) -> None:
    """A number or an address that changed is no longer known to be invalid."""
    if not stale:
        return
    assignments = ", ".join(f"{name} = t.{name}" for name in COLUMNS if name not in ("ref", "key"))
    await fetch(
        f"UPDATE patient p SET updated_at = $2, {assignments}, "
        "phone_invalid_at = CASE WHEN p.phone_index IS NOT DISTINCT FROM t.phone_index THEN p.phone_invalid_at END, "
        "email_invalid_at = CASE WHEN p.email_index IS NOT DISTINCT FROM t.email_index THEN p.email_invalid_at END "
        f"FROM unnest({UNNESTED}) AS t({LISTED}) WHERE p.practice = $1 AND p.ref = t.ref",
        practice,
        now,
        *([row[name] for row in stale] for name in COLUMNS),
    )


@dataclass(frozen=True, slots=True)
class NotedRisk:
    """`on` is the day of the appointment that it was read from; `until` the last day on which the rule still holds,
    where that is known."""

    patient: int
    patient_ref: str
    rule: RiskRule
    on: date
    until: date | None = None


def risks_of(rows: Sequence[IntakeRow], patients: Mapping[str, KnownPatient]) -> list[NotedRisk]:
    """What the rules said of the rows. What they read is gone with the row."""
    found: dict[tuple[int, RiskRule], NotedRisk] = {}
    for row in sorted(rows, key=lambda row: row.day):
        patient = patients[row.patient_key]
        for rule in row.risk_rules:
            until = row.day + timedelta(days=DISCHARGE_DAYS) if rule is RiskRule.PSYCHIATRIC_DISCHARGE else None
            found[patient.id, rule] = NotedRisk(patient.id, patient.ref, rule, row.day, until)
    return [found[key] for key in sorted(found)]


async def note_risks(found: Sequence[NotedRisk], *, practice: int, now: datetime, actor: str) -> None:
    """Keep which risk rules spoke, and since when; a later end replaces an earlier one. What a practitioner has ended
    since the appointment does not come back with it."""
    if not found:
        return
    added = await fetch(
        "INSERT INTO patient_risk (patient, rule, since, until) SELECT t.patient, t.rule, $1, t.until "
        "FROM unnest($2::bigint[], $3::text[], $4::date[], $5::date[]) AS t(patient, rule, until, day) "
        "WHERE NOT EXISTS (SELECT 1 FROM patient_risk x WHERE x.patient = t.patient AND x.rule = t.rule "
        "AND x.ended_at >= t.day) "
        "ON CONFLICT (patient, rule) WHERE ended_at IS NULL DO UPDATE SET until = excluded.until "
        "WHERE patient_risk.until IS NOT NULL AND (excluded.until IS NULL OR patient_risk.until < excluded.until) "
        "RETURNING patient, rule",
        now,
        [one.patient for one in found],
        [one.rule for one in found],
        [one.until for one in found],
        [one.on for one in found],
    )
    refs = {one.patient: one.patient_ref for one in found}
    entries = [Entry(Event.HIGH_RISK_NOTED, patient=refs[row["patient"]], reason=row["rule"]) for row in added]
    await record(entries, practice=practice, actor=actor, now=now)

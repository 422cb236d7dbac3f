"""What is done for the protection of patients' data, as a whole and for one patient."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from db.actors import INSTALLER
from db.changes._journal import Entry, Event, record
from db.crypto import Vault, vault
from db.engine import Row, fetch, fetch_one, transaction
from db.errors import NotFound


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A table with sealed columns, and the name under which each was sealed; `ref` is whose they are."""

    table: str
    practice: str
    fields: dict[str, str]
    ref: str = "ref"


SEALED = (
    _Sealed("patient", "practice", {name: f"patient.{name}" for name in ("first_name", "last_name", "phone", "email")}),
    _Sealed("task", "practice", {"body": "task.body", "note": "task.note"}),
    _Sealed("staff", "practice", {"email": "staff.email"}),
    _Sealed(
        "staff_access",
        "practice",
        {"totp": "staff_access.totp"},
        "(SELECT s.ref FROM staff s WHERE s.id = staff_access.staff)",
    ),
    _Sealed("delivery", "practice", {"address": "delivery.address"}),
    _Sealed("practice", "id", {"sending": "sending"}),
)


async def reseal_contacts(*, now: datetime, actor: str = INSTALLER, most: int = 500) -> int:
    """Encrypt under the newest key what is still under an older one, up to `most` rows of each table.

    Returns how many rows it changed: call it until that is 0, and only then take the old key away.
    """
    return sum([await _reseal(kind, now=now, actor=actor, most=most) for kind in SEALED])


async def _reseal(kind: _Sealed, *, now: datetime, actor: str, most: int) -> int:
    keys = vault()
    old = " OR ".join(f"get_byte({name}, 0) <> $1" for name in kind.fields)
    async with transaction():
        rows = await fetch(
            f"SELECT id, {kind.ref} AS ref, {kind.practice} AS practice, {', '.join(kind.fields)} FROM {kind.table} "
            f"WHERE {old} ORDER BY id LIMIT $2 FOR UPDATE",
            keys.newest,
            most,
        )
        if not rows:
            return 0
        for name, field in kind.fields.items():
            await fetch(
                f"UPDATE {kind.table} r SET {name} = t.value FROM unnest($1::bigint[], $2::bytea[]) AS t(id, value) "
                "WHERE r.id = t.id",
                [row["id"] for row in rows],
                [_renewed(keys, row, name, field) for row in rows],
            )
        for practice, count in Counter(row["practice"] for row in rows).items():
            told = Entry(Event.CONTACTS_RESEALED, data={"table": kind.table, "rows": count, "key": keys.newest})
            await record([told], practice=practice, actor=actor, now=now)
        return len(rows)


def _renewed(keys: Vault, row: Row, name: str, field: str) -> bytes | None:
    stored: bytes | None = row[name]
    if stored is None or keys.is_current(stored):
        return stored
    return keys.seal(keys.open(stored, owner=row["ref"], field=field), owner=row["ref"], field=field)


async def record_export(patient: str, *, practice: int, form: str, actor: str, now: datetime) -> str:
    """Somebody takes a copy of all that is kept about a patient: who and when stands in the journal before it is read.

    `patient` is the practice's own number or our reference; `form` a format's name. Returns our reference. Each copy is
    an entry of its own.
    """
    async with transaction():
        found = await fetch_one(
            "SELECT ref FROM patient WHERE practice = $1 AND (key = $2 OR ref = $2) ORDER BY key = $2 DESC LIMIT 1",
            practice,
            patient,
        )
        if found is None:
            raise NotFound(f"There is no patient {patient} in this practice.")
        ref: str = found["ref"]
        entry = Entry(Event.EXPORTED, patient=ref, data={"format": form})
        await record([entry], practice=practice, actor=actor, now=now)
    return ref

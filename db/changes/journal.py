"""Sealing the journal: each batch of entries is chained to the one before by a keyed hash.

An entry that committed late is sealed later: the chain follows the order of sealing, which the seal itself lists.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from db.crypto import vault
from db.engine import Row, fetch, fetch_one, transaction

SEAL_LOCK = 0x5345414C
START = b"\x00" * 32
COLUMNS = "id, practice, at, actor, event, patient_ref, enrolment_ref, subject_ref, reason, data"


async def seal_journal(*, now: datetime, most: int = 2000) -> int:
    """Seal up to `most` entries; one process at a time, the others find the lock taken and leave it."""
    async with transaction():
        if not await _locked():
            return 0
        taken = await fetch(
            "DELETE FROM journal_unsealed WHERE entry IN (SELECT entry FROM journal_unsealed ORDER BY entry LIMIT $1) "
            "RETURNING entry",
            most,
        )
        if not taken:
            return 0
        rows = await fetch(
            f"SELECT {COLUMNS} FROM journal WHERE id = ANY($1) ORDER BY id",
            [row["entry"] for row in taken],
        )
        last = await fetch_one("SELECT seal FROM journal_seal ORDER BY position DESC LIMIT 1")
        previous = bytes(last["seal"]) if last else START
        await fetch(
            "INSERT INTO journal_seal (sealed_at, entries, previous, seal) VALUES ($1, $2, $3, $4)",
            now,
            [row["id"] for row in rows],
            previous,
            chained(previous, rows),
        )
        return len(rows)


async def _locked() -> bool:
    row = await fetch_one("SELECT pg_try_advisory_xact_lock($1) AS got", SEAL_LOCK)
    return row is not None and bool(row["got"])


def chained(previous: bytes, rows: Sequence[Row]) -> bytes:
    """The seal of `rows`, in this order, after `previous`."""
    digest = hmac.new(vault().seal_key, previous, hashlib.sha256)
    for row in rows:
        digest.update(_canonical(row))
    return digest.digest()


def _canonical(row: Row) -> bytes:
    """Every column, each behind its length, so that no two rows can read alike."""
    parts = []
    for value in row.values():
        text = "" if value is None else value.isoformat() if isinstance(value, datetime) else str(value)
        parts.append(f"{'-' if value is None else '+'}{len(text)}:{text}")
    return "|".join(parts).encode() + b"\n"

"""A patient's story, as the journal tells it, and whether the journal is whole."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from db.changes.journal import COLUMNS, START, chained
from db.engine import Row, fetch, fetch_one, transaction
from db.errors import NotFound

SEALS_AT_ONCE = 100
MOST_REPORTED = 100


@dataclass(frozen=True)
class StoryEntry:
    """One entry; `data` holds the codes and times that belong to the event."""

    at: datetime
    event: str
    actor: str
    reason: str | None
    enrolment: str | None
    subject: str | None
    data: dict[str, Any]


@dataclass(frozen=True)
class PlannedMessage:
    """A touchpoint to come. `due_at` is when it should go; `reason` says why it waits, where it does."""

    due_at: datetime
    message: str
    channel: str
    status: str
    reason: str | None
    enrolment: str


@dataclass(frozen=True)
class Story:
    """`patient` is the practice's own number, `ref` the random reference of the journal."""

    patient: str
    ref: str
    entries: tuple[StoryEntry, ...]
    ahead: tuple[PlannedMessage, ...]


async def patient_story(practice: int, patient: str) -> Story:
    """By the practice's own patient number, or by the random reference."""
    found = await fetch_one(
        "SELECT id, key, ref FROM patient WHERE practice = $1 AND (key = $2 OR ref = $2) "
        "ORDER BY key = $2 DESC LIMIT 1",
        practice,
        patient,
    )
    if found is None:
        raise NotFound(f"No patient has the number {patient}.")
    entries = await fetch(
        "SELECT at, event, actor, reason, enrolment_ref AS enrolment, subject_ref AS subject, data FROM journal "
        "WHERE patient_ref = $1 ORDER BY id",
        found["ref"],
    )
    ahead: Any = await fetch(
        "SELECT d.due_at, d.message, d.channel, d.status, d.reason, e.ref AS enrolment FROM delivery d "
        "JOIN enrolment e ON e.id = d.enrolment WHERE d.patient = $1 AND d.status IN ('planned', 'claimed') "
        "ORDER BY d.due_at, d.step, d.channel DESC",
        found["id"],
    )
    return Story(
        patient=found["key"],
        ref=found["ref"],
        entries=tuple(_entry(row) for row in entries),
        ahead=tuple(PlannedMessage(**dict(row)) for row in ahead),
    )


def _entry(row: Row) -> StoryEntry:
    values = dict(row)
    values["data"] = json.loads(values["data"]) if values["data"] else {}
    return StoryEntry(**values)


@dataclass(frozen=True)
class BrokenSeal:
    """`problem` is `chain` (it does not follow the one before), `missing` (entries are gone) or `altered` (one says
    something else than when it was sealed)."""

    position: int
    sealed_at: datetime
    problem: str
    entries: tuple[int, ...]


@dataclass
class Verification:
    """`unaccounted`: entries that no seal covers and that do not wait for one; `vanished`: those that waited and are
    gone. Lists are cut at a hundred each."""

    seals: int = 0
    last_seal: str = ""
    sealed: int = 0
    waiting: int = 0
    broken: list[BrokenSeal] = field(default_factory=list)
    unaccounted: list[int] = field(default_factory=list)
    vanished: list[int] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not (self.broken or self.unaccounted or self.vanished)


async def verify_journal() -> Verification:
    """Walk the chain from its start, a few seals at a time, on one snapshot of the database."""
    found = Verification()
    async with transaction():
        # Sealing goes on meanwhile: what is read must be of one moment.
        await fetch("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        previous = START
        async for seal in _seals():
            found.seals += 1
            found.sealed += len(seal["entries"])
            problem = await _problem(seal, previous)
            if problem is not None and len(found.broken) < MOST_REPORTED:
                found.broken.append(problem)
            previous = bytes(seal["seal"])
        found.last_seal = previous.hex()
        await _look_for_strays(found)
    return found


async def _seals() -> AsyncIterator[Row]:
    position = -1
    while rows := await fetch(
        "SELECT position, sealed_at, entries, previous, seal FROM journal_seal WHERE position > $1 ORDER BY position "
        "LIMIT $2",
        position,
        SEALS_AT_ONCE,
    ):
        for row in rows:
            yield row
        position = rows[-1]["position"]


async def _problem(seal: Row, previous: bytes) -> BrokenSeal | None:
    def broken(problem: str, entries: tuple[int, ...]) -> BrokenSeal:
        return BrokenSeal(seal["position"], seal["sealed_at"], problem, entries[:MOST_REPORTED])

    listed = tuple(seal["entries"])
    if bytes(seal["previous"]) != previous:
        return broken("chain", listed)
    rows = {row["id"]: row for row in await fetch(f"SELECT {COLUMNS} FROM journal WHERE id = ANY($1)", list(listed))}
    gone = tuple(entry for entry in listed if entry not in rows)
    if gone:
        return broken("missing", gone)
    if chained(previous, [rows[entry] for entry in listed]) != bytes(seal["seal"]):
        return broken("altered", listed)
    return None


async def _look_for_strays(found: Verification) -> None:
    row = await fetch_one("SELECT count(*) AS waiting FROM journal_unsealed")
    assert row is not None
    found.waiting = row["waiting"]
    found.unaccounted = [
        row["id"]
        for row in await fetch(
            "SELECT j.id FROM journal j LEFT JOIN (SELECT unnest(entries) AS entry FROM journal_seal) s "
            "ON s.entry = j.id LEFT JOIN journal_unsealed u ON u.entry = j.id "
            "WHERE s.entry IS NULL AND u.entry IS NULL ORDER BY j.id LIMIT $1",
            MOST_REPORTED,
        )
    ]
    found.vanished = [
        row["entry"]
        for row in await fetch(
            "SELECT u.entry FROM journal_unsealed u LEFT JOIN journal j ON j.id = u.entry WHERE j.id IS NULL "
            "ORDER BY u.entry LIMIT $1",
            MOST_REPORTED,
        )
    ]

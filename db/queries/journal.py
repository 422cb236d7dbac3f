"""A patient's story, as the journal tells it, and whether the journal is whole."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from db.changes.journal import COLUMNS, START, chained
from db.engine import Row, fetch, fetch_one, transaction
from db.errors import NotFound
from db.queries.people import SHOWN_NUMBER
from db.states import UNSETTLED_DELIVERY, TaskStatus, one_of

# Whom a task `t` is for: a person, or the role that the plan names; until it is due, a person may stand there as well.
WHOM = "coalesce(s.name, n.name) AS assignee, CASE WHEN n.id IS NULL THEN t.role END AS role"
WHOM_FROM = "LEFT JOIN staff s ON s.id = t.assignee LEFT JOIN staff n ON n.ref = t.role"
SEALS_AT_ONCE = 100
MOST_REPORTED = 100


@dataclass(frozen=True)
class StoryEntry:
    """One entry; `data` holds the codes and times that belong to the event, `task` the kind of the task that it is
    about."""

    at: datetime
    event: str
    actor: str
    reason: str | None
    enrolment: str | None
    subject: str | None
    data: dict[str, Any]
    task: str | None = None


@dataclass(frozen=True)
class PlannedMessage:
    """A touchpoint to come. `due_at` is when it should go; `reason` says why it waits, where it does."""

    due_at: datetime
    message: str
    channel: str
    status: str
    reason: str | None
    enrolment: str | None


@dataclass(frozen=True)
class PlannedStep:
    """What a person will be asked to do. `assignee` is a name, `role` whom the plan means; `deadline_at` is when it
    should be done; `unless_answered`: it falls away where the patient has responded by then."""

    due_at: datetime
    ref: str
    kind: str
    role: str | None
    assignee: str | None
    deadline_at: datetime | None
    unless_answered: bool
    reason: str | None
    enrolment: str | None


@dataclass(frozen=True)
class Story:
    """`patient` is the number that staff know, `ref` the random reference of the journal; `ahead` the messages and
    `steps_ahead` what people will do."""

    patient: str
    ref: str
    entries: tuple[StoryEntry, ...]
    ahead: tuple[PlannedMessage, ...]
    steps_ahead: tuple[PlannedStep, ...] = ()


async def patient_story(practice: int, patient: str) -> Story:
    """By the practice's own patient number, or by the random reference."""
    found = await fetch_one(
        f"SELECT p.id, {SHOWN_NUMBER} AS number, p.ref FROM patient p WHERE p.practice = $1 "
        "AND (p.key = $2 OR p.ref = $2) ORDER BY p.key = $2 DESC LIMIT 1",
        practice,
        patient,
    )
    if found is None:
        raise NotFound(f"No patient has the number {patient}.")
    return Story(
        patient=found["number"],
        ref=found["ref"],
        entries=await entries_about(found["ref"]),
        ahead=await _messages_ahead(found["id"]),
        steps_ahead=await _steps_ahead(found["id"]),
    )


async def entries_about(patient_ref: str) -> tuple[StoryEntry, ...]:
    """Everything that the journal says of one patient, in the order in which it was written."""
    rows = await fetch(
        "SELECT j.at, j.event, j.actor, j.reason, j.enrolment_ref AS enrolment, j.subject_ref AS subject, j.data, "
        "t.kind AS task FROM journal j LEFT JOIN task t ON t.ref = j.subject_ref WHERE j.patient_ref = $1 "
        "ORDER BY j.id",
        patient_ref,
    )
    return tuple(_entry(row) for row in rows)


async def _messages_ahead(patient: int) -> tuple[PlannedMessage, ...]:
    rows: Any = await fetch(
        "SELECT d.due_at, d.message, d.channel, d.status, d.reason, e.ref AS enrolment FROM delivery d "
        "LEFT JOIN enrolment e ON e.id = d.enrolment WHERE d.patient = $1 "
        f"AND d.status IN {one_of(UNSETTLED_DELIVERY)} "
        "AND d.staff IS NULL AND NOT d.rehearsal ORDER BY d.due_at, d.step, d.channel DESC",
        patient,
    )
    return tuple(PlannedMessage(**dict(row)) for row in rows)


async def _steps_ahead(patient: int) -> tuple[PlannedStep, ...]:
    rows: Any = await fetch(
        f"SELECT t.due_at, t.ref, t.kind, {WHOM}, t.deadline_at, t.unless_answered, t.reason, e.ref AS enrolment "
        f"FROM task t {WHOM_FROM} LEFT JOIN enrolment e ON e.id = t.enrolment "
        "WHERE t.patient = $1 AND t.status = $2 ORDER BY t.due_at, t.id",
        patient,
        TaskStatus.PLANNED,
    )
    return tuple(PlannedStep(**dict(row)) for row in rows)


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

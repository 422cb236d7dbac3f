"""Everything that is kept about one patient, for the right of access.

Left out: the notes of staff, of which only that one exists is told; links, keyed hashes and other secrets; and anybody
else, so that what was written from a telephone that several patients share is not given to one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from db.actors import staff as staff_actor
from db.crypto import vault
from db.engine import Row, fetch, fetch_one, transaction
from db.errors import NotFound
from db.queries.journal import WHOM, WHOM_FROM, StoryEntry, entries_about
from db.queries.people import SHOWN_NUMBER

# Of what an entry holds beside its codes, what may be told: nothing in it can point to another patient.
TOLD = frozenset(
    (
        "message",
        "channel",
        "until",
        "due",
        "detail",
        "status",
        "was",
        "day",
        "source",
        "plan",
        "late_entry",
        "outcome",
        "starts_at",
        "previous",
        "rule",
        "role",
        "task",
        "format",
    )
)
TO_PATIENT, TO_PRACTICE, TO_STAFF = "patient", "practice", "staff"
TASK_CLOSED = "task_closed"


@dataclass(frozen=True)
class Identity:
    """`number` is the practice's own, or our reference where it gave none."""

    number: str
    ref: str
    first_name: str | None = field(repr=False)
    last_name: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    phone_kind: str | None
    phone_invalid_at: datetime | None
    email: str | None = field(repr=False)
    email_invalid_at: datetime | None
    language: str | None
    minor: bool
    objected_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class OptOut:
    channel: str
    source: str
    since: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Priority:
    """A label of priority follow-up: the rule's name and its dates are all that there is. `until` is included."""

    rule: str
    since: datetime
    until: date | None
    ended_at: datetime | None


@dataclass(frozen=True)
class KeptAppointment:
    """Without a time of day, only `day` is known. `marked_at` is when it was recorded as missed."""

    ref: str
    day: date
    starts_at: datetime | None
    ends_at: datetime | None
    status: str
    source: str
    practitioner: str
    marked_at: datetime | None
    confirmed_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class KeptSequence:
    ref: str
    plan: str
    status: str
    reason: str | None
    language: str
    late_entry: bool
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class KeptMessage:
    """`recipient` is the patient, or the practice or a member of staff who was told about the patient.
    `ambiguous`: the connection was lost while sending, so that it may have left twice."""

    ref: str
    message: str
    channel: str
    recipient: str
    status: str
    reason: str | None
    due_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    attempts: int
    ambiguous: bool
    enrolment: str | None


@dataclass(frozen=True)
class KeptStep:
    """What a person did, or is to do. People by name. `reply` is what came in by SMS, while the task holds it;
    `reply_withheld`: it holds one that somebody else who shares the telephone may have written."""

    ref: str
    kind: str
    status: str
    reason: str | None
    role: str | None
    assignee: str | None
    due_at: datetime
    deadline_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    claimed_at: datetime | None
    claimed_by: str | None
    promised_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    outcome: str | None
    enrolment: str | None
    has_note: bool
    reply_withheld: bool
    reply: str | None = field(repr=False)


@dataclass(frozen=True)
class PatientFile:
    """Each part in the order of time; `journal` as its entries were written."""

    identity: Identity
    opt_outs: tuple[OptOut, ...]
    priorities: tuple[Priority, ...]
    appointments: tuple[KeptAppointment, ...]
    sequences: tuple[KeptSequence, ...]
    messages: tuple[KeptMessage, ...]
    steps: tuple[KeptStep, ...]
    journal: tuple[StoryEntry, ...]


async def patient_file(practice: int, patient: str) -> PatientFile:
    """By the practice's own patient number, or by the random reference; all of it as of one moment."""
    async with transaction():
        await fetch("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = await _found(practice, patient)
        entries = await entries_about(found["ref"])
        steps = await _tasks(found["id"])
        appointments = await _appointments(found["id"])
        return PatientFile(
            identity=_identity(found),
            opt_outs=await _opt_outs(found),
            priorities=await _priorities(found["id"]),
            appointments=tuple(KeptAppointment(**_without_id(row)) for row in appointments),
            sequences=await _sequences(found["id"]),
            messages=await _messages(found["id"], appointments, steps),
            steps=await _steps(found, steps, entries),
            journal=tuple(_for_the_patient(entry) for entry in entries),
        )


async def _found(practice: int, patient: str) -> Row:
    row = await fetch_one(
        f"SELECT p.*, {SHOWN_NUMBER} AS number, EXISTS (SELECT 1 FROM patient o WHERE o.practice = p.practice "
        "AND o.phone_index = p.phone_index AND o.id <> p.id) AS shares_phone FROM patient p WHERE p.practice = $1 "
        "AND (p.key = $2 OR p.ref = $2) ORDER BY p.key = $2 DESC LIMIT 1",
        practice,
        patient,
    )
    if row is None:
        raise NotFound(f"There is no patient {patient} in this practice.")
    return row


def _identity(row: Row) -> Identity:
    opened: dict[str, Any] = {
        name: None if row[name] is None else vault().open(row[name], owner=row["ref"], field=f"patient.{name}")
        for name in ("first_name", "last_name", "phone", "email")
    }
    plain = {name: row[name] for name in Identity.__dataclass_fields__ if name not in opened}
    return Identity(**opened, **plain)


async def _opt_outs(patient: Row) -> tuple[OptOut, ...]:
    """Those of the patient's number and mailbox, whoever of a family asked for them: they hold for this patient."""
    rows: Any = await fetch(
        "SELECT channel, source, created_at AS since, ended_at FROM channel_opt_out WHERE practice = $1 "
        "AND address_index = CASE channel WHEN 'sms' THEN $2::bytea ELSE $3::bytea END ORDER BY id",
        patient["practice"],
        patient["phone_index"],
        patient["email_index"],
    )
    return tuple(OptOut(**dict(row)) for row in rows)


async def _priorities(patient: int) -> tuple[Priority, ...]:
    rows: Any = await fetch(
        "SELECT rule, since, until, ended_at FROM patient_risk WHERE patient = $1 ORDER BY since, id", patient
    )
    return tuple(Priority(**dict(row)) for row in rows)


async def _appointments(patient: int) -> Sequence[Row]:
    return await fetch(
        "SELECT a.id, a.ref, a.day, a.starts_at, a.ends_at, a.status, a.source, r.name AS practitioner, a.marked_at, "
        "a.confirmed_at, a.created_at, a.updated_at FROM appointment a JOIN practitioner r ON r.id = a.practitioner "
        "WHERE a.patient = $1 ORDER BY a.day, a.starts_at NULLS FIRST, a.id",
        patient,
    )


async def _sequences(patient: int) -> tuple[KeptSequence, ...]:
    rows: Any = await fetch(
        "SELECT ref, plan_name AS plan, status, reason, language, late_entry, started_at, ended_at FROM enrolment "
        "WHERE patient = $1 ORDER BY id",
        patient,
    )
    return tuple(KeptSequence(**dict(row)) for row in rows)


async def _messages(patient: int, appointments: Sequence[Row], tasks: Sequence[Row]) -> tuple[KeptMessage, ...]:
    """Those to the patient, and those that told the practice of the patient's appointments and cases."""
    rows: Any = await fetch(
        "SELECT d.ref, d.message, d.channel, CASE WHEN d.staff IS NOT NULL OR d.task IS NOT NULL AND d.patient IS NULL "
        "THEN $4 WHEN d.patient IS NULL THEN $5 ELSE $6 END AS recipient, d.status, d.reason, d.due_at, d.sent_at, "
        "d.settled_at, d.attempts, d.ambiguous, e.ref AS enrolment FROM delivery d "
        "LEFT JOIN enrolment e ON e.id = d.enrolment WHERE (d.patient = $1 OR d.patient IS NULL "
        "AND (d.appointment = ANY($2) OR d.task = ANY($3))) AND NOT d.rehearsal ORDER BY d.due_at, d.id",
        patient,
        [row["id"] for row in appointments],
        [row["id"] for row in tasks],
        TO_STAFF,
        TO_PRACTICE,
        TO_PATIENT,
    )
    return tuple(KeptMessage(**dict(row)) for row in rows)


async def _tasks(patient: int) -> Sequence[Row]:
    return await fetch(
        f"SELECT t.id, t.ref, t.kind, t.status, t.reason, {WHOM}, t.due_at, t.deadline_at, "
        "t.acknowledged_at, a.name AS acknowledged_by, t.claimed_at, c.name AS claimed_by, t.promised_at, t.closed_at, "
        "t.outcome, e.ref AS enrolment, t.note IS NOT NULL AS has_note, t.body "
        f"FROM task t {WHOM_FROM} LEFT JOIN staff a ON a.id = t.acknowledged_by "
        "LEFT JOIN staff c ON c.id = t.claimed_by LEFT JOIN enrolment e ON e.id = t.enrolment WHERE t.patient = $1 "
        "ORDER BY t.due_at, t.id",
        patient,
    )


async def _steps(patient: Row, tasks: Sequence[Row], entries: Sequence[StoryEntry]) -> tuple[KeptStep, ...]:
    names = {
        staff_actor(row["ref"]): row["name"]
        for row in await fetch("SELECT ref, name FROM staff WHERE practice = $1", patient["practice"])
    }
    closers = {entry.subject: names.get(entry.actor) for entry in entries if entry.event == TASK_CLOSED}
    return tuple(_step(row, closers, shared=patient["shares_phone"]) for row in tasks)


def _step(row: Row, closers: Mapping[str | None, str | None], *, shared: bool) -> KeptStep:
    values = _without_id(row)
    body: bytes | None = values.pop("body")
    reply = None if body is None or shared else vault().open(body, owner=row["ref"], field="task.body")
    return KeptStep(
        **values,
        closed_by=closers.get(row["ref"]),
        reply=reply,
        reply_withheld=body is not None and shared,
    )


def _for_the_patient(entry: StoryEntry) -> StoryEntry:
    return replace(entry, data={name: value for name, value in entry.data.items() if name in TOLD})


def _without_id(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}

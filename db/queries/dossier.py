"""One patient in full, for the staff page: what holds, what is to come, and what happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from db.actors import staff as staff_actor
from db.engine import Row, fetch, fetch_one, transaction
from db.errors import NotFound, Outdated
from db.queries.journal import Story, patient_story
from db.queries.people import PatientCard, patient_card
from db.states import LIVE_ENROLMENT, OPEN_TASK, EnrolmentStatus
from db.tables.agenda import BOOKED_HERE


@dataclass(frozen=True)
class ChannelState:
    """`address` is an E.164 number or a mailbox. `can`: it is of a kind that takes our messages. `shared` is how many
    other patients have it."""

    channel: str
    address: str | None = field(repr=False)
    can: bool
    invalid_since: datetime | None
    opted_out_since: datetime | None
    opted_out_by: str | None
    shared: int


@dataclass(frozen=True)
class LatestSequence:
    """The one that runs, or the last that did: `reason` tells why it waits, or ended. `resume_at` is when a pause ends
    by itself, where it does."""

    ref: str
    plan: str
    status: EnrolmentStatus
    reason: str | None
    started_at: datetime
    ended_at: datetime | None
    resume_at: datetime | None
    missed_on: date


@dataclass(frozen=True)
class DossierAppointment:
    """Without a time of day, only `day` is known. `online`: booked through Reprise."""

    day: date
    starts_at: datetime | None
    status: str
    practitioner: str
    online: bool


@dataclass(frozen=True)
class DossierCase:
    """Something that waits for a person; `holder` has claimed it."""

    ref: str
    kind: str
    status: str
    holder: str | None
    assignee: str | None
    deadline_at: datetime | None
    pressing: bool


@dataclass(frozen=True)
class Dossier:
    """`names` are those of the staff, by what the journal calls them; `cases` those of the references in the story that
    have a page of their own; appointments, the latest first."""

    card: PatientCard
    minor: bool
    channels: tuple[ChannelState, ...]
    sequence: LatestSequence | None
    open_cases: tuple[DossierCase, ...]
    appointments: tuple[DossierAppointment, ...]
    story: Story
    names: Mapping[str, str]
    cases: frozenset[str]


async def dossier(practice: int, ref: str, *, on: date) -> Dossier:
    """By our reference; with the labels of the day `on`; all of it as of one moment."""
    async with transaction():
        await fetch("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = await fetch_one(PATIENT, ref, practice)
        if found is None:
            raise NotFound(f"There is no patient {ref} in this practice.")
        card = await patient_card(practice, ref, on=on)
        return Dossier(
            card=card,
            minor=found["minor"],
            channels=_channels(found, card),
            sequence=await _sequence(found["id"]),
            open_cases=await _open_cases(found["id"]),
            appointments=await _appointments(found["id"]),
            story=await patient_story(practice, ref),
            names={
                staff_actor(row["ref"]): row["name"]
                for row in await fetch("SELECT ref, name FROM staff WHERE practice = $1", practice)
            },
            cases=frozenset(row["ref"] for row in await fetch("SELECT ref FROM task WHERE patient = $1", found["id"])),
        )


def _other(column: str) -> str:
    return (
        f"(SELECT count(*) FROM patient o WHERE o.practice = p.practice AND o.{column} = p.{column} AND o.id <> p.id)"
    )


PATIENT = f"""
SELECT p.id, p.minor, p.phone_kind, p.phone_invalid_at, p.email_invalid_at, {_other("phone_index")} AS phone_shared,
       {_other("email_index")} AS email_shared, s.created_at AS sms_off_since, s.source AS sms_off_by,
       m.created_at AS email_off_since, m.source AS email_off_by
FROM patient p
LEFT JOIN channel_opt_out s ON s.practice = p.practice AND s.channel = 'sms' AND s.address_index = p.phone_index
    AND s.ended_at IS NULL
LEFT JOIN channel_opt_out m ON m.practice = p.practice AND m.channel = 'email' AND m.address_index = p.email_index
    AND m.ended_at IS NULL
WHERE p.ref = $1 AND p.practice = $2
"""


def _channels(row: Row, card: PatientCard) -> tuple[ChannelState, ...]:
    return (
        ChannelState(
            channel="sms",
            address=card.phone,
            can=row["phone_kind"] == "mobile",
            invalid_since=row["phone_invalid_at"],
            opted_out_since=row["sms_off_since"],
            opted_out_by=row["sms_off_by"],
            shared=row["phone_shared"],
        ),
        ChannelState(
            channel="email",
            address=card.email,
            can=card.email is not None,
            invalid_since=row["email_invalid_at"],
            opted_out_since=row["email_off_since"],
            opted_out_by=row["email_off_by"],
            shared=row["email_shared"],
        ),
    )


async def _sequence(patient: int) -> LatestSequence | None:
    row: Any = await fetch_one(
        "SELECT e.ref, e.plan_name AS plan, e.status, e.reason, e.started_at, e.ended_at, e.resume_at, "
        "a.day AS missed_on FROM enrolment e JOIN appointment a ON a.id = e.appointment WHERE e.patient = $1 "
        "ORDER BY e.status = ANY($2) DESC, e.id DESC LIMIT 1",
        patient,
        list(LIVE_ENROLMENT),
    )
    return None if row is None else LatestSequence(**{**dict(row), "status": EnrolmentStatus(row["status"])})


async def _open_cases(patient: int) -> tuple[DossierCase, ...]:
    rows: Any = await fetch(
        "SELECT t.ref, t.kind, t.status, h.name AS holder, s.name AS assignee, t.deadline_at, "
        "t.urgent OR t.crisis AS pressing FROM task t LEFT JOIN staff h ON h.id = t.claimed_by "
        "LEFT JOIN staff s ON s.id = t.assignee WHERE t.patient = $1 AND t.status = ANY($2) "
        "ORDER BY t.crisis DESC, t.urgent DESC, t.deadline_at NULLS LAST, t.id",
        patient,
        list(OPEN_TASK),
    )
    return tuple(DossierCase(**dict(row)) for row in rows)


async def _appointments(patient: int) -> tuple[DossierAppointment, ...]:
    rows: Any = await fetch(
        "SELECT a.day, a.starts_at, a.status, r.name AS practitioner, a.source = $2 AS online FROM appointment a "
        "JOIN practitioner r ON r.id = a.practitioner WHERE a.patient = $1 "
        "ORDER BY a.day DESC, a.starts_at DESC NULLS LAST, a.id DESC",
        patient,
        BOOKED_HERE,
    )
    return tuple(DossierAppointment(**dict(row)) for row in rows)


async def require_sequence(practice: int, patient: str, sequence: str) -> None:
    """Raises `NotFound` for a sequence that is not this patient's, `Outdated` where another one runs by now."""
    found = await fetch_one(
        "SELECT v.ref AS running FROM enrolment e JOIN patient p ON p.id = e.patient "
        "LEFT JOIN enrolment v ON v.patient = p.id AND v.status = ANY($4) "
        "WHERE e.practice = $1 AND p.ref = $2 AND e.ref = $3",
        practice,
        patient,
        sequence,
        list(LIVE_ENROLMENT),
    )
    if found is None:
        raise NotFound(f"There is no sequence {sequence} of this patient.")
    if found["running"] not in (None, sequence):
        raise Outdated("Another sequence of this patient runs by now.")

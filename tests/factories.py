"""What tests stand on, built through `db.changes` like everything else."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from db.changes.absences import Decided, decide_absences
from db.changes.intake import record_appointments
from db.changes.practices import NewPractice, NewPractitioner, NewStaff, save_practice
from db.engine import fetch, fetch_one
from db.queries.practices import Profile, only_practice
from db.rules.intake_row import IntakeRow
from db.rules.settings import Settings
from db.rules.telephones import TelephoneKind
from db.states import AppointmentStatus
from db.tokens import links

PARIS = ZoneInfo("Europe/Paris")

# A Monday on which nothing is closed, ten minutes after the missed appointment's start.
MONDAY = datetime(2026, 11, 16, 10, 10, tzinfo=PARIS).astimezone(UTC)
MISSED_AT = datetime(2026, 11, 16, 10, 0, tzinfo=PARIS).astimezone(UTC)

# Somebody in every role; Maxime Lefèvre treats.
EVERY_ROLE = (
    NewStaff("Camille Roux", "camille@tilleuls.example", "front_desk", "fr", "dominique@tilleuls.example"),
    NewStaff("Dominique Petit", "dominique@tilleuls.example", "admin", "fr", "camille@tilleuls.example"),
    NewStaff("Sacha Morel", "sacha@tilleuls.example", "care_coordinator", "fr", "dominique@tilleuls.example"),
    NewStaff("Andrea Blanc", "andrea@tilleuls.example", "clinical_lead", "fr", "dominique@tilleuls.example"),
    NewStaff("Maxime Lefèvre", "maxime@tilleuls.example", "practitioner", "fr", "andrea@tilleuls.example"),
)

ALL_CONTACTS = frozenset({"first_name", "last_name", "phone", "email", "language"})

_numbers = itertools.count(1)


def new_practice(**changes: Any) -> NewPractice:
    usual = NewPractice(
        key="tilleuls",
        name="Maison de santé des Tilleuls",
        discreet_name="Les Tilleuls",
        country="FR",
        subdivision=None,
        zone="Europe/Paris",
        language="fr",
        phone="+33142000000",
        address="4 rue des Tilleuls, 75011 Paris",
        notice_email="accueil@tilleuls.example",
        reply_to="accueil@tilleuls.example",
        settings=Settings(),
        smtp={
            "host": "127.0.0.1",
            "port": 2525,
            "security": "none",
            "from_address": "rdv@tilleuls.example",
            "from_name": "Les Tilleuls",
        },
        sms={
            "provider": "twilio",
            "account": "AC00000000000000000000000000000000",
            "token": "token-of-the-tests",
            "sender": "+33644600000",
        },
        staff=(
            NewStaff("Camille Roux", "camille@tilleuls.example", "front_desk", "fr", "dominique@tilleuls.example"),
            NewStaff("Dominique Petit", "dominique@tilleuls.example", "admin", "fr"),
        ),
        practitioners=(NewPractitioner("Maxime Lefèvre", "physiotherapy", 50, 10),),
    )
    return replace(usual, **changes)


async def make_practice(*, now: datetime = MONDAY, **changes: Any) -> Profile:
    await save_practice(new_practice(**changes), now=now)
    return await only_practice()


def row(**changes: Any) -> IntakeRow:
    """An absence of this morning, of a patient with a mobile number and a mailbox, unless told otherwise."""
    number = next(_numbers)
    starts_at: datetime | None = changes.pop("starts_at", MISSED_AT)
    usual: dict[str, Any] = {
        "line": 2,
        "patient_key": f"P{number}",
        "first_name": "Alix",
        "last_name": "Martin",
        "phone": f"+336{number:08d}",
        "phone_kind": TelephoneKind.MOBILE,
        "phone_given": True,
        "email": f"patient{number}@mail.example",
        "language": None,
        "minor": False,
        "practitioner": "Maxime Lefèvre",
        "speciality": None,
        "appointment_key": f"A{number}",
        "day": starts_at.astimezone(PARIS).date() if starts_at else date(2026, 11, 16),
        "starts_at": starts_at,
        "duration_min": None,
        "status": AppointmentStatus.NO_SHOW,
        "risk_rules": frozenset(),
    }
    return IntakeRow(**(usual | changes))


async def intake(
    rows: Sequence[IntakeRow],
    practice: Profile,
    *,
    now: datetime = MONDAY,
    known: frozenset[str] = ALL_CONTACTS,
) -> Decided:
    """Record the rows and decide their absences, as an import does."""
    await record_appointments(rows, practice=practice, known=known, now=now)
    decided = Decided()
    while (batch := await decide_absences(practice, now=now)).total:
        decided.add(batch)
    return decided


async def make_absence(practice: Profile, *, now: datetime = MONDAY, **changes: Any) -> IntakeRow:
    absence = row(**changes)
    await intake([absence], practice, now=now)
    return absence


async def link_ids(patient_key: str) -> list[str]:
    """The link ids of a patient's touchpoints, in the order in which they are planned."""
    rows = await fetch(
        "SELECT d.link_id FROM delivery d JOIN patient p ON p.id = d.patient WHERE p.key = $1 ORDER BY d.step, d.id",
        patient_key,
    )
    return [one["link_id"] for one in rows]


async def make_link(practice: Profile, *, now: datetime = MONDAY, **changes: Any) -> str:
    """The signed token of the first touchpoint of a new absence."""
    absence = await make_absence(practice, now=now, **changes)
    return links().sign((await link_ids(absence.patient_key))[0])


async def enrolment_of(patient_key: str) -> Any:
    return await fetch_one(
        "SELECT e.* FROM enrolment e JOIN patient p ON p.id = e.patient WHERE p.key = $1 ORDER BY e.id DESC LIMIT 1",
        patient_key,
    )


async def deliveries_of(patient_key: str) -> list[Any]:
    return list(
        await fetch(
            "SELECT d.* FROM delivery d JOIN patient p ON p.id = d.patient WHERE p.key = $1 ORDER BY d.step, "
            "d.channel DESC",
            patient_key,
        )
    )


async def events() -> list[tuple[str, str | None]]:
    """The journal so far: (event, reason)."""
    return [(one["event"], one["reason"]) for one in await fetch("SELECT event, reason FROM journal ORDER BY id")]


def local(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    """A moment of November 2026 in Paris, as UTC."""
    return datetime.combine(date(2026, month, day), time(hour, minute), PARIS).astimezone(UTC)

"""A patient about whom much is kept: messages, steps by people, a reply, a refusal, a label, a booking."""

from datetime import timedelta
from typing import Any

from db.actors import Hand, staff
from db.changes.bookings import book
from db.changes.inbound import Meaning, record_inbound
from db.changes.outcomes import Follow, record_outcome
from db.changes.requests import name_barrier
from db.crypto import vault
from db.engine import fetch, fetch_value
from db.queries.links import patient_page
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.states import Barrier, CallOutcome, TaskKind, TaskStatus
from db.tokens import new_reference
from tests import factories as f
from tests.db.changes.acts import FIRST_DUE, send

NOTE = "Ton fatigué au téléphone"


async def person(name: str = "Camille Roux") -> Any:
    (row,) = await fetch("SELECT id, ref FROM staff WHERE name = $1", name)
    return row


async def add_task(patient_key: str, kind: TaskKind, status: TaskStatus, **values: Any) -> str:
    """A row as the sequences write it: a step of the patient's follow-up, unless told otherwise."""
    ref = new_reference()
    for name in ("body", "note"):
        if name in values:
            values[name] = vault().seal(values[name], owner=ref, field=f"task.{name}")
    usual = {
        "practice": await fetch_value("SELECT practice FROM patient WHERE key = $1", patient_key),
        "ref": ref,
        "kind": kind,
        "status": status,
        "patient": await fetch_value("SELECT id FROM patient WHERE key = $1", patient_key),
        "enrolment": (await f.enrolment_of(patient_key))["id"],
        "urgent": False,
        "due_at": f.local(17, 9),
        "dedupe": f"test:{ref}",
        "created_at": f.MONDAY,
        "rung": 0,
        "crisis": False,
        "unless_answered": False,
    }
    row = usual | values
    places = ", ".join(f"${number}" for number, _ in enumerate(row, start=1))
    await fetch(f"INSERT INTO task ({', '.join(row)}) VALUES ({places})", *row.values())
    return ref


async def a_call_that_was_made(patient_key: str, practice: Profile, **values: Any) -> str:
    camille = await person()
    ref = await add_task(
        patient_key,
        TaskKind.CALL,
        TaskStatus.CLAIMED,
        **({"role": "front_desk", "assignee": camille["id"], "deadline_at": f.local(17, 19, 30)} | values),
        acknowledged_at=f.local(17, 9, 5),
        acknowledged_by=camille["id"],
        claimed_at=f.local(17, 9, 10),
        claimed_by=camille["id"],
    )
    outcome = CallOutcome.REACHED_WILL_BOOK
    await fetch(
        "UPDATE task SET status = 'done', closed_at = $2, outcome = $3 WHERE ref = $1", ref, f.local(17, 9, 20), outcome
    )
    return ref


async def a_full_file(practice: Profile, key: str = "P1", **changes: Any) -> IntakeRow:
    """Until Tuesday: the first messages left, a barrier was named, a call made, an alert planned, a reply came in."""
    absence = await f.make_absence(practice, patient_key=key, **changes)
    await send(practice, FIRST_DUE)
    link = (await f.link_ids(key))[0]
    await name_barrier(link, barrier=Barrier.TRANSPORT, now=f.local(16, 12))
    await a_call_that_was_made(key, practice, note=NOTE)
    await add_task(
        key, TaskKind.ALERT, TaskStatus.PLANNED, due_at=f.local(19, 9), role="practitioner", unless_answered=True
    )
    reply: dict[str, Any] = {
        "gateway": "twilio",
        "provider_id": f"SM{key}",
        "text": "=HYPERLINK(1) <b>Plutôt mardi</b> ?",
    }
    await record_inbound(
        practice=practice.id, from_e164=str(absence.phone), meaning=Meaning.REPLY, now=f.local(17, 11), **reply
    )
    await fetch(
        "INSERT INTO patient_risk (patient, rule, since) SELECT id, 'post_operative', $2 FROM patient WHERE key = $1",
        key,
        f.MONDAY,
    )
    return absence


async def stop(absence: IntakeRow, practice: Profile) -> None:
    said = {"gateway": "twilio", "provider_id": "SMstop", "text": "STOP", "meaning": Meaning.STOP}
    await record_inbound(practice=practice.id, from_e164=str(absence.phone), now=f.local(17, 12), **said)  # type: ignore[arg-type]


async def rebooked(key: str) -> int:
    """The patient takes the first free time; the new appointment's row."""
    link = (await f.link_ids(key))[0]
    now = f.local(17, 14)
    page = await patient_page(link, now=now)
    assert page is not None
    ref = await book(link, starts_at=page.slots[0].starts_at, now=now)
    found: int = await fetch_value("SELECT id FROM appointment WHERE ref = $1", ref)
    return found


async def close_by(name: str, ref: str, practice: Profile) -> None:
    who = await person(name)
    await record_outcome(
        ref,
        practice=practice.id,
        outcome=CallOutcome.HANDLED,
        by=Hand(staff(who["ref"]), who["id"]),
        follow=Follow.RESUME,
        now=f.local(17, 12) + timedelta(minutes=1),
    )

"""After a call in which the patient was reached: one short message that confirms what was agreed."""

import json
from datetime import datetime

from db.changes._failures import REACH
from db.engine import Row, fetch, fetch_one
from db.queries.practices import practice as profile_of
from db.rules.windows import next_opening
from db.states import AppointmentStatus, CallOutcome, Channel, DeliveryStatus
from db.tables.deliveries import HUMAN
from db.tokens import new_link_id, new_reference

MESSAGE_OF = {
    CallOutcome.REACHED_REBOOKED: "agreed_booked",
    CallOutcome.REACHED_WILL_BOOK: "agreed_later",
}


async def plan_agreed(task: Row, outcome: CallOutcome, *, now: datetime) -> None:
    """By SMS where the patient takes them, else by email; with the link of the patient's latest follow-up. A patient
    who never had one gets no link and so no message: what was agreed was said."""
    reach = await fetch_one(REACH, task["patient"])
    enrolment = await fetch_one(
        "SELECT id, practice FROM enrolment WHERE patient = $1 AND links_revoked_at IS NULL ORDER BY id DESC LIMIT 1",
        task["patient"],
    )
    if reach is None or enrolment is None or not (reach["sms"] or reach["email"]):
        return
    booked = await _ahead(task["patient"], now) if outcome is CallOutcome.REACHED_REBOOKED else None
    practice = await profile_of(enrolment["practice"])
    await fetch(
        "INSERT INTO delivery (practice, ref, lane, message, channel, patient, enrolment, appointment, detail, task, "
        "due_at, attempt_at, status, attempts, ambiguous, link_id, dedupe, created_at) "
        "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$11,$12,0,false,$13,$14,$15) ON CONFLICT DO NOTHING",
        practice.id,
        new_reference(),
        HUMAN,
        MESSAGE_OF[outcome],
        Channel.SMS if reach["sms"] else Channel.EMAIL,
        task["patient"],
        enrolment["id"],
        booked and booked["id"],
        json.dumps({"starts_at": booked["starts_at"].isoformat()}) if booked else None,
        task["id"],
        next_opening(now, practice.calendar),
        DeliveryStatus.PLANNED,
        new_link_id(),
        f"agreed:{outcome}:{task['patient_ref']}:{_what(booked, now)}",
        now,
    )


def _what(booked: Row | None, now: datetime) -> str:
    """Several cases of one patient may end with one conversation: the same is confirmed once."""
    return f"{(booked['starts_at'] if booked else now.date()).isoformat()}"


async def _ahead(patient: int, now: datetime) -> Row | None:
    """The appointment that was made on the telephone, where the practice's own software has told of it already."""
    return await fetch_one(
        f"SELECT id, starts_at FROM appointment WHERE patient = $1 AND status = '{AppointmentStatus.BOOKED}' "
        "AND starts_at > $2 "
        "ORDER BY starts_at LIMIT 1",
        patient,
        now,
    )

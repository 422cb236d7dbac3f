"""What the patient is told of a new appointment, inside the transaction of the change that makes, moves or ends it."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from db.changes._journal import Entry, Event, record
from db.engine import Row, fetch, fetch_one
from db.errors import MessageUnderWay
from db.queries.practices import practice
from db.rules.reminders import CONFIRMATION, ServiceMessage, service_messages
from db.states import DeliveryStatus, Reason
from db.tables.deliveries import BULK, HUMAN
from db.tokens import new_link_id, new_reference

# A link in a reminder shows the appointment until it is over, and for some days new times after that.
LINKS_OUTLIVE = timedelta(days=7)


async def plan_service_messages(appointment: str, *, now: datetime) -> None:
    """One row for each message that follows this appointment, by its reference, as it stands now. Planned once for each
    state of the appointment: whether a message still speaks of the present one is decided when it goes."""
    row = await fetch_one(
        "SELECT id, ref, practice, patient, enrolment, starts_at, ends_at, calendar_sequence FROM appointment "
        "WHERE ref = $1",
        appointment,
    )
    assert row is not None
    calendar = (await practice(row["practice"])).calendar
    await _insert(row, service_messages(row["starts_at"], now=now, calendar=calendar), now)
    await fetch(
        "UPDATE enrolment SET links_expire_at = greatest(links_expire_at, $2) WHERE id = $1",
        row["enrolment"],
        row["ends_at"] + LINKS_OUTLIVE,
    )


async def _insert(appointment: Row, planned: Sequence[ServiceMessage], now: datetime) -> None:
    state = f"{appointment['ref']}:{appointment['calendar_sequence']}"
    await fetch(
        "INSERT INTO delivery (practice, patient, enrolment, appointment, detail, status, attempts, ambiguous, "
        "created_at, ref, lane, message, channel, due_at, attempt_at, link_id, dedupe) "
        "SELECT $1, $2, $3, $4, $5, $6, 0, false, $7, f, n, m, c, d, d, l, k FROM unnest($8::text[], $9::text[], "
        "$10::text[], $11::text[], $12::timestamptz[], $13::text[], $14::text[]) AS t(f, n, m, c, d, l, k) "
        "ON CONFLICT DO NOTHING",
        appointment["practice"],
        appointment["patient"],
        appointment["enrolment"],
        appointment["id"],
        json.dumps({"starts_at": appointment["starts_at"].isoformat()}),
        DeliveryStatus.PLANNED,
        now,
        [new_reference() for _ in planned],
        [HUMAN if one.message == CONFIRMATION else BULK for one in planned],
        [one.message for one in planned],
        [one.channel for one in planned],
        [one.due_at for one in planned],
        [new_link_id() for _ in planned],
        [f"{one.message}:{one.channel}:{state}" for one in planned],
    )


async def cancel_service_messages(
    appointment: int, *, patient: int, reason: Reason, actor: str, now: datetime, insist: bool
) -> int:
    """Cancel what the patient was still to be told of this appointment; returns how many messages.

    Raises `MessageUnderWay` while one of them is being handed over, unless told to `insist`.
    """
    cancelled = await fetch(
        "UPDATE delivery SET status = $3, reason = $4, settled_at = $5 WHERE patient = $1 AND appointment = $2 "
        f"AND step IS NULL AND staff IS NULL AND status = '{DeliveryStatus.PLANNED}' RETURNING id",
        patient,
        appointment,
        DeliveryStatus.CANCELLED,
        reason,
        now,
    )
    # After the cancelling: a claim that got ahead of it is then visible.
    under_way = await fetch(
        "SELECT id FROM delivery WHERE patient = $1 AND appointment = $2 AND step IS NULL AND staff IS NULL "
        f"AND status = '{DeliveryStatus.CLAIMED}' AND lease_until > $3",
        patient,
        appointment,
        now,
    )
    if under_way and not insist:
        raise MessageUnderWay("A message about this appointment is being handed over at this moment.")
    for event, rows in ((Event.MESSAGE_CANCELLED, cancelled), (Event.MESSAGE_UNDER_WAY_AT_STOP, under_way)):
        await _tell(event, [row["id"] for row in rows], reason, actor, now)
    return len(cancelled)


async def _tell(event: Event, deliveries: Sequence[int], reason: Reason, actor: str, now: datetime) -> None:
    rows = await fetch(
        "SELECT d.ref, d.message, d.channel, d.practice, p.ref AS patient_ref, e.ref AS enrolment_ref FROM delivery d "
        "JOIN patient p ON p.id = d.patient LEFT JOIN enrolment e ON e.id = d.enrolment WHERE d.id = ANY($1) "
        "ORDER BY d.due_at, d.id",
        list(deliveries),
    )
    entries = [
        Entry(
            event,
            patient=row["patient_ref"],
            enrolment=row["enrolment_ref"],
            subject=row["ref"],
            reason=reason,
            data={"message": row["message"], "channel": row["channel"]},
        )
        for row in rows
    ]
    if entries:
        await record(entries, practice=rows[0]["practice"], actor=actor, now=now)

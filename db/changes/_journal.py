"""The journal row that every change writes in its own transaction.

The vocabulary is closed; a row holds random references, codes and times, never a name, a number or an address.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from db.engine import fetch


class Event(StrEnum):
    PRACTICE_SAVED = "practice_saved"
    PRACTITIONER_ADDED = "practitioner_added"
    PATIENT_ADDED = "patient_added"
    HIGH_RISK_NOTED = "high_risk_noted"
    PATIENT_UPDATED = "patient_updated"
    APPOINTMENT_ADDED = "appointment_added"
    APPOINTMENT_CHANGED = "appointment_changed"
    ABSENCE_MARKED = "absence_marked"
    ABSENCE_NOT_FOLLOWED = "absence_not_followed"
    SEQUENCE_STARTED = "sequence_started"
    SEQUENCE_STOPPED = "sequence_stopped"
    SEQUENCE_COMPLETED = "sequence_completed"
    SEQUENCE_PAUSED = "sequence_paused"
    SEQUENCE_RESUMED = "sequence_resumed"
    MESSAGE_SENT = "message_sent"
    MESSAGE_DELIVERED = "message_delivered"
    MESSAGE_DEFERRED = "message_deferred"
    MESSAGE_SKIPPED = "message_skipped"
    MESSAGE_CANCELLED = "message_cancelled"
    MESSAGE_RETRIED = "message_retried"
    MESSAGE_FAILED = "message_failed"
    MESSAGE_FELL_OVER = "message_fell_over"
    MESSAGE_UNDER_WAY_AT_STOP = "message_under_way_at_stop"
    BOOKED = "booked"
    BOOKING_MOVED = "booking_moved"
    BOOKING_CANCELLED = "booking_cancelled"
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    OBJECTED = "objected"
    REPLY_RECEIVED = "reply_received"
    CALL_REQUESTED = "call_requested"
    BARRIER_NAMED = "barrier_named"
    ADDRESS_INVALID = "address_invalid"
    TASK_OPENED = "task_opened"
    TASK_PUT_OFF = "task_put_off"
    TASK_SKIPPED = "task_skipped"
    TASK_CANCELLED = "task_cancelled"
    TASK_ACKNOWLEDGED = "task_acknowledged"
    TASK_CLAIMED = "task_claimed"
    TASK_RELEASED = "task_released"
    TASK_REASSIGNED = "task_reassigned"
    TASK_ESCALATED = "task_escalated"
    TASK_POSTPONED = "task_postponed"
    TASK_NUDGED = "task_nudged"
    TASK_CLOSED = "task_closed"
    NOTE_ADDED = "note_added"
    LABEL_SET = "label_set"
    LABEL_ENDED = "label_ended"
    OBJECTION_LIFTED = "objection_lifted"
    STAFF_AWAY = "staff_away"
    STAFF_BACK = "staff_back"
    STAFF_UNREACHABLE = "staff_unreachable"
    REHEARSAL_STARTED = "rehearsal_started"
    CHANNEL_HELD = "channel_held"
    CHANNEL_REOPENED = "channel_reopened"
    CONTACTS_RESEALED = "contacts_resealed"
    APPOINTMENT_CONFIRMED = "appointment_confirmed"
    EXPORTED = "exported"
    TEXT_DRAFTED = "text_drafted"
    TEXT_DISCARDED = "text_discarded"
    TEXT_PUBLISHED = "text_published"
    TEXT_RETIRED = "text_retired"


@dataclass(frozen=True, slots=True)
class Entry:
    """`subject_ref` is the appointment, delivery, task or practitioner that the event is about."""

    event: Event
    patient: str | None = None
    enrolment: str | None = None
    subject: str | None = None
    reason: str | None = None
    data: Mapping[str, Any] | None = None


async def record(entries: Iterable[Entry], *, practice: int, actor: str, now: datetime) -> None:
    """Append `entries` in their order, in the transaction that is open here."""
    rows = list(entries)
    if not rows:
        return
    await fetch(
        "INSERT INTO journal (practice, at, actor, event, patient_ref, enrolment_ref, subject_ref, reason, data) "
        "SELECT $1, $2, $3, e, p, n, s, r, d FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], "
        "$9::jsonb[]) WITH ORDINALITY AS t(e, p, n, s, r, d, i) ORDER BY i",
        practice,
        now,
        actor,
        [row.event for row in rows],
        [row.patient for row in rows],
        [row.enrolment for row in rows],
        [row.subject for row in rows],
        [row.reason for row in rows],
        [None if row.data is None else json.dumps(row.data, default=_plain, sort_keys=True) for row in rows],
    )


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"The journal takes codes, numbers and times, not {type(value).__name__}.")

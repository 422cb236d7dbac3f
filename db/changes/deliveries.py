"""Claiming what is due. Whether a message may leave is decided here, in the claim, and never earlier.

A claim is small and is sent at once: between its commit and the hand-over lie milliseconds, and a stop waits for it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from db.actors import SYSTEM
from db.changes._journal import Entry, Event, record
from db.changes._sequences import when_quiet
from db.crypto import Vault, vault
from db.engine import Row, fetch
from db.errors import Unreadable
from db.queries.practices import Profile
from db.rules.leaving import Cancel, Defer, Go, LeaveFacts, Skip, may_leave
from db.rules.plans import pushed
from db.states import AppointmentStatus, Channel, DeliveryStatus, EnrolmentStatus, Reason

# Longer than the longest hand-over (the sender's own budget is 10 s), short enough for a crash to cost little.
LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One message that leaves now. `address` is the number or mailbox; `ambiguous` says that an earlier attempt may
    have left; `is_readable` is false when the stored contact does not open. `detail` belongs to notices; what belongs
    to a sequence is None there."""

    id: int
    ref: str
    attempts: int
    channel: Channel
    message: str
    address: str = field(repr=False)
    message_id: str
    ambiguous: bool
    created_at: datetime
    link_id: str | None = field(repr=False)
    first_name: str = field(repr=False)
    speciality: str
    language: str
    missed_on: date | None
    practitioner: int | None
    enrolment: int | None
    appointment: int | None
    detail: dict[str, Any]
    is_readable: bool = True


@dataclass(frozen=True, slots=True)
class Claim:
    """`going` leaves now; `looked_at` counts the due rows, 0 when nothing is due; `dropped` are the enrolments of
    messages that will not go, and whose sequence may thereby have ended."""

    going: list[Claimed]
    looked_at: int = 0
    dropped: tuple[int, ...] = ()


async def claim_due(
    practice: Profile, *, lane: str, channel: Channel, limit: int, mail_domain: str, now: datetime
) -> Claim:
    """Claim up to `limit` due messages of one practice and channel."""

    async def change(_insist: bool) -> Claim:
        return await _claim(practice, lane, channel, limit, mail_domain, now)

    return await when_quiet(change)


async def _claim(practice: Profile, lane: str, channel: Channel, limit: int, mail_domain: str, now: datetime) -> Claim:
    # Sub-selects, so that one plan serves for every moment and limit: PostgreSQL plans a large table anew for each
    # value that it is shown, and takes longer over that than over the rows.
    ids = await fetch(
        "SELECT id FROM delivery WHERE practice = $1 AND lane = $2 AND channel = $3 AND status = 'planned' "
        "AND attempt_at <= (SELECT $4::timestamptz) ORDER BY attempt_at, id LIMIT (SELECT $5::bigint) "
        "FOR UPDATE SKIP LOCKED",
        practice.id,
        lane,
        channel,
        now,
        limit,
    )
    if not ids:
        return Claim([])
    # A second statement, so that it sees what was committed up to the moment the rows were locked.
    rows = await fetch(FACTS, [row["id"] for row in ids], now)
    going: list[Row] = []
    dropped: list[int] = []
    told: list[Entry] = []
    for row in rows:
        decision = _decision(row, practice, now)
        if isinstance(decision, Go):
            going.append(row)
        elif isinstance(decision, Defer):
            await _defer(row, decision, practice, told)
        else:
            await _drop(row, decision, now, told)
            dropped += [row["enrolment"]] if row["enrolment"] else []
    await _take(going, mail_domain, now)
    await record(told, practice=practice.id, actor=SYSTEM, now=now)
    claimed = [_claimed(vault(), row, practice, mail_domain) for row in going]
    return Claim(claimed, len(ids), tuple(dropped))


# A later message that is on its way, or has gone, makes an earlier one needless; one that is on its way counts for the
# distance between two as if it went when its lease ends.
FACTS = """
SELECT d.id, d.ref, d.attempts, d.channel, d.message, d.message_id, d.ambiguous, d.created_at, d.claimed_at, d.link_id,
       d.step, d.enrolment, d.appointment, d.detail, d.due_at,
       e.ref AS enrolment_ref, e.status AS enrolment_status, e.reason AS enrolment_reason, e.resume_at, e.speciality,
       e.language, e.practitioner, a.status AS appointment_status, a.day AS missed_on,
       p.ref AS patient_ref, p.first_name, p.phone, p.phone_kind, p.phone_invalid_at, p.email, p.email_invalid_at,
       p.objected_at, CASE d.channel WHEN 'sms' THEN p.phone_index ELSE p.email_index END AS address_index,
       EXISTS (SELECT 1 FROM channel_opt_out o WHERE o.practice = d.practice AND o.channel = d.channel
               AND o.address_index = CASE d.channel WHEN 'sms' THEN p.phone_index ELSE p.email_index END
               AND o.ended_at IS NULL) AS opted_out,
       (SELECT min(s.due_at) FROM delivery s WHERE s.enrolment = d.enrolment AND s.channel = d.channel
               AND s.step > d.step AND s.status IN ('planned', 'claimed', 'sent', 'delivered')) AS successor_due_at,
       (SELECT max(coalesce(s.sent_at, s.lease_until)) FROM delivery s WHERE s.enrolment = d.enrolment
               AND s.channel = d.channel AND s.id <> d.id) AS last_sent_at
FROM delivery d
LEFT JOIN enrolment e ON e.id = d.enrolment
LEFT JOIN appointment a ON a.id = e.appointment
LEFT JOIN patient p ON p.id = e.patient
WHERE d.id = ANY($1) AND d.status = 'planned' AND d.attempt_at <= $2
ORDER BY d.attempt_at, d.id
"""


def _decision(row: Row, practice: Profile, now: datetime) -> Go | Defer | Skip | Cancel:
    if row["enrolment"] is None:
        # A notice to the practice: no patient waits behind it, and its hours are the practice's own affair.
        return Go()
    sms = row["channel"] == Channel.SMS
    usable = (
        row["phone"] is not None and row["phone_invalid_at"] is None and row["phone_kind"] == "mobile"
        if sms
        else row["email"] is not None and row["email_invalid_at"] is None
    )
    facts = LeaveFacts(
        enrolment_status=EnrolmentStatus(row["enrolment_status"]),
        stop_reason=Reason(row["enrolment_reason"]) if row["enrolment_reason"] else None,
        resume_at=row["resume_at"],
        appointment_status=AppointmentStatus(row["appointment_status"]),
        has_address=usable,
        opted_out=row["opted_out"],
        objection=row["objected_at"] is not None,
        successor_due_at=row["successor_due_at"],
        last_sent_at=row["last_sent_at"],
    )
    return may_leave(facts, practice.calendar, now)


async def _take(going: Sequence[Row], mail_domain: str, now: datetime) -> None:
    if not going:
        return
    await fetch(
        "UPDATE delivery d SET status = $1, attempts = attempts + 1, claimed_at = coalesce(d.claimed_at, $2), "
        "lease_until = $3, message_id = coalesce(d.message_id, t.message_id), address_index = t.address_index "
        "FROM unnest($4::bigint[], $5::text[], $6::bytea[]) AS t(id, message_id, address_index) WHERE d.id = t.id",
        DeliveryStatus.CLAIMED,
        now,
        now + LEASE,
        [row["id"] for row in going],
        [_message_id(row, mail_domain) for row in going],
        [row["address_index"] for row in going],
    )


def _message_id(row: Row, mail_domain: str) -> str:
    """Made of the row's own random reference, so that every attempt has the same one."""
    stored: str | None = row["message_id"]
    return stored or f"<{row['ref']}.{row['created_at']:%Y%m%d%H%M%S}@{mail_domain}>"


async def _defer(row: Row, decision: Defer, practice: Profile, told: list[Entry]) -> None:
    """Move the row, and push what follows it on its channel. A pause moves no due time: what fell due meanwhile is
    recognised by it when the sequence goes on."""
    if decision.reason is Reason.PAUSED:
        await fetch(
            "UPDATE delivery SET attempt_at = $2, reason = $3 WHERE id = $1",
            row["id"],
            decision.at,
            Reason.PAUSED,
        )
        return
    later = await fetch(
        "SELECT id, due_at FROM delivery WHERE enrolment = $1 AND channel = $2 AND step > $3 AND status = 'planned' "
        "ORDER BY step FOR UPDATE",
        row["enrolment"],
        row["channel"],
        row["step"],
    )
    moved = pushed(decision.at, [other["due_at"] for other in later], practice.calendar)
    await fetch(
        "UPDATE delivery d SET due_at = t.due_at, attempt_at = greatest(d.attempt_at, t.due_at), reason = $3 "
        "FROM unnest($1::bigint[], $2::timestamptz[]) AS t(id, due_at) WHERE d.id = t.id "
        "AND (d.due_at <> t.due_at OR d.attempt_at < t.due_at)",
        [row["id"], *(other["id"] for other in later)],
        [decision.at, *moved],
        decision.reason,
    )
    told.append(_told(Event.MESSAGE_DEFERRED, row, decision.reason, until=decision.at.isoformat()))


async def _drop(row: Row, decision: Skip | Cancel, now: datetime, told: list[Entry]) -> None:
    skipped = isinstance(decision, Skip)
    await fetch(
        "UPDATE delivery SET status = $2, reason = $3, settled_at = $4 WHERE id = $1",
        row["id"],
        DeliveryStatus.SKIPPED if skipped else DeliveryStatus.CANCELLED,
        decision.reason,
        now,
    )
    told.append(_told(Event.MESSAGE_SKIPPED if skipped else Event.MESSAGE_CANCELLED, row, decision.reason))


def _told(event: Event, row: Row, reason: Reason, **more: Any) -> Entry:
    return Entry(
        event,
        patient=row["patient_ref"],
        enrolment=row["enrolment_ref"],
        subject=row["ref"],
        reason=reason,
        data={"message": row["message"], "channel": row["channel"], **more},
    )


def _claimed(keys: Vault, row: Row, practice: Profile, mail_domain: str) -> Claimed:
    of_patient = row["enrolment"] is not None
    contact = _contact(keys, row) if of_patient else (practice.notice_email or practice.reply_to, "")
    address, first_name = contact or ("", "")
    return Claimed(
        id=row["id"],
        ref=row["ref"],
        attempts=row["attempts"] + 1,
        channel=Channel(row["channel"]),
        message=row["message"],
        address=address,
        message_id=_message_id(row, mail_domain),
        ambiguous=row["ambiguous"],
        created_at=row["created_at"],
        link_id=row["link_id"],
        first_name=first_name,
        speciality=row["speciality"] or "general",
        language=row["language"] or practice.language,
        missed_on=row["missed_on"],
        practitioner=row["practitioner"],
        enrolment=row["enrolment"],
        appointment=row["appointment"],
        detail=json.loads(row["detail"]) if row["detail"] else {},
        is_readable=contact is not None,
    )


def _contact(keys: Vault, row: Row) -> tuple[str, str] | None:
    """Address and first name; None when one of them does not open. One bad row must not hold up all the others."""

    def opened(name: str) -> str:
        value = row[name]
        return keys.open(value, owner=row["patient_ref"], field=f"patient.{name}") if value is not None else ""

    try:
        return opened("phone" if row["channel"] == Channel.SMS else "email"), opened("first_name")
    except Unreadable:
        return None

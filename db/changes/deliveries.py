"""Claiming what is due. Whether a message may leave is decided here, in the claim, and never earlier.

A claim is small and is sent at once: between its commit and the hand-over lie milliseconds, and a stop waits for it.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from db.actors import SYSTEM
from db.changes._journal import Entry, Event, record
from db.changes._sequences import when_quiet
from db.crypto import Vault, vault
from db.engine import Row, fetch
from db.errors import Unreadable
from db.queries.practices import Profile
from db.rules.leaving import Cancel, Defer, Go, LeaveFacts, ServiceFacts, Skip, may_leave, may_leave_service
from db.rules.plans import pushed
from db.rules.windows import at_local_time, local_day
from db.states import (
    GOING_OR_GONE,
    OPEN_TASK,
    TIMED_PAUSES,
    AppointmentStatus,
    Channel,
    DeliveryStatus,
    EnrolmentStatus,
    Reason,
    one_of,
)

# Longer than the longest hand-over (the sender's own budget is 10 s), short enough for a crash to cost little.
LEASE = timedelta(seconds=30)
CONFIRMATION = "confirmation"
# What answers the patient at this very moment, whatever the hour: the emergency numbers.
AT_ONCE = ("emergency",)
# What somebody of the staff asks for and waits for, whatever they want to hear of otherwise.
ASKED_FOR = ("sign_in",)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One message that leaves now. `address` is the number or mailbox; `ambiguous` says that an earlier attempt may
    have left; `is_readable` is false when the stored contact does not open. `detail` belongs to notices, to service
    messages and to rehearsals; what belongs to a sequence is None there. `task` is the case that a notice is about.
    `wording` names the words that it carries; none where they are not the catalogue's."""

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
    task: int | None = None
    rehearsal: bool = False
    is_readable: bool = True
    wording: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """`going` leaves now; `looked_at` counts the due rows, 0 when nothing is due; `dropped` are the enrolments of
    messages that will not go, and whose sequence may thereby have ended."""

    going: list[Claimed]
    looked_at: int = 0
    dropped: tuple[int, ...] = ()


Choose = Callable[[Claimed], str | None]


def choose_nothing(_one: Claimed) -> None:
    """For who writes the messages themselves."""


async def claim_due(
    practice: Profile,
    *,
    lane: str,
    channel: Channel,
    limit: int,
    mail_domain: str,
    now: datetime,
    choose: Choose = choose_nothing,
) -> Claim:
    """Claim up to `limit` due messages of one practice and channel.

    `choose` names the words of each. It is shown those of an earlier attempt that may have left, if there was one, and
    whatever it answers is on record before the message can leave.
    """

    async def change(_insist: bool) -> Claim:
        return await _claim(practice, lane, channel, limit, mail_domain, now, choose)

    return await when_quiet(change)


async def _claim(
    practice: Profile, lane: str, channel: Channel, limit: int, mail_domain: str, now: datetime, choose: Choose
) -> Claim:
    # Sub-selects, so that one plan serves for every moment and limit: PostgreSQL plans a large table anew for each
    # value that it is shown, and takes longer over that than over the rows.
    ids = await fetch(
        "SELECT id FROM delivery WHERE practice = $1 AND lane = $2 AND channel = $3 "
        f"AND status = '{DeliveryStatus.PLANNED}' AND attempt_at <= (SELECT $4::timestamptz) "
        "ORDER BY attempt_at, id LIMIT (SELECT $5::bigint) "
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
    rows = await fetch(FACTS, [row["id"] for row in ids], now, _midnight(practice, now))
    going: list[Row] = []
    dropped: list[int] = []
    told: list[Entry] = []
    of_patient: Counter[int] = Counter()
    for row in rows:
        decision = _decision(row, practice, of_patient[row["patient"]], now)
        if isinstance(decision, Go):
            going.append(row)
            of_patient[row["patient"]] += row["message"] != CONFIRMATION
        elif isinstance(decision, Defer):
            await _defer(row, decision, practice, told)
        else:
            await _drop(row, decision, now, told)
            dropped += [row["enrolment"]] if row["step"] is not None else []
    claimed = [_claimed(vault(), row, practice, mail_domain) for row in going]
    claimed = [replace(one, wording=choose(one)) for one in claimed]
    await _take(going, claimed, now)
    await record(told, practice=practice.id, actor=SYSTEM, now=now)
    return Claim(claimed, len(ids), tuple(dropped))


def _midnight(practice: Profile, now: datetime) -> datetime:
    """When the practice's present day began."""
    return at_local_time(local_day(now, practice.calendar), time(), practice.calendar)


# A later message that is on its way, or has gone, makes an earlier one needless; one that is on its way counts for the
# distance between two as if it went when its lease ends.
FACTS = f"""
SELECT d.id, d.ref, d.attempts, d.channel, d.message, d.message_id, d.ambiguous, d.created_at, d.claimed_at, d.link_id,
       d.wording, d.step, d.enrolment, d.appointment, d.detail, d.due_at, d.patient, d.staff, d.task, d.address,
       d.rehearsal,
       e.ref AS enrolment_ref, e.status AS enrolment_status, e.reason AS enrolment_reason, e.resume_at, e.speciality,
       coalesce(e.language, p.language, f.language) AS language, coalesce(b.practitioner, e.practitioner)
       AS practitioner, a.status AS appointment_status, a.day AS missed_on, b.starts_at AS booked_for,
       b.status AS booking_status, k.status AS task_status, f.ref AS staff_ref, f.email AS staff_email,
       f.active AS staff_active, f.active AND f.alerts <> 'none' AND f.email_invalid_at IS NULL AS staff_reachable,
       p.ref AS patient_ref, p.first_name, p.phone, p.phone_kind, p.phone_invalid_at, p.email, p.email_invalid_at,
       p.objected_at, CASE d.channel WHEN 'sms' THEN p.phone_index ELSE p.email_index END AS address_index,
       EXISTS (SELECT 1 FROM channel_opt_out o WHERE o.practice = d.practice AND o.channel = d.channel
               AND o.address_index = CASE d.channel WHEN 'sms' THEN p.phone_index ELSE p.email_index END
               AND o.ended_at IS NULL) AS opted_out,
       o.successor_due_at, o.last_sent_at, o.sent_today
FROM delivery d
CROSS JOIN LATERAL (
    SELECT min(s.due_at) FILTER (WHERE s.enrolment = d.enrolment AND s.step > d.step
                                 AND s.status IN {one_of(GOING_OR_GONE)}) AS successor_due_at,
           max(coalesce(s.sent_at, s.lease_until)) FILTER (WHERE s.enrolment = d.enrolment AND s.step IS NOT NULL)
               AS last_sent_at,
           count(*) FILTER (WHERE s.message <> 'confirmation'
                            AND (s.sent_at >= $3 OR s.status = '{DeliveryStatus.CLAIMED}')) AS sent_today
    FROM enrolment x JOIN delivery s ON s.enrolment = x.id AND s.channel = d.channel AND s.id <> d.id
    WHERE x.patient = d.patient
) o
LEFT JOIN enrolment e ON e.id = d.enrolment
LEFT JOIN appointment a ON a.id = e.appointment
LEFT JOIN appointment b ON b.id = d.appointment
LEFT JOIN patient p ON p.id = d.patient
LEFT JOIN staff f ON f.id = d.staff
LEFT JOIN task k ON k.id = d.task
WHERE d.id = ANY($1) AND d.status = '{DeliveryStatus.PLANNED}' AND d.attempt_at <= $2
ORDER BY d.attempt_at, d.id
"""


def _decision(row: Row, practice: Profile, more_today: int, now: datetime) -> Go | Defer | Skip | Cancel:
    """`more_today`: what this very claim has let go to the same patient."""
    if row["rehearsal"] or row["message"] in AT_ONCE:
        return Go()
    if row["message"] in ASKED_FOR:
        return _asked_for_decision(row, now)
    if row["staff"] is not None:
        return _case_decision(row)
    if row["patient"] is None:
        # A notice to the practice: no patient waits behind it, and its hours are the practice's own affair.
        return Go()
    if row["step"] is None:
        return may_leave_service(_service_facts(row, more_today), practice.calendar, now)
    facts = LeaveFacts(
        enrolment_status=EnrolmentStatus(row["enrolment_status"]),
        stop_reason=Reason(row["enrolment_reason"]) if row["enrolment_reason"] else None,
        resume_at=row["resume_at"] if row["enrolment_reason"] in TIMED_PAUSES else None,
        appointment_status=AppointmentStatus(row["appointment_status"]),
        has_address=_is_usable(row),
        opted_out=row["opted_out"],
        objection=row["objected_at"] is not None,
        successor_due_at=row["successor_due_at"],
        last_sent_at=row["last_sent_at"],
        sent_today=row["sent_today"] + more_today,
    )
    return may_leave(facts, practice.calendar, now)


def _asked_for_decision(row: Row, now: datetime) -> Go | Cancel:
    ends_at = datetime.fromisoformat(json.loads(row["detail"])["expires_at"])
    if now >= ends_at:
        return Cancel(Reason.TOO_LATE)
    return Go() if row["staff_active"] else Cancel(Reason.NO_ADDRESS)


def _case_decision(row: Row) -> Go | Cancel:
    """A notice to a member of staff; of a case that has ended meanwhile nobody needs to hear."""
    if row["task"] is not None and row["task_status"] not in OPEN_TASK:
        return Cancel(Reason.CASE_CLOSED)
    return Go() if row["staff_reachable"] else Cancel(Reason.NO_ADDRESS)


def _service_facts(row: Row, more_today: int) -> ServiceFacts:
    detail = json.loads(row["detail"]) if row["detail"] else {}
    stands = row["booking_status"] == AppointmentStatus.BOOKED
    return ServiceFacts(
        has_address=_is_usable(row),
        opted_out=row["opted_out"],
        objection=row["objected_at"] is not None,
        speaks_of=datetime.fromisoformat(detail["starts_at"]) if "starts_at" in detail else None,
        starts_at=row["booked_for"] if stands else None,
        counts=row["message"] != CONFIRMATION,
        sent_today=row["sent_today"] + more_today,
    )


def _is_usable(row: Row) -> bool:
    if row["channel"] == Channel.SMS:
        return row["phone"] is not None and row["phone_invalid_at"] is None and row["phone_kind"] == "mobile"
    return row["email"] is not None and row["email_invalid_at"] is None


async def _take(going: Sequence[Row], claimed: Sequence[Claimed], now: datetime) -> None:
    if not going:
        return
    await fetch(
        "UPDATE delivery d SET status = $1, attempts = attempts + 1, claimed_at = coalesce(d.claimed_at, $2), "
        "lease_until = $3, message_id = coalesce(d.message_id, t.message_id), "
        "address_index = coalesce(t.address_index, d.address_index), wording = t.wording "
        "FROM unnest($4::bigint[], $5::text[], $6::bytea[], $7::text[]) AS t(id, message_id, address_index, wording) "
        "WHERE d.id = t.id",
        DeliveryStatus.CLAIMED,
        now,
        now + LEASE,
        [row["id"] for row in going],
        [one.message_id for one in claimed],
        [row["address_index"] for row in going],
        [one.wording for one in claimed],
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
    later = [] if row["step"] is None else await _later_of(row)
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


async def _later_of(row: Row) -> Sequence[Row]:
    return await fetch(
        "SELECT id, due_at FROM delivery WHERE enrolment = $1 AND channel = $2 AND step > $3 "
        f"AND status = '{DeliveryStatus.PLANNED}' ORDER BY step FOR UPDATE",
        row["enrolment"],
        row["channel"],
        row["step"],
    )


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
    contact = _contact(keys, row, practice)
    address, first_name = contact or ("", "")
    claimed = Claimed(
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
        task=row["task"],
        rehearsal=row["rehearsal"],
        is_readable=contact is not None,
        wording=row["wording"] if row["ambiguous"] else None,
    )
    return _rehearsed(claimed) if claimed.rehearsal else claimed


def _rehearsed(one: Claimed) -> Claimed:
    """No patient stands behind it: what it says came with it."""
    said = one.detail
    return replace(
        one,
        first_name=said["first_name"],
        speciality=said["speciality"],
        language=said["language"],
        missed_on=date.fromisoformat(said["missed_on"]),
        practitioner=said["practitioner"],
    )


def _contact(keys: Vault, row: Row, practice: Profile) -> tuple[str, str] | None:
    """Address and first name; None when one of them does not open. One bad row must not hold up all the others."""
    try:
        if row["address"] is not None:
            return keys.open(row["address"], owner=row["ref"], field="delivery.address"), ""
        if row["staff"] is not None:
            return keys.open(row["staff_email"], owner=row["staff_ref"], field="staff.email"), ""
        if row["patient"] is None:
            return practice.notice_email or practice.reply_to, ""
        column = "phone" if row["channel"] == Channel.SMS else "email"
        return _opened(keys, row, column), _opened(keys, row, "first_name")
    except Unreadable:
        return None


def _opened(keys: Vault, row: Row, name: str) -> str:
    value = row[name]
    return keys.open(value, owner=row["patient_ref"], field=f"patient.{name}") if value is not None else ""

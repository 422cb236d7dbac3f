"""Starting and stopping a sequence, inside the transaction of the change that causes it.

Lock order everywhere: patient, enrolment, deliveries by step. A stop and the cancelling of what was still planned are
one transaction, and it does not commit while a message of the sequence is being handed over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import asyncpg

from db.actors import SYSTEM
from db.changes._human_steps import HumanStepsOf, plan_human_steps
from db.changes._journal import Entry, Event, record
from db.engine import Row, fetch, fetch_one, transaction
from db.errors import MessageUnderWay
from db.rules.human_steps import PlannedHumanStep
from db.rules.plans import Plan, PlannedTouchpoint, to_json
from db.states import (
    ENROLMENT_MOVES,
    LIVE_ENROLMENT,
    UNSETTLED_DELIVERY,
    AppointmentStatus,
    DeliveryStatus,
    EnrolmentStatus,
    Reason,
    check_move,
    one_of,
)
from db.tables.deliveries import BULK
from db.tokens import new_link_id, new_reference

T = TypeVar("T")

LINK_LIFE = timedelta(days=30)
REVIEW_AFTER = timedelta(days=1)

# A message is handed over within its sender's budget (10 s); a stop waits a little longer, then commits all the same,
# and the journal says that one message was under way.
PATIENCE_S = 12.0
PAUSE_S = 0.02
# A run that insists can still lose to a deadlock, which PostgreSQL takes a second to find.
LAST_TRIES_S = 5.0


async def when_quiet(change: Callable[[bool], Awaitable[T]], *, patience: float = PATIENCE_S) -> T:
    """Run `change(insist)` in a transaction of its own; while it raises `MessageUnderWay`, wait and run it again.

    The last run insists. A deadlock with a worker is one more reason to run again.
    """
    stopwatch = asyncio.get_running_loop().time
    began = stopwatch()
    while True:
        waited = stopwatch() - began
        try:
            async with transaction():
                return await change(waited >= patience)
        except (MessageUnderWay, asyncpg.DeadlockDetectedError):
            if waited >= patience + LAST_TRIES_S:
                raise
            await asyncio.sleep(PAUSE_S)


@dataclass(frozen=True, slots=True)
class NewEnrolment:
    patient: int
    patient_ref: str
    practitioner: int
    appointment: int
    plan: Plan
    speciality: str
    language: str
    late_entry: bool
    touchpoints: Sequence[PlannedTouchpoint]
    human_steps: Sequence[PlannedHumanStep] = ()


async def start_sequences(new: Sequence[NewEnrolment], *, practice: int, actor: str, now: datetime) -> None:
    """Insert each enrolment, of different patients, and one row for each of its steps."""
    if not new:
        return
    refs = [new_reference() for _ in new]
    last_due = [max((touchpoint.due_at for touchpoint in one.touchpoints), default=now) for one in new]
    rows = await fetch(
        "INSERT INTO enrolment (practice, patient, practitioner, appointment, ref, plan_name, plan, speciality, "
        "language, late_entry, status, started_at, review_at, links_expire_at) "
        "SELECT $1, p, r, a, f, n, j, s, l, e, $2, $3, d + $4::interval, d + $5::interval FROM unnest($6::bigint[], "
        "$7::int[], $8::bigint[], $9::text[], $10::text[], $11::jsonb[], $12::text[], $13::text[], $14::bool[], "
        "$15::timestamptz[]) AS t(p, r, a, f, n, j, s, l, e, d) RETURNING id, ref",
        practice,
        EnrolmentStatus.ACTIVE,
        now,
        REVIEW_AFTER,
        LINK_LIFE,
        [one.patient for one in new],
        [one.practitioner for one in new],
        [one.appointment for one in new],
        refs,
        [one.plan.name for one in new],
        [to_json(one.plan) for one in new],
        [one.speciality for one in new],
        [one.language for one in new],
        [one.late_entry for one in new],
        last_due,
    )
    ids = {row["ref"]: row["id"] for row in rows}
    await _plan_touchpoints([(ids[ref], one) for ref, one in zip(refs, new, strict=True)], practice, now)
    people = [
        HumanStepsOf(one.patient, ids[ref], one.appointment, ref, one.human_steps)
        for ref, one in zip(refs, new, strict=True)
    ]
    await plan_human_steps(people, practice=practice, now=now)
    entries = [_started(ref, one) for ref, one in zip(refs, new, strict=True)]
    await record(entries, practice=practice, actor=actor, now=now)


def _started(ref: str, new: NewEnrolment) -> Entry:
    due = [[t.message, t.channel, t.due_at.isoformat()] for t in new.touchpoints]
    data: dict[str, object] = {"plan": new.plan.name, "late_entry": new.late_entry, "due": due}
    if new.human_steps:
        data["people"] = [[step.kind, step.due_at.isoformat()] for step in new.human_steps]
    return Entry(Event.SEQUENCE_STARTED, patient=new.patient_ref, enrolment=ref, data=data)


async def _plan_touchpoints(new: Sequence[tuple[int, NewEnrolment]], practice: int, now: datetime) -> None:
    planned = [(enrolment, one.patient, touchpoint) for enrolment, one in new for touchpoint in one.touchpoints]
    await fetch(
        "INSERT INTO delivery (practice, lane, enrolment, patient, ref, message, channel, step, due_at, attempt_at, "
        "link_id, status, attempts, ambiguous, created_at) SELECT $1, $2, e, p, r, m, c, s, d, d, l, $3, 0, false, $4 "
        "FROM unnest($5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::smallint[], "
        "$11::timestamptz[], $12::text[]) AS t(e, p, r, m, c, s, d, l)",
        practice,
        BULK,
        DeliveryStatus.PLANNED,
        now,
        [enrolment for enrolment, _, _ in planned],
        [patient for _, patient, _ in planned],
        [new_reference() for _ in planned],
        [t.message for _, _, t in planned],
        [t.channel for _, _, t in planned],
        [t.step for _, _, t in planned],
        [t.due_at for _, _, t in planned],
        [new_link_id() for _ in planned],
    )


async def lock_live_enrolment(patient: int) -> Row | None:
    """The patient's running or paused enrolment, locked."""
    return await fetch_one(
        "SELECT e.id, e.practice, e.ref, e.status, e.reason, e.resume_at, e.appointment, e.patient, "
        "p.ref AS patient_ref FROM enrolment e "
        f"JOIN patient p ON p.id = e.patient WHERE e.patient = $1 AND e.status IN {one_of(LIVE_ENROLMENT)} "
        "FOR UPDATE OF e",
        patient,
    )


async def lock_enrolment(enrolment: int) -> Row:
    row = await fetch_one(
        "SELECT e.id, e.practice, e.ref, e.status, e.reason, e.resume_at, e.appointment, e.patient, "
        "p.ref AS patient_ref FROM enrolment e JOIN patient p ON p.id = e.patient WHERE e.id = $1 FOR UPDATE OF e",
        enrolment,
    )
    assert row is not None
    return row


async def stop_sequence(enrolment: Row, reason: Reason, *, actor: str, now: datetime, insist: bool) -> bool:
    """Stop a locked enrolment and cancel what was still planned. False when it had stopped already.

    Raises `MessageUnderWay` while one of its messages is being handed over, unless told to `insist`.
    """
    current = EnrolmentStatus(enrolment["status"])
    if current is EnrolmentStatus.STOPPED or not check_move(
        "This sequence", ENROLMENT_MOVES, current, EnrolmentStatus.STOPPED
    ):
        return False
    await fetch(
        "UPDATE enrolment SET status = $2, reason = $3, ended_at = $4 WHERE id = $1",
        enrolment["id"],
        EnrolmentStatus.STOPPED,
        reason,
        now,
    )
    stopped = Entry(Event.SEQUENCE_STOPPED, patient=enrolment["patient_ref"], enrolment=enrolment["ref"], reason=reason)
    await record([stopped], practice=enrolment["practice"], actor=actor, now=now)
    await cancel_planned([enrolment["id"]], reason, actor=actor, now=now, insist=insist)
    return True


async def cancel_planned(
    enrolments: Sequence[int],
    reason: Reason,
    *,
    actor: str,
    now: datetime,
    insist: bool,
    channel: str | None = None,
) -> int:
    """Cancel what these enrolments still had planned, on one channel or on all; returns how many messages."""
    # Locked by step, like a claim that pushes later steps, so that the two wait for each other in one order only.
    await fetch(
        "SELECT id FROM delivery WHERE enrolment = ANY($1) AND step IS NOT NULL "
        f"AND status = '{DeliveryStatus.PLANNED}' "
        "ORDER BY enrolment, step, id "
        "FOR UPDATE",
        list(enrolments),
    )
    rows = await fetch(
        "UPDATE delivery d SET status = $2, reason = $3, settled_at = $4 FROM enrolment e JOIN patient p ON p.id "
        "= e.patient "
        "WHERE e.id = d.enrolment AND d.enrolment = ANY($1) AND d.step IS NOT NULL "
        f"AND d.status = '{DeliveryStatus.PLANNED}' "
        "AND ($5::text IS NULL OR d.channel = $5) "
        "RETURNING d.ref, d.message, d.channel, e.practice, e.ref AS enrolment_ref, p.ref AS patient_ref",
        list(enrolments),
        DeliveryStatus.CANCELLED,
        reason,
        now,
        channel,
    )
    under_way = await _under_way(enrolments, channel, now)
    if under_way and not insist:
        raise MessageUnderWay("A message is being handed over at this moment.")
    entries = [_told(Event.MESSAGE_CANCELLED, row, reason) for row in rows]
    entries += [_told(Event.MESSAGE_UNDER_WAY_AT_STOP, row, reason) for row in under_way]
    if entries:
        practice = (list(rows) + list(under_way))[0]["practice"]
        await record(entries, practice=practice, actor=actor, now=now)
    return len(rows)


async def _under_way(enrolments: Sequence[int], channel: str | None, now: datetime) -> Sequence[Row]:
    """Claimed messages whose sender may still be at it. Must run after the planned ones were cancelled: a claim that
    got ahead of the cancelling is then visible."""
    return await fetch(
        "SELECT d.ref, d.message, d.channel, e.practice, e.ref AS enrolment_ref, p.ref AS patient_ref FROM delivery d "
        "JOIN enrolment e ON e.id = d.enrolment JOIN patient p ON p.id = e.patient WHERE d.enrolment = ANY($1) "
        f"AND d.step IS NOT NULL AND d.status = '{DeliveryStatus.CLAIMED}' AND d.lease_until > $2 "
        "AND ($3::text IS NULL OR d.channel = $3)",
        list(enrolments),
        now,
        channel,
    )


def _told(event: Event, row: Row, reason: Reason) -> Entry:
    return Entry(
        event,
        patient=row["patient_ref"],
        enrolment=row["enrolment_ref"],
        subject=row["ref"],
        reason=reason,
        data={"message": row["message"], "channel": row["channel"]},
    )


async def complete_finished(enrolments: Sequence[int], *, practice: int, now: datetime) -> int:
    """Complete those of these locked, running enrolments that have nothing left to send."""
    rows = await fetch(
        "UPDATE enrolment e SET status = $2, reason = $4, ended_at = $3 FROM patient p "
        f"WHERE p.id = e.patient AND e.id = ANY($1) AND e.status = '{EnrolmentStatus.ACTIVE}' AND NOT EXISTS ("
        # `OFFSET 0` keeps the planner to the enrolment's own messages: with statistics from before a large import
        # it takes the index of all that is planned for a small one, and reads the whole of it each time.
        "SELECT 1 FROM (SELECT d.status FROM delivery d WHERE d.enrolment = e.id AND d.step IS NOT NULL OFFSET 0) "
        f"AS own WHERE own.status IN {one_of(UNSETTLED_DELIVERY)}) "
        "RETURNING e.ref, p.ref AS patient_ref",
        list(enrolments),
        EnrolmentStatus.COMPLETED,
        now,
        Reason.COMPLETED,
    )
    entries = [
        Entry(Event.SEQUENCE_COMPLETED, patient=row["patient_ref"], enrolment=row["ref"], reason=Reason.COMPLETED)
        for row in rows
    ]
    await record(entries, practice=practice, actor=SYSTEM, now=now)
    return len(rows)


async def with_future_appointment(patients: Sequence[int], *, zone: str, after: datetime) -> frozenset[int]:
    """Those of the patients who have a live appointment that starts after `after`, whoever booked it."""
    rows = await fetch(
        f"SELECT DISTINCT patient FROM appointment WHERE patient = ANY($1) AND status = '{AppointmentStatus.BOOKED}' "
        "AND coalesce(starts_at, (day + 1)::timestamp AT TIME ZONE $2) > $3",
        list(patients),
        zone,
        after,
    )
    return frozenset(row["patient"] for row in rows)

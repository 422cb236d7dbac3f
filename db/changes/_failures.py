"""What follows from a message that will never arrive: the address, the register of opt-outs, a task for a person."""

from datetime import datetime

from db.actors import SYSTEM
from db.changes._journal import Entry, Event, record
from db.changes._sequences import lock_enrolment, stop_sequence
from db.changes._tasks import NewTask, open_task
from db.changes.opt_outs import opt_out
from db.engine import Row, fetch, fetch_one, fetch_value
from db.queries.practices import practice as profile_of
from db.rules.plans import MESSAGE_CHANNELS, from_json
from db.rules.windows import next_opening
from db.states import LIVE_ENROLMENT, OPEN_TASK, Channel, DeliveryStatus, Reason, TaskKind
from db.tables.deliveries import BULK
from db.tokens import new_link_id, new_reference


async def address_is_invalid(delivery: Row, reason: Reason, *, practice: int, actor: str, now: datetime) -> None:
    """The number or mailbox does not exist: remember it, tell a person, and stop when no channel is left.

    What failed is the address that the message was sent to. The patient may have another one by now.
    """
    channel = Channel(delivery["channel"])
    column = "phone" if channel is Channel.SMS else "email"
    patient = await fetch_one(
        f"SELECT {column}_index AS index, {column}_invalid_at AS invalid_at FROM patient WHERE id = $1",
        delivery["patient"],
    )
    assert patient is not None
    if patient["index"] != delivery["address_index"]:
        kind = TaskKind.DELIVERY_FAILED
        await needs_a_person(delivery, kind, reason, practice=practice, actor=actor, now=now)
        return
    if patient["invalid_at"] is not None:
        return
    await fetch(f"UPDATE patient SET {column}_invalid_at = $2 WHERE id = $1", delivery["patient"], now)
    entry = Entry(
        Event.ADDRESS_INVALID,
        patient=delivery["patient_ref"],
        enrolment=delivery["enrolment_ref"],
        subject=delivery["ref"],
        data={"channel": channel},
    )
    await record([entry], practice=practice, actor=actor, now=now)
    kind = TaskKind.DELIVERY_FAILED if channel is Channel.SMS else TaskKind.BOUNCE
    await needs_a_person(delivery, kind, reason, practice=practice, actor=actor, now=now)
    if delivery["enrolment"] is not None:
        await stop_if_unreachable(delivery["enrolment"], practice=practice, actor=actor, now=now)


async def stop_if_unreachable(enrolment: int, *, practice: int, actor: str, now: datetime) -> bool:
    """Stop a running sequence whose patient may not, or cannot, be written to on any channel.

    Where that is the patient's own wish (`opted_out`) it ends there; else a person takes over.
    """
    locked = await lock_enrolment(enrolment)
    if locked["status"] not in LIVE_ENROLMENT:
        return False
    reach = await fetch_one(REACH, locked["patient"])
    assert reach is not None
    if reach["sms"] or reach["email"]:
        return False
    reason = Reason.OPTED_OUT if reach["by_choice"] else Reason.UNREACHABLE
    await stop_sequence(locked, reason, actor=actor, now=now, insist=True)
    if reason is Reason.UNREACHABLE:
        task = NewTask(
            kind=TaskKind.UNREACHABLE,
            dedupe=f"{TaskKind.UNREACHABLE}:{locked['ref']}",
            due_at=now,
            patient=locked["patient"],
            patient_ref=locked["patient_ref"],
            enrolment=enrolment,
            enrolment_ref=locked["ref"],
            reason=reason,
        )
        await open_task(task, practice=practice, actor=actor, now=now)
    return True


# A channel may be used when there is a valid address that nobody opted out of; `by_choice`: every address there is
# works, and is opted out.
REACH = """
SELECT has_phone AND NOT sms_off AS sms, has_email AND NOT email_off AS email,
       (has_phone OR has_email) AND phone_invalid_at IS NULL AND email_invalid_at IS NULL AS by_choice
FROM (
    SELECT p.phone_invalid_at, p.email_invalid_at,
           p.phone IS NOT NULL AND p.phone_kind = 'mobile' AND p.phone_invalid_at IS NULL AS has_phone,
           p.email IS NOT NULL AND p.email_invalid_at IS NULL AS has_email,
           EXISTS (SELECT 1 FROM channel_opt_out o WHERE o.practice = p.practice AND o.channel = 'sms'
                   AND o.address_index = p.phone_index AND o.ended_at IS NULL) AS sms_off,
           EXISTS (SELECT 1 FROM channel_opt_out o WHERE o.practice = p.practice AND o.channel = 'email'
                   AND o.address_index = p.email_index AND o.ended_at IS NULL) AS email_off
    FROM patient p WHERE p.id = $1
) reach
"""


async def channel_is_blocked(delivery: Row, *, practice: int, actor: str, now: datetime) -> None:
    """The provider holds an opt-out that we did not know: our register takes it over, for all who share the address."""
    address: bytes | None = delivery["address_index"]
    if address is not None:
        await opt_out(
            practice=practice,
            channel=Channel(delivery["channel"]),
            address=address,
            source="provider",
            actor=actor,
            now=now,
            insist=True,
        )


async def needs_a_person(
    delivery: Row,
    kind: TaskKind,
    reason: Reason,
    *,
    practice: int,
    actor: str,
    now: datetime,
    once_for: str | None = None,
) -> None:
    """One task for each message, or for whatever `once_for` names."""
    task = NewTask(
        kind=kind,
        dedupe=f"{kind}:{once_for or delivery['ref']}",
        due_at=now,
        patient=delivery["patient"],
        patient_ref=delivery["patient_ref"],
        enrolment=delivery["enrolment"],
        enrolment_ref=delivery["enrolment_ref"],
        delivery=delivery["id"],
        reason=reason,
        data={"message": delivery["message"], "channel": delivery["channel"]},
    )
    await open_task(task, practice=practice, actor=actor, now=now)


async def fall_over(delivery: Row, *, now: datetime) -> bool:
    """The other channel says it instead, where the plan lets it, there are words for it, and that channel has not its
    own message of this moment."""
    enrolment = await fetch_one(
        "SELECT status, plan, practice FROM enrolment WHERE id = $1 AND status = ANY($2)",
        delivery["enrolment"],
        list(LIVE_ENROLMENT),
    )
    if enrolment is None:
        return False
    plan = from_json(enrolment["plan"])
    failed = Channel(delivery["channel"])
    other = Channel.EMAIL if failed is Channel.SMS else Channel.SMS
    lets = any(
        step.failover
        for step in plan.messages
        if (plan.moment(step), step.message, step.channel) == (delivery["step"], delivery["message"], failed)
    )
    if not lets or other not in MESSAGE_CHANNELS[delivery["message"]]:
        return False
    practice = await profile_of(enrolment["practice"])
    ref = new_reference()
    added = await fetch_one(
        "INSERT INTO delivery (practice, lane, enrolment, patient, ref, message, channel, step, due_at, attempt_at, "
        "link_id, status, reason, attempts, ambiguous, created_at) "
        "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$9,$10,$11,$12,0,false,$13) ON CONFLICT DO NOTHING RETURNING id",
        practice.id,
        BULK,
        delivery["enrolment"],
        delivery["patient"],
        ref,
        delivery["message"],
        other,
        delivery["step"],
        next_opening(now, practice.calendar),
        new_link_id(),
        DeliveryStatus.PLANNED,
        Reason.FAILOVER,
        now,
    )
    if added is None:
        return False
    entry = Entry(
        Event.MESSAGE_FELL_OVER,
        patient=delivery["patient_ref"],
        enrolment=delivery["enrolment_ref"],
        subject=ref,
        reason=Reason.FAILOVER,
        data={"message": delivery["message"], "channel": other},
    )
    await record([entry], practice=practice.id, actor=SYSTEM, now=now)
    return True


async def staff_not_told(delivery: Row, *, dead: bool, actor: str, now: datetime) -> None:
    """An email to a member of staff did not arrive: the case goes to somebody else at the next look, which is now, and
    somebody mends the address."""
    practice = delivery["practice"]
    if dead:
        await fetch(
            "UPDATE staff SET email_invalid_at = coalesce(email_invalid_at, $2) WHERE id = $1", delivery["staff"], now
        )
    ref = await fetch_value("SELECT ref FROM staff WHERE id = $1", delivery["staff"])
    unreachable = Entry(Event.STAFF_UNREACHABLE, subject=ref, reason=Reason.PERMANENT_FAILURE)
    await record([unreachable], practice=practice, actor=actor, now=now)
    task = NewTask(
        kind=TaskKind.STAFF_UNREACHABLE,
        dedupe=f"{TaskKind.STAFF_UNREACHABLE}:{ref}:{now:%Y-%m-%d}",
        due_at=now,
        delivery=delivery["id"],
        urgent=True,
        data={"staff": ref},
    )
    await open_task(task, practice=practice, actor=actor, now=now)
    if delivery["task"] is not None:
        await fetch(
            "UPDATE task SET look_at = $2 WHERE id = $1 AND status = ANY($3)",
            delivery["task"],
            now,
            list(OPEN_TASK),
        )

"""What a patient answers by SMS: a stop takes effect at once, a start lifts it, anything else goes to a person, and
words of an emergency to the top."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from db.actors import GATEWAY, PATIENT
from db.changes._journal import Entry, Event, record
from db.changes._sequences import lock_live_enrolment, when_quiet
from db.changes._tasks import NewTask, open_task
from db.changes.enrolments import pause_locked
from db.changes.opt_outs import opt_in, opt_out
from db.crypto import vault
from db.engine import Row, fetch, fetch_value
from db.states import Channel, DeliveryStatus, Reason, TaskKind
from db.tables.deliveries import HUMAN
from db.tokens import new_reference

EMERGENCY = "emergency"
# Ten frightened messages in a row get the numbers once; whoever writes again the next morning, or the next night, gets
# them again. Counted from a fixed hour, so that the unique constraint alone decides between two that come at once.
ONE_ANSWER_IN = timedelta(hours=12)


class Meaning(StrEnum):
    STOP = "stop"
    START = "start"
    REPLY = "reply"


async def record_inbound(
    *,
    practice: int,
    gateway: str,
    provider_id: str,
    from_e164: str,
    text: str,
    meaning: Meaning,
    now: datetime,
    says_more: bool = False,
    emergency: bool = False,
) -> bool:
    """Take in one message; False when the provider told it before. The key is the number: families share telephones.

    `says_more`: a stop or a start with something beside it that a person should read. `emergency` goes beside any
    meaning: a stop takes effect all the same, the text goes on top, and the number that wrote is told, once in a
    while, whom to call.
    """
    index = vault().index(from_e164, kind="phone")

    async def change(insist: bool) -> bool:
        added = await fetch_value(
            "INSERT INTO inbound (practice, gateway, provider_id, meaning, received_at) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT DO NOTHING RETURNING id",
            practice,
            gateway,
            provider_id,
            meaning,
            now,
        )
        if added is None:
            return False
        if meaning is Meaning.STOP:
            await opt_out(
                practice=practice,
                channel=Channel.SMS,
                address=index,
                source="sms",
                actor=PATIENT,
                now=now,
                insist=insist,
            )
        elif meaning is Meaning.START:
            await opt_in(practice=practice, channel=Channel.SMS, address=index, now=now, actor=PATIENT)
        if meaning is Meaning.REPLY or says_more or emergency:
            reply = _Reply(practice, from_e164, text, f"reply:{gateway}:{provider_id}", emergency)
            await _take_reply(reply, index, now)
        return True

    return await when_quiet(change)


@dataclass(frozen=True, slots=True)
class _Reply:
    practice: int
    from_e164: str
    text: str
    key: str
    emergency: bool


async def _take_reply(reply: _Reply, index: bytes, now: datetime) -> None:
    """Pause what runs for this number and give the text to a person; the text stands nowhere but in the tasks.

    A family shares the number, and nobody can tell who wrote: each follow-up that pauses has a task of its own, or it
    would stay paused for ever.
    """
    patients = await fetch(
        "SELECT id, ref FROM patient WHERE practice = $1 AND phone_index = $2 ORDER BY id FOR UPDATE",
        reply.practice,
        index,
    )
    entries = [Entry(Event.REPLY_RECEIVED, patient=patient["ref"]) for patient in patients]
    await record(entries, practice=reply.practice, actor=GATEWAY, now=now)
    running = [(patient, await lock_live_enrolment(patient["id"])) for patient in patients]
    paused = [(patient, enrolment) for patient, enrolment in running if enrolment is not None]
    for patient, enrolment in paused:
        await pause_locked(enrolment, reason=Reason.REPLIED, actor=PATIENT, now=now)
        await _give_to_a_person(reply, patient, enrolment, now)
    if not paused:
        await _give_to_a_person(reply, patients[0] if patients else None, None, now)
    # An operator's own name or short number takes no answer.
    if reply.emergency and reply.from_e164.startswith("+"):
        # Of a family nobody knows who wrote, and no one's history shall say that it was them.
        whose, followed = running[0] if len(running) == 1 else (None, None)
        await _answer(reply, index, whose, followed, now)


async def _give_to_a_person(reply: _Reply, patient: Row | None, enrolment: Row | None, now: datetime) -> None:
    known = patient is not None
    task = NewTask(
        kind=_kind(reply, known=known),
        dedupe=f"{reply.key}:{enrolment['ref']}" if enrolment else reply.key,
        due_at=now,
        patient=patient["id"] if patient else None,
        patient_ref=patient["ref"] if patient else None,
        enrolment=enrolment["id"] if enrolment else None,
        enrolment_ref=enrolment["ref"] if enrolment else None,
        # Who wrote is known of a patient; of a stranger the number is all there is to answer to.
        body=reply.text if known else f"{reply.from_e164}\n{reply.text}",
        urgent=reply.emergency,
        crisis=reply.emergency,
    )
    await open_task(task, practice=reply.practice, actor=GATEWAY, now=now)


def _kind(reply: _Reply, *, known: bool) -> TaskKind:
    if reply.emergency:
        return TaskKind.EMERGENCY
    return TaskKind.REPLY if known else TaskKind.UNKNOWN_SENDER


async def _answer(reply: _Reply, index: bytes, patient: Row | None, enrolment: Row | None, now: datetime) -> None:
    """The emergency numbers, due now, to the number that wrote, whoever's it is by the time it leaves."""
    ref = new_reference()
    await fetch(
        "INSERT INTO delivery (practice, ref, lane, message, channel, patient, enrolment, address, address_index, "
        "due_at, attempt_at, status, attempts, ambiguous, rehearsal, dedupe, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, 0, false, false, $12, $10) ON CONFLICT DO NOTHING",
        reply.practice,
        ref,
        HUMAN,
        EMERGENCY,
        Channel.SMS,
        patient["id"] if patient else None,
        enrolment["id"] if enrolment else None,
        vault().seal(reply.from_e164, owner=ref, field="delivery.address"),
        index,
        now,
        DeliveryStatus.PLANNED,
        f"{EMERGENCY}:{index.hex()}:{int(now.timestamp() // ONE_ANSWER_IN.total_seconds())}",
    )

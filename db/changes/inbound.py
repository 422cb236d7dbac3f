"""What a patient answers by SMS: a stop takes effect at once, a start lifts it, anything else goes to a person."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from db.actors import GATEWAY, PATIENT
from db.changes._journal import Entry, Event, record
from db.changes._sequences import lock_live_enrolment, when_quiet
from db.changes._tasks import NewTask, open_task
from db.changes.enrolments import pause_locked
from db.changes.opt_outs import opt_in, opt_out
from db.crypto import vault
from db.engine import Row, fetch, fetch_value
from db.states import Channel, Reason, TaskKind


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
) -> bool:
    """Take in one message; False when the provider told it before. The key is the number: families share telephones.

    `says_more`: a stop or a start with something beside it that a person should read.
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
        if meaning is Meaning.REPLY or says_more:
            reply = _Reply(practice, from_e164, text, f"reply:{gateway}:{provider_id}")
            await _take_reply(reply, index, now)
        return True

    return await when_quiet(change)


@dataclass(frozen=True, slots=True)
class _Reply:
    practice: int
    from_e164: str
    text: str
    key: str


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


async def _give_to_a_person(reply: _Reply, patient: Row | None, enrolment: Row | None, now: datetime) -> None:
    known = patient is not None
    task = NewTask(
        kind=TaskKind.REPLY if known else TaskKind.UNKNOWN_SENDER,
        dedupe=f"{reply.key}:{enrolment['ref']}" if enrolment else reply.key,
        due_at=now,
        patient=patient["id"] if patient else None,
        patient_ref=patient["ref"] if patient else None,
        enrolment=enrolment["id"] if enrolment else None,
        enrolment_ref=enrolment["ref"] if enrolment else None,
        # Who wrote is known of a patient; of a stranger the number is all there is to answer to.
        body=reply.text if known else f"{reply.from_e164}\n{reply.text}",
    )
    await open_task(task, practice=reply.practice, actor=GATEWAY, now=now)

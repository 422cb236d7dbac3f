"""What a patient asks for on the page without booking: a call, or help with what stands in the way."""

from datetime import datetime

from db.actors import PATIENT
from db.changes._journal import Entry, Event, record
from db.changes._links import lock_link
from db.changes._sequences import when_quiet
from db.changes._tasks import NewTask, open_task
from db.engine import Row
from db.states import Barrier, TaskKind


async def request_call(link_id: str, *, now: datetime, actor: str = PATIENT) -> None:
    """One task for each sequence and day, however often the button is pressed."""

    async def change(_insist: bool) -> None:
        enrolment = await lock_link(link_id, now)
        await _ask(enrolment, TaskKind.CALL_REQUEST, Event.CALL_REQUESTED, f"{now:%Y-%m-%d}", actor=actor, now=now)

    await when_quiet(change)


async def name_barrier(link_id: str, *, barrier: Barrier, now: datetime, actor: str = PATIENT) -> None:
    async def change(_insist: bool) -> None:
        enrolment = await lock_link(link_id, now)
        await _ask(enrolment, TaskKind.BARRIER, Event.BARRIER_NAMED, barrier, actor=actor, now=now)

    await when_quiet(change)


async def _ask(enrolment: Row, kind: TaskKind, event: Event, detail: str, *, actor: str, now: datetime) -> None:
    task = NewTask(
        kind=kind,
        dedupe=f"{kind}:{enrolment['ref']}:{detail}",
        due_at=now,
        patient=enrolment["patient"],
        patient_ref=enrolment["patient_ref"],
        enrolment=enrolment["id"],
        enrolment_ref=enrolment["ref"],
        data={"detail": detail},
    )
    if await open_task(task, practice=enrolment["practice"], actor=actor, now=now):
        entry = Entry(
            event,
            patient=enrolment["patient_ref"],
            enrolment=enrolment["ref"],
            data={"detail": detail, "message": enrolment["message"], "channel": enrolment["channel"]},
        )
        await record([entry], practice=enrolment["practice"], actor=actor, now=now)

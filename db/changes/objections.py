"""No automated follow-up at all: it needs no reason, stops at once, and closes nothing that a person has to do."""

from datetime import datetime

from db.changes._human_steps import end_lifted
from db.changes._journal import Entry, Event, record
from db.changes._sequences import lock_live_enrolment, stop_sequence, when_quiet
from db.changes._tasks import NewTask, open_task
from db.engine import fetch, fetch_one
from db.errors import NotFound
from db.states import Reason, TaskKind


async def record_objection(patient: str, *, practice: int, actor: str, now: datetime) -> bool:
    """`patient` is our reference. Staff are told. False when it stood already."""

    async def change(insist: bool) -> bool:
        row = await fetch_one(
            "SELECT id, objected_at FROM patient WHERE ref = $1 AND practice = $2 FOR UPDATE", patient, practice
        )
        if row is None:
            raise NotFound(f"There is no patient {patient} in this practice.")
        if row["objected_at"] is not None:
            return False
        await fetch("UPDATE patient SET objected_at = $2 WHERE id = $1", row["id"], now)
        await record([Entry(Event.OBJECTED, patient=patient)], practice=practice, actor=actor, now=now)
        enrolment = await lock_live_enrolment(row["id"])
        if enrolment is not None:
            await stop_sequence(enrolment, Reason.OBJECTION, actor=actor, now=now, insist=insist)
        task = NewTask(
            kind=TaskKind.OBJECTION,
            dedupe=f"{TaskKind.OBJECTION}:{patient}:{now.isoformat()}",
            due_at=now,
            patient=row["id"],
            patient_ref=patient,
            enrolment=enrolment["id"] if enrolment else None,
            enrolment_ref=enrolment["ref"] if enrolment else None,
        )
        await open_task(task, practice=practice, actor=actor, now=now)
        return True

    return await when_quiet(change)


async def lift_objection(patient: str, *, practice: int, actor: str, now: datetime) -> bool:
    """The patient agrees to follow-ups again, from the next absence on; what the objection asked of people is void.
    False when none stood."""

    async def change(_insist: bool) -> bool:
        lifted = await fetch(
            "UPDATE patient SET objected_at = NULL WHERE ref = $1 AND practice = $2 AND objected_at IS NOT NULL "
            "RETURNING id",
            patient,
            practice,
        )
        if lifted:
            await record([Entry(Event.OBJECTION_LIFTED, patient=patient)], practice=practice, actor=actor, now=now)
            await end_lifted(lifted[0]["id"], actor=actor, now=now)
        return bool(lifted)

    return await when_quiet(change)

"""A rebooking of a high-risk patient that is cancelled, with nothing in its place, needs a person at once."""

from datetime import datetime

from db.changes._sequences import with_future_appointment
from db.changes._tasks import NewTask, open_task
from db.engine import Row
from db.queries.practices import practice as profile_of
from db.queries.risk import standing_rules
from db.rules.risk import RiskRule
from db.states import Reason, TaskKind


async def ask_for_a_person(appointment: Row, *, enrolment: Row, reason: Reason, actor: str, now: datetime) -> bool:
    """Open the task for a cancelled appointment (its id and reference), where the patient stands under a risk rule and
    has no other one ahead. `enrolment` is a follow-up of the patient's.
    """
    practice = await profile_of(enrolment["practice"])
    rules = await standing_rules(enrolment["patient"], practice=practice, now=now)
    if not rules or await with_future_appointment([enrolment["patient"]], zone=practice.zone, after=now):
        return False
    task = NewTask(
        kind=TaskKind.HIGH_RISK_CANCELLED,
        dedupe=f"{TaskKind.HIGH_RISK_CANCELLED}:{appointment['ref']}",
        due_at=now,
        patient=enrolment["patient"],
        patient_ref=enrolment["patient_ref"],
        enrolment=enrolment["id"],
        enrolment_ref=enrolment["ref"],
        appointment=appointment["id"],
        reason=reason,
        urgent=True,
        crisis=RiskRule.CRISIS in rules,
    )
    return await open_task(task, practice=practice.id, actor=actor, now=now)

"""Opening a task inside the transaction of the change that needs a human."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.changes._journal import Entry, Event, record
from db.changes._slack import plan_slack_post
from db.changes._telling import Occasion, Telling, tell_staff
from db.crypto import vault
from db.engine import fetch_value
from db.queries.practices import practice as profile_of
from db.queries.team import Staffing, staffing
from db.rules.human_steps import deadline_of
from db.rules.ladder import Assigned, assign, role_of
from db.rules.watching import look_at, told_at_once
from db.rules.windows import next_opening
from db.states import Role, TaskKind, TaskStatus
from db.tokens import new_reference


@dataclass(frozen=True, slots=True)
class NewTask:
    """`dedupe` names the event: telling the same event again opens nothing. `body` is sealed before it is stored.

    `target` is a role or a person's reference, where it is not the usual one of the kind.
    """

    kind: TaskKind
    dedupe: str
    due_at: datetime
    patient: int | None = None
    patient_ref: str | None = None
    enrolment: int | None = None
    enrolment_ref: str | None = None
    delivery: int | None = None
    appointment: int | None = None
    reason: str | None = None
    body: str | None = None
    urgent: bool = False
    crisis: bool = False
    target: str = ""
    data: Mapping[str, Any] | None = None


async def open_task(task: NewTask, *, practice: int, actor: str, now: datetime) -> bool:
    """False when the event already has its task."""
    ref = new_reference()
    here = await staffing(await profile_of(practice), practitioner=await _treating(task), now=now)
    people = assign(here.team, task.target or role_of(task.kind))
    calendar = here.hours_of(people.role)
    body = None if task.body is None else vault().seal(task.body, owner=ref, field="task.body")
    added: int | None = await fetch_value(
        "INSERT INTO task (practice, ref, kind, status, patient, enrolment, delivery, appointment, assignee, fallback, "
        "role, reason, body, urgent, crisis, due_at, deadline_at, look_at, dedupe, created_at, rung, unless_answered) "
        "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,0,false) "
        "ON CONFLICT DO NOTHING RETURNING id",
        practice,
        ref,
        task.kind,
        TaskStatus.OPEN,
        task.patient,
        task.enrolment,
        task.delivery,
        task.appointment,
        people.assignee and people.assignee.id,
        people.fallback and people.fallback.id,
        people.role,
        task.reason,
        body,
        task.urgent or task.crisis,
        task.crisis,
        task.due_at,
        deadline_of(task.due_at if task.crisis else next_opening(task.due_at, calendar), calendar),
        look_at(task.kind, TaskStatus.OPEN, crisis=task.crisis, nudged=False, calendar=calendar, now=now),
        task.dedupe,
        now,
    )
    if added is None:
        return False
    entry = Entry(
        Event.TASK_OPENED,
        patient=task.patient_ref,
        enrolment=task.enrolment_ref,
        subject=ref,
        reason=task.kind,
        data=task.data,
    )
    await record([entry], practice=practice, actor=actor, now=now)
    await plan_slack_post(added, people, here, crisis=task.crisis, now=now)
    await tell_of_opening(added, task.kind, people, here, crisis=task.crisis, now=now)
    return True


async def tell_of_opening(
    task: int, kind: TaskKind, people: Assigned, here: Staffing, *, crisis: bool, now: datetime
) -> None:
    """Under a crisis flag the clinical lead hears of it at the same time as whoever is asked first; of an alert each
    has one of their own."""
    if not (crisis or told_at_once(kind)):
        return
    told = {people.assignee}
    if crisis and kind is not TaskKind.ALERT:
        told.add(here.team.for_target(Role.CLINICAL_LEAD))
    tellings = [
        Telling(task, one.id, Occasion.OPENED, None if crisis else here.hours_of(one.role))
        for one in told
        if one is not None and one.reachable
    ]
    await tell_staff(tellings, practice=here.practice.id, now=now)


async def _treating(task: NewTask) -> int | None:
    """The practitioner of the follow-up, of the appointment, or of the patient's latest appointment."""
    practitioner: int | None = await fetch_value(
        "SELECT coalesce((SELECT practitioner FROM enrolment WHERE id = $1), "
        "(SELECT practitioner FROM appointment WHERE id = $2), "
        "(SELECT practitioner FROM appointment WHERE patient = $3 ORDER BY day DESC, id DESC LIMIT 1))",
        task.enrolment,
        task.appointment,
        task.patient,
    )
    return practitioner

"""The steps that people take, inside the transaction of the change that plans or ends them.

Lock order: after patient, enrolment and deliveries, tasks by id. What ends a human step is a rebooking (never under a
crisis flag), an absence that was none, or a person's decision: what stops messages does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.changes._journal import Entry, Event, record
from db.engine import Row, fetch
from db.rules.human_steps import PlannedHumanStep
from db.rules.risk import RiskRule
from db.states import OPEN_TASK, Reason, TaskKind, TaskStatus
from db.tokens import new_reference

# What may still be ended.
STANDING = (TaskStatus.PLANNED, *OPEN_TASK)


@dataclass(frozen=True, slots=True)
class HumanStepsOf:
    """`key` makes the planning of one sequence's steps happen once."""

    patient: int
    enrolment: int | None
    appointment: int
    key: str
    steps: Sequence[PlannedHumanStep]


async def plan_human_steps(new: Sequence[HumanStepsOf], *, practice: int, now: datetime) -> None:
    """One row for each step; who takes it is decided when it falls due."""
    rows = [(one, step) for one in new for step in one.steps]
    if not rows:
        return
    await fetch(
        "INSERT INTO task (practice, ref, kind, status, patient, enrolment, appointment, step, role, fallback_role, "
        "crisis, urgent, unless_answered, due_at, deadline_at, dedupe, created_at, rung) "
        "SELECT $1, r, k, $2, p, e, a, s, o, f, c, c, u, d, l, x, $3, 0 "
        "FROM unnest($4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::smallint[], $10::text[], "
        "$11::text[], $12::bool[], $13::bool[], $14::timestamptz[], $15::timestamptz[], $16::text[]) "
        "AS t(r, k, p, e, a, s, o, f, c, u, d, l, x) ON CONFLICT DO NOTHING",
        practice,
        TaskStatus.PLANNED,
        now,
        [new_reference() for _ in rows],
        [step.kind for _, step in rows],
        [one.patient for one, _ in rows],
        [one.enrolment for one, _ in rows],
        [one.appointment for one, _ in rows],
        [step.step for _, step in rows],
        [step.assignee for _, step in rows],
        [step.fallback for _, step in rows],
        [step.crisis for _, step in rows],
        [step.unless_answered for _, step in rows],
        [step.due_at for _, step in rows],
        [step.deadline_at for _, step in rows],
        [f"step:{one.key}:{step.step}:{step.kind}:{step.assignee}" for one, step in rows],
    )


async def end_rebooked(patients: Sequence[int], *, actor: str, now: datetime) -> int:
    """The patients have a new appointment: nobody needs to call them. Under a crisis flag, a person decides."""
    rows = await fetch(
        "SELECT t.id FROM task t WHERE t.patient = ANY($1) AND t.step IS NOT NULL AND t.status = ANY($2) "
        "AND NOT t.crisis AND NOT EXISTS (SELECT 1 FROM patient_risk k WHERE k.patient = t.patient "
        "AND k.rule = $3 AND k.ended_at IS NULL AND (k.until IS NULL OR k.until >= $4)) ORDER BY t.id FOR UPDATE",
        list(patients),
        STANDING,
        RiskRule.CRISIS,
        # A label ends with its day, somewhere on Earth a little later: in doubt a person decides.
        now.date() - timedelta(days=1),
    )
    return await _end(rows, Reason.REBOOKED, actor, now)


async def end_withdrawn(
    appointment: int, *, actor: str, now: datetime, reason: Reason = Reason.NO_SHOW_WITHDRAWN
) -> int:
    """The absence was none: all that it asked of people is void, whatever stands in it, and asked anew should it be
    one after all."""
    rows = await fetch(
        "SELECT id FROM task WHERE appointment = $1 AND status = ANY($2) ORDER BY id FOR UPDATE", appointment, STANDING
    )
    await fetch(
        "UPDATE task SET dedupe = left(dedupe, 100) || ':' || id WHERE id = ANY($1)", [row["id"] for row in rows]
    )
    return await _end(rows, reason, actor, now)


async def end_lifted(patient: int, *, actor: str, now: datetime) -> int:
    """The patient agrees to follow-ups again: whoever was to decide how to go on without them need not."""
    rows = await fetch(
        "SELECT id FROM task WHERE patient = $1 AND kind = $2 AND status = ANY($3) ORDER BY id FOR UPDATE",
        patient,
        TaskKind.OBJECTION,
        STANDING,
    )
    return await _end(rows, Reason.BY_HAND, actor, now)


async def _end(found: Sequence[Row], reason: Reason, actor: str, now: datetime) -> int:
    rows = await fetch(
        "UPDATE task t SET status = $2, reason = $3, closed_at = $4, look_at = NULL, body = NULL "
        "FROM practice c WHERE t.id = ANY($1) AND c.id = t.practice RETURNING t.practice, t.ref, t.kind, "
        "(SELECT p.ref FROM patient p WHERE p.id = t.patient) AS patient_ref, "
        "(SELECT e.ref FROM enrolment e WHERE e.id = t.enrolment) AS enrolment_ref",
        [row["id"] for row in found],
        TaskStatus.CANCELLED,
        reason,
        now,
    )
    for row in rows:
        entry = task_entry(Event.TASK_CANCELLED, row, reason)
        await record([entry], practice=row["practice"], actor=actor, now=now)
    return len(rows)


def task_entry(event: Event, task: Row, reason: str | None = None, **more: object) -> Entry:
    data: Mapping[str, object] = {"task": task["kind"], **more}
    return Entry(
        event,
        patient=task["patient_ref"],
        enrolment=task["enrolment_ref"],
        subject=task["ref"],
        reason=reason,
        data=data,
    )

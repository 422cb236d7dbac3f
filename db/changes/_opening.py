"""Opening a step that a person takes, inside the transaction of the change that finds it due or asks for it."""

from collections.abc import Sequence
from datetime import datetime

from db.actors import SYSTEM
from db.changes._human_steps import task_entry
from db.changes._journal import Event, record
from db.changes._slack import plan_slack_post
from db.changes._tasks import tell_of_opening
from db.engine import Row, fetch
from db.queries.practices import Profile
from db.queries.team import Staffing, staffing
from db.rules.human_steps import ON_CALL, deadline_of, put_off
from db.rules.ladder import Assigned, assign
from db.rules.watching import look_at
from db.rules.windows import Calendar, closing_of, next_opening
from db.states import AppointmentStatus, CallOutcome, Reason, Role, TaskKind, TaskStatus

# Outcomes that say that the patient was reached.
REACHED = (CallOutcome.REACHED_REBOOKED, CallOutcome.REACHED_WILL_BOOK, CallOutcome.DECLINED)

DUE = f"""
SELECT t.id, t.ref, t.kind, t.practice, t.patient, t.enrolment, t.role, t.fallback_role, t.crisis, t.unless_answered,
       t.due_at, t.deadline_at, p.ref AS patient_ref, e.ref AS enrolment_ref, a.practitioner, a.day, a.starts_at,
       EXISTS (SELECT 1 FROM patient_risk k WHERE k.patient = t.patient AND k.rule = 'crisis' AND k.ended_at IS NULL
               AND (k.until IS NULL OR k.until >= $3::timestamptz::date - 1))
           AS in_crisis,
       EXISTS (SELECT 1 FROM task o WHERE o.patient = t.patient AND o.outcome = ANY($2) AND o.closed_at >= t.created_at)
           OR EXISTS (SELECT 1 FROM appointment n JOIN practice c ON c.id = n.practice WHERE n.patient = t.patient
                      AND n.status = '{AppointmentStatus.BOOKED}'
                      AND coalesce(n.starts_at, n.day::timestamp AT TIME ZONE c.zone) > $3) AS answered
FROM task t JOIN appointment a ON a.id = t.appointment JOIN patient p ON p.id = t.patient
LEFT JOIN enrolment e ON e.id = t.enrolment
WHERE t.id = ANY($1) ORDER BY t.due_at, t.id
"""


async def read_steps(tasks: Sequence[int], *, now: datetime) -> Sequence[Row]:
    """What opening these locked tasks has to know, in the order in which they are due."""
    return await fetch(DUE, list(tasks), REACHED, now)


async def open_step(row: Row, practice: Profile, *, now: datetime, at_once: bool = False) -> None:
    """Open a step, skip it or put it off. `at_once`: a person asked for it, whatever the hour and the answer."""
    crisis = row["crisis"] or row["in_crisis"]
    if row["unless_answered"] and row["answered"] and not (crisis or at_once):
        await _skip(row, now)
        return
    here = await staffing(practice, practitioner=row["practitioner"], now=now)
    if not (crisis or at_once or row["role"] == ON_CALL):
        missed = row["starts_at"] or closing_of(row["day"], practice.calendar)
        hours = here.hours_of(row["role"])
        later = put_off(max(row["due_at"], now), missed_start=missed, kind=TaskKind(row["kind"]), calendar=hours)
        if later is not None:
            await _put_off(row, later, here, now)
            return
    people = _people(row, here)
    calendar = here.hours_of(people.role)
    kind = TaskKind(row["kind"])
    await fetch(
        "UPDATE task SET status = $2, crisis = $3, urgent = $4, assignee = $5, fallback = $6, role = $7, look_at = $8, "
        "deadline_at = $9, due_at = least(due_at, $10) WHERE id = $1",
        row["id"],
        TaskStatus.OPEN,
        crisis,
        crisis or kind is TaskKind.ESCALATION,
        people.assignee and people.assignee.id,
        people.fallback and people.fallback.id,
        people.role,
        look_at(kind, TaskStatus.OPEN, crisis=crisis, nudged=False, calendar=calendar, now=now),
        _deadline(row, calendar, now, at_once=at_once, crisis=crisis),
        now,
    )
    await record([task_entry(Event.TASK_OPENED, row)], practice=practice.id, actor=SYSTEM, now=now)
    await plan_slack_post(row["id"], people, here, crisis=crisis, now=now)
    await tell_of_opening(row["id"], kind, people, here, crisis=crisis, now=now)


def _deadline(row: Row, calendar: Calendar, now: datetime, *, at_once: bool, crisis: bool) -> datetime:
    """As it was planned, but for a step that comes sooner, or that opens only after it."""
    planned: datetime = row["deadline_at"]
    if at_once:
        return min(planned, deadline_of(now if crisis else next_opening(now, calendar), calendar))
    return planned if now < planned else deadline_of(now, calendar)


def _people(row: Row, here: Staffing) -> Assigned:
    target: str = row["role"]
    if target == ON_CALL:
        person = here.team.person(here.team.on_call)
        target = person.ref if person is not None else Role.CARE_COORDINATOR
    return assign(here.team, target, row["fallback_role"] or "")


async def _skip(row: Row, now: datetime) -> None:
    await fetch(
        "UPDATE task SET status = $2, reason = $3, closed_at = $4 WHERE id = $1",
        row["id"],
        TaskStatus.SKIPPED,
        Reason.ANSWERED,
        now,
    )
    skipped = task_entry(Event.TASK_SKIPPED, row, Reason.ANSWERED)
    await record([skipped], practice=row["practice"], actor=SYSTEM, now=now)


async def _put_off(row: Row, later: datetime, here: Staffing, now: datetime) -> None:
    """Its day has become one on which nobody is there."""
    await fetch(
        "UPDATE task SET due_at = $2, deadline_at = $3 WHERE id = $1",
        row["id"],
        later,
        deadline_of(later, here.hours_of(row["role"])),
    )
    entry = task_entry(Event.TASK_PUT_OFF, row, Reason.CLOSED_DAY, until=later.isoformat())
    await record([entry], practice=row["practice"], actor=SYSTEM, now=now)

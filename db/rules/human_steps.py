"""When what people do is due: the calls, alerts and escalations of one sequence.

A step is due at the opening of its day and to be done by its close; on a closed day, at the next opening. The first
call is never later than 72 hours after the absence: where the practice is closed for longer, it is made at once, by the
person on call. A crisis flag waits for no hours: practitioner and clinical lead are alerted as soon as the grace ends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from db.rules.plans import Plan, Step, StepKind
from db.rules.windows import Calendar, at_local_time, closing_of, local_day, next_opening
from db.states import Role, TaskKind

FIRST_CALL_WITHIN = timedelta(hours=72)
# Where a step is due outside the hours, by a crisis flag or on call.
SHORT_DEADLINE = timedelta(hours=2)
# Stands in a step for whoever is on call.
ON_CALL = "on_call"

Hours = Callable[[str], Calendar]


@dataclass(frozen=True, slots=True)
class PlannedHumanStep:
    """`assignee` and `fallback` are roles, references of staff, or `ON_CALL`: who that is, is asked when it is due."""

    step: int
    kind: TaskKind
    assignee: str
    fallback: str
    due_at: datetime
    deadline_at: datetime
    unless_answered: bool = False
    crisis: bool = False


def planned_human_steps(
    plan: Plan, *, missed_on: date, missed_start: datetime, first_due: datetime, hours_of: Hours, crisis: bool
) -> tuple[PlannedHumanStep, ...]:
    """In the plan's order, the alerts of a crisis flag first. `hours_of` gives the on-call calendar of a role, or of a
    person's reference."""
    planned = list(crisis_alerts(first_due)) if crisis else []
    calls = [step for step in plan.human_steps if step.kind is StepKind.CALL]
    for step in plan.human_steps:
        due = _due_at(step, missed_on, first_due, hours_of(step.assignee))
        at_once = step in calls[:1] and due > missed_start + FIRST_CALL_WITHIN
        planned.append(
            PlannedHumanStep(
                step=plan.moment(step),
                kind=TaskKind(step.kind),
                assignee=ON_CALL if at_once else step.assignee,
                fallback=step.fallback,
                due_at=first_due if at_once else due,
                deadline_at=_deadline(step, first_due if at_once else due, hours_of(step.assignee)),
                unless_answered=step.unless_answered,
                crisis=crisis,
            )
        )
    return tuple(planned)


def crisis_alerts(due_at: datetime) -> tuple[PlannedHumanStep, ...]:
    return tuple(
        PlannedHumanStep(0, TaskKind.ALERT, role, "", due_at, due_at + SHORT_DEADLINE, crisis=True)
        for role in (Role.PRACTITIONER, Role.CLINICAL_LEAD)
    )


def _due_at(step: Step, missed_on: date, first_due: datetime, calendar: Calendar) -> datetime:
    if step.day == 0:
        return next_opening(first_due, calendar)
    at = at_local_time(missed_on + timedelta(days=step.day), step.at or calendar.hours.opens, calendar)
    return next_opening(max(at, first_due), calendar)


def _deadline(step: Step, due_at: datetime, calendar: Calendar) -> datetime:
    if step.hours is not None:
        return due_at + timedelta(hours=step.hours)
    return deadline_of(due_at, calendar)


def deadline_of(due_at: datetime, calendar: Calendar) -> datetime:
    """The close of its day; of what is due after the close, or shortly before, a little later."""
    return max(closing_of(local_day(due_at, calendar), calendar), due_at + SHORT_DEADLINE)


def put_off(due_at: datetime, *, missed_start: datetime, kind: TaskKind, calendar: Calendar) -> datetime | None:
    """A step that falls due on a day which was closed meanwhile: when it is due instead, or None to go on now."""
    later = next_opening(due_at, calendar)
    if later == due_at or (kind is TaskKind.CALL and later > missed_start + FIRST_CALL_WITHIN):
        return None
    return later

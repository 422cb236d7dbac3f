"""A whole sequence in minutes: how its days shrink, and what of it leaves for whom."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.errors import Refused
from db.rules.human_steps import PlannedHumanStep
from db.rules.plans import Plan
from db.states import Channel, TaskKind

CASE_OPENED = "case_opened"
LONGEST = timedelta(hours=1)
USUAL_SPEED = "1d=10s"

_SPEED = re.compile(r"(\d{1,4})([smhd])=(\d{1,4})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Speed:
    """How long one day of the plan takes."""

    day: timedelta

    def of(self, days: int) -> timedelta:
        return self.day * days


def read_speed(text: str) -> Speed:
    """`1d=10s`: a day takes ten seconds. Raises `Refused` for what is no speed, or is slower than life."""
    match = _SPEED.fullmatch(text.replace(" ", "").lower())
    if match is None:
        raise Refused(f"{text!r} is no speed: write 1d=10s (a day takes ten seconds), 1d=2m or 1h=1s.")
    count, unit, other, other_unit = match.groups()
    real, shown = timedelta(**{_UNITS[unit]: int(count)}), timedelta(**{_UNITS[other_unit]: int(other)})
    if not real or not shown or shown > real:
        raise Refused(f"{text!r} does not shorten anything: write how long a day takes, as in 1d=10s.")
    return Speed(shown * (timedelta(days=1) / real))


@dataclass(frozen=True, slots=True)
class RehearsedStep:
    """One message, or the notice that a step of a person opens; it leaves `after` the start.

    `kind`, `deadline_at` and `assignee` are of what a person does.
    """

    day: int
    after: timedelta
    message: str
    channel: Channel
    kind: TaskKind | None = None
    deadline_at: datetime | None = None
    assignee: str = ""


def rehearsed(plan: Plan, people: Iterable[PlannedHumanStep], speed: Speed) -> tuple[RehearsedStep, ...]:
    """Every step in the order in which it leaves; raises `Refused` where the whole takes longer than an hour."""
    days = plan.days[-1]
    if (whole := speed.of(days)) > LONGEST:
        raise Refused(
            f"The plan {plan.name} lasts {days} days: at this speed that is {whole // timedelta(minutes=1)} minutes, "
            "and a rehearsal takes an hour at most. Choose a shorter day, as in 1d=10s."
        )
    steps = [
        RehearsedStep(step.day, speed.of(step.day), step.message, step.channel)
        for step in plan.messages
        if step.channel is not None
    ]
    steps += [
        RehearsedStep(
            day=plan.days[one.step],
            after=speed.of(plan.days[one.step]),
            message=CASE_OPENED,
            channel=Channel.EMAIL,
            kind=one.kind,
            deadline_at=one.deadline_at,
            assignee=one.assignee,
        )
        for one in people
    ]
    return tuple(sorted(steps, key=lambda step: step.day))

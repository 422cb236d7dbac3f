"""Plans as data, and the due times of one sequence.

A plan has *moments*: the days on which something happens. A step's index is that of its moment, so the SMS
and the email of one day share it and (enrolment, step, channel) is unique.

Three rules give a message its due time, each a lower bound that is then moved to the next opening:

1. its own moment: the first due time for day 0, else the local day of the absence plus the offset, at
   `step_at`;
2. at least `SPACING` after the previous message of its channel;
3. not before any message of an earlier moment, whatever its channel.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from db.errors import ConfigurationError
from db.rules.windows import Calendar, at_local_time, next_opening
from db.states import Channel

SPACING = timedelta(hours=20)
LONGEST_DAYS = 90
MESSAGES = ("first", "flexible", "worth", "closing", "last", "brief")

_CHANNEL_ORDER = (Channel.SMS, Channel.EMAIL)


class StepKind(StrEnum):
    MESSAGE = "message"


@dataclass(frozen=True)
class Step:
    """`day` counts from the local day of the absence; a practice may switch an optional step off."""

    day: int
    message: str
    channel: Channel
    optional: bool = False
    kind: StepKind = StepKind.MESSAGE


def _check(plan: str, step: Step) -> None:
    if not isinstance(step.day, int) or isinstance(step.day, bool) or not 0 <= step.day <= LONGEST_DAYS:
        raise ConfigurationError(f"Plan {plan!r}: a day is a whole number from 0 to {LONGEST_DAYS}, not {step.day!r}.")
    if step.message not in MESSAGES:
        raise ConfigurationError(
            f"Plan {plan!r}: message {step.message!r} is not known: use one of {', '.join(MESSAGES)}."
        )


def _order(step: Step) -> tuple[int, int]:
    return step.day, _CHANNEL_ORDER.index(step.channel)


@dataclass(frozen=True)
class Plan:
    """Steps in order of their days, SMS before email within a day, in whatever order they are given."""

    name: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ConfigurationError("A plan needs a name.")
        if not self.steps:
            raise ConfigurationError(f"Plan {self.name!r} needs at least one step.")
        for step in self.steps:
            _check(self.name, step)
        places = [(step.day, step.channel) for step in self.steps]
        if len(set(places)) < len(places):
            raise ConfigurationError(f"Plan {self.name!r} has two steps of one channel on one day: keep one of them.")
        object.__setattr__(self, "steps", tuple(sorted(self.steps, key=_order)))

    @property
    def days(self) -> tuple[int, ...]:
        """The moments of the plan: a step's index is the place of its day here."""
        return tuple(sorted({step.day for step in self.steps}))


STANDARD = Plan(
    "standard",
    (
        Step(0, "first", Channel.SMS),
        Step(0, "first", Channel.EMAIL),
        Step(1, "flexible", Channel.EMAIL),
        Step(3, "worth", Channel.SMS, optional=True),
        Step(3, "worth", Channel.EMAIL),
        Step(5, "closing", Channel.EMAIL),
        Step(7, "last", Channel.SMS),
        Step(7, "last", Channel.EMAIL),
    ),
)


@dataclass(frozen=True)
class PlannedTouchpoint:
    step: int
    channel: Channel
    message: str
    due_at: datetime


def planned(plan: Plan, *, missed_on: date, first_due: datetime, calendar: Calendar) -> tuple[PlannedTouchpoint, ...]:
    """Every message of one sequence with its due time, in the plan's order. `missed_on` is a local day."""
    moments = {day: index for index, day in enumerate(plan.days)}
    last_of: dict[Channel, datetime] = {}
    touchpoints: list[PlannedTouchpoint] = []
    for step in plan.steps:
        index = moments[step.day]
        bounds = [first_due, *(earlier.due_at for earlier in touchpoints if earlier.step < index)]
        if step.day > 0:
            day = missed_on + timedelta(days=step.day)
            bounds.append(at_local_time(day, calendar.hours.step_at, calendar))
        if step.channel in last_of:
            bounds.append(last_of[step.channel] + SPACING)
        due_at = last_of[step.channel] = next_opening(max(bounds), calendar)
        touchpoints.append(PlannedTouchpoint(index, step.channel, step.message, due_at))
    return tuple(touchpoints)


def pushed(moved_to: datetime, later: Iterable[datetime], calendar: Calendar) -> tuple[datetime, ...]:
    """The due times after a deferred message on its channel, in order: moved only where too close."""
    result: list[datetime] = []
    previous = moved_to
    for due_at in later:
        earliest = previous + SPACING
        previous = due_at if due_at >= earliest else next_opening(earliest, calendar)
        result.append(previous)
    return tuple(result)


def without(plan: Plan, *switched_off: tuple[str, Channel]) -> Plan:
    """The plan less the optional steps named by message and channel."""
    for message, channel in switched_off:
        named = [step for step in plan.steps if (step.message, step.channel) == (message, channel)]
        if not named or not all(step.optional for step in named):
            raise ConfigurationError(f"Plan {plan.name!r} has no optional step {message!r} by {channel}.")
    kept = tuple(step for step in plan.steps if (step.message, step.channel) not in switched_off)
    return Plan(plan.name, kept)


def to_json(plan: Plan) -> str:
    return json.dumps({"name": plan.name, "steps": [asdict(step) for step in plan.steps]}, ensure_ascii=False)


def from_json(text: str) -> Plan:
    """Raises `ConfigurationError` with one sentence on what is wrong."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as problem:
        raise ConfigurationError(f"A plan is not readable JSON (line {problem.lineno}: {problem.msg}).") from None
    if not isinstance(data, dict):
        raise ConfigurationError("A plan is an object with a name and a list of steps.")
    name, steps = data.get("name"), data.get("steps")
    if not isinstance(name, str) or not isinstance(steps, list):
        raise ConfigurationError("A plan is an object with a name and a list of steps.")
    return Plan(name, tuple(_read_step(name, entry) for entry in steps))


def _read_step(plan: str, entry: Any) -> Step:
    if not isinstance(entry, dict) or not {"day", "message", "channel"} <= entry.keys():
        raise ConfigurationError(f"Each step of plan {plan!r} needs a day, a message and a channel.")
    unknown = entry.keys() - {"day", "message", "channel", "optional", "kind"}
    if unknown:
        raise ConfigurationError(f"Plan {plan!r}: a step does not have {', '.join(sorted(unknown))}.")
    optional = entry.get("optional", False)
    if not isinstance(optional, bool):
        raise ConfigurationError(f"Plan {plan!r}: 'optional' is true or false, not {optional!r}.")
    try:
        channel, kind = Channel(entry["channel"]), StepKind(entry.get("kind", StepKind.MESSAGE))
    except ValueError as problem:
        raise ConfigurationError(f"Plan {plan!r}: {problem}.") from None
    return Step(entry["day"], entry["message"], channel, optional, kind)

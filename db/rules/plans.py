"""Plans as data, and the due times of one sequence's messages.

A plan has *moments*: the days on which something happens. A step's index is that of its moment, so the SMS
and the email of one day share it and (enrolment, step, channel) is unique.

Three rules give a message its due time, each a lower bound that is then moved to the next opening:

1. its own moment: the first due time for day 0, else the local day of the absence plus the offset, at
   `step_at`;
2. at least `SPACING` after the previous message of its channel;
3. not before any message of an earlier moment, whatever its channel.

When a step that a person takes is due stands in `db.rules.human_steps`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from db.errors import ConfigurationError
from db.rules.windows import Calendar, at_local_time, next_opening
from db.states import Channel, Role

SPACING = timedelta(hours=20)
LONGEST_DAYS = 90
LONGEST_DEADLINE_HOURS = 72

_BOTH = frozenset(Channel)
# The channels that each message of the product has words for.
MESSAGE_CHANNELS: Mapping[str, frozenset[Channel]] = {
    "first": _BOTH,
    "flexible": frozenset({Channel.EMAIL}),
    "worth": _BOTH,
    "closing": frozenset({Channel.EMAIL}),
    "last": _BOTH,
    "brief": frozenset({Channel.SMS}),
}
MESSAGES = tuple(MESSAGE_CHANNELS)


class StepKind(StrEnum):
    MESSAGE = "message"
    CALL = "call"
    ALERT = "alert"
    ESCALATION = "escalation"


@dataclass(frozen=True)
class Step:
    """`day` counts from the local day of the absence; a practice may switch an optional step off.

    A message has its name and channel; `failover`: where the channel fails for good, the other one says it. What
    a person does has an `assignee` and a `fallback`, each a role or the reference of a member of staff; is due
    `at` a local time (the opening, unless told otherwise) and to be done within `hours` (by the close, unless told
    otherwise). `unless_answered`: needless when the patient has rebooked or was reached by then.
    """

    day: int
    message: str = ""
    channel: Channel | None = None
    optional: bool = False
    kind: StepKind = StepKind.MESSAGE
    failover: bool = True
    assignee: str = ""
    fallback: str = ""
    at: time | None = None
    hours: int | None = None
    unless_answered: bool = False

    @property
    def is_message(self) -> bool:
        return self.kind is StepKind.MESSAGE

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in its plan, and what no two steps of one plan share."""
        return self.day, _ORDER.index(self.channel or self.kind)


_ORDER = (Channel.SMS, Channel.EMAIL, StepKind.CALL, StepKind.ALERT, StepKind.ESCALATION)


def _check(plan: str, step: Step) -> None:
    if not isinstance(step.day, int) or isinstance(step.day, bool) or not 0 <= step.day <= LONGEST_DAYS:
        raise ConfigurationError(f"Plan {plan!r}: a day is a whole number from 0 to {LONGEST_DAYS}, not {step.day!r}.")
    if step.is_message:
        _check_message(plan, step)
    elif step.channel is not None or step.message or step.optional:
        raise ConfigurationError(f"Plan {plan!r}: a {step.kind} has no message, no channel and is never optional.")
    elif not step.assignee:
        raise ConfigurationError(f"Plan {plan!r}: the {step.kind} of day {step.day} needs an assignee.")
    elif step.hours is not None and not 1 <= step.hours <= LONGEST_DEADLINE_HOURS:
        raise ConfigurationError(
            f"Plan {plan!r}: 'hours' is a whole number from 1 to {LONGEST_DEADLINE_HOURS}, not {step.hours!r}."
        )


def _check_message(plan: str, step: Step) -> None:
    if step.message not in MESSAGES:
        raise ConfigurationError(
            f"Plan {plan!r}: message {step.message!r} is not known: use one of {', '.join(MESSAGES)}."
        )
    if step.channel not in MESSAGE_CHANNELS[step.message]:
        names = " or ".join(sorted(MESSAGE_CHANNELS[step.message]))
        raise ConfigurationError(f"Plan {plan!r}: {step.message!r} goes by {names}, not by {step.channel}.")
    if step.assignee or step.fallback or step.at is not None or step.hours is not None or step.unless_answered:
        raise ConfigurationError(
            f"Plan {plan!r}: assignee, fallback, at, hours and unless_answered belong to what a person does, not to "
            f"the message {step.message!r} of day {step.day}."
        )


@dataclass(frozen=True)
class Plan:
    """Steps in order of their days, and within a day: SMS, email, call, alert, escalation; in whatever order they are
    given."""

    name: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ConfigurationError("A plan needs a name.")
        if not any(step.is_message for step in self.steps):
            raise ConfigurationError(f"Plan {self.name!r} needs at least one step that is a message.")
        for step in self.steps:
            _check(self.name, step)
        places = [step.place for step in self.steps]
        if len(set(places)) < len(places):
            raise ConfigurationError(f"Plan {self.name!r} has two steps of one kind on one day: keep one of them.")
        object.__setattr__(self, "steps", tuple(sorted(self.steps, key=lambda step: step.place)))

    @property
    def days(self) -> tuple[int, ...]:
        """The moments of the plan: a step's index is the place of its day here."""
        return tuple(sorted({step.day for step in self.steps}))

    @property
    def messages(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.is_message)

    @property
    def human_steps(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if not step.is_message)

    def moment(self, step: Step) -> int:
        return self.days.index(step.day)


def _five_moments(name: str, days: tuple[int, int, int, int, int]) -> Plan:
    first, flexible, worth, closing, last = days
    return Plan(
        name,
        (
            Step(first, "first", Channel.SMS),
            Step(first, "first", Channel.EMAIL),
            Step(flexible, "flexible", Channel.EMAIL),
            Step(worth, "worth", Channel.SMS, optional=True),
            Step(worth, "worth", Channel.EMAIL),
            Step(closing, "closing", Channel.EMAIL),
            Step(last, "last", Channel.SMS),
            Step(last, "last", Channel.EMAIL),
        ),
    )


STANDARD = _five_moments("standard", (0, 1, 3, 5, 7))
PSYCHOTHERAPY = _five_moments("psychotherapy", (0, 2, 5, 9, 14))
HIGH_RISK = Plan(
    "high_risk",
    (
        Step(0, "first", Channel.SMS),
        Step(0, "first", Channel.EMAIL),
        Step(1, kind=StepKind.CALL, assignee=Role.CARE_COORDINATOR, fallback=Role.CLINICAL_LEAD),
        Step(1, "flexible", Channel.EMAIL),
        Step(2, "brief", Channel.SMS),
        Step(3, "worth", Channel.EMAIL),
        Step(3, kind=StepKind.ALERT, assignee=Role.PRACTITIONER, fallback=Role.CLINICAL_LEAD, unless_answered=True),
        Step(5, "last", Channel.EMAIL),
        Step(5, kind=StepKind.ESCALATION, assignee=Role.CLINICAL_LEAD, fallback=Role.ADMIN, unless_answered=True),
    ),
)
PLANS: Mapping[str, Plan] = {plan.name: plan for plan in (STANDARD, PSYCHOTHERAPY, HIGH_RISK)}
PLAN_OF_SPECIALITY: Mapping[str, str] = {"psychotherapy": PSYCHOTHERAPY.name}


def stricter(one: Plan, other: Plan) -> Plan:
    """The plan in which more is done by people; `one` where they are alike."""
    return other if len(other.human_steps) > len(one.human_steps) else one


@dataclass(frozen=True)
class PlannedTouchpoint:
    step: int
    channel: Channel
    message: str
    due_at: datetime


def planned(
    plan: Plan,
    *,
    missed_on: date,
    first_due: datetime,
    calendar: Calendar,
    last_sent: Mapping[Channel, datetime] | None = None,
) -> tuple[PlannedTouchpoint, ...]:
    """Every message of one sequence with its due time, in the plan's order. `missed_on` is a local day.

    `last_sent`: what the patient got last on a channel, where another sequence of the same absence came before.
    """
    moments = {day: index for index, day in enumerate(plan.days)}
    last_of = dict(last_sent or {})
    touchpoints: list[PlannedTouchpoint] = []
    for step in plan.messages:
        assert step.channel is not None
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


def to_json(plan: Plan) -> str:
    steps = [{name: value for name, value in _plain(step).items() if value != _USUAL[name]} for step in plan.steps]
    return json.dumps({"name": plan.name, "steps": steps}, ensure_ascii=False)


def _plain(step: Step) -> dict[str, Any]:
    return {**vars(step), "at": step.at and step.at.isoformat("minutes")}


_USUAL: Mapping[str, Any] = {**vars(Step(0)), "day": None}


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
    return Plan(name, tuple(read_step(name, entry) for entry in steps))


def read_step(plan: str, entry: Any) -> Step:
    """One step as a mapping of the names of `Step`; a message needs day, message and channel, all else day, kind and
    assignee."""
    if not isinstance(entry, Mapping) or "day" not in entry:
        raise ConfigurationError(f"Each step of plan {plan!r} is a table with a day.")
    unknown = entry.keys() - _USUAL.keys()
    if unknown:
        raise ConfigurationError(f"Plan {plan!r}: a step does not have {', '.join(sorted(unknown))}.")
    values = dict(entry)
    for name in ("optional", "failover", "unless_answered"):
        if not isinstance(values.get(name, False), bool):
            raise ConfigurationError(f"Plan {plan!r}: {name!r} is true or false, not {values[name]!r}.")
    for name in ("message", "assignee", "fallback"):
        if not isinstance(values.get(name, ""), str):
            raise ConfigurationError(f"Plan {plan!r}: {name!r} is a text, not {values[name]!r}.")
    hours = values.get("hours")
    if hours is not None and (isinstance(hours, bool) or not isinstance(hours, int)):
        raise ConfigurationError(f"Plan {plan!r}: 'hours' is a whole number, not {hours!r}.")
    try:
        values["kind"] = StepKind(values.get("kind", StepKind.MESSAGE))
        values["channel"] = Channel(values["channel"]) if values.get("channel") is not None else None
        values["at"] = _time(values.get("at"))
    except ValueError as problem:
        raise ConfigurationError(f"Plan {plan!r}: {problem}.") from None
    if values["kind"] is StepKind.MESSAGE and (not values.get("message") or values["channel"] is None):
        raise ConfigurationError(f"Each message of plan {plan!r} needs a day, a message and a channel.")
    return Step(**values)


def _time(value: Any) -> time | None:
    if value is None or isinstance(value, time):
        return value
    return time.fromisoformat(str(value))

"""What a practice file says of follow-up: its own plans, who gets which, the risk rules, who is on call."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from db.changes.practices import NewStaff
from db.errors import ConfigurationError
from db.rules.plans import (
    HIGH_RISK,
    LONGEST_DAYS,
    LONGEST_DEADLINE_HOURS,
    MESSAGE_CHANNELS,
    MESSAGES,
    PLAN_OF_SPECIALITY,
    PLANS,
    Plan,
    Step,
    StepKind,
    read_step,
)
from db.rules.risk import RiskRule
from db.rules.settings import USUAL_RULES
from db.rules.windows import Hours
from db.states import Role
from portal.forms.practice_hours import weekdays
from portal.forms.practice_people import ROLES, SPECIALITIES, is_told, told
from portal.forms.toml_reader import Section, Wrong, clock_time, flag, one_of, whole

# As long as the column that remembers with which plan an enrolment began.
PLAN_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST_STEPS = 60

Staff = Sequence[NewStaff]


def read_follow_up(top: Section, settings: Mapping[str, Any], staff: Staff) -> dict[str, Any]:
    """`[plans]`, `[plan_of]`, `[risk]` and `[on_call]`, as `Settings` names them; people stand in them by their
    addresses. `settings` are the hours of messages."""
    own = top.section("plans", "[plans]")
    plans = _plans(own, staff)
    _refuse_roles_never_told(top, plans, staff)
    on_call = top.section("on_call", "[on_call]")
    found = {
        "plans": plans,
        "plan_of_speciality": _plan_of(top.section("plan_of", "[plan_of]"), {*PLANS, *own.values}),
        "risk_rules": _rules(top.section("risk", "[risk]")),
        "on_call_person": on_call.read("person", told(staff), ""),
        "on_call": {role: _hours(on_call.section(role, f"[on_call.{role}]"), settings) for role in _roles(on_call)},
    }
    on_call.refuse_unknown()
    return found


def _plans(section: Section, staff: Staff) -> dict[str, Plan]:
    found = {}
    for name in section.values:
        table = section.section(name, f"[plans.{name}]")
        if not PLAN_NAME.fullmatch(name):
            section.complain(name, "a plan is named by small letters, digits and _, 40 at most, such as my_plan.")
            continue
        plan = _plan(name, table, staff)
        if plan is not None:
            found[name] = plan
    return found


def _plan(name: str, section: Section, staff: Staff) -> Plan | None:
    tables: list[Mapping[str, Any]] = section.required(
        "steps", _tables, [], '[ { day = 0, message = "first", channel = "sms" }, ... ]'
    )
    section.refuse_unknown()
    read = [
        _step(name, Section(f"[plans.{name}] step {number}", table, section.problems), staff)
        for number, table in enumerate(tables, start=1)
    ]
    steps = tuple(step for step in read if step is not None)
    if not tables or len(steps) < len(tables):
        return None
    try:
        return Plan(name, steps)
    except ConfigurationError as problem:
        section.complain("steps", _without_name(problem, name))
        return None


def _tables(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        raise Wrong('write a list of steps, such as [ { day = 0, message = "first", channel = "sms" } ].')
    if len(value) > MOST_STEPS:
        raise Wrong(f"write at most {MOST_STEPS} steps.")
    return value


def _step(plan: str, section: Section, staff: Staff) -> Step | None:
    before = len(section.problems)
    kind = section.read("kind", one_of(tuple(StepKind)), StepKind.MESSAGE.value)
    values: dict[str, Any] = {"kind": kind, "day": section.required("day", whole(0, LONGEST_DAYS), 0, "1")}
    values |= _message(section) if kind == StepKind.MESSAGE else _human(section, staff)
    section.refuse_unknown()
    if len(section.problems) > before:
        return None
    try:
        return read_step(plan, values)
    except ConfigurationError as problem:
        section.complain("", _without_name(problem, plan))
        return None


def _message(section: Section) -> dict[str, Any]:
    message = section.required("message", one_of(MESSAGES), "", '"first"')
    channels = sorted(MESSAGE_CHANNELS.get(message, MESSAGE_CHANNELS["first"]))
    return {
        "message": message,
        "channel": section.required("channel", one_of(channels), None, f'"{channels[-1]}"'),
        "optional": section.read("optional", flag, False),
        "failover": section.read("failover", flag, True),
    }


def _human(section: Section, staff: Staff) -> dict[str, Any]:
    assignee = section.required("assignee", _target(staff), "", '"care_coordinator", or an address of [[staff]]')
    fallback = section.read("fallback", _target(staff), "")
    if fallback and fallback == assignee:
        section.complain("fallback", "must be somebody else.")
    return {
        "assignee": assignee,
        "fallback": fallback,
        "at": section.read("at", clock_time, None),
        "hours": section.read("hours", whole(1, LONGEST_DEADLINE_HOURS), None),
        "unless_answered": section.read("unless_answered", flag, False),
    }


def _target(staff: Staff) -> Callable[[Any], str]:
    """A role that somebody holds who hears of a case, or the address of such a person. The practitioner's is whoever
    treats the patient."""

    def convert(value: Any) -> str:
        if value in ROLES:
            if (why := _why_nobody(Role(value), staff)) is not None:
                raise Wrong(f"{why}: name another role, or the address of somebody of [[staff]].")
            return str(value)
        if not isinstance(value, str) or "@" not in value:
            raise Wrong(f"write a role ({', '.join(ROLES)}), or the address of somebody of [[staff]].")
        return told(staff)(value)

    return convert


def _why_nobody(role: Role, staff: Staff) -> str | None:
    holders = [one for one in staff if one.role == role]
    if role is Role.PRACTITIONER or any(map(is_told, holders)):
        return None
    if not holders:
        return f"nobody here is {role}"
    return f'{", ".join(one.name for one in holders)} alone is {role}, and is never told of a case (alerts = "none")'


def _refuse_roles_never_told(top: Section, own: Mapping[str, Plan], staff: Staff) -> None:
    """The product's plan for high risk names roles too; its targets must hear of a case like those of one's own.

    That nobody has a role is no mistake there: a small practice has not all of them, and its people are asked in turn.
    """
    roles = [] if HIGH_RISK.name in own else roles_of(HIGH_RISK)
    for role in roles:
        why = _why_nobody(role, staff)
        if why is not None and any(one.role == role for one in staff):
            top.complain(
                "[[staff]] alerts",
                f'{why}, but the plan {HIGH_RISK.name} asks {role}: write alerts = "email" for them, or a plan of your '
                f"own under [plans.{HIGH_RISK.name}].",
            )


def roles_of(plan: Plan) -> list[Role]:
    """The roles that a plan names, in its order."""
    named = [target for step in plan.human_steps for target in (step.assignee, step.fallback)]
    return [Role(one) for one in dict.fromkeys(named) if one in ROLES]


def roles_nobody_has(own: Mapping[str, Plan], staff: Staff) -> list[Role]:
    """Those that the plan for high risk names."""
    held = {one.role for one in staff}
    plan = own.get(HIGH_RISK.name, HIGH_RISK)
    return [role for role in roles_of(plan) if role not in held and role is not Role.PRACTITIONER]


def _plan_of(section: Section, known: Collection[str]) -> dict[str, str]:
    given = {name: section.read(name, one_of(sorted(known)), "") for name in SPECIALITIES}
    section.refuse_unknown()
    return {**PLAN_OF_SPECIALITY, **{name: plan for name, plan in given.items() if plan}}


def _rules(section: Section) -> tuple[RiskRule, ...]:
    """The usual ones, and `on` without `off`."""
    none: frozenset[RiskRule] = frozenset()
    on, off = section.read("on", _some_rules, none), section.read("off", _some_rules, none)
    if both := sorted(on & off):
        section.complain("off", f"{', '.join(both)} stands under on as well: keep one of them.")
    section.refuse_unknown()
    return tuple(rule for rule in RiskRule if rule in ({*USUAL_RULES} | on) - off)


def _some_rules(value: Any) -> frozenset[RiskRule]:
    if not isinstance(value, list) or not all(one in tuple(RiskRule) for one in value):
        raise Wrong(f"write a list of {', '.join(RiskRule)}.")
    return frozenset(RiskRule(one) for one in value)


def _roles(on_call: Section) -> list[Role]:
    return [role for role in ROLES if role in on_call.values]


def _hours(section: Section, settings: Mapping[str, Any]) -> Hours:
    """On-call hours of one role; what is not said is as for messages."""
    opens = section.read("opens", clock_time, settings["opens"])
    closes = section.read("closes", clock_time, settings["closes"])
    days = section.read("days", weekdays, settings["weekdays"])
    section.refuse_unknown()
    if opens >= closes:
        if "opens" in section.values or "closes" in section.values:
            section.complain("closes", f"must be later than opens ({opens:%H:%M}).")
        return Hours()
    return Hours(opens, closes, frozenset(days), opens)


def _without_name(problem: ConfigurationError, plan: str) -> str:
    """The place is said already."""
    return str(problem).removeprefix(f"Plan {plan!r}: ").removeprefix(f"Plan {plan!r} ")

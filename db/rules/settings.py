"""What a practice may set about its agenda and its messages, with the defaults of the product."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import time
from typing import Any, Self

from db.errors import ConfigurationError
from db.rules.plans import HIGH_RISK, PLAN_OF_SPECIALITY, PLANS, STANDARD, Plan, from_json, to_json
from db.rules.risk import RiskRule
from db.rules.slots import Opening
from db.rules.windows import Hours

DEFAULT_WEEK = tuple(
    Opening(day, *hours) for day in range(5) for hours in ((time(9), time(12, 30)), (time(14), time(18, 30)))
)
# Every rule of the product but the one that a mental-health practice may switch on.
USUAL_RULES = tuple(rule for rule in RiskRule if rule is not RiskRule.REPEATED_ABSENCES)


@dataclass(frozen=True)
class Settings:
    """Hours and days are in the practice's own zone; `week` is what a practitioner works unless it has its own.

    `plans` are the practice's own, by name, over those of the product; `plan_of_speciality` names the plan of a
    speciality that has not the standard one. `on_call` are hours by role where they are not those of the messages;
    `on_call_person` (a reference of staff) is asked when the practice is closed. `welfare_check` is the practice's own
    checklist for an escalation under a crisis flag. `record_url` leads into its record system: `{number}` in it stands
    for the patient's number. `slack_route`: where a case stands at Slack, `person` or `channel`; empty: nowhere.
    """

    opens: time = time(9)
    closes: time = time(19, 30)
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    step_at: time = time(10)
    week: tuple[Opening, ...] = DEFAULT_WEEK
    duration_min: int = 50
    buffer_min: int = 10
    notice_hours: int = 24
    cancel_notice_hours: int = 24
    horizon_days: int = 28
    max_age_days: int = 2
    history_days: int = 7
    worth_sms: bool = True
    strict: bool = False
    plans: Mapping[str, Plan] = field(default_factory=dict)
    plan_of_speciality: Mapping[str, str] = field(default_factory=lambda: dict(PLAN_OF_SPECIALITY))
    risk_rules: tuple[RiskRule, ...] = USUAL_RULES
    on_call: Mapping[str, Hours] = field(default_factory=dict)
    on_call_person: str = ""
    welfare_check: tuple[str, ...] = ()
    record_url: str = ""
    slack_route: str = ""

    @property
    def hours(self) -> Hours:
        return Hours(self.opens, self.closes, frozenset(self.weekdays), self.step_at)

    def plan_for(self, speciality: str, *, high_risk: bool) -> Plan:
        """The plan of an absence, without the optional steps that the practice has switched off."""
        plan = self.plan_named(HIGH_RISK.name if high_risk else self.plan_of_speciality.get(speciality, STANDARD.name))
        if self.worth_sms:
            return plan
        kept = tuple(step for step in plan.steps if not step.optional)
        # A plan of nothing but optional messages would have none left, and the absence no follow-up.
        return Plan(plan.name, kept) if any(step.is_message for step in kept) else plan

    def plan_named(self, name: str) -> Plan:
        plan = self.plans.get(name) or PLANS.get(name)
        if plan is None:
            known = ", ".join(sorted({*PLANS, *self.plans}))
            raise ConfigurationError(f"There is no plan {name!r}; known: {known}.")
        return plan

    def to_json(self) -> dict[str, Any]:
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        for name in ("opens", "closes", "step_at"):
            plain[name] = plain[name].isoformat("minutes")
        return plain | {
            "week": week_to_json(self.week),
            "weekdays": list(self.weekdays),
            "plans": {name: json.loads(to_json(plan)) for name, plan in self.plans.items()},
            "plan_of_speciality": dict(self.plan_of_speciality),
            "risk_rules": list(self.risk_rules),
            "on_call": {role: hours_to_json(hours) for role, hours in self.on_call.items()},
            "welfare_check": list(self.welfare_check),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        for name in ("opens", "closes", "step_at"):
            if name in values:
                values[name] = time.fromisoformat(values[name])
        if "week" in values:
            values["week"] = week_from_json(values["week"])
        for name in ("weekdays", "welfare_check"):
            if name in values:
                values[name] = tuple(values[name])
        if "risk_rules" in values:
            values["risk_rules"] = tuple(RiskRule(rule) for rule in values["risk_rules"])
        if "plans" in values:
            values["plans"] = {name: from_json(json.dumps(plan)) for name, plan in values["plans"].items()}
        if "on_call" in values:
            values["on_call"] = {role: hours_from_json(hours) for role, hours in values["on_call"].items()}
        return cls(**values)


def hours_to_json(hours: Hours) -> dict[str, Any]:
    return {
        "opens": hours.opens.isoformat("minutes"),
        "closes": hours.closes.isoformat("minutes"),
        "weekdays": sorted(hours.weekdays),
    }


def hours_from_json(stored: Mapping[str, Any]) -> Hours:
    opens, closes = time.fromisoformat(stored["opens"]), time.fromisoformat(stored["closes"])
    return Hours(opens, closes, frozenset(stored["weekdays"]), opens)


def week_to_json(week: tuple[Opening, ...]) -> list[list[Any]]:
    """`[weekday, "HH:MM", "HH:MM"]` each, Monday 0."""
    return [[o.weekday, o.starts.isoformat("minutes"), o.ends.isoformat("minutes")] for o in week]


def week_from_json(stored: list[list[Any]]) -> tuple[Opening, ...]:
    try:
        return tuple(Opening(int(day), time.fromisoformat(a), time.fromisoformat(b)) for day, a, b in stored)
    except (ValueError, TypeError) as problem:
        raise ConfigurationError(f"A stored week cannot be read ({problem}): run `reprise setup` again.") from None

"""Who would be asked and cannot be: what plans, leave and closures leave to nobody."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from db.engine import Row, fetch
from db.queries.practices import Profile
from db.queries.team import NO_ALERTS, closed_days
from db.rules.closed_days import long_closure
from db.rules.human_steps import FIRST_CALL_WITHIN
from db.rules.plans import HIGH_RISK, Plan, StepKind
from db.rules.windows import local_day
from db.states import Role


class Why(StrEnum):
    """Why somebody does not hear of a case."""

    GONE = "gone"
    NO_ALERTS = "no_alerts"
    MAIL_CAME_BACK = "mail_came_back"


@dataclass(frozen=True, slots=True)
class NeverTold:
    name: str
    why: Why


@dataclass(frozen=True, slots=True)
class LeaveAlone:
    """Leave, both days included, during which nobody does what the person does."""

    name: str
    role: Role
    starts_on: date
    ends_on: date


@dataclass(frozen=True)
class Coverage:
    """`roles`: named by a plan, and nobody's. `practitioners`: how many there are, and the names of those who are no
    member of staff. `closure`: days of a long one ahead, where nobody is on call."""

    never_told: tuple[NeverTold, ...]
    roles: tuple[Role, ...]
    practitioners: int
    unknown: tuple[str, ...]
    leave: tuple[LeaveAlone, ...]
    closure: tuple[date, date] | None


@dataclass(frozen=True, slots=True)
class _Person:
    id: int
    ref: str
    name: str
    role: Role
    fallback: int | None
    why: Why | None


async def coverage(practice: Profile, *, now: datetime) -> Coverage:
    today = local_day(now, practice.calendar)
    people = [_person(row) for row in await fetch(STAFF, practice.id)]
    leave = await fetch(LEAVE, practice.id, today)
    treating = await fetch("SELECT name, staff FROM practitioner WHERE practice = $1 ORDER BY name", practice.id)
    by_id = {one.id: one for one in people}
    plans = list({HIGH_RISK.name: HIGH_RISK, **practice.settings.plans}.values())
    roles, refs = _targets(plans)
    named = [one for one in people if one.ref in {*refs, practice.settings.on_call_person}]
    pointed = [row["staff"] for row in treating] + [row["stand_in"] for row in leave]
    pointed += [one.fallback for one in people if one.why is not Why.GONE]
    asked = [*named, *(by_id[key] for key in pointed if key is not None), *_holders_who_miss(roles, people)]
    return Coverage(
        never_told=tuple(NeverTold(one.name, one.why) for one in dict.fromkeys(asked) if one.why is not None),
        roles=tuple(role for role in roles if role is not Role.PRACTITIONER and not _of_role(role, people)),
        practitioners=len(treating),
        unknown=tuple(row["name"] for row in treating if row["staff"] is None),
        leave=tuple(_alone(leave, by_id)),
        closure=await _closure_without_anybody(practice, plans, people, today),
    )


STAFF = """
SELECT id, ref, name, role, fallback, active, alerts, email_invalid_at FROM staff WHERE practice = $1 ORDER BY id
"""
LEAVE = """
SELECT staff, stand_in, starts_on, ends_on FROM staff_absence WHERE practice = $1 AND ends_on >= $2
ORDER BY starts_on, id
"""


def _person(row: Row) -> _Person:
    why = None
    if not row["active"]:
        why = Why.GONE
    elif row["alerts"] == NO_ALERTS:
        why = Why.NO_ALERTS
    elif row["email_invalid_at"] is not None:
        why = Why.MAIL_CAME_BACK
    return _Person(row["id"], row["ref"], row["name"], Role(row["role"]), row["fallback"], why)


def _targets(plans: Sequence[Plan]) -> tuple[list[Role], set[str]]:
    """The roles that plans name, in their order, and the references of people."""
    named = [target for plan in plans for step in plan.human_steps for target in (step.assignee, step.fallback)]
    roles = [Role(one) for one in dict.fromkeys(named) if one in tuple(Role)]
    return roles, {one for one in named if one and one not in tuple(Role)}


def _of_role(role: Role, people: Sequence[_Person]) -> list[_Person]:
    return [one for one in people if one.role is role and one.why is not Why.GONE]


def _holders_who_miss(roles: Sequence[Role], people: Sequence[_Person]) -> Iterator[_Person]:
    """An address that stopped working is found whoever else has the role; who chose not to be told, only where all
    have. Practitioners are asked one by one, each for their own patients."""
    for role in roles:
        holders = _of_role(role, people)
        nobody = all(one.why is not None for one in holders) and role is not Role.PRACTITIONER
        yield from (one for one in holders if one.why is Why.MAIL_CAME_BACK or nobody)


def _alone(leave: Sequence[Row], people: Mapping[int, _Person]) -> Iterator[LeaveAlone]:
    """Neither a stand-in nor a fallback of their own who can be told, and nobody else of their role."""
    for row in leave:
        person = people[row["staff"]]
        others = [one for one in people.values() if one.role is person.role and one != person]
        instead = [people[key] for key in (row["stand_in"], person.fallback) if key is not None]
        if person.role is not Role.PRACTITIONER:
            instead += others
        if person.why is not Why.GONE and all(one.why is not None for one in instead):
            yield LeaveAlone(person.name, person.role, row["starts_on"], row["ends_on"])


async def _closure_without_anybody(
    practice: Profile, plans: Sequence[Plan], people: Sequence[_Person], today: date
) -> tuple[date, date] | None:
    """By the hours of whoever makes the first call to a patient at high risk."""
    on_call = practice.settings.on_call_person
    if any(one.ref == on_call and one.why is not Why.GONE for one in people):
        return None
    plan = next(plan for plan in plans if plan.name == HIGH_RISK.name)
    first = next((step.assignee for step in plan.human_steps if step.kind is StepKind.CALL), "")
    role = next((one.role for one in people if one.ref == first), first)
    calendar = practice.on_call(role, await closed_days(practice.id, since=today))
    return long_closure(calendar, since=today, over=FIRST_CALL_WITHIN)

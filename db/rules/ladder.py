"""Who a task goes to: the person of its role who is there, else whoever stands in; and who comes next when nobody
acknowledges it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from db.states import Role, TaskKind

# An item that nobody acknowledges goes up, and last to its fallback person.
LADDER = (Role.PRACTITIONER, Role.CARE_COORDINATOR, Role.CLINICAL_LEAD)
# Above the last rung stands the fallback person, and nobody above them.
TOP = "fallback"

# Who is asked first where a kind's own role has nobody.
ANYBODY = (Role.CARE_COORDINATOR, Role.FRONT_DESK, Role.CLINICAL_LEAD, Role.ADMIN, Role.PRACTITIONER)

# Whom each kind of task is for; all others are for the front desk.
ROLE_OF: Mapping[TaskKind, Role] = {
    TaskKind.CALL: Role.CARE_COORDINATOR,
    TaskKind.ALERT: Role.PRACTITIONER,
    TaskKind.ESCALATION: Role.CLINICAL_LEAD,
    TaskKind.EMERGENCY: Role.PRACTITIONER,
    TaskKind.HIGH_RISK_NOT_ENROLLED: Role.PRACTITIONER,
    TaskKind.HIGH_RISK_CANCELLED: Role.CARE_COORDINATOR,
    TaskKind.DECLINED: Role.PRACTITIONER,
    TaskKind.SENDING_REFUSED: Role.ADMIN,
    TaskKind.STAFF_UNREACHABLE: Role.ADMIN,
}


def role_of(kind: TaskKind) -> Role:
    return ROLE_OF.get(kind, Role.FRONT_DESK)


@dataclass(frozen=True, slots=True)
class Person:
    """One active member of staff today. `reachable`: a task can be told to them; `present`: neither on leave nor on a
    day that they do not work. `stand_in` is who does their work meanwhile, `fallback` who does it otherwise."""

    id: int
    ref: str
    role: Role
    reachable: bool = True
    present: bool = True
    stand_in: int | None = None
    fallback: int | None = None

    @property
    def can_take(self) -> bool:
        return self.reachable and self.present


@dataclass(frozen=True)
class Team:
    """The active people of a practice, in the order in which they joined. `treating`: the patient's practitioner;
    `on_call`: who is asked when the practice is closed."""

    people: Sequence[Person]
    treating: int | None = None
    on_call: int | None = None

    def person(self, key: int | str | None) -> Person | None:
        return next((one for one in self.people if key is not None and key in (one.id, one.ref)), None)

    def of_role(self, role: Role) -> list[Person]:
        """For the practitioner's role only the treating one: nobody else's patient."""
        if role is Role.PRACTITIONER:
            found = self.person(self.treating)
            return [found] if found is not None else []
        return [one for one in self.people if one.role is role]

    def for_target(self, target: str) -> Person | None:
        """`target` is a role or the reference of a person. None when neither they nor anybody for them can take it."""
        named = self.of_role(Role(target)) if target in tuple(Role) else [self.person(target)]
        people = [one for one in named if one is not None]
        there = next((one for one in people if one.can_take), None)
        return there or next((found for one in people if (found := self.instead_of(one)) is not None), None)

    def instead_of(self, person: Person) -> Person | None:
        """The person, or along the chain of stand-ins and fallbacks the first who can take it."""
        seen: set[int] = set()
        current: Person | None = person
        while current is not None and current.id not in seen:
            if current.can_take:
                return current
            seen.add(current.id)
            nearest = None if current.present else self.person(current.stand_in)
            current = nearest or self.person(current.fallback)
        return None

    def anybody(self, *, but: int | None = None) -> Person | None:
        ranked = sorted(self.people, key=lambda one: (not one.can_take, ANYBODY.index(one.role), one.id))
        return next((one for one in ranked if one.id != but), None)


@dataclass(frozen=True, slots=True)
class Assigned:
    """`role` is the rung of the ladder that the person stands on."""

    assignee: Person | None
    fallback: Person | None
    role: str


def assign(team: Team, target: str, fallback: str = "") -> Assigned:
    """The first who can take it: the target, the rungs above it, the fallback, anybody. Nobody only where nobody works.

    Somebody who cannot be reached is still better than nobody: the staff pages show it to them.
    """
    role = target if target in tuple(Role) else _role_of_person(team, target)
    found = team.for_target(target)
    if found is None:
        rungs = (Assigned(one, None, rung) for rung in _above(role) if (one := team.for_target(rung)) is not None)
        up = next(rungs, None)
        found, role = (up.assignee, up.role) if up is not None else (_fallback(team, fallback, None), role)
    found = found or team.anybody()
    return Assigned(found, _fallback(team, fallback, found), role)


def _role_of_person(team: Team, ref: str) -> str:
    person = team.person(ref)
    return person.role if person is not None else Role.CARE_COORDINATOR


def _fallback(team: Team, target: str, assignee: Person | None) -> Person | None:
    """Never the assignee: the named fallback, the assignee's own, the next rung's, anybody else."""
    own = team.person(assignee.fallback) if assignee is not None else None
    candidates = [
        team.for_target(target) if target else None,
        team.instead_of(own) if own is not None else None,
        *(team.for_target(rung) for rung in (Role.CLINICAL_LEAD, Role.ADMIN)),
        team.anybody(but=assignee.id if assignee else None),
    ]
    return next((one for one in candidates if one is not None and one != assignee), None)


def _above(role: str) -> Iterator[Role]:
    """The rungs above a role; a role that is no rung stands below them all but the practitioner's."""
    if role == TOP:
        return
    start = LADDER.index(Role(role)) if role in LADDER else 0
    yield from LADDER[start + 1 :]


def next_up(team: Team, *, role: str, assignee: int | None, fallback: int | None) -> Assigned | None:
    """Who takes it over when the assignee does not acknowledge it; None when it is with the last one already."""
    for rung in _above(role):
        found = team.for_target(rung)
        if found is not None and found.id != assignee:
            return Assigned(found, _fallback(team, _ref(team, fallback), found), rung)
    named = team.person(fallback)
    # The fallback person may have left since.
    last = team.instead_of(named) if named is not None else _fallback(team, "", team.person(assignee))
    if role == TOP or last is None or not last.can_take or last.id == assignee:
        return None
    return Assigned(last, _fallback(team, "", last), TOP)


def in_place_of(team: Team, person: Person, *, role: str, fallback: int | None) -> Assigned | None:
    """Who has the task of somebody who is away, on the same rung; None where nobody stands in for them."""
    found = team.instead_of(person)
    return Assigned(found, _fallback(team, _ref(team, fallback), found), role) if found is not None else None


def _ref(team: Team, person: int | None) -> str:
    found = team.person(person)
    return found.ref if found is not None else ""

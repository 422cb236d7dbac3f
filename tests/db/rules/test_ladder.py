"""Who gets a task, in any team: also one in which people are away, cannot be told, or stand in for each other in a
circle."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from db.rules.ladder import LADDER, TOP, Assigned, Person, Team, assign, next_up
from db.states import Role

MOST = 6
roles = st.sampled_from(Role)


@st.composite
def teams(draw: st.DrawFn) -> Team:
    count = draw(st.integers(0, MOST))
    # Somebody's stand-in or fallback may have left, be themselves, or have them for a stand-in in turn.
    others = st.none() | st.integers(1, MOST)
    people = tuple(
        Person(
            number, f"ref{number}", draw(roles), draw(st.booleans()), draw(st.booleans()), draw(others), draw(others)
        )
        for number in range(1, count + 1)
    )
    return Team(people, draw(others), draw(others))


targets = st.builds(str, roles) | st.sampled_from([f"ref{number}" for number in range(1, MOST + 2)])


@given(teams(), targets, st.just("") | targets)
def test_nobody_who_cannot_take_it_gets_it_while_somebody_can(team: Team, target: str, fallback: str) -> None:
    people = assign(team, target, fallback)
    if not team.people:
        assert people.assignee is None
        return
    assert people.assignee in team.people
    assert people.assignee is not None
    assert people.assignee.can_take or not any(one.can_take for one in team.people)
    named = team.person(target)
    if named is not None and named.can_take:
        assert people.assignee == named


@given(teams(), targets, st.just("") | targets)
def test_somebody_else_is_the_fallback_and_can_take_it_where_anybody_can(
    team: Team, target: str, fallback: str
) -> None:
    people = assign(team, target, fallback)
    if len(team.people) < 2:
        assert people.fallback is None
        return
    assert people.fallback is not None
    assert people.fallback != people.assignee
    others = [one for one in team.people if one != people.assignee]
    assert people.fallback.can_take or not any(one.can_take for one in others)


def climb(team: Team, start: Assigned) -> list[Assigned]:
    """Everyone who gets it when nobody ever acknowledges it."""
    climbed = [start]
    while len(climbed) < 20:
        last = climbed[-1]
        up = next_up(
            team,
            role=last.role,
            assignee=last.assignee.id if last.assignee else None,
            fallback=last.fallback.id if last.fallback else None,
        )
        if up is None:
            return climbed
        climbed.append(up)
    raise AssertionError("The ladder never ends.")


@given(teams(), targets, st.just("") | targets)
def test_the_ladder_ends_and_each_rung_is_somebody_else_who_can_take_it(team: Team, target: str, fallback: str) -> None:
    climbed = climb(team, assign(team, target, fallback))
    assert len(climbed) <= len(LADDER) + 2
    for before, after in pairwise(climbed):
        assert after.assignee is not None
        assert after.assignee.can_take
        assert after.assignee != before.assignee
        assert after.fallback != after.assignee
        assert after.fallback is not None


@given(teams(), targets, targets)
@example(
    Team(
        (
            Person(1, "ref1", Role.CARE_COORDINATOR),
            Person(2, "ref2", Role.CLINICAL_LEAD),
            Person(3, "ref3", Role.FRONT_DESK),
        )
    ),
    "care_coordinator",
    "ref3",
)
def test_the_fallback_that_a_step_names_has_it_in_the_end(team: Team, target: str, fallback: str) -> None:
    start = assign(team, target, fallback)
    named = team.for_target(fallback)
    if named is None or start.fallback != named:
        # It is with them already, or nobody can take it for them.
        return
    assert named in [one.assignee for one in climb(team, start)]


@given(teams(), st.integers(1, MOST))
def test_a_circle_of_stand_ins_ends(team: Team, place: int) -> None:
    person = team.person(place)
    if person is None:
        return
    instead = team.instead_of(person)
    assert instead is None or instead.can_take
    assert not person.can_take or instead == person


ANNE = Person(1, "anne", Role.PRACTITIONER, stand_in=2, fallback=3)
BEN = Person(2, "ben", Role.PRACTITIONER)
CLEO = Person(3, "cleo", Role.CARE_COORDINATOR)
DORA = Person(4, "dora", Role.CLINICAL_LEAD)
EMIL = Person(5, "emil", Role.ADMIN)


@pytest.mark.parametrize(
    ("anne", "ben", "cleo", "gets_it"),
    [
        (ANNE, BEN, CLEO, "anne"),
        # On leave: her stand-in. Not told of anything: her fallback.
        (replace(ANNE, present=False), BEN, CLEO, "ben"),
        (replace(ANNE, reachable=False), BEN, CLEO, "cleo"),
        (replace(ANNE, present=False), replace(BEN, present=False), CLEO, "cleo"),
        (replace(ANNE, present=False, stand_in=None), BEN, CLEO, "cleo"),
        (replace(ANNE, present=False), replace(BEN, present=False), replace(CLEO, present=False), "dora"),
    ],
    ids=["there", "stand-in", "fallback", "stand-in away too", "no stand-in", "everybody away but the lead"],
)
def test_task_of_the_treating_practitioner(anne: Person, ben: Person, cleo: Person, gets_it: str) -> None:
    found = assign(Team((anne, ben, cleo, DORA, EMIL), treating=1), Role.PRACTITIONER)
    assert found.assignee is not None
    assert found.assignee.ref == gets_it


def test_unacknowledged_task_climbs_from_the_practitioner_to_the_fallback() -> None:
    team = Team((replace(ANNE, fallback=5), BEN, CLEO, DORA, EMIL), treating=1)
    climbed = climb(team, assign(team, Role.PRACTITIONER, Role.ADMIN))
    assert [one.assignee and one.assignee.ref for one in climbed] == ["anne", "cleo", "dora", "emil"]


def test_where_the_fallback_person_has_left_somebody_else_is_the_last_rung() -> None:
    team = Team((BEN, DORA, EMIL), treating=2)
    up = next_up(team, role=Role.CLINICAL_LEAD, assignee=DORA.id, fallback=99)
    assert up is not None
    assert (up.assignee, up.role) == (EMIL, TOP)
    assert next_up(Team((DORA,)), role=Role.CLINICAL_LEAD, assignee=DORA.id, fallback=99) is None

"""The people of a practice file, as they are stored: by reference, linked, on leave."""

import json
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest

from db.changes.practices import NewPractitioner, NewStaffAbsence, save_practice
from db.engine import fetch, fetch_one, fetch_value
from db.errors import ConfigurationError
from db.queries.practices import only_practice
from db.queries.team import staffing
from db.rules.plans import HIGH_RISK, Plan, Step, StepKind
from db.rules.settings import Settings
from db.rules.windows import Hours
from db.states import Channel
from tests import factories as f

LATER = f.MONDAY + timedelta(hours=1)
SACHA, ANDREA, CAMILLE = (f"{name}@tilleuls.example" for name in ("sacha", "andrea", "camille"))
OWN = Plan(
    "own",
    (
        Step(0, "first", Channel.SMS),
        Step(1, kind=StepKind.CALL, assignee=SACHA, fallback=ANDREA, at=time(10)),
        Step(2, kind=StepKind.ALERT, assignee="practitioner", fallback=CAMILLE),
    ),
)


def days_off(first: int, last: int, stand_in: str | None = None) -> NewStaffAbsence:
    return NewStaffAbsence(SACHA, date(2026, 11, first), date(2026, 11, last), stand_in)


async def ref_of(email: str) -> str:
    name = next(one.name for one in f.EVERY_ROLE if one.email == email)
    ref: str = await fetch_value("SELECT ref FROM staff WHERE name = $1", name)
    return ref


async def leave() -> list[tuple[str, date, date, str | None]]:
    rows = await fetch(
        "SELECT s.name, a.starts_on, a.ends_on, i.name AS stand_in FROM staff_absence a JOIN staff s ON s.id = a.staff "
        "LEFT JOIN staff i ON i.id = a.stand_in ORDER BY a.starts_on"
    )
    return [tuple(row.values()) for row in rows]


async def practitioners() -> dict[str, str | None]:
    rows = await fetch("SELECT p.name, s.name AS who FROM practitioner p LEFT JOIN staff s ON s.id = p.staff")
    return {row["name"]: row["who"] for row in rows}


@pytest.mark.parametrize("again", [False, True], ids=["new practice", "set up again"])
async def test_people_of_plans_and_on_call_are_stored_by_reference(database: None, again: bool) -> None:
    if again:
        await save_practice(f.new_practice(), now=f.MONDAY)
    settings = Settings(plans={"own": OWN}, on_call_person=ANDREA, on_call={"admin": Hours(time(8), step_at=time(8))})
    practice = await f.make_practice(settings=settings, staff=f.EVERY_ROLE, now=LATER)
    _, call, alert = practice.settings.plans["own"].steps
    assert (call.assignee, call.fallback) == (await ref_of(SACHA), await ref_of(ANDREA))
    assert (alert.assignee, alert.fallback) == ("practitioner", await ref_of(CAMILLE))
    assert practice.settings.on_call_person == await ref_of(ANDREA)
    assert practice.settings.on_call["admin"].opens == time(8)
    stored: str = await fetch_value("SELECT settings::text FROM practice")
    assert "@" not in stored
    here = await staffing(practice, practitioner=None, now=LATER)
    assert here.team.person(here.team.on_call) == here.team.person(await ref_of(ANDREA))


async def test_same_file_with_people_in_its_plans_changes_nothing(database: None) -> None:
    new = f.new_practice(
        settings=Settings(plans={"own": OWN, "high_risk": HIGH_RISK}, on_call={"admin": Hours()}),
        staff=f.EVERY_ROLE,
        absences=(days_off(20, 21),),
    )
    assert await save_practice(new, now=f.MONDAY)
    assert not await save_practice(new, now=LATER)
    assert await save_practice(replace(new, absences=(days_off(20, 22),)), now=LATER)


async def test_address_that_is_nobody_s_is_not_stored(database: None) -> None:
    with pytest.raises(ConfigurationError, match="address that is not of this file"):
        await f.make_practice(settings=Settings(on_call_person="nobody@x.example"))
    assert await fetch_value("SELECT count(*) FROM practice") == 0


async def test_days_and_alerts_are_stored_and_change_with_the_file(database: None) -> None:
    camille, *others = f.EVERY_ROLE
    changed = replace(camille, days=(0, 1), alerts="none")
    for first, stored in ((changed, ([0, 1], "none")), (camille, (None, "email"))):
        await save_practice(f.new_practice(staff=(first, *others)), now=f.MONDAY)
        row: Any = await fetch_one("SELECT days, alerts FROM staff WHERE name = 'Camille Roux'")
        assert (row["days"] and json.loads(row["days"]), row["alerts"]) == stored


async def test_changed_file_tries_an_address_again_from_which_mail_came_back(database: None) -> None:
    await save_practice(f.new_practice(), now=f.MONDAY)
    await fetch("UPDATE staff SET email_invalid_at = $1", f.MONDAY)
    await save_practice(f.new_practice(), now=LATER)
    assert await fetch_value("SELECT count(*) FROM staff WHERE email_invalid_at IS NULL") == 0
    await save_practice(f.new_practice(name="Autre nom"), now=LATER)
    assert await fetch_value("SELECT count(*) FROM staff WHERE email_invalid_at IS NOT NULL") == 0


async def test_practitioner_is_linked_to_a_member_of_staff_and_can_be_unlinked(database: None) -> None:
    people = [
        NewPractitioner("Alix Martin", "dental", 50, 10, staff=CAMILLE),
        NewPractitioner("Dominique Ba", "dental", 50, 10),
    ]
    for one in (people, [replace(people[0], staff=None), people[1]]):
        await save_practice(f.new_practice(staff=f.EVERY_ROLE, practitioners=tuple(one)), now=f.MONDAY)
        assert await practitioners() == {"Alix Martin": one[0].staff and "Camille Roux", "Dominique Ba": None}


async def test_practitioner_first_met_in_an_import_is_linked_when_a_file_names_them(database: None) -> None:
    practice = await f.make_practice(practitioners=())
    await f.make_absence(practice, practitioner="LEFEVRE Maxime")
    assert await practitioners() == {"LEFEVRE Maxime": None}
    await save_practice(f.new_practice(practitioners=(), staff=f.EVERY_ROLE), now=LATER)
    assert await practitioners() == {"LEFEVRE Maxime": "Maxime Lefèvre"}


async def test_leave_of_the_file_replaces_all_that_is_not_over(database: None) -> None:
    await save_practice(f.new_practice(staff=f.EVERY_ROLE, absences=(days_off(2, 6), days_off(9, 16))), now=f.MONDAY)
    assert await leave() == [("Sacha Morel", date(2026, 11, 9), date(2026, 11, 16), None)]
    later = f.local(17, 9)
    await save_practice(
        f.new_practice(staff=f.EVERY_ROLE, absences=(days_off(20, 24, ANDREA), days_off(26, 27))), now=later
    )
    await save_practice(f.new_practice(staff=f.EVERY_ROLE, absences=(days_off(20, 21, ANDREA),)), now=later)
    assert await leave() == [
        ("Sacha Morel", date(2026, 11, 9), date(2026, 11, 16), None),
        ("Sacha Morel", date(2026, 11, 20), date(2026, 11, 21), "Andrea Blanc"),
    ]


async def test_file_without_leave_says_nothing_of_what_was_recorded_by_hand(database: None) -> None:
    await save_practice(f.new_practice(staff=f.EVERY_ROLE, absences=(days_off(20, 24),)), now=f.MONDAY)
    await save_practice(f.new_practice(staff=f.EVERY_ROLE), now=LATER)
    assert len(await leave()) == 1


async def test_stored_plan_asks_the_person_whom_the_file_named(database: None) -> None:
    own = Plan("high_risk", OWN.steps)
    await save_practice(f.new_practice(settings=Settings(plans={"high_risk": own}), staff=f.EVERY_ROLE), now=f.MONDAY)
    practice = await only_practice()
    here = await staffing(practice, practitioner=None, now=f.MONDAY)
    (call, _) = practice.settings.plan_for("general", high_risk=True).human_steps
    asked = here.team.for_target(call.assignee)
    assert asked is not None
    assert await fetch_value("SELECT name FROM staff WHERE id = $1", asked.id) == "Sacha Morel"

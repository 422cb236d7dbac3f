"""Who would be asked and cannot be."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from db.changes.practices import NewClosure, NewPractitioner, NewStaffAbsence
from db.engine import fetch
from db.queries.coverage import Coverage, LeaveAlone, NeverTold, Why, coverage
from db.queries.practices import only_practice
from db.rules.plans import Plan, Step, StepKind
from db.rules.settings import Settings
from db.states import Channel, Role
from tests import factories as f

SACHA = "sacha@tilleuls.example"
CLOSED = NewClosure(date(2026, 11, 23), date(2026, 11, 27))
OFF = {"none": "alerts = 'none'", "bounced": "email_invalid_at = now()", "gone": "active = false"}


async def covered(**changes: Any) -> Coverage:
    return await coverage(await f.make_practice(**{"staff": f.EVERY_ROLE, **changes}), now=f.MONDAY)


async def after(name: str, change: str) -> Coverage:
    await fetch(f"UPDATE staff SET {change} WHERE name = $1", name)
    return await coverage(await only_practice(), now=f.MONDAY)


async def test_practice_with_somebody_in_every_role_lacks_nobody(database: None) -> None:
    assert await covered() == Coverage((), (), 1, (), (), None)


async def test_small_practice_lacks_roles_and_its_practitioner(database: None) -> None:
    found = await covered(staff=f.new_practice().staff)
    assert found.roles == (Role.CARE_COORDINATOR, Role.CLINICAL_LEAD)
    assert found.unknown == ("Maxime Lefèvre",)


@pytest.mark.parametrize(
    ("change", "why"), [("none", Why.NO_ALERTS), ("bounced", Why.MAIL_CAME_BACK), ("gone", Why.GONE)]
)
@pytest.mark.parametrize("name", ["Andrea Blanc", "Maxime Lefèvre"], ids=["of a role", "who treats"])
async def test_target_who_cannot_be_told_is_named(database: None, name: str, change: str, why: Why) -> None:
    await covered()
    found = await after(name, OFF[change])
    assert NeverTold(name, why) in found.never_told
    assert found.roles == ((Role.CLINICAL_LEAD,) if (name, change) == ("Andrea Blanc", "gone") else ())


async def test_who_chose_not_to_be_told_is_no_fault_while_another_has_the_role(database: None) -> None:
    another = replace(f.EVERY_ROLE[2], name="Lou Garnier", email="lou@tilleuls.example")
    await covered(staff=(*f.EVERY_ROLE, another))
    assert (await after("Sacha Morel", OFF["none"])).never_told == ()
    found = await after("Lou Garnier", OFF["bounced"])
    assert set(found.never_told) == {
        NeverTold("Sacha Morel", Why.NO_ALERTS),
        NeverTold("Lou Garnier", Why.MAIL_CAME_BACK),
    }


async def test_person_whom_a_plan_names_is_found_by_reference(database: None) -> None:
    own = Plan("own", (Step(0, "first", Channel.SMS), Step(1, kind=StepKind.CALL, assignee="lou@tilleuls.example")))
    lou = replace(f.EVERY_ROLE[0], name="Lou Garnier", email="lou@tilleuls.example")
    await covered(staff=(*f.EVERY_ROLE, lou), settings=Settings(plans={"own": own}))
    found = await after("Lou Garnier", OFF["gone"])
    assert found.never_told == (NeverTold("Lou Garnier", Why.GONE),)


@pytest.mark.parametrize(
    ("stand_in", "fallback", "alone"),
    [(None, None, True), ("andrea@tilleuls.example", None, False), (None, "andrea@tilleuls.example", False)],
    ids=["nobody", "a stand-in", "a fallback"],
)
async def test_leave_of_the_only_one_of_a_role_needs_somebody_instead(
    database: None, stand_in: str | None, fallback: str | None, alone: bool
) -> None:
    days = date(2026, 11, 20), date(2026, 11, 24)
    staff = tuple(replace(one, fallback=fallback) if one.email == SACHA else one for one in f.EVERY_ROLE)
    found = await covered(staff=staff, absences=(NewStaffAbsence(SACHA, *days, stand_in),))
    assert found.leave == ((LeaveAlone("Sacha Morel", Role.CARE_COORDINATOR, *days),) if alone else ())


async def test_leave_is_no_gap_while_another_has_the_role(database: None) -> None:
    sacha = replace(f.EVERY_ROLE[2], fallback=None)
    lou = replace(sacha, name="Lou Garnier", email="lou@tilleuls.example")
    away = NewStaffAbsence(SACHA, date(2026, 11, 20), date(2026, 11, 24))
    assert (await covered(staff=(*f.EVERY_ROLE[:2], sacha, lou, *f.EVERY_ROLE[3:]), absences=(away,))).leave == ()


async def test_long_closure_needs_somebody_on_call(database: None) -> None:
    assert (await covered(closures=(CLOSED,))).closure == (date(2026, 11, 22), date(2026, 11, 27))
    assert (await covered(closures=(CLOSED,), settings=Settings(on_call_person=SACHA))).closure is None
    assert (await after("Sacha Morel", OFF["gone"])).closure is not None


async def test_closure_of_one_practitioner_is_none_of_the_practice(database: None) -> None:
    person = NewPractitioner("Maxime Lefèvre", "dental", 50, 10, staff="maxime@tilleuls.example")
    assert (
        await covered(practitioners=(person,), closures=(replace(CLOSED, practitioner=person.name),))
    ).closure is None

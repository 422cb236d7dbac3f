"""Leave of staff, and what becomes of their cases."""

from datetime import date, timedelta
from typing import Any

import pytest

from db.actors import Hand
from db.changes.human_steps import open_due_steps
from db.changes.staff import Away, Leave, end_leave, set_leave
from db.changes.watching import look_again
from db.changes.worklist import acknowledge_task, claim_task
from db.engine import fetch, fetch_value
from db.errors import NotFound, Refused
from db.queries.practices import Profile
from db.queries.team import staffing
from db.rules.risk import RiskRule
from tests import factories as f
from tests.db.changes.acts import story

TERMINAL = "staff:terminal"
TUESDAY = f.local(17, 10)
TODAY, WEEK_END = date(2026, 11, 17), date(2026, 11, 21)
Refs = dict[str, str]


@pytest.fixture
async def house(database: None) -> Profile:
    return await f.make_practice(staff=f.EVERY_ROLE)


@pytest.fixture
async def refs(house: Profile) -> Refs:
    return {row["name"].split()[0]: row["ref"] for row in await fetch("SELECT name, ref FROM staff")}


async def open_call(practice: Profile) -> str:
    """The call of a high-risk absence of Monday, which is Sacha's."""
    await f.make_absence(practice, risk_rules=frozenset({RiskRule.CHRONIC_CONDITIONS}))
    while await open_due_steps(now=TUESDAY):
        pass
    ref: str = await fetch_value("SELECT ref FROM task WHERE kind = 'call'")
    return ref


async def set_away(practice: Profile, ref: str, leave: Leave) -> Away:
    return await set_leave(ref, practice=practice.id, leave=leave, actor=TERMINAL, now=TUESDAY)


async def holder(task: str) -> tuple[str, str]:
    rows = await fetch(
        "SELECT t.status, s.name FROM task t LEFT JOIN staff s ON s.id = t.assignee WHERE t.ref = $1", task
    )
    return rows[0]["status"], rows[0]["name"]


async def days() -> list[tuple[date, date]]:
    rows = await fetch("SELECT starts_on, ends_on FROM staff_absence ORDER BY starts_on, id")
    return [(row["starts_on"], row["ends_on"]) for row in rows]


@pytest.mark.parametrize("seen", [False, True], ids=["open", "acknowledged"])
async def test_leave_that_has_begun_gives_the_cases_to_the_stand_in_at_once(
    house: Profile, refs: Refs, seen: bool
) -> None:
    task = await open_call(house)
    if seen:
        await acknowledge_task(task, practice=house.id, by=Hand(TERMINAL), now=TUESDAY)
    leave = Leave(TODAY, WEEK_END, refs["Andrea"])
    assert await set_away(house, refs["Sacha"], leave) == Away(changed=True, moved=1)
    assert await holder(task) == ("open", "Andrea Blanc")
    assert await story("task_reassigned") == [("task_reassigned", "away")]
    assert await fetch_value("SELECT count(*) FROM delivery WHERE message = 'case_moved'") == 1


async def test_the_same_leave_again_changes_nothing(house: Profile, refs: Refs) -> None:
    leave = Leave(TODAY, WEEK_END, refs["Andrea"])
    assert (await set_away(house, refs["Sacha"], leave)).changed
    assert not (await set_away(house, refs["Sacha"], leave)).changed
    assert await days() == [(TODAY, WEEK_END)]
    (row,) = await fetch("SELECT actor, subject_ref, data::text FROM journal WHERE event = 'staff_away'")
    assert (row["actor"], row["subject_ref"]) == (TERMINAL, refs["Sacha"])
    assert "2026-11-21" in row["data"]


async def test_without_a_stand_in_their_fallback_has_the_cases(house: Profile, refs: Refs) -> None:
    task = await open_call(house)
    await set_away(house, refs["Sacha"], Leave(TODAY, WEEK_END))
    assert await holder(task) == ("open", "Dominique Petit")


async def test_what_somebody_claimed_stays_with_them(house: Profile, refs: Refs) -> None:
    task = await open_call(house)
    sacha: int = await fetch_value("SELECT id FROM staff WHERE ref = $1", refs["Sacha"])
    await claim_task(task, practice=house.id, by=Hand(TERMINAL, sacha), now=TUESDAY)
    assert (await set_away(house, refs["Sacha"], Leave(TODAY, WEEK_END))).moved == 0
    assert await holder(task) == ("claimed", "Sacha Morel")


async def test_leave_that_lies_ahead_moves_nothing_until_the_case_is_looked_at_then(house: Profile, refs: Refs) -> None:
    task = await open_call(house)
    tomorrow = Leave(date(2026, 11, 18), WEEK_END, refs["Andrea"])
    assert await set_away(house, refs["Sacha"], tomorrow) == Away(changed=True)
    assert await holder(task) == ("open", "Sacha Morel")
    await fetch("UPDATE task SET look_at = $1", f.local(18, 9))
    await look_again(now=f.local(18, 9))
    assert await holder(task) == ("open", "Andrea Blanc")


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(2026, 11, 20), date(2026, 11, 18), "before it begins"),
        (date(2026, 11, 2), date(2026, 11, 16), "over already"),
        (TODAY, date(2062, 11, 18), "is the year right"),
    ],
)
async def test_leave_of_days_that_cannot_be_is_refused(
    house: Profile, refs: Refs, first: date, last: date, said: str
) -> None:
    with pytest.raises(Refused, match=said):
        await set_away(house, refs["Sacha"], Leave(first, last))
    assert await days() == []


@pytest.mark.parametrize(
    "change",
    ["alerts = 'none'", "email_invalid_at = now()", "active = false"],
    ids=lambda change: str(change).split()[0],
)
async def test_stand_in_who_cannot_be_told_is_refused(house: Profile, refs: Refs, change: str) -> None:
    await fetch(f"UPDATE staff SET {change} WHERE ref = $1", refs["Andrea"])
    with pytest.raises(Refused, match="Andrea Blanc cannot be told"):
        await set_away(house, refs["Sacha"], Leave(TODAY, WEEK_END, refs["Andrea"]))
    assert await days() == []


async def test_nobody_stands_in_for_themselves_and_strangers_do_not_either(house: Profile, refs: Refs) -> None:
    with pytest.raises(Refused, match="somebody else"):
        await set_away(house, refs["Sacha"], Leave(TODAY, WEEK_END, refs["Sacha"]))
    for stranger, stand_in in (("nobody", None), (refs["Sacha"], "nobody")):
        with pytest.raises(NotFound):
            await set_away(house, stranger, Leave(TODAY, WEEK_END, stand_in))


async def test_coming_back_ends_the_leave_and_leaves_what_is_planned(house: Profile, refs: Refs) -> None:
    ahead = Leave(date(2026, 12, 21), date(2026, 12, 24))
    for leave in (Leave(date(2026, 11, 16), WEEK_END), Leave(TODAY, WEEK_END), ahead):
        await set_away(house, refs["Sacha"], leave)
    told = [await end_leave(refs["Sacha"], practice=house.id, actor=TERMINAL, now=TUESDAY) for _ in range(2)]
    assert told == [True, False]
    assert await days() == [(date(2026, 11, 16), date(2026, 11, 16)), (ahead.starts_on, ahead.ends_on)]
    assert await story("staff_back") == [("staff_back", None)]
    here = await staffing(house, practitioner=None, now=TUESDAY)
    sacha: Any = here.team.person(refs["Sacha"])
    assert sacha.present


async def test_planned_leave_is_taken_back_when_that_is_said(house: Profile, refs: Refs) -> None:
    await set_away(house, refs["Sacha"], Leave(TODAY + timedelta(days=9), TODAY + timedelta(days=12)))
    assert not await end_leave(refs["Sacha"], practice=house.id, actor=TERMINAL, now=TUESDAY)
    assert await end_leave(refs["Sacha"], practice=house.id, planned=True, actor=TERMINAL, now=TUESDAY)
    assert await days() == []

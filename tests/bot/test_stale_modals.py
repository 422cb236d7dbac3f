"""A modal that is older than the case, or sent off twice: nothing more happens, and that is said."""

from datetime import timedelta

import pytest

from db.changes.worklist import claim_task, reassign_task, release_task
from db.clock import clock
from db.engine import fetch, fetch_value
from db.states import TaskKind, TaskStatus
from portal.demo.slack.person import Person
from tests import factories as f
from tests.bot.conftest import House
from tests.bot.waiting import eventually
from tests.db.changes.people import ANDREA, CAMILLE, CRISIS, MAXIME, SACHA, hand_of, open_steps, task

CHANGED = "Cette demande a changé entre-temps : rien de plus n’a été enregistré."


async def opened(person: Person, house: House, ref: str, action: str, value: str | None = None) -> None:
    await person.press(await house.message(ref), action, value)
    await eventually(lambda: person.modal)


async def entries() -> int:
    count: int = await fetch_value("SELECT count(*) FROM journal")
    return count


async def given(ref: str, house: House, to: str) -> None:
    by = await hand_of(ANDREA)
    await reassign_task(ref, practice=house.practice.id, to=to, by=by, now=clock.now())


async def test_a_case_that_went_to_somebody_else_meanwhile_is_not_given_on_unseen(channel_house: House) -> None:
    house, ref = channel_house, await channel_house.a_call()
    sacha = house.person(SACHA)
    await opened(sacha, house, ref, "case_more", f"reassign:{ref}")
    await given(ref, house, "practitioner")
    before = await entries()
    andrea = await fetch_value("SELECT ref FROM staff WHERE name = $1", ANDREA)
    await sacha.submit({("to", "choice"): andrea})
    assert sacha.modal is not None
    assert CHANGED in str(sacha.modal.body)
    assert await entries() == before


async def test_a_promise_for_a_case_that_was_taken_and_given_back_meanwhile_is_not_made(channel_house: House) -> None:
    house, ref = channel_house, await channel_house.a_call()
    sacha = house.person(SACHA)
    await opened(sacha, house, ref, "case_outcome")
    for change in (claim_task, release_task):
        await change(ref, practice=house.practice.id, by=await hand_of(SACHA), now=clock.now())
    before = await entries()
    until = clock.now().replace(microsecond=0) + timedelta(hours=3)
    await sacha.submit({("outcome", "choice"): "later", ("when", "choice"): until})
    assert CHANGED in str(sacha.modal and sacha.modal.body)
    assert (await task(ref))["status"] == "open"
    assert await entries() == before


@pytest.mark.parametrize("action", ["case_outcome", "case_more"])
async def test_a_clinical_case_that_was_given_to_the_front_desk_and_taken_from_it_is_not_theirs_any_more(
    channel_house: House, action: str
) -> None:
    house = channel_house
    await f.make_absence(house.practice, risk_rules=CRISIS)
    await open_steps(f.local(17, 9))
    ref = await fetch_value("SELECT ref FROM task WHERE kind = $1 AND status = $2", TaskKind.ALERT, TaskStatus.OPEN)
    await fetch("UPDATE task SET assignee = $1 WHERE ref = $2", (await hand_of(CAMILLE)).staff, ref)
    await house.tick()
    camille = house.person(CAMILLE)
    await opened(camille, house, ref, action, f"reassign:{ref}" if action == "case_more" else None)
    await fetch("UPDATE task SET assignee = $1 WHERE ref = $2", (await hand_of(MAXIME)).staff, ref)
    before = await entries()
    andrea = await fetch_value("SELECT ref FROM staff WHERE name = $1", ANDREA)
    fields = {("to", "choice"): andrea} if action == "case_more" else {("outcome", "choice"): "handled"}
    await camille.submit(fields)
    assert "ne peut pas être traitée avec votre fonction" in str(camille.modal and camille.modal.body)
    assert await entries() == before

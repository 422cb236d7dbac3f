"""A button that is older than the case: a copy of a press that comes late, or one on a message that nobody draws any
more. What was given anew since is for whoever sees that it was."""

from typing import Any

import pytest

from db.changes.worklist import acknowledge_task, claim_task, reassign_task, release_task
from db.clock import clock
from db.engine import fetch_value
from portal.demo.slack.person import Person
from portal.demo.slack.things import Message
from tests.bot.conftest import House, in_menu
from tests.bot.waiting import eventually
from tests.db.changes.people import ANDREA, SACHA, hand_of, task

CHANGED = "Cette demande a changé entre-temps : rien de plus n’a été enregistré."


async def entries() -> int:
    count: int = await fetch_value("SELECT count(*) FROM journal")
    return count


async def told(person: Person, message: Message) -> str:
    return (await eventually(lambda: person.whispers(message.channel)))[-1].text


async def moved(house: House, ref: str, *changes: Any) -> None:
    """Sacha's doing, in the staff pages."""
    for change in changes:
        await change(ref, practice=house.practice.id, by=await hand_of(SACHA), now=clock.now())


async def test_a_claim_that_slack_brings_again_after_the_case_was_given_back_takes_nothing(house: House) -> None:
    ref = await house.a_call()
    sacha, message = house.person(SACHA), await house.message(ref)
    await sacha.press(message, "case_mine")
    await house.tick()
    message = await house.message(ref)
    await sacha.press(message, "case_more", in_menu(message, "release"))
    assert (await task(ref))["status"] == "open"
    before = await entries()
    # The first press, as it was when it left.
    assert (await sacha.press(message, "case_mine", version=0)).ok
    said = await eventually(lambda: next((one.text for one in sacha.whispers() if CHANGED in one.text), None))
    assert f"/staff/cases/{ref}|Ouvrir le dossier>" in said
    assert (await task(ref))["status"] == "open"
    assert await entries() == before
    # The message as it is now takes it.
    await house.tick()
    await sacha.press(await house.message(ref), "case_mine")
    assert (await task(ref))["status"] == "claimed"


@pytest.mark.parametrize("action", ["case_seen", "case_mine"])
async def test_what_went_to_somebody_else_meanwhile_is_not_taken_by_an_old_button(
    channel_house: House, action: str
) -> None:
    house, ref = channel_house, await channel_house.a_call()
    andrea = await fetch_value("SELECT ref FROM staff WHERE name = $1", ANDREA)
    await reassign_task(ref, practice=house.practice.id, to=andrea, by=await hand_of(SACHA), now=clock.now())
    before = await entries()
    message = await house.message(ref)
    await house.person(SACHA).press(message, action)
    assert CHANGED in await told(house.person(SACHA), message)
    assert await entries() == before


async def test_a_giving_back_that_comes_again_leaves_what_was_taken_since(house: House) -> None:
    ref = await house.a_call()
    await moved(house, ref, claim_task)
    await house.tick()
    sacha, message = house.person(SACHA), await house.message(ref)
    await moved(house, ref, release_task, claim_task)
    await sacha.press(message, "case_more", in_menu(message, "release"))
    assert CHANGED in await told(sacha, message)
    assert (await task(ref))["status"] == "claimed"


async def test_that_somebody_has_seen_it_since_is_no_reason_not_to_take_it(channel_house: House) -> None:
    house, ref = channel_house, await channel_house.a_call()
    await moved(house, ref, acknowledge_task)
    await house.person(ANDREA).press(await house.message(ref), "case_mine")
    assert (await task(ref))["status"] == "claimed"


async def test_the_home_says_it_too_and_shows_the_case_as_it_is(house: House) -> None:
    ref = await house.a_call()
    sacha = house.person(SACHA)
    await sacha.open_home()
    view = await eventually(lambda: sacha.home)
    await moved(house, ref, claim_task, release_task)
    await sacha.press_in_view(view, "case_mine")
    await eventually(lambda: sacha.home and CHANGED in str(sacha.home.blocks))
    assert (await task(ref))["status"] == "open"
    await sacha.press_in_view(await eventually(lambda: sacha.home), "case_mine")
    assert (await task(ref))["status"] == "claimed"


@pytest.mark.parametrize(
    ("action", "old", "status"),
    [("case_seen", "{ref}", "acknowledged"), ("case_mine", "{ref}", "claimed"), ("case_more", "release:{ref}", "open")],
)
async def test_buttons_that_an_older_version_drew_go_on_working(
    house: House, action: str, old: str, status: str
) -> None:
    ref = await house.a_call()
    if action == "case_more":
        await moved(house, ref, acknowledge_task)
        await house.tick()
    sacha, message, old = house.person(SACHA), await house.message(ref), old.format(ref=ref)
    blocks = message.versions[-1][1]
    if action == "case_more":
        blocks[0]["accessory"]["options"][0]["value"] = old
        await sacha.press(message, action, old)
    else:
        next(one for one in blocks[2]["elements"] if one["action_id"] == action)["value"] = old
        await sacha.press(message, action)
    assert (await task(ref))["status"] == status

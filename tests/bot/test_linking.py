"""Who somebody is at Slack."""

import pytest

from db.changes.slack import link_slack, unlink_slack
from db.clock import clock
from db.engine import fetch, fetch_value
from db.errors import NotFound, Refused
from tests.bot.conftest import CHANNEL, House
from tests.db.changes.people import ANDREA, SACHA


async def ref_of(name: str) -> str:
    found: str = await fetch_value("SELECT ref FROM staff WHERE name = $1", name)
    return found


async def log() -> list[str]:
    return [row["event"] for row in await fetch("SELECT event FROM security_log ORDER BY id")]


async def test_linking_twice_is_linking_once_and_stands_in_the_security_log(house: House) -> None:
    ref = await ref_of("Dominique Petit")
    before = len(await log())
    for changed in (True, False):
        done = await link_slack(ref, practice=house.practice.id, slack_user="U0NEW", actor="installer", now=clock.now())
        assert done is changed
    assert (await log())[before:] == ["slack_linked"]
    for changed in (True, False):
        assert await unlink_slack(ref, practice=house.practice.id, actor="installer", now=clock.now()) is changed
    assert (await log())[before:] == ["slack_linked", "slack_unlinked"]


async def test_a_slack_user_is_one_person(house: House) -> None:
    taken = house.users[SACHA]
    with pytest.raises(Refused, match="Sacha Morel"):
        await link_slack(
            await ref_of(ANDREA), practice=house.practice.id, slack_user=taken, actor="installer", now=clock.now()
        )
    await fetch("UPDATE staff SET active = false WHERE name = $1", SACHA)
    assert await link_slack(
        await ref_of(ANDREA), practice=house.practice.id, slack_user=taken, actor="installer", now=clock.now()
    )


@pytest.mark.parametrize("user", ["", "sacha", "C0SUIVI", "U", "U1; DROP", "u0sacha", "U" + "A" * 40])
async def test_only_an_id_of_a_user_links(house: House, user: str) -> None:
    with pytest.raises(Refused):
        await link_slack(
            await ref_of(SACHA), practice=house.practice.id, slack_user=user, actor="installer", now=clock.now()
        )


async def test_nobody_is_linked_who_does_not_work_here(house: House) -> None:
    with pytest.raises(NotFound):
        await link_slack("nobody", practice=house.practice.id, slack_user="U0X", actor="installer", now=clock.now())
    with pytest.raises(NotFound):
        await unlink_slack(await ref_of(SACHA), practice=99, actor="installer", now=clock.now())


async def test_unlinking_lets_held_emails_go_and_moves_the_cases_to_the_channel(house: House) -> None:
    house.slack.control.fail()
    ref = await house.a_call()
    house.slack.control.all_well()
    await unlink_slack(await ref_of(SACHA), practice=house.practice.id, actor="installer", now=clock.now())
    [email] = await house.emails_held()
    assert email["attempt_at"] <= clock.now()
    await house.settle()
    assert (await house.message(ref)).channel == CHANNEL


async def test_linking_brings_the_open_cases_over(house: House) -> None:
    await unlink_slack(await ref_of(SACHA), practice=house.practice.id, actor="installer", now=clock.now())
    ref = await house.a_call()
    assert (await house.message(ref)).channel == CHANNEL
    await link_slack(
        await ref_of(SACHA), practice=house.practice.id, slack_user=house.users[SACHA], actor="x", now=clock.now()
    )
    await house.tick()
    assert (await house.message(ref)).channel == house.person(SACHA).direct.id

"""Slack in every kind of trouble: no alert is lost, whoever should hear of it does, and a Slack that comes back sees
each open case once, as it is then."""

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from db.changes.practices import change_access
from db.changes.slack import unlink_slack
from db.changes.worklist import acknowledge_task, claim_task, reassign_task
from db.clock import clock
from db.config import Config
from db.engine import fetch, fetch_value
from db.queries.practices import sending
from db.queries.slack import slack_trouble
from db.states import CallOutcome, DeliveryStatus, Reason
from jobs.ticks import Post
from portal.demo.slack.control import Control
from tests import factories as f
from tests.bot.conftest import CHANNEL, House, access
from tests.db.changes.people import ANDREA, CALL_DUE, RISK, SACHA, ended, hand_of, open_steps
from tests.fakes.smtp import smtp_server

TWO_MINUTES = timedelta(minutes=2)
NOT_IN_SLACK = "n’a pas pu vous être remis dans Slack"
Break = Callable[[House], Any]


async def held(house: House) -> list[bool]:
    """Of each email that may still go: whether it is still held back."""
    emails = [row for row in await house.emails_held() if row["status"] == DeliveryStatus.PLANNED]
    return [row["attempt_at"] > clock.now() for row in emails]


def with_sacha_gone(house: House) -> None:
    house.slack.control.deactivate(house.users[SACHA])
    house.slack.control.archive(CHANNEL)


PASSING: dict[str, Break] = {
    "an error of the server": lambda house: house.slack.control.fail("chat.postMessage"),
    "a reset": lambda house: house.slack.control.reset("chat.postMessage"),
    "a limit": lambda house: house.slack.control.limit("chat.postMessage", retry_after=30),
    "no answer to the first question": lambda house: house.slack.control.fail("conversations.open", status=503),
    "its own fatal error": lambda house: house.slack.control.refuse("chat.postMessage", code="fatal_error"),
}
LASTING: dict[str, Break] = {
    "token revoked": lambda house: house.slack.control.revoke_token(),
    "app removed": lambda house: house.slack.control.remove_app(),
    "a scope missing": lambda house: house.slack.control.take_scope("chat:write"),
    "message too long": lambda house: house.slack.control.refuse("chat.postMessage", code="msg_too_long"),
    "something that nobody knows": lambda house: house.slack.control.refuse("chat.postMessage", code="new_thing"),
    "person deactivated and channel archived": with_sacha_gone,
}


@pytest.mark.parametrize("what", PASSING)
async def test_while_slack_does_not_answer_the_email_goes_after_two_minutes(house: House, what: str) -> None:
    PASSING[what](house)
    ref = await house.a_call()
    assert (await house.post(ref))["error"] is not None
    assert await held(house) == [True]
    clock.move_by(TWO_MINUTES)
    assert await held(house) == [False]
    assert await slack_trouble(house.practice.id) is not None
    house.slack.control.all_well()
    await house.settle()
    assert await house.shows_the_database(ref)
    assert await slack_trouble(house.practice.id) is None


@pytest.mark.parametrize("what", LASTING)
async def test_where_slack_refuses_for_good_the_email_goes_at_once(house: House, what: str) -> None:
    LASTING[what](house)
    ref = await house.a_call()
    assert await held(house) == [False]
    assert (await house.post(ref))["stale"]
    house.slack.control.give_scope("chat:write")
    house.slack.control.all_well()
    await house.settle()
    assert await house.shows_the_database(ref)


async def mailed(house: House, config: Config) -> list[str]:
    """The emails to staff that are due, sent for good; each as it reads."""
    async with smtp_server() as smtp:
        saved = await sending(house.practice.id)
        port = {**saved.smtp, "port": smtp.port}
        await change_access(house.practice.id, smtp=port, sms=saved.sms, slack=saved.slack, now=clock.now())
        human = Post(config, "human")
        await human.send_due()
        await human.close()
        assert {tuple(mail.rcpt_tos) for mail in smtp.received} <= {("sacha@tilleuls.example",)}
        read = [message_from_bytes(mail.content, policy=default) for mail in smtp.received]
    return [part.get_content() for mail in read if (part := mail.get_body(("plain",))) is not None]


async def test_the_fallback_email_is_the_discreet_one_and_says_that_slack_has_not_taken_it(
    house: House, config: Config
) -> None:
    house.slack.control.remove_app()
    ref = await house.a_call()
    [text] = await mailed(house, config)
    assert ref in text
    assert NOT_IN_SLACK in text


@pytest.mark.parametrize("why", ["not linked", "no longer linked", "without Slack"])
async def test_where_email_is_the_persons_way_it_says_nothing_of_slack(house: House, config: Config, why: str) -> None:
    person = await fetch_value("SELECT ref FROM staff WHERE name = $1", SACHA)
    if why == "not linked":
        await fetch("UPDATE staff SET slack_user = NULL WHERE ref = $1", person)
    house.slack.control.fail()
    ref = await house.a_call()
    if why == "no longer linked":
        await unlink_slack(person, practice=house.practice.id, actor="installer", now=clock.now())
    elif why == "without Slack":
        await fetch("UPDATE practice SET settings = settings || jsonb_build_object('slack_route', '')")
        clock.move_by(TWO_MINUTES)
    [text] = await mailed(house, config)
    assert ref in text
    assert "Slack" not in text


async def test_a_message_that_comes_once_slack_is_back_says_who_was_told_by_email_meanwhile(
    house: House, config: Config
) -> None:
    house.slack.control.fail()
    ref = await house.a_call()
    clock.move_by(TWO_MINUTES)
    assert len(await mailed(house, config)) == 1
    house.slack.control.all_well()
    await house.settle()
    assert await house.shows_the_database(ref)
    message = await house.message(ref)
    [told] = house.person(SACHA).thread(message)
    said = f"annoncée par e-mail à <@{house.users[SACHA]}>, Slack n’étant pas disponible"
    assert said in told.blocks[0]["text"]["text"]
    # Once, and nothing of what had been before.
    await claim_task(ref, practice=house.practice.id, by=await hand_of(SACHA), now=clock.now())
    await house.settle()
    assert [said in str(one.blocks) for one in house.person(SACHA).thread(message)] == [True, False]


async def test_a_limit_is_honoured_to_the_second(house: House) -> None:
    house.slack.control.limit("chat.postMessage", retry_after=30, times=1)
    ref = await house.a_call()
    before = len(house.slack.record)
    for _ in range(3):
        await house.tick()
    assert len(house.slack.record) == before
    clock.move_by(timedelta(seconds=31))
    await house.tick()
    assert await house.shows_the_database(ref)


async def test_while_slack_is_down_one_case_alone_is_tried(house: House) -> None:
    house.slack.control.fail()
    for _ in range(5):
        await f.make_absence(house.practice, risk_rules=RISK)
    await open_steps(CALL_DUE)
    await house.tick()
    tried = len(house.slack.record)
    for _ in range(10):
        await house.tick()
    assert len(house.slack.record) == tried
    clock.move_by(timedelta(seconds=61))
    await house.tick()
    assert len(house.slack.record) == tried + 1


async def test_a_slack_that_comes_back_sees_each_open_case_once_as_it_is_then(house: House) -> None:
    house.slack.control.fail()
    refs = []
    for _ in range(6):
        absence = await f.make_absence(house.practice, risk_rules=RISK)
        await open_steps(CALL_DUE)
        await house.tick()
        refs.append(await fetch_value("SELECT ref FROM task WHERE status = 'open' ORDER BY id DESC LIMIT 1"))
        del absence
    sacha = await hand_of(SACHA)
    for ref in refs[:3]:
        await acknowledge_task(ref, practice=house.practice.id, by=sacha, now=clock.now())
        await claim_task(ref, practice=house.practice.id, by=sacha, now=clock.now())
    await ended(refs[0], CallOutcome.NO_ANSWER, house.practice, clock.now())
    house.slack.control.all_well()
    clock.move_by(timedelta(minutes=2))
    house.slack.record.clear()
    for _ in range(3):
        await house.tick()
    posted = house.slack.record.of("chat.postMessage")
    assert len(posted) == 5
    assert all("thread_ts" not in call.payload for call in posted)
    for ref in refs[1:]:
        assert await house.shows_the_database(ref)
    assert (await house.post(refs[0]))["ts"] is None


async def test_a_message_whose_answer_was_lost_is_ambiguous_and_posted_once_more(house: House) -> None:
    house.slack.control.drop_answer("chat.postMessage", times=1)
    ref = await house.a_call()
    assert (await house.post(ref))["ambiguous"]
    await house.settle()
    assert len(house.person(SACHA).messages()) == 2
    assert await house.shows_the_database(ref)
    # Either copy acts on the case.
    first, second = house.person(SACHA).messages()
    await house.person(SACHA).press(first, "case_mine")
    assert await fetch_value("SELECT status FROM task WHERE ref = $1", ref) == "claimed"
    await house.tick()
    assert await house.shows_the_database(ref)
    assert (await house.message(ref)).ts == second.ts


async def test_a_worker_that_dies_after_slack_took_the_message_leaves_it_ambiguous(house: House) -> None:
    ref = await house.a_call()
    row = await house.post(ref)
    await fetch(
        "UPDATE slack_post SET channel = NULL, ts = NULL, stale = false, lease_until = $2 WHERE id = $1",
        row["id"],
        clock.now() + timedelta(seconds=5),
    )
    await house.tick()
    assert (await house.post(ref))["ts"] is None
    clock.move_by(timedelta(seconds=6))
    await house.tick()
    found = await house.post(ref)
    assert found["ambiguous"]
    assert await house.shows_the_database(ref)


async def test_a_worker_that_dies_over_a_message_that_stands_draws_it_again(house: House) -> None:
    ref = await house.a_call()
    await claim_task(ref, practice=house.practice.id, by=await hand_of(SACHA), now=clock.now())
    await fetch("UPDATE slack_post SET stale = false, lease_until = $1", clock.now() - timedelta(seconds=1))
    await house.tick()
    assert await house.shows_the_database(ref)
    assert not (await house.post(ref))["ambiguous"]


async def test_a_lost_answer_to_an_update_costs_nothing(house: House) -> None:
    ref = await house.a_call()
    house.slack.control.drop_answer("chat.update", times=1)
    await acknowledge_task(ref, practice=house.practice.id, by=await hand_of(SACHA), now=clock.now())
    await house.tick()
    await house.settle()
    assert await house.shows_the_database(ref)
    assert not (await house.post(ref))["ambiguous"]
    assert len(house.person(SACHA).messages()) == 1


async def test_an_archived_channel_does_not_hold_up_direct_messages(house: House) -> None:
    await fetch("UPDATE staff SET slack_user = NULL WHERE name = $1", ANDREA)
    house.slack.control.archive(CHANNEL)
    mine, theirs = await house.a_call(), await house.a_call()
    andrea = await fetch_value("SELECT ref FROM staff WHERE name = $1", ANDREA)
    by = await hand_of(SACHA)
    await reassign_task(theirs, practice=house.practice.id, to=andrea, by=by, now=clock.now())
    await acknowledge_task(mine, practice=house.practice.id, by=by, now=clock.now())
    await house.tick()
    assert (await house.post(theirs))["error"] == "is_archived"
    assert await house.shows_the_database(mine)
    house.slack.control.unarchive(CHANNEL)
    await house.settle()
    assert await house.shows_the_database(theirs)


async def test_a_person_whose_slack_account_is_deactivated_is_told_by_email_and_the_channel_sees_the_case(
    house: House,
) -> None:
    house.slack.control.deactivate(house.users[SACHA])
    ref = await house.a_call()
    assert (await house.message(ref)).channel == CHANNEL
    assert await held(house) == [False]
    assert await house.shows_the_database(ref)
    # Nothing was written to somebody who does not read.
    assert house.users[SACHA] not in {call.payload.get("channel") for call in house.slack.record.of("chat.postMessage")}


async def test_the_bot_taken_out_of_the_channel_moves_the_case_to_email(channel_house: House) -> None:
    house = channel_house
    house.slack.control.kick(CHANNEL)
    ref = await house.a_call()
    assert await held(house) == [False]
    house.slack.control.invite(CHANNEL)
    await house.settle()
    assert await house.shows_the_database(ref)


async def test_new_credentials_are_used_as_soon_as_they_are_set_up(house: House) -> None:
    house.slack.control.token = "xoxb-the-new-one"
    ref = await house.a_call()
    assert (await house.post(ref))["error"] == "invalid_auth"
    saved = await sending(house.practice.id)
    new = access(house.slack, bot_token="xoxb-the-new-one")
    await change_access(house.practice.id, smtp=saved.smtp, sms=saved.sms, slack=new, now=clock.now())
    clock.move_by(timedelta(seconds=3))
    await house.tick()
    assert await house.shows_the_database(ref)


async def test_a_case_that_slack_chokes_on_does_not_starve_the_others(house: House) -> None:
    bad, good = await house.a_call(), await house.a_call()
    by = await hand_of(SACHA)
    for ref in (bad, good):
        await acknowledge_task(ref, practice=house.practice.id, by=by, now=clock.now())
    house.slack.control.fail("chat.update", times=1)
    await house.tick()
    for _ in range(6):
        clock.move_by(timedelta(seconds=5))
        await house.tick()
    assert await house.shows_the_database(bad)
    assert await house.shows_the_database(good)


async def test_what_is_said_of_trouble_names_it(house: House) -> None:
    house.slack.control.remove_app()
    await house.a_call()
    trouble = await slack_trouble(house.practice.id)
    assert trouble is not None
    assert (trouble.error, trouble.cases) == ("account_inactive", 1)
    assert isinstance(house.slack.control, Control)
    assert Reason.TOLD_IN_SLACK not in [row["reason"] for row in await house.emails_held()]


async def test_a_channel_that_comes_back_from_the_archive_shows_each_case_once_as_it_is_then(
    channel_house: House,
) -> None:
    house = channel_house
    taken, over = await house.a_call(), await house.a_call()
    house.slack.control.archive(CHANNEL)
    await claim_task(taken, practice=house.practice.id, by=await hand_of(ANDREA), now=clock.now())
    await ended(over, CallOutcome.NO_ANSWER, house.practice, clock.now())
    await house.tick()
    trouble = await slack_trouble(house.practice.id)
    assert trouble is not None
    # The one that is over waits for nothing.
    assert (trouble.error, trouble.cases) == ("is_inactive", 1)
    house.slack.control.unarchive(CHANNEL)
    await house.settle()
    for ref in (taken, over):
        assert await house.shows_the_database(ref)
        assert len([one for one in house.person(SACHA).messages(CHANNEL) if ref in one.text]) == 1


async def test_a_case_that_ended_long_ago_in_a_channel_that_is_gone_is_left_alone(channel_house: House) -> None:
    house = channel_house
    ref = await house.a_call()
    house.slack.control.archive(CHANNEL)
    await ended(ref, CallOutcome.NO_ANSWER, house.practice, clock.now())
    await house.tick()
    assert (await house.post(ref))["stale"]
    clock.move_by(timedelta(days=3))
    await house.restart()
    await house.tick()
    assert not (await house.post(ref))["stale"]


async def test_that_somebody_reads_nothing_in_slack_is_said_until_they_are_back(house: House) -> None:
    house.slack.control.deactivate(house.users[SACHA])
    ref = await house.a_call()
    trouble = await slack_trouble(house.practice.id)
    assert trouble is not None
    assert trouble.error == "user_disabled"
    # A change is drawn at once all the same.
    await acknowledge_task(ref, practice=house.practice.id, by=await hand_of(ANDREA), now=clock.now())
    await house.tick()
    assert await house.shows_the_database(ref)
    house.slack.control.reactivate(house.users[SACHA])
    clock.move_by(timedelta(minutes=6))
    await house.tick()
    assert (await house.message(ref)).channel == house.person(SACHA).direct.id
    assert await slack_trouble(house.practice.id) is None


async def test_a_token_that_works_again_sees_what_is_open_once_and_nothing_of_what_is_over(house: House) -> None:
    stands, over = await house.a_call(), await house.a_call()
    house.slack.control.revoke_token()
    by = await hand_of(SACHA)
    await claim_task(stands, practice=house.practice.id, by=by, now=clock.now())
    unheard = await house.a_call()
    await ended(unheard, CallOutcome.NO_ANSWER, house.practice, clock.now())
    new = await house.a_call()
    house.slack.control.restore_app()
    house.slack.record.clear()
    await house.settle()
    posted = [call.payload for call in house.slack.record.of("chat.postMessage") if "thread_ts" not in call.payload]
    assert [new in one["text"] for one in posted] == [True]
    for ref in (stands, over, new):
        assert await house.shows_the_database(ref)
    assert (await house.post(unheard))["ts"] is None


async def test_a_limit_on_updates_keeps_the_message_and_waits(house: House) -> None:
    ref = await house.a_call()
    house.slack.control.limit("chat.update", retry_after=20, times=1)
    await claim_task(ref, practice=house.practice.id, by=await hand_of(SACHA), now=clock.now())
    await house.tick()
    before = len(house.slack.record)
    clock.move_by(timedelta(seconds=15))
    await house.tick()
    assert len(house.slack.record) == before
    clock.move_by(timedelta(seconds=6))
    await house.tick()
    assert await house.shows_the_database(ref)
    assert len(house.person(SACHA).messages()) == 1

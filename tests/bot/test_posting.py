"""Each case is one message at Slack, where it belongs, as it is now; what concerns a person is told to them."""

import asyncio
from datetime import timedelta

from db.actors import SYSTEM
from db.changes._journal import Entry, Event, record
from db.changes.watching import look_again
from db.changes.worklist import acknowledge_task, claim_task, escalate_task, reassign_task, release_task
from db.clock import clock
from db.engine import fetch, fetch_value, transaction
from db.states import CallOutcome, DeliveryStatus, Reason, TaskKind
from portal.demo.slack.double import SlackDouble
from tests import factories as f
from tests.bot.conftest import CHANNEL, House, a_house
from tests.db.changes.people import (
    ANDREA,
    CALL_DUE,
    CAMILLE,
    CRISIS,
    MAXIME,
    SACHA,
    ended,
    hand_of,
    make_house,
    open_steps,
    ref_of,
)


async def texts(house: House, name: str) -> list[str]:
    """What stands in somebody's direct messages, by its notification text."""
    return [message.text for message in house.person(name).messages()]


async def emails(house: House) -> list[tuple[str, str, str | None]]:
    return [(row["message"], row["status"], row["reason"]) for row in await house.emails_held()]


async def test_a_case_is_one_message_to_whoever_has_it(house: House) -> None:
    ref = await house.a_call()
    assert len(house.person(SACHA).messages()) == 1
    assert await house.shows_the_database(ref)
    assert house.person(ANDREA).messages() == []
    assert house.channel.id not in house.slack.workspace.messages
    row = await house.post(ref)
    assert (row["stale"], row["lease_until"], row["error"], row["ambiguous"]) == (False, None, None, False)


async def test_a_message_that_came_spares_the_email(house: House) -> None:
    await house.a_call()
    assert await emails(house) == [("case_opened", DeliveryStatus.SKIPPED, Reason.TOLD_IN_SLACK)]
    assert ("message_skipped", Reason.TOLD_IN_SLACK) in await f.events()


async def test_nothing_unfurls(house: House) -> None:
    await house.a_call()
    [call] = house.slack.record.of("chat.postMessage")
    assert call.payload["unfurl_links"] is False
    assert call.payload["unfurl_media"] is False


async def test_every_move_is_drawn_in_place_and_told_in_the_thread(house: House) -> None:
    ref = await house.a_call()
    sacha = await hand_of(SACHA)
    for move in (acknowledge_task, claim_task, release_task):
        await move(ref, practice=house.practice.id, by=sacha, now=clock.now())
        await house.tick()
        assert await house.shows_the_database(ref)
    await ended(ref, CallOutcome.LEFT_MESSAGE, house.practice, clock.now())
    await house.tick()
    assert await house.shows_the_database(ref)
    [message] = house.person(SACHA).messages()
    said = [one.blocks[0]["text"]["text"].partition("> : ")[2] for one in house.person(SACHA).thread(message)]
    who = f"<@{house.users[SACHA]}>"
    assert said == [
        f"vue par {who}",
        f"prise en charge par {who}",
        f"de nouveau à prendre ({who})",
        f"terminée par {who}",
    ]


async def test_a_closed_case_keeps_its_message_and_has_nothing_to_press(house: House) -> None:
    ref = await house.a_call()
    await ended(ref, CallOutcome.REACHED_REBOOKED, house.practice, clock.now())
    await house.tick()
    message = await house.message(ref)
    assert [block["type"] for block in message.blocks] == ["section", "section", "context"]
    assert "terminée" in message.blocks[1]["text"]["text"]


async def test_a_case_that_ended_before_slack_heard_of_it_is_never_posted(house: House) -> None:
    house.slack.control.fail()
    ref = await house.a_call()
    await ended(ref, CallOutcome.NO_ANSWER, house.practice, clock.now())
    house.slack.control.all_well()
    await house.settle()
    assert house.person(SACHA).messages() == []
    assert (await house.post(ref))["ts"] is None


async def test_a_case_that_goes_to_somebody_else_moves_with_its_message(house: House) -> None:
    ref = await house.a_call()
    andrea = await fetch_value("SELECT ref FROM staff WHERE name = $1", ANDREA)
    by = await hand_of(SACHA)
    await reassign_task(ref, practice=house.practice.id, to=andrea, by=by, now=clock.now())
    await house.tick()
    assert await house.shows_the_database(ref)
    assert (await house.message(ref)).channel == house.person(ANDREA).direct.id
    [left] = house.person(SACHA).messages()
    assert left.text == f"Réf. {ref} : suivie dans un autre message."
    assert await texts(house, ANDREA) == [(await house.message(ref)).text]
    assert (await emails(house))[-1] == ("case_moved", DeliveryStatus.SKIPPED, Reason.TOLD_IN_SLACK)


async def test_whoever_claims_elsewhere_gets_the_message(house: House) -> None:
    ref = await house.a_call()
    await claim_task(ref, practice=house.practice.id, by=await hand_of(CAMILLE), now=clock.now())
    await house.tick()
    assert (await house.message(ref)).channel == house.person(CAMILLE).direct.id
    assert await house.shows_the_database(ref)


async def test_a_case_of_somebody_who_is_not_linked_stands_in_the_channel_and_goes_by_email(house: House) -> None:
    await fetch("UPDATE staff SET slack_user = NULL WHERE name = $1", SACHA)
    ref = await house.a_call()
    message = await house.message(ref)
    assert message.channel == CHANNEL
    assert "Sacha Morel" in message.blocks[1]["text"]["text"]
    [(name, status, _)] = await emails(house)
    assert (name, status) == ("case_opened", DeliveryStatus.PLANNED)
    [row] = await house.emails_held()
    assert row["attempt_at"] == row["due_at"]


async def test_by_channel_every_case_stands_there_and_names_whoever_has_it(channel_house: House) -> None:
    house = channel_house
    ref = await house.a_call()
    message = await house.message(ref)
    assert message.channel == CHANNEL
    assert f"<@{house.users[SACHA]}>" in message.blocks[1]["text"]["text"]
    assert (await emails(house))[0][1:] == (DeliveryStatus.SKIPPED, Reason.TOLD_IN_SLACK)
    await escalate_task(ref, practice=house.practice.id, by=await hand_of(SACHA), now=clock.now())
    await house.tick()
    assert (await house.message(ref)).ts == message.ts
    # An edited message calls nobody: the new holder is told directly, with a way back to it.
    [note] = house.person(ANDREA).messages()
    assert "vous est confiée" in note.blocks[0]["text"]["text"]
    assert f"/archives/{CHANNEL}/p" in note.blocks[1]["elements"][0]["text"]


async def test_a_nudge_is_told_in_the_thread_and_to_the_person(house: House) -> None:
    ref = await house.a_call()
    clock.move_by(timedelta(minutes=31))
    await look_again(now=clock.now())
    await house.tick()
    message = await house.message(ref)
    assert "nouvel avis envoyé" in house.person(SACHA).thread(message)[0].blocks[0]["text"]["text"]
    [_, note] = house.person(SACHA).messages()
    assert f"la demande réf. `{ref}` vous attend" in note.blocks[0]["text"]["text"]
    assert (await emails(house))[-1] == ("case_nudged", DeliveryStatus.SKIPPED, Reason.TOLD_IN_SLACK)


async def test_the_ladder_moves_the_message_up(house: House) -> None:
    ref = await house.a_call()
    for _ in range(2):
        clock.move_by(timedelta(minutes=31))
        await look_again(now=clock.now())
        await house.tick()
    message = await house.message(ref)
    assert message.channel == house.person(ANDREA).direct.id
    [told] = house.person(ANDREA).thread(message)
    assert "transmise à la personne suivante" in told.blocks[0]["text"]["text"]


async def test_under_a_crisis_flag_the_clinical_lead_hears_of_it_too_at_any_hour(house: House) -> None:
    clock.move_to(f.local(16, 23))
    await f.make_absence(house.practice, risk_rules=CRISIS, now=clock.now())
    clock.move_by(timedelta(hours=1))
    await open_steps(clock.now())
    await house.tick()
    told = [name for name in (SACHA, ANDREA, MAXIME) if house.person(name).messages()]
    assert ANDREA in told
    assert MAXIME in told


async def test_at_night_nothing_new_is_posted_but_for_a_crisis(house: House) -> None:
    clock.move_to(f.local(17, 22))
    ref = await house.a_call()
    await fetch("UPDATE slack_post SET attempt_at = $1", clock.now())
    assert await fetch_value("SELECT status FROM task WHERE ref = $1", ref) == "open"
    await house.tick()
    assert (await house.post(ref))["ts"] is None
    assert (await house.post(ref))["attempt_at"] == f.local(18, 9)
    clock.move_to(f.local(18, 9))
    await house.tick()
    assert await house.shows_the_database(ref)


async def test_at_night_what_somebody_does_is_drawn_at_once(house: House) -> None:
    ref = await house.a_call()
    clock.move_to(f.local(17, 21))
    andrea = await fetch_value("SELECT ref FROM staff WHERE name = $1", ANDREA)
    by = await hand_of(SACHA)
    await reassign_task(ref, practice=house.practice.id, to=andrea, by=by, now=clock.now())
    await house.tick()
    # Andrea is not disturbed: it moves in the morning.
    assert (await house.message(ref)).channel == house.person(SACHA).direct.id
    assert (await house.post(ref))["attempt_at"] == f.local(18, 9)
    clock.move_by(timedelta(minutes=30))
    await claim_task(ref, practice=house.practice.id, by=await hand_of(ANDREA), now=clock.now())
    await house.tick()
    assert (await house.message(ref)).channel == house.person(ANDREA).direct.id
    assert await house.shows_the_database(ref)


async def test_at_night_a_thread_tells_what_somebody_did_and_keeps_the_rest_for_the_morning(house: House) -> None:
    ref = await house.a_call()
    message = await house.message(ref)
    clock.move_to(f.local(17, 22))
    patient = await fetch_value("SELECT p.ref FROM task t JOIN patient p ON p.id = t.patient WHERE t.ref = $1", ref)
    nudged = Entry(Event.TASK_NUDGED, patient=patient, subject=ref)
    async with transaction():
        await record([nudged], practice=house.practice.id, actor=SYSTEM, now=clock.now())
        await fetch("UPDATE task SET nudged_at = $2 WHERE ref = $1", ref, clock.now())
    await house.tick()
    assert house.person(SACHA).thread(message) == []
    await acknowledge_task(ref, practice=house.practice.id, by=await hand_of(SACHA), now=clock.now())
    await house.tick()
    [told] = house.person(SACHA).thread(message)
    assert "nouvel avis envoyé" in told.blocks[0]["text"]["text"]
    assert "vue par" in told.blocks[0]["text"]["text"]


async def test_a_message_that_was_deleted_is_posted_anew(house: House) -> None:
    ref = await house.a_call()
    old = await house.message(ref)
    house.slack.control.delete_message(old.channel, old.ts)
    await claim_task(ref, practice=house.practice.id, by=await hand_of(SACHA), now=clock.now())
    await house.tick()
    assert (await house.message(ref)).ts != old.ts
    assert await house.shows_the_database(ref)


async def test_what_was_linked_or_unlinked_meanwhile_is_drawn_so(house: House) -> None:
    ref = await house.a_call()
    await fetch("UPDATE staff SET slack_user = NULL WHERE name = $1", SACHA)
    await fetch("UPDATE slack_post SET stale = true")
    await house.tick()
    assert (await house.message(ref)).channel == CHANNEL


async def test_the_change_that_comes_while_slack_is_being_told_is_told_too(house: House) -> None:
    ref = await house.a_call()
    by = await hand_of(SACHA)
    await acknowledge_task(ref, practice=house.practice.id, by=by, now=clock.now())
    house.slack.control.slow("chat.update", seconds=0.3, times=1)
    work = asyncio.create_task(house.tick())
    await asyncio.sleep(0.1)
    await claim_task(ref, practice=house.practice.id, by=by, now=clock.now())
    await work
    await house.tick()
    assert await house.shows_the_database(ref)


async def test_switching_slack_on_shows_every_open_case_once(database: None, slack: SlackDouble) -> None:
    practice = await make_house()
    clock.move_to(CALL_DUE)
    await f.make_absence(practice, risk_rules=frozenset({"chronic_conditions"}))
    await open_steps(CALL_DUE)
    assert await fetch_value("SELECT count(*) FROM slack_post") == 0
    house = await a_house(slack)
    await house.tick()
    await house.tick()
    ref = await ref_of(TaskKind.CALL)
    assert await house.shows_the_database(ref)
    assert len(slack.record.of("chat.postMessage")) == await fetch_value(
        "SELECT count(*) FROM task WHERE status = 'open'"
    )
    await house.round.close()


async def test_without_slack_nothing_is_planned_and_emails_wait_for_nothing(database: None) -> None:
    practice = await make_house()
    clock.move_to(CALL_DUE)
    await f.make_absence(practice, risk_rules=frozenset({"chronic_conditions"}))
    await open_steps(CALL_DUE)
    assert await fetch_value("SELECT count(*) FROM slack_post") == 0
    assert await fetch_value("SELECT count(*) FROM delivery WHERE staff IS NOT NULL AND attempt_at <> due_at") == 0


async def test_an_import_of_unreachable_patients_does_not_hold_up_a_call(house: House) -> None:
    for _ in range(5):
        await f.make_absence(
            house.practice, phone=None, phone_kind=None, phone_given=False, email=None, now=clock.now()
        )
    assert await fetch_value("SELECT count(*) FROM task WHERE kind = 'unreachable'") == 5
    await fetch("UPDATE slack_post SET attempt_at = $1", clock.now())
    ref = await house.a_call()
    told = sorted(call.payload["text"] for call in house.slack.record.of("chat.postMessage"))
    assert len(told) == 2
    assert ref in told[0]
    assert "contact à établir" in told[1]
    await house.tick()
    assert len(house.slack.record.of("chat.postMessage")) == 3

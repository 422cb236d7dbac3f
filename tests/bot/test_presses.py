"""Every press over signed HTTP: one change, or a kind answer and none."""

import asyncio
import contextvars
from datetime import timedelta

import pytest

from bot import here
from db.changes.slack import unlink_slack
from db.changes.worklist import claim_task
from db.clock import clock
from db.engine import fetch, fetch_value, transaction
from db.states import CallOutcome, TaskKind, TaskStatus
from portal.demo.slack.person import Person
from portal.demo.slack.sender import TIMEOUT_S
from portal.demo.slack.things import Message
from tests import factories as f
from tests.bot.conftest import CHANNEL, House, in_menu
from tests.bot.waiting import eventually
from tests.db.changes.people import ANDREA, CAMILLE, CRISIS, MAXIME, SACHA, a_reply, ended, hand_of, open_steps

DOMINIQUE = "Dominique Petit"


async def status(ref: str) -> tuple[str, str | None]:
    row = await fetch(
        "SELECT t.status, s.name FROM task t LEFT JOIN staff s ON s.id = coalesce(t.claimed_by, t.acknowledged_by) "
        "WHERE t.ref = $1",
        ref,
    )
    return row[0]["status"], row[0]["name"]


async def told(person: Person, message: Message) -> str:
    """The latest whisper where the message stands."""
    return (await eventually(lambda: person.whispers(message.channel)))[-1].text


async def entries() -> int:
    count: int = await fetch_value("SELECT count(*) FROM journal")
    return count


async def in_the_channel(house: House) -> tuple[str, Message]:
    """A case that everybody sees."""
    ref = await house.a_call()
    return ref, await house.message(ref)


async def test_seen_then_mine_then_how_it_ended(house: House) -> None:
    ref = await house.a_call()
    sacha, message = house.person(SACHA), await house.message(ref)
    assert (await sacha.press(message, "case_seen")).ok
    assert await status(ref) == (TaskStatus.ACKNOWLEDGED, SACHA)
    assert (await sacha.press(message, "case_mine")).ok
    assert await status(ref) == (TaskStatus.CLAIMED, SACHA)
    await sacha.press(message, "case_outcome")
    await eventually(lambda: sacha.modal)
    answer = await sacha.submit({("outcome", "choice"): CallOutcome.LEFT_MESSAGE})
    assert answer.ok
    assert sacha.modal is None
    assert await status(ref) == (TaskStatus.DONE, SACHA)
    assert await fetch_value("SELECT outcome FROM task WHERE ref = $1", ref) == CallOutcome.LEFT_MESSAGE
    await house.tick()
    assert await house.shows_the_database(ref)
    assert sacha.whispers() == []


async def test_of_two_who_claim_at_the_same_moment_one_has_it_and_the_other_is_told(channel_house: House) -> None:
    ref, message = await in_the_channel(channel_house)
    people = [channel_house.person(name) for name in (SACHA, ANDREA)]
    await asyncio.gather(*(person.press(message, "case_mine") for person in people))
    _, holder = await status(ref)
    [loser] = [name for name in (SACHA, ANDREA) if name != holder]
    said = await told(channel_house.person(loser), message)
    assert said == f"Déjà pris en charge par <@{channel_house.users[str(holder)]}>."


async def test_a_press_that_slack_brings_twice_changes_something_once(house: House) -> None:
    ref = await house.a_call()
    house.slack.sender.copies = 2
    before = await entries()
    await house.person(SACHA).press(await house.message(ref), "case_mine")
    assert await status(ref) == (TaskStatus.CLAIMED, SACHA)
    assert await fetch_value("SELECT count(*) FROM journal WHERE event = 'task_claimed'") == 1
    assert await entries() > before


async def test_a_stale_button_says_what_has_become_of_the_case(channel_house: House) -> None:
    house = channel_house
    ref, message = await in_the_channel(house)
    await claim_task(ref, practice=house.practice.id, by=await hand_of(ANDREA), now=clock.now())
    before = await entries()
    await house.person(SACHA).press(message, "case_seen")
    assert await told(house.person(SACHA), message) == f"Déjà pris en charge par <@{house.users[ANDREA]}>."
    assert await entries() == before


async def test_presses_that_arrive_in_the_wrong_order_do_no_harm(house: House) -> None:
    ref = await house.a_call()
    sacha, message = house.person(SACHA), await house.message(ref)
    house.slack.sender.hold()
    await sacha.press(message, "case_seen")
    await sacha.press(message, "case_mine")
    await house.slack.sender.release(order=[1, 0])
    assert await status(ref) == (TaskStatus.CLAIMED, SACHA)
    assert await told(sacha, message) == "C’était déjà noté : rien n’a changé."


@pytest.mark.parametrize("action", ["case_seen", "case_mine", "case_outcome"])
async def test_a_press_on_a_closed_case_changes_nothing(house: House, action: str) -> None:
    ref = await house.a_call()
    sacha, message = house.person(SACHA), await house.message(ref)
    await ended(ref, CallOutcome.NO_ANSWER, house.practice, clock.now())
    before = await entries()
    assert (await sacha.press(message, action)).ok
    assert await told(sacha, message) == "Cette demande est déjà terminée : rien n’a changé."
    assert sacha.modal is None
    assert await entries() == before


@pytest.mark.parametrize("action", ["case_seen", "case_mine", "case_outcome"])
async def test_somebody_who_is_not_linked_is_shown_the_way(channel_house: House, action: str) -> None:
    house = channel_house
    ref, message = await in_the_channel(house)
    before = await entries()
    assert (await house.person(DOMINIQUE).press(message, action)).ok
    assert "/staff/account/slack|Relier mon compte>" in await told(house.person(DOMINIQUE), message)
    assert await entries() == before
    assert (await status(ref))[0] == TaskStatus.OPEN


async def test_unlinking_ends_access_at_once(house: House) -> None:
    ref = await house.a_call()
    message, sacha = await house.message(ref), house.person(SACHA)
    person = await fetch_value("SELECT ref FROM staff WHERE name = $1", SACHA)
    await unlink_slack(person, practice=house.practice.id, actor="installer", now=clock.now())
    await sacha.press(message, "case_mine")
    assert (await status(ref))[0] == TaskStatus.OPEN
    assert "Relier mon compte" in await told(sacha, message)


async def test_somebody_who_has_left_can_press_nothing(house: House) -> None:
    ref = await house.a_call()
    message, sacha = await house.message(ref), house.person(SACHA)
    await fetch("UPDATE staff SET active = false WHERE name = $1", SACHA)
    await sacha.press(message, "case_mine")
    assert (await status(ref))[0] == TaskStatus.OPEN


async def test_without_the_right_role_a_clinical_case_stays_as_it_is(channel_house: House) -> None:
    house = channel_house
    await f.make_absence(house.practice, risk_rules=CRISIS)
    await open_steps(f.local(17, 9))
    await house.tick()
    ref = await fetch_value("SELECT ref FROM task WHERE kind = $1 AND status = $2", TaskKind.ALERT, TaskStatus.OPEN)
    message = await house.message(ref)
    before = await entries()
    for action in ("case_seen", "case_mine", "case_outcome"):
        await house.person(CAMILLE).press(message, action)
    assert "ne peut pas être traitée avec votre fonction" in await told(house.person(CAMILLE), message)
    assert await entries() == before
    await house.person(MAXIME).press(message, "case_mine")
    assert await status(ref) == (TaskStatus.CLAIMED, MAXIME)


async def test_a_reference_of_another_practice_is_unknown(house: House) -> None:
    ref = await house.a_call()
    message = await house.message(ref)
    await fetch(
        "INSERT INTO practice SELECT r.* FROM practice p, jsonb_populate_record(p, jsonb_build_object('id', 99, "
        "'ref', 'elsewhere', 'key', 'elsewhere', 'settings', jsonb_build_object())) r"
    )
    await fetch("UPDATE task SET practice = 99 WHERE ref = $1", ref)
    house.slack.sender.url += f"?practice={house.practice.ref}"
    before = await entries()
    await house.person(SACHA).press(message, "case_mine")
    assert "n’existe pas" in await told(house.person(SACHA), message)
    assert await entries() == before


async def test_an_invented_reference_is_unknown(house: House) -> None:
    ref = await house.a_call()
    message = await house.message(ref)
    message.versions[-1][1][2]["elements"][1]["value"] = "'; DROP TABLE task; --"
    assert (await house.person(SACHA).press(message, "case_mine")).ok
    assert "n’existe pas" in await told(house.person(SACHA), message)


async def test_a_call_back_is_promised_and_watched(house: House) -> None:
    ref = await house.a_call()
    sacha = house.person(SACHA)
    await sacha.press(await house.message(ref), "case_outcome")
    await eventually(lambda: sacha.modal)
    until = clock.now().replace(microsecond=0) + timedelta(hours=3)
    await sacha.submit({("outcome", "choice"): "later", ("when", "choice"): until})
    assert sacha.modal is None
    assert await status(ref) == (TaskStatus.CLAIMED, SACHA)
    assert await fetch_value("SELECT promised_at FROM task WHERE ref = $1", ref) == until
    await house.tick()
    assert "Rappel promis" in (await house.message(ref)).blocks[1]["text"]["text"]


@pytest.mark.parametrize("away", [None, timedelta(hours=-1), timedelta(days=15)])
async def test_a_call_back_needs_a_moment_to_come(house: House, away: timedelta | None) -> None:
    ref = await house.a_call()
    sacha = house.person(SACHA)
    await sacha.press(await house.message(ref), "case_outcome")
    await eventually(lambda: sacha.modal)
    when = {} if away is None else {("when", "choice"): clock.now() + away}
    await sacha.submit({("outcome", "choice"): "later", **when})
    assert sacha.modal is not None
    assert sacha.modal.errors == {"when": "Choisissez un moment à venir, dans les 14 jours."}
    assert (await status(ref))[0] == TaskStatus.OPEN


async def test_messages_that_wait_for_a_decision_ask_for_it_in_the_modal(house: House) -> None:
    absence = await f.make_absence(house.practice)
    from_patient = await fetch_value("SELECT id FROM patient WHERE key = $1", absence.patient_key)
    ref = await a_reply(house.practice, absence, clock.now())
    await house.tick()
    camille, message = house.person(CAMILLE), await house.message(ref)
    await camille.press(message, "case_outcome")
    await eventually(lambda: camille.modal)
    await camille.submit({("outcome", "choice"): CallOutcome.HANDLED})
    assert camille.modal is not None
    assert set(camille.modal.errors) == {"follow"}
    await camille.submit({("outcome", "choice"): CallOutcome.HANDLED, ("follow", "choice"): "stop"})
    assert house.slack.workspace.modal(camille.user.id) is None
    assert await fetch_value("SELECT status FROM enrolment WHERE patient = $1", from_patient) == "stopped"


async def test_a_modal_about_a_case_that_somebody_else_took_says_so(channel_house: House) -> None:
    house = channel_house
    ref, message = await in_the_channel(house)
    sacha = house.person(SACHA)
    await sacha.press(message, "case_outcome")
    await eventually(lambda: sacha.modal)
    await claim_task(ref, practice=house.practice.id, by=await hand_of(ANDREA), now=clock.now())
    await sacha.submit({("outcome", "choice"): CallOutcome.NO_ANSWER})
    assert sacha.modal is not None
    assert "Déjà pris en charge par" in sacha.modal.blocks[0]["text"]["text"]
    assert await status(ref) == (TaskStatus.CLAIMED, ANDREA)


async def test_a_modal_sent_off_twice_ends_the_case_once(house: House) -> None:
    ref = await house.a_call()
    sacha = house.person(SACHA)
    await sacha.press(await house.message(ref), "case_outcome")
    view = await eventually(lambda: sacha.modal)
    house.slack.sender.copies = 1
    await sacha.submit({("outcome", "choice"): CallOutcome.NO_ANSWER}, view=view)
    assert await fetch_value("SELECT count(*) FROM journal WHERE event = 'task_closed'") == 1


async def test_giving_back_and_giving_on(house: House) -> None:
    ref = await house.a_call()
    sacha = house.person(SACHA)
    await sacha.press(await house.message(ref), "case_mine")
    await house.tick()
    message = await house.message(ref)
    await sacha.press(message, "case_more", in_menu(message, "release"))
    assert await told(sacha, message) == f"La demande réf. `{ref}` est rendue à l’équipe."
    assert await status(ref) == (TaskStatus.OPEN, None)
    await sacha.press(message, "case_more", f"reassign:{ref}")
    await eventually(lambda: sacha.modal)
    andrea = await fetch_value("SELECT ref FROM staff WHERE name = $1", ANDREA)
    await sacha.submit({("to", "choice"): andrea})
    assert sacha.modal is None
    await house.tick()
    assert (await house.message(ref)).channel == house.person(ANDREA).direct.id


async def test_a_case_can_be_given_to_whoever_is_on_call(house: House) -> None:
    ref = await house.a_call()
    await fetch("UPDATE task SET assignee = (SELECT id FROM staff WHERE name = $2) WHERE ref = $1", ref, ANDREA)
    await house.tick()
    andrea, message = house.person(ANDREA), await house.message(ref)
    await andrea.press(message, "case_more", f"reassign:{ref}")
    view = await eventually(lambda: andrea.modal)
    options = view.blocks[1]["element"]["options"]
    assert options[0]["text"]["text"] == "La personne d’astreinte"
    await andrea.submit({("to", "choice"): options[0]["value"]})
    assert (
        await fetch_value("SELECT s.name FROM task t JOIN staff s ON s.id = t.assignee WHERE t.ref = $1", ref) == SACHA
    )


async def test_what_somebody_else_has_can_neither_be_given_back_nor_on(channel_house: House) -> None:
    house = channel_house
    ref, _ = await in_the_channel(house)
    await claim_task(ref, practice=house.practice.id, by=await hand_of(ANDREA), now=clock.now())
    await house.tick()
    message = await house.message(ref)
    await house.person(SACHA).press(message, "case_more", in_menu(message, "release"))
    assert await told(house.person(SACHA), message) == f"Déjà pris en charge par <@{house.users[ANDREA]}>."
    assert await status(ref) == (TaskStatus.CLAIMED, ANDREA)


async def test_a_link_in_the_menu_is_acknowledged(house: House) -> None:
    ref = await house.a_call()
    before = await entries()
    assert (await house.person(SACHA).press(await house.message(ref), "case_more", f"note:{ref}")).ok
    assert await entries() == before


async def test_the_english_read_english(house: House) -> None:
    await fetch("UPDATE staff SET language = 'en' WHERE name = $1", SACHA)
    ref = await house.a_call()
    message = await house.message(ref)
    assert message.text.startswith("A call to make, ref.")
    await ended(ref, CallOutcome.NO_ANSWER, house.practice, clock.now())
    await house.person(SACHA).press(message, "case_seen")
    assert await told(house.person(SACHA), message) == "This request is closed already: nothing has changed."


async def test_while_slack_answers_nothing_the_change_stands(house: House) -> None:
    ref = await house.a_call()
    message = await house.message(ref)
    house.slack.control.fail()
    assert (await house.person(SACHA).press(message, "case_mine")).ok
    assert await status(ref) == (TaskStatus.CLAIMED, SACHA)
    assert (await house.person(SACHA).press(message, "case_outcome")).ok


async def test_a_database_that_fails_is_told_kindly(house: House) -> None:
    ref = await house.a_call()
    sacha, message = house.person(SACHA), await house.message(ref)
    await sacha.press(message, "case_outcome")
    await eventually(lambda: sacha.modal)
    await fetch("ALTER TABLE task RENAME TO task_away")
    try:
        for action in ("case_mine", "case_outcome"):
            answer = await sacha.press(message, action)
            assert answer.ok
            # At once: Slack would tell them that the app is broken.
            assert answer.took < 1
        assert "n’a pas pu être enregistré" in await told(sacha, message)
        await sacha.submit({("outcome", "choice"): CallOutcome.NO_ANSWER})
        assert sacha.modal is not None
        assert "n’a pas pu être enregistré" in sacha.modal.blocks[0]["text"]["text"]
        assert (await sacha.command("/reprise suivant")).ok
    finally:
        await fetch("ALTER TABLE task_away RENAME TO task")
    assert (await status(ref))[0] == TaskStatus.OPEN


async def test_a_change_that_must_wait_is_answered_in_time_and_made_all_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert here.IN_TIME_S + here.LANGUAGE_S < TIMEOUT_S
    monkeypatch.setattr(here, "IN_TIME_S", 0.05)
    ref = await house.a_call()
    sacha, message = house.person(SACHA), await house.message(ref)
    await sacha.press(message, "case_outcome")
    view = await eventually(lambda: sacha.modal)

    held, answered = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with transaction():
            await fetch("SELECT id FROM task WHERE ref = $1 FOR UPDATE", ref)
            held.set()
            await answered.wait()

    holding = asyncio.create_task(hold())
    await held.wait()
    answers = await asyncio.gather(
        sacha.press(message, "case_mine"), sacha.submit({("outcome", "choice"): CallOutcome.NO_ANSWER}, view=view)
    )
    assert [answer.ok for answer in answers] == [True, True]
    assert "prend un peu de temps" in str(view.blocks)
    answered.set()
    await holding
    await eventually(lambda: "prend un peu de temps" not in str(view.blocks))
    assert (await status(ref))[0] == TaskStatus.DONE


async def test_a_late_change_that_fails_is_told_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.here.IN_TIME_S", 0.05)
    ref = await house.a_call()
    sacha, message = house.person(SACHA), await house.message(ref)
    holding = transaction()
    async with holding:
        await fetch("SELECT id FROM task WHERE ref = $1 FOR UPDATE", ref)
        await fetch("ALTER TABLE journal RENAME TO journal_away")
        pressing = asyncio.create_task(sacha.press(message, "case_mine"), context=contextvars.Context())
        assert (await pressing).ok
        assert sacha.whispers() == []
    try:
        assert "n’a pas pu être enregistré" in await told(sacha, message)
    finally:
        await fetch("ALTER TABLE journal_away RENAME TO journal")
    assert (await status(ref))[0] == TaskStatus.OPEN


@pytest.mark.parametrize("place", ["message", "menu", "home"])
async def test_a_button_that_an_older_version_drew_says_that_it_is_no_longer_in_use(house: House, place: str) -> None:
    ref = await house.a_call()
    sacha, message = house.person(SACHA), await house.message(ref)
    before = await entries()
    if place == "message":
        message.versions[-1][1][2]["elements"][1]["action_id"] = "case_take"
        assert (await sacha.press(message, "case_take")).ok
    elif place == "menu":
        message.versions[-1][1][0]["accessory"]["options"][0]["value"] = f"snooze:{ref}"
        assert (await sacha.press(message, "case_more", f"snooze:{ref}")).ok
    else:
        await sacha.open_home()
        view = await eventually(lambda: sacha.home)
        rows = [block for block in view.blocks if block["type"] == "actions"]
        rows[0]["elements"][1]["action_id"] = "case_take"
        assert (await sacha.press_in_view(view, "case_take")).ok
        await eventually(lambda: sacha.home and "ne sert plus" in str(sacha.home.blocks))
    if place != "home":
        assert "Ce bouton ne sert plus : rien n’a changé." in await told(sacha, message)
    assert await entries() == before


async def test_nobody_fills_in_a_form_for_a_case_that_somebody_else_has(channel_house: House) -> None:
    house = channel_house
    ref, message = await in_the_channel(house)
    await claim_task(ref, practice=house.practice.id, by=await hand_of(ANDREA), now=clock.now())
    for number, (action, value) in enumerate([("case_outcome", None), ("case_more", f"reassign:{ref}")], 1):
        await house.person(SACHA).press(message, action, value)
        whispers = await eventually(lambda n=number: (w := house.person(SACHA).whispers(CHANNEL))[n - 1 :] and w)  # type: ignore[misc]
        assert whispers[-1].text == f"Déjà pris en charge par <@{house.users[ANDREA]}>."
    assert house.person(SACHA).modal is None


MEANWHILE = {
    "closed": ("UPDATE task SET status = 'cancelled', closed_at = now(), look_at = NULL", "déjà terminée"),
    "left": ("UPDATE staff SET active = false", "Relier mon compte"),
    "unlinked": ("UPDATE staff SET slack_user = NULL", "Relier mon compte"),
    "another practice": ("UPDATE task SET ref = 'elsewhere' WHERE status = 'open'", "n’existe pas"),
}


@pytest.mark.parametrize("what", MEANWHILE)
async def test_what_happens_while_a_modal_is_open_is_said_in_it(house: House, what: str) -> None:
    ref = await house.a_call()
    sacha = house.person(SACHA)
    await sacha.press(await house.message(ref), "case_outcome")
    view = await eventually(lambda: sacha.modal)
    statement, said = MEANWHILE[what]
    await fetch(statement)
    before = await entries()
    assert (await sacha.submit({("outcome", "choice"): CallOutcome.NO_ANSWER}, view=view)).ok
    assert said in str(view.blocks)
    assert await entries() == before


async def test_an_answer_never_waits_for_slacks_own_api(house: House) -> None:
    ref = await house.a_call()
    sacha, message = house.person(SACHA), await house.message(ref)
    house.slack.control.slow("views.open", "response_url", seconds=1)
    for action in ("case_outcome", "case_mine", "case_mine"):
        assert (await sacha.press(message, action)).took < 0.8


async def test_a_modal_that_does_not_open_is_said_with_another_way(house: House) -> None:
    ref = await house.a_call()
    house.slack.control.limit("views.open", retry_after=20)
    message = await house.message(ref)
    assert (await house.person(SACHA).press(message, "case_outcome")).ok
    said = await told(house.person(SACHA), message)
    assert "ne s’est pas ouverte" in said
    assert f"/staff/cases/{ref}|ouvrir le dossier>" in said

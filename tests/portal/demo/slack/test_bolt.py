"""A Bolt app and the double, each on its own port: button, modal, submission, command, App Home, `response_url`."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from portal.demo.slack.double import SlackDouble
from portal.demo.slack.person import NotSent, Person, verify_url
from portal.demo.slack.things import Message, View
from tests.fakes.slack import serving, slack_double
from tests.portal.demo.slack.bolt import HELP, bolt_app
from tests.portal.demo.slack.conftest import CASES, ELISE, NADIA, furnished
from tests.portal.demo.slack.samples import case


@dataclass
class Workplace:
    slack: SlackDouble
    heard: list[str]

    def person(self, user: str = ELISE) -> Person:
        return Person(self.slack, user)

    def post(self, *action_ids: str) -> Message:
        return self.slack.workspace.post(CASES, "Un appel à faire", case(*action_ids))


@pytest.fixture
async def workplace() -> AsyncIterator[Workplace]:
    listening = socket.create_server(("127.0.0.1", 0))
    heard: list[str] = []
    async with slack_double(app_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as slack:
        furnished(slack)
        async with serving(bolt_app(slack.api_url, heard), on=listening):
            yield Workplace(slack, heard)


async def until(true: Callable[[], bool]) -> None:
    """Listeners go on after they have acknowledged."""
    for _ in range(150):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("It did not happen within 3 s.")


async def modal_of(person: Person) -> View:
    await until(lambda: person.modal is not None)
    assert person.modal is not None
    return person.modal


async def test_a_press_is_acknowledged_and_the_message_rewritten(workplace: Workplace) -> None:
    message = workplace.post("claim")
    answer = await workplace.person().press(message, "claim")
    assert (answer.status, answer.body) == (200, "")
    assert answer.took < 3
    await until(lambda: message.edited is not None)
    assert message.text == f"Pris en charge par <@{ELISE}>"
    assert workplace.heard == [f"claim by {ELISE}"]
    assert workplace.slack.record.problems() == []


async def test_a_modal_opens_is_filled_in_and_submitted(workplace: Workplace) -> None:
    elise = workplace.person()
    await elise.press(workplace.post("outcome"), "outcome")
    view = await modal_of(elise)
    assert view.body["private_metadata"] == "K7M2"
    with pytest.raises(NotSent):
        await elise.submit()
    await elise.submit({"x": "rebooked"})
    assert elise.modal is not None
    assert elise.modal.errors == {"outcome": "Quand ?"}
    await elise.submit({"x": "left_message"})
    assert workplace.person().modal is None
    await until(lambda: workplace.heard == ["left_message on K7M2"])


async def test_a_modal_that_is_closed_is_told(workplace: Workplace) -> None:
    elise = workplace.person()
    await elise.press(workplace.post("outcome"), "outcome")
    await modal_of(elise)
    await elise.close()
    await until(lambda: workplace.heard == ["given up"])


async def test_a_response_url_speaks_to_one_person(workplace: Workplace) -> None:
    elise = workplace.person()
    await elise.press(workplace.post("taken"), "taken")
    await until(lambda: bool(elise.whispers(CASES)))
    assert [message.text for message in elise.whispers(CASES)] == ["Déjà pris en charge."]
    assert workplace.person(NADIA).whispers(CASES) == []


async def test_a_command_is_answered(workplace: Workplace) -> None:
    elise = workplace.person()
    await elise.command("/reprise aide")
    assert [message.text for message in elise.whispers()] == [HELP]


async def test_the_home_is_published_when_it_is_opened(workplace: Workplace) -> None:
    elise = workplace.person()
    await elise.open_home()
    await until(lambda: elise.home is not None)
    assert elise.home is not None
    await elise.press_in_view(elise.home, "refresh")
    assert workplace.heard == [f"refresh by {ELISE}"]


async def test_the_address_is_verified(workplace: Workplace) -> None:
    assert await verify_url(workplace.slack)


async def test_a_forged_signature_is_turned_away(workplace: Workplace) -> None:
    workplace.slack.sender.secret = "stolen"
    answer = await workplace.person().press(workplace.post("claim"), "claim")
    assert (answer.status, answer.problem, workplace.heard) == (401, "http_error", [])


async def test_an_unknown_button_is_trouble(workplace: Workplace) -> None:
    elise = workplace.person()
    answer = await elise.press(workplace.post("unheard"), "unheard")
    assert answer.status == 404
    assert elise.trouble is not None


async def test_two_presses_at_once_are_both_heard(workplace: Workplace) -> None:
    message = workplace.post("claim")
    await asyncio.gather(*(workplace.person(user).press(message, "claim") for user in (ELISE, NADIA)))
    await until(lambda: len(message.versions) == 3)
    assert sorted(workplace.heard) == [f"claim by {ELISE}", f"claim by {NADIA}"]


async def test_a_slow_slack_lets_the_trigger_die(workplace: Workplace) -> None:
    elise, space = workplace.person(), workplace.slack.workspace
    seconds = [0.0]
    space.stopwatch = lambda: seconds[0]
    workplace.slack.control.slow("views.open", seconds=0.1)
    message = workplace.post("outcome")
    pressing = asyncio.create_task(elise.press(message, "outcome"))
    await until(lambda: bool(space.triggers))
    seconds[0] = 3.5
    await pressing
    await until(lambda: bool(workplace.slack.record.of("views.open")))
    assert workplace.slack.record.of("views.open")[0].error == "expired_trigger_id"
    assert elise.modal is None

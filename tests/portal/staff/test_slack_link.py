"""Linking one's own account: proposed by the address, confirmed by whoever is signed in."""

import re
from collections.abc import AsyncIterator

import pytest

from bot.manifest import SCOPES
from db.changes._tasks import NewTask, open_task
from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.practices import Profile
from db.rules.settings import Settings
from db.states import TaskKind
from jobs.delivery.slack import SlackRound
from portal.demo.slack.double import SlackDouble
from tests import factories as f
from tests.bot.conftest import CHANNEL, access
from tests.bot.waiting import eventually
from tests.fakes.slack import slack_double
from tests.portal.staff.conftest import StaffClient

PAGE = "/staff/account/slack"


@pytest.fixture
async def slack() -> AsyncIterator[SlackDouble]:
    async with slack_double() as double:
        double.workspace.scopes = set(SCOPES)
        double.workspace.add_channel("suivi", channel_id=CHANNEL)
        yield double


@pytest.fixture
async def practice(database: None, slack: SlackDouble) -> Profile:
    clock.move_to(f.MONDAY)
    return await f.make_practice(staff=f.EVERY_ROLE, settings=Settings(slack_route="person"), slack=access(slack))


async def linked(name: str = "Sacha Morel") -> str | None:
    user: str | None = await fetch_value("SELECT slack_user FROM staff WHERE name = $1", name)
    return user


async def test_a_member_confirms_the_account_with_their_address(slack: SlackDouble, staff_client: StaffClient) -> None:
    user = slack.workspace.add_user("Sacha Morel", "sacha@tilleuls.example")
    desk = await staff_client("care_coordinator")
    shown = (await desk.get(PAGE)).text
    assert "Sacha Morel" in shown
    assert await linked() is None
    chosen = re.search(r'name="user" value="([^"]+)"', shown)
    assert chosen is not None
    answer = await desk.post(PAGE, {"user": chosen[1]})
    assert answer.headers["location"] == f"{PAGE}?notice=slack_linked"
    assert await linked() == user.id
    assert "relié" in (await desk.get(f"{PAGE}?notice=slack_linked")).text
    assert "relié" in (await desk.get("/staff/account")).text


async def test_whoever_unlinks_finds_nothing_of_the_cases_in_the_app_home(
    slack: SlackDouble, staff_client: StaffClient
) -> None:
    user = slack.workspace.add_user("Sacha Morel", "sacha@tilleuls.example")
    desk = await staff_client("care_coordinator")
    await desk.post(PAGE, {"user": user.id})
    await desk.post(f"{PAGE}/unlink")
    assert await linked() is None
    home = await eventually(lambda: slack.workspace.homes.get(user.id))
    assert "Relier mon compte" in str(home.blocks)


async def test_nobody_links_somebody_elses_account(slack: SlackDouble, staff_client: StaffClient) -> None:
    slack.workspace.add_user("Sacha Morel", "sacha@tilleuls.example")
    other = slack.workspace.add_user("Andrea Blanc", "andrea@tilleuls.example")
    desk = await staff_client("care_coordinator")
    answer = await desk.post(PAGE, {"user": other.id})
    assert answer.headers["location"] == f"{PAGE}?notice=slack_other"
    assert await linked() is None


async def test_an_address_that_slack_does_not_know_links_nothing(staff_client: StaffClient) -> None:
    desk = await staff_client("care_coordinator")
    assert "Aucun compte Slack" in (await desk.get(PAGE)).text
    assert (await desk.post(PAGE, {"user": "U1"})).headers["location"] == f"{PAGE}?notice=slack_other"


async def test_a_slack_that_is_away_is_told_kindly(slack: SlackDouble, staff_client: StaffClient) -> None:
    slack.control.fail()
    desk = await staff_client("care_coordinator")
    assert "ne répond pas" in (await desk.get(PAGE)).text
    assert (await desk.post(PAGE, {"user": "U1"})).headers["location"] == f"{PAGE}?notice=slack_away"


async def test_without_the_sessions_token_nothing_is_linked(slack: SlackDouble, staff_client: StaffClient) -> None:
    user = slack.workspace.add_user("Sacha Morel", "sacha@tilleuls.example")
    desk = await staff_client("care_coordinator")
    assert (await desk.post(PAGE, {"user": user.id}, csrf=False)).status_code == 403
    assert await linked() is None


async def test_a_practice_without_slack_says_so(slack: SlackDouble, staff_client: StaffClient) -> None:
    await f.make_practice(staff=f.EVERY_ROLE)
    desk = await staff_client("care_coordinator")
    assert "n’utilise pas Slack" in (await desk.get(PAGE)).text


async def test_while_slack_takes_nothing_the_worklist_says_so(slack: SlackDouble, staff_client: StaffClient) -> None:
    practice = await fetch_value("SELECT id FROM practice")
    desk = await staff_client("care_coordinator")
    assert "Slack ne prend pas" not in (await desk.get("/staff/today")).text
    await open_task(NewTask(TaskKind.UNKNOWN_SENDER, "a", f.MONDAY), practice=practice, actor="system", now=f.MONDAY)
    slack.control.remove_app()
    tick = SlackRound("https://rdv.example")
    await tick.catch_up()
    await tick.close()
    shown = (await desk.get("/staff/today")).text
    said = "Slack ne prend pas les messages en ce moment (l’application a été retirée de Slack)."
    assert said in shown
    case = await fetch_value("SELECT ref FROM task")
    assert said in (await desk.get(f"/staff/cases/{case}")).text
    assert said not in (await desk.get(f"/staff/cases/{case}/news?version=x")).text
    await fetch("UPDATE slack_post SET stale = false, error = NULL")
    assert "Slack" not in (await desk.get(f"/staff/cases/{case}")).text.partition("<main")[2]


SAID = {
    "http_503": "Slack ne répond pas",
    "no_answer": "Slack ne répond pas",
    "ratelimited": "Slack demande d’attendre",
    "invalid_auth": "n’accepte plus l’accès",
    "app_uninstalled": "a été retirée",
    "no_permission": "il manque une autorisation",
    "is_inactive": "le canal Slack est archivé",
    "msg_too_long": "Slack refuse un message",
    "something_new": "Slack refuse un message",
    "user_disabled": "le compte Slack de la personne est désactivé",
}


async def test_every_way_in_which_slack_fails_is_said_in_words(practice: Profile, staff_client: StaffClient) -> None:
    await open_task(NewTask(TaskKind.UNKNOWN_SENDER, "a", f.MONDAY), practice=practice.id, actor="system", now=f.MONDAY)
    desk = await staff_client("care_coordinator")
    for error, said in SAID.items():
        await fetch("UPDATE slack_post SET stale = true, error = $1", error)
        shown = (await desk.get("/staff/today")).text
        assert said in shown, error
        assert "partent par e-mail" in shown

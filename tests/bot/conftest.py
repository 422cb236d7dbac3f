"""A practice whose Slack is the double, spoken to over HTTP both ways: the portal hears it, the worker writes to it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from bot.blocks.case import Said, case_message
from bot.manifest import SCOPES
from db import actors
from db.changes.slack import link_slack
from db.clock import clock
from db.engine import fetch, fetch_one, fetch_value
from db.queries.practices import Profile
from db.queries.slack import case_at_slack
from db.queries.words import words
from db.rules.settings import Settings
from jobs.delivery.slack import SlackRound
from portal.demo.slack.accounts import SIGNING_SECRET, TOKEN
from portal.demo.slack.double import SlackDouble
from portal.demo.slack.person import Person
from portal.demo.slack.things import Channel, Message
from tests import factories as f
from tests.db.changes.people import CALL_DUE, a_call, make_house
from tests.fakes.slack import slack_double
from tests.portal.conftest import app as app

BASE_URL = "https://rdv.example"
CHANNEL = "C0SUIVI"
COMMAND = "/reprise"


def access(slack: SlackDouble, *, route: str = "person", **changes: str) -> dict[str, str]:
    usual = {
        "bot_token": TOKEN,
        "signing_secret": SIGNING_SECRET,
        "channel": CHANNEL,
        "command": COMMAND,
        "route": route,
        "base_url": slack.api_url,
    }
    return usual | changes


@dataclass
class House:
    """`users`: the Slack id of each member of staff, by name. Everybody is linked but Dominique, the admin."""

    slack: SlackDouble
    practice: Profile
    round: SlackRound
    users: dict[str, str] = field(default_factory=dict)

    async def tick(self) -> int:
        return await self.round.catch_up()

    async def settle(self) -> None:
        """Until nothing is left to say, with a Slack that is well; its holds and waits are gone by."""
        for _ in range(30):
            await fetch(
                "UPDATE slack_post SET attempt_at = $1, lease_until = NULL WHERE error IS NOT NULL", clock.now()
            )
            await self.restart()
            if not await self.tick():
                return
        raise AssertionError("Slack is never done.")

    async def restart(self) -> None:
        """A worker that knows nothing of what was before."""
        await self.round.close()
        self.round = SlackRound(BASE_URL)

    def person(self, name: str) -> Person:
        return Person(self.slack, self.users[name])

    @property
    def channel(self) -> Channel:
        return self.slack.workspace.channels[CHANNEL]

    async def post(self, ref: str) -> Any:
        return await fetch_one("SELECT p.* FROM slack_post p JOIN task t ON t.id = p.task WHERE t.ref = $1", ref)

    async def message(self, ref: str) -> Message:
        row = await self.post(ref)
        found = self.slack.workspace.message(row["channel"], row["ts"])
        assert found is not None
        return found

    async def expected(self, ref: str) -> Said:
        """What the case's message must say, by the database."""
        row = await self.post(ref)
        case = await case_at_slack(row["task"], after=None, now=clock.now())
        language = self.practice.language if row["channel"] == CHANNEL else case.language
        return case_message(case.card, words(language), base_url=BASE_URL)

    async def shows_the_database(self, ref: str) -> bool:
        message, said = await self.message(ref), await self.expected(ref)
        return (message.text, _bare(message.blocks)) == (said.text, _bare(said.blocks))

    async def a_call(self, **changes: Any) -> str:
        """A call that is due, told to the coordinator."""
        _, ref = await a_call(self.practice, **changes)
        await self.tick()
        return ref

    def emails_held(self) -> Any:
        return fetch(
            "SELECT message, status, reason, attempt_at, due_at FROM delivery WHERE staff IS NOT NULL ORDER BY id"
        )


def in_menu(message: Message, what: str, *, version: int = -1) -> str:
    """What the menu of a message brings for this choice; `LookupError` where it has none."""
    options = message.version(version)[0].get("accessory", {}).get("options", [])
    found: str | None = next((one["value"] for one in options if one["value"].startswith(f"{what}:")), None)
    if found is None:
        raise LookupError(what)
    return found


def _bare(blocks: Any) -> Any:
    """Without the names that Slack gives to blocks that have none."""
    return [{name: value for name, value in block.items() if name != "block_id"} for block in blocks]


def at(moment: datetime) -> None:
    clock.move_to(moment)


@pytest.fixture
async def slack(app: Litestar) -> AsyncIterator[SlackDouble]:
    transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
    async with slack_double(app_url=BASE_URL, transport=transport, patience=()) as double:
        # No more than what our manifest asks for.
        double.workspace.scopes = set(SCOPES)
        yield double
        # Whatever was sent in whichever test passes Slack's published limits.
        assert double.record.problems() == []


async def a_house(
    slack: SlackDouble, *, route: str = "person", unlinked: tuple[str, ...] = ("Dominique Petit",)
) -> House:
    clock.move_to(CALL_DUE)
    staff = f.EVERY_ROLE
    practice = await make_house(settings=Settings(slack_route=route), slack=access(slack, route=route), staff=staff)
    house = House(slack, practice, SlackRound(BASE_URL))
    for number, one in enumerate(staff):
        user = slack.workspace.add_user(one.name, one.email, user_id=f"U0STAFF{number}")
        house.users[one.name] = user.id
        if one.name not in unlinked:
            ref = await fetch_value("SELECT ref FROM staff WHERE name = $1", one.name)
            await link_slack(ref, practice=practice.id, slack_user=user.id, actor=actors.SYSTEM, now=f.MONDAY)
    slack.workspace.add_channel("suivi", house.users.values(), channel_id=CHANNEL)
    return house


@pytest.fixture
async def house(database: None, slack: SlackDouble) -> AsyncIterator[House]:
    made = await a_house(slack)
    yield made
    await made.round.close()


@pytest.fixture
async def channel_house(database: None, slack: SlackDouble) -> AsyncIterator[House]:
    made = await a_house(slack, route="channel")
    yield made
    await made.round.close()

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from portal.demo.slack.accounts import TOKEN
from portal.demo.slack.app import create_slack_app
from portal.demo.slack.double import SlackDouble, furnish
from tests.fakes.slack import serving

# Nothing listens there.
NOBODY = "http://127.0.0.1:9"

ELISE, NADIA = "U0000001", "U0000002"
CASES, QUIET = "C0000001", "C0000002"
PEOPLE = (("Élise Marchand", "elise@tilleuls.example"), ("Nadia Haddad", "nadia@tilleuls.example"))


def furnished(slack: SlackDouble) -> SlackDouble:
    """Two people, a channel with both and the app, and a private one that the app is not in."""
    furnish(slack.workspace, PEOPLE, ["suivi"])
    slack.workspace.add_channel("direction", [ELISE], private=True, bot=False)
    return slack


class Switch:
    """One server for all tests, each with a double of its own behind it."""

    def __init__(self) -> None:
        self.url, self.app = "", create_slack_app(SlackDouble())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
async def switch() -> AsyncIterator[Switch]:
    found = Switch()
    async with serving(found) as found.url:
        yield found


@pytest.fixture
async def slack(switch: Switch) -> AsyncIterator[SlackDouble]:
    double = furnished(SlackDouble(base_url=switch.url, app_url=NOBODY, patience=(0.0, 0.0)))
    switch.app = create_slack_app(double)
    yield double
    await double.sender.close()


@pytest.fixture
def client(slack: SlackDouble) -> AsyncWebClient:
    return AsyncWebClient(TOKEN, base_url=slack.api_url, timeout=5, retry_handlers=[])

"""What the double can be told to do to requests, and that it is all written down."""

import asyncio
from time import monotonic
from typing import Any

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from portal.demo.slack.accounts import TOKEN
from portal.demo.slack.control import UnknownOrder
from portal.demo.slack.double import SlackDouble
from tests.portal.demo.slack.conftest import CASES, ELISE
from tests.portal.demo.slack.samples import case, marked

POST: dict[str, Any] = {"channel": CASES, "text": "Un appel à faire"}


async def code(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_a_method_is_limited_and_then_no_more(slack: SlackDouble, client: AsyncWebClient) -> None:
    slack.control.limit("chat.postMessage", retry_after=7, times=1)
    with pytest.raises(SlackApiError) as limited:
        await client.chat_postMessage(**POST)
    assert limited.value.response.status_code == 429
    assert limited.value.response.headers["Retry-After"] == "7"
    assert limited.value.response["error"] == "ratelimited"
    assert (await client.chat_postMessage(**POST))["ok"]
    assert len(slack.workspace.timeline(CASES)) == 1


async def test_the_sdk_waits_as_it_is_told(slack: SlackDouble) -> None:
    slack.control.limit(retry_after=1, times=1)
    patient = AsyncWebClient(TOKEN, base_url=slack.api_url, retry_handlers=[AsyncRateLimitErrorRetryHandler()])
    started = monotonic()
    await patient.chat_postMessage(**POST)
    assert monotonic() - started > 0.9
    assert [call.error for call in slack.record.of("chat.postMessage")] == ["ratelimited", None]


async def test_other_methods_are_not_limited(slack: SlackDouble, client: AsyncWebClient) -> None:
    slack.control.limit("chat.update")
    assert (await client.chat_postMessage(**POST))["ok"]
    slack.control.clear("chat.update")
    assert slack.control.faults == []


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_slack_is_down(slack: SlackDouble, client: AsyncWebClient, status: int) -> None:
    slack.control.fail(status=status)
    with pytest.raises(SlackApiError) as failed:
        await client.chat_postMessage(**POST)
    assert failed.value.response.status_code == status
    slack.control.clear()
    assert (await client.chat_postMessage(**POST))["ok"]


async def test_any_error_can_be_ordered(slack: SlackDouble, client: AsyncWebClient) -> None:
    slack.control.refuse("chat.postMessage", code="team_access_not_granted", times=1)
    assert await code(client.chat_postMessage(**POST)) == "team_access_not_granted"
    assert (await client.chat_postMessage(**POST))["ok"]


async def test_a_connection_is_reset_before_anything_is_done(slack: SlackDouble, client: AsyncWebClient) -> None:
    slack.control.reset(times=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.chat_postMessage(**POST)
    assert slack.workspace.timeline(CASES) == []
    assert (await client.chat_postMessage(**POST))["ok"]


async def test_a_post_is_accepted_and_the_answer_lost(slack: SlackDouble, client: AsyncWebClient) -> None:
    slack.control.drop_answer("chat.postMessage", times=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.chat_postMessage(**POST)
    assert [message.text for message in slack.workspace.timeline(CASES)] == [POST["text"]]
    assert [call.error for call in slack.record] == ["answer dropped"]


async def test_the_sdk_by_itself_posts_twice_when_an_answer_is_lost(slack: SlackDouble) -> None:
    """Its default handler tries again once after a lost connection: a client that must know takes no handlers."""
    slack.control.drop_answer("chat.postMessage", times=1)
    await AsyncWebClient(TOKEN, base_url=slack.api_url).chat_postMessage(**POST)
    assert len(slack.workspace.timeline(CASES)) == 2


async def test_an_answer_comes_late(slack: SlackDouble, client: AsyncWebClient) -> None:
    slack.control.slow("chat.postMessage", seconds=0.3, times=1)
    started = monotonic()
    await client.chat_postMessage(**POST)
    assert monotonic() - started > 0.25


async def test_who_does_not_wait_learns_nothing(slack: SlackDouble) -> None:
    slack.control.slow(seconds=0.2)
    hasty = AsyncWebClient(TOKEN, base_url=slack.api_url, timeout=0.05)  # type: ignore[arg-type]
    with pytest.raises(asyncio.TimeoutError):
        await hasty.chat_postMessage(**POST)


@pytest.mark.parametrize(("order", "error"), [("revoke_token", "token_revoked"), ("remove_app", "account_inactive")])
async def test_the_app_is_turned_away_and_let_in_again(
    slack: SlackDouble, client: AsyncWebClient, order: str, error: str
) -> None:
    slack.control.order(order)
    assert await code(client.chat_postMessage(**POST)) == error
    assert await code(client.auth_test()) == error
    slack.control.restore_app()
    assert (await client.auth_test())["ok"]


async def test_all_well_ends_everything(slack: SlackDouble, client: AsyncWebClient) -> None:
    control = slack.control
    control.slow(seconds=9)
    control.reset()
    control.revoke_token()
    control.archive(CASES)
    control.deactivate(ELISE)
    control.all_well()
    assert (await client.chat_postEphemeral(channel=CASES, user=ELISE, text="x"))["ok"]


async def test_orders_come_over_http_too(slack: SlackDouble, client: AsyncWebClient) -> None:
    url = f"{slack.base_url}/slack/control"
    async with httpx.AsyncClient() as http:
        given = {"do": "limit", "to": ["chat.postMessage"], "retry_after": 3, "times": 1}
        told = (await http.post(url, json=given)).json()
        assert told["faults"][0]["kind"] == "limit"
        assert await code(client.chat_postMessage(**POST)) == "ratelimited"
        await http.post(url, json={"do": "archive", "to": [CASES]})
        assert await code(client.chat_postMessage(**POST)) == "is_archived"
        seen = (await http.get(url)).json()
        assert [call["error"] for call in seen["calls"]] == ["ratelimited", "is_archived"]
        assert seen["problems"] == []


@pytest.mark.parametrize(
    "given",
    [
        {"do": "explode"},
        {"do": "take"},
        {"do": "limit", "to": ["chat.shout"]},
        {"do": "limit", "speed": 3},
        {"do": "slow"},
        {"do": "archive", "to": ["C9"]},
        {},
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(slack: SlackDouble, given: dict[str, Any]) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{slack.base_url}/slack/control", json=given)
    assert answer.status_code == 400
    assert slack.control.faults == []
    with pytest.raises(UnknownOrder):
        slack.control.order("explode")


async def test_another_site_gives_no_orders(slack: SlackDouble) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{slack.base_url}/slack/control", json={"do": "reset"}, headers={"Sec-Fetch-Site": "cross-site"}
        )
    assert answer.status_code == 403


async def test_everything_that_was_sent_is_kept(slack: SlackDouble, client: AsyncWebClient) -> None:
    await client.chat_postMessage(**POST, blocks=case())
    await code(client.chat_postMessage(channel="C9", text="Ailleurs"))
    words = set(slack.record.strings())
    assert {"Un appel à faire", "Ailleurs", "Dossier *K7M2* : appeler aujourd’hui", "claim"} <= words
    assert slack.record.problems() == []
    await code(client.chat_postMessage(**POST, blocks=[{"type": "section", "text": marked("x" * 3001)}]))
    [problem] = slack.record.problems()
    assert problem.startswith("chat.postMessage: must be less than 3001 characters")
    slack.record.clear()
    assert len(slack.record) == 0

"""What Slack answers, as typed errors; and nothing sent twice by the library itself."""

import pytest

from bot import errors
from bot.access import SlackAccess
from bot.client import SlackClient
from bot.errors import SlackProblem
from portal.demo.slack.accounts import SIGNING_SECRET, TOKEN
from portal.demo.slack.double import SlackDouble
from tests.fakes.slack import slack_double

BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "Réf. abc"}}]


def client_of(slack: SlackDouble, token: str = TOKEN, base_url: str = "") -> SlackClient:
    return SlackClient(SlackAccess(token, SIGNING_SECRET, "C1", "/reprise", "person", base_url or slack.api_url))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("token_revoked", errors.TokenRevoked),
        ("invalid_auth", errors.TokenRevoked),
        ("account_inactive", errors.AppRemoved),
        ("missing_scope", errors.ScopeMissing),
        ("is_archived", errors.ChannelGone),
        ("channel_not_found", errors.ChannelGone),
        ("not_in_channel", errors.ChannelGone),
        ("user_disabled", errors.UserGone),
        ("message_not_found", errors.MessageGone),
        ("msg_too_long", errors.TooLong),
        ("invalid_blocks", errors.TooLong),
        ("fatal_error", errors.Ambiguous),
        ("service_unavailable", errors.SlackDown),
        ("something_new", errors.Refused),
    ],
)
async def test_slacks_word_says_what_kind_of_problem_it_is(code: str, kind: type[SlackProblem]) -> None:
    async with slack_double() as slack:
        client, user = client_of(slack), slack.workspace.add_user("Sacha", "sacha@tilleuls.example")
        slack.control.refuse("chat.postMessage", code=code)
        with pytest.raises(kind) as caught:
            await client.post(user.id, "Réf. abc", BLOCKS)
        assert caught.value.code == code
        await client.close()


async def test_a_limit_says_how_long_to_wait() -> None:
    async with slack_double() as slack:
        client = client_of(slack)
        slack.control.limit("auth.test", retry_after=17)
        with pytest.raises(errors.RateLimited) as caught:
            await client.identity()
        assert caught.value.retry_after == 17
        await client.close()


async def test_an_error_of_the_server_and_a_server_that_is_not_there_are_slack_being_down() -> None:
    async with slack_double() as slack:
        client = client_of(slack)
        slack.control.fail("auth.test", status=503)
        with pytest.raises(errors.SlackDown, match="http_503"):
            await client.identity()
        await client.close()
    nobody = client_of(slack, base_url="http://127.0.0.1:9/api/")
    with pytest.raises(errors.SlackDown, match="unreachable"):
        await nobody.identity()
    await nobody.close()


@pytest.mark.parametrize("status", [200, 500, 502, 504])
async def test_a_page_instead_of_an_answer_does_not_say_that_nothing_was_done(status: int) -> None:
    async with slack_double() as slack:
        client, user = client_of(slack), slack.workspace.add_user("Sacha", "sacha@tilleuls.example")
        slack.control.fail("chat.postMessage", status=status)
        with pytest.raises(errors.Ambiguous, match=f"http_{status}"):
            await client.post(user.id, "Réf. abc", BLOCKS)
        await client.close()


async def test_a_lost_answer_is_ambiguous_and_the_message_is_not_sent_again_by_itself() -> None:
    async with slack_double() as slack:
        client, user = client_of(slack), slack.workspace.add_user("Sacha", "sacha@tilleuls.example")
        slack.control.drop_answer("chat.postMessage")
        with pytest.raises(errors.Ambiguous):
            await client.post(user.id, "Réf. abc", BLOCKS)
        assert len(slack.record.of("chat.postMessage")) == 1
        await client.close()


async def test_nobody_is_found_by_an_address_that_slack_does_not_know() -> None:
    async with slack_double() as slack:
        client, user = client_of(slack), slack.workspace.add_user("Sacha Morel", "sacha@tilleuls.example")
        found = await client.find_by_email("SACHA@tilleuls.example")
        assert found is not None
        assert (found.id, found.name) == (user.id, "Sacha Morel")
        assert await client.find_by_email("nobody@tilleuls.example") is None
        await client.close()


async def test_no_error_holds_what_was_sent() -> None:
    async with slack_double() as slack:
        client, user = client_of(slack, token="xoxb-wrong"), slack.workspace.add_user("Sacha", "s@tilleuls.example")
        with pytest.raises(errors.TokenRevoked) as caught:
            await client.post(user.id, "Réf. abc", BLOCKS)
        assert "abc" not in str(caught.value)
        assert "xoxb" not in repr(client.web.__dict__.get("logger", ""))
        await client.close()

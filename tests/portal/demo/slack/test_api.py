"""The Web API over a real socket, as the SDK speaks to it."""

from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from portal.demo.slack.accounts import BOT_USER, TOKEN
from portal.demo.slack.double import SlackDouble
from portal.demo.slack.methods import METHODS
from tests.portal.demo.slack.conftest import CASES, ELISE, NADIA
from tests.portal.demo.slack.samples import HOME, case, marked, modal, plain

DIRECTION = "C0000002"


async def refused(call: Any) -> SlackApiError:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value


async def code(call: Any) -> str:
    return str((await refused(call)).response["error"])


async def test_a_message_is_posted_updated_and_deleted(slack: SlackDouble, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel=CASES, text="Un appel à faire", blocks=case())
    ts = posted["ts"]
    assert posted["message"]["blocks"][1]["elements"][0]["action_id"] == "claim"
    [message] = slack.workspace.timeline(CASES)
    assert (message.ts, message.text, message.by_app) == (ts, "Un appel à faire", True)
    await client.chat_update(channel=CASES, ts=ts, text="Pris en charge", blocks=[])
    assert (message.text, message.blocks) == ("Pris en charge", [])
    assert [text for text, _ in message.versions] == ["Un appel à faire", "Pris en charge"]
    await client.chat_delete(channel=CASES, ts=ts)
    assert slack.workspace.timeline(CASES) == []


async def test_blocks_that_an_update_does_not_name_stay(slack: SlackDouble, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel=CASES, text="Un appel à faire", blocks=case())
    updated = await client.chat_update(channel=CASES, ts=posted["ts"], text="Encore là")
    assert updated["message"]["blocks"] == posted["message"]["blocks"]


async def test_a_form_does_what_json_does(slack: SlackDouble, client: AsyncWebClient) -> None:
    form = {"channel": CASES, "text": "x", "blocks": '[{"type":"divider"}]'}
    posted = await client.api_call("chat.postMessage", data=form)
    assert posted["message"]["blocks"][0]["type"] == "divider"
    assert await code(client.api_call("chat.postMessage", data={**form, "blocks": "[no"})) == "invalid_blocks_format"


async def test_timestamps_never_repeat_and_rise(slack: SlackDouble, client: AsyncWebClient) -> None:
    found = [(await client.chat_postMessage(channel=CASES, text=f"{n}"))["ts"] for n in range(5)]
    assert found == sorted(set(found))


async def test_answers_stand_in_their_thread(slack: SlackDouble, client: AsyncWebClient) -> None:
    head = (await client.chat_postMessage(channel=CASES, text="Tête"))["ts"]
    answer = await client.chat_postMessage(channel=CASES, text="Suite", thread_ts=head)
    assert answer["message"]["thread_ts"] == head
    replies = await client.conversations_replies(channel=CASES, ts=head)
    assert [message["text"] for message in replies["messages"]] == ["Tête", "Suite"]
    history = await client.conversations_history(channel=CASES)
    assert [message["text"] for message in history["messages"]] == ["Tête"]
    link = await client.chat_getPermalink(channel=CASES, message_ts=answer["ts"])
    assert link["permalink"].endswith(
        f"/archives/{CASES}/p{answer['ts'].replace('.', '')}?thread_ts={head}&cid={CASES}"
    )


async def test_a_deleted_head_with_answers_leaves_a_stone(slack: SlackDouble, client: AsyncWebClient) -> None:
    head = (await client.chat_postMessage(channel=CASES, text="Tête"))["ts"]
    await client.chat_postMessage(channel=CASES, text="Suite", thread_ts=head)
    slack.control.delete_message(CASES, head)
    assert await code(client.chat_update(channel=CASES, ts=head, text="x")) == "message_not_found"
    more = await client.chat_postMessage(channel=CASES, text="Encore", thread_ts=head)
    assert more["message"]["thread_ts"] == head


async def test_an_answer_to_a_head_that_is_gone_stands_in_the_channel(
    slack: SlackDouble, client: AsyncWebClient
) -> None:
    head = (await client.chat_postMessage(channel=CASES, text="Tête"))["ts"]
    slack.control.delete_message(CASES, head)
    lost = await client.chat_postMessage(channel=CASES, text="Suite", thread_ts=head)
    assert "thread_ts" not in lost["message"]


async def test_a_direct_message_opens_once_and_is_found_again(slack: SlackDouble, client: AsyncWebClient) -> None:
    first = await client.conversations_open(users=ELISE)
    again = await client.conversations_open(users=[ELISE], return_im=True)
    assert first["channel"]["id"] == again["channel"]["id"]
    assert again["already_open"]
    assert again["channel"]["user"] == ELISE
    by_user = await client.chat_postMessage(channel=ELISE, text="Bonjour")
    assert by_user["channel"] == first["channel"]["id"]


async def test_a_message_to_somebody_deactivated_arrives_unseen(slack: SlackDouble, client: AsyncWebClient) -> None:
    """As in Slack, which tells nobody: only the user's own record does."""
    slack.control.deactivate(ELISE)
    assert (await client.chat_postMessage(channel=ELISE, text="Bonjour"))["ok"]
    assert (await client.users_info(user=ELISE))["user"]["deleted"] is True
    assert await code(client.conversations_open(users=ELISE)) == "user_disabled"
    assert await code(client.users_lookupByEmail(email="elise@tilleuls.example")) == "users_not_found"


async def test_people_are_found_by_address_and_by_id(slack: SlackDouble, client: AsyncWebClient) -> None:
    found = await client.users_lookupByEmail(email="Elise@Tilleuls.example")
    assert found["user"]["id"] == ELISE
    assert (await client.users_info(user=ELISE))["user"]["profile"]["email"] == "elise@tilleuls.example"
    slack.control.take_scope("users:read.email")
    assert "email" not in (await client.users_info(user=ELISE))["user"]["profile"]
    assert len((await client.users_list())["members"]) == 3


async def test_channels_are_listed_by_kind_and_by_page(slack: SlackDouble, client: AsyncWebClient) -> None:
    for number in range(3):
        slack.workspace.add_channel(f"autre-{number}", bot=False)
    names, cursor = [], ""
    while True:
        page = await client.conversations_list(limit=2, cursor=cursor, types="public_channel,private_channel")
        names += [channel["name"] for channel in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert names == ["suivi", "autre-0", "autre-1", "autre-2"]
    slack.control.archive(CASES)
    left = await client.conversations_list(exclude_archived=True)
    assert "suivi" not in [channel["name"] for channel in left["channels"]]
    assert (await client.conversations_info(channel=CASES))["channel"]["is_archived"] is True
    assert await code(client.conversations_list(cursor="x")) == "invalid_cursor"
    assert await code(client.conversations_list(types="x")) == "invalid_types"


async def test_the_app_knows_itself(slack: SlackDouble, client: AsyncWebClient) -> None:
    who = await client.auth_test()
    assert who["user_id"] == BOT_USER
    assert (await client.bots_info(bot=who["bot_id"]))["bot"]["user_id"] == BOT_USER
    assert "chat:write" in who.headers["x-oauth-scopes"].split(",")
    assert (await client.api_test())["ok"]
    assert (await client.team_info())["team"]["id"] == who["team_id"]


async def test_an_ephemeral_message_is_for_one_person(slack: SlackDouble, client: AsyncWebClient) -> None:
    told = await client.chat_postEphemeral(channel=CASES, user=ELISE, text="Déjà pris en charge")
    assert [message.ts for message in slack.workspace.timeline(CASES, viewer=ELISE)] == [told["message_ts"]]
    assert slack.workspace.timeline(CASES, viewer=NADIA) == []
    assert (await client.conversations_history(channel=CASES))["messages"] == []
    assert await code(client.chat_update(channel=CASES, ts=told["message_ts"], text="x")) == "message_not_found"


@pytest.mark.parametrize(
    ("method", "given", "error"),
    [
        ("chat.postMessage", {"channel": CASES}, "no_text"),
        ("chat.postMessage", {"channel": CASES, "blocks": []}, "no_text"),
        ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
        ("chat.postMessage", {"channel": CASES, "text": {"a": 1}}, "invalid_arguments"),
        ("chat.postMessage", {"channel": "C9", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": DIRECTION, "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": CASES, "text": "x" * 40_001}, "msg_too_long"),
        ("chat.postMessage", {"channel": CASES, "text": "x", "blocks": {"type": "divider"}}, "invalid_blocks_format"),
        ("chat.postMessage", {"channel": CASES, "text": "x", "blocks": [{"type": "no"}]}, "invalid_blocks"),
        (
            "chat.postMessage",
            {"channel": CASES, "text": "x", "blocks": [{"type": "section", "text": marked("x" * 2_700)}] * 5},
            "msg_blocks_too_long",
        ),
        ("chat.postEphemeral", {"channel": CASES, "user": "U9", "text": "x"}, "user_not_in_channel"),
        ("chat.postEphemeral", {"channel": CASES, "text": "x"}, "invalid_arguments"),
        ("chat.update", {"channel": CASES, "ts": "1.000001", "text": "x"}, "message_not_found"),
        ("chat.update", {"channel": CASES, "text": "x"}, "invalid_arguments"),
        ("chat.delete", {"channel": CASES, "ts": "1.000001"}, "message_not_found"),
        ("chat.getPermalink", {"channel": CASES, "message_ts": "1.000001"}, "message_not_found"),
        ("chat.getPermalink", {"channel": "C9", "message_ts": "1.000001"}, "channel_not_found"),
        ("conversations.open", {"users": "U9"}, "user_not_found"),
        ("conversations.open", {"users": BOT_USER}, "cannot_dm_bot"),
        ("conversations.open", {"users": ""}, "users_list_not_supplied"),
        ("conversations.open", {"users": f"{ELISE},{NADIA}"}, "invalid_user_combination"),
        ("conversations.open", {"channel": CASES}, "method_not_supported_for_channel_type"),
        ("conversations.info", {"channel": "C9"}, "channel_not_found"),
        ("conversations.info", {"channel": DIRECTION}, "channel_not_found"),
        ("conversations.replies", {"channel": CASES, "ts": "1.000001"}, "thread_not_found"),
        ("conversations.history", {"channel": "C9"}, "channel_not_found"),
        ("users.info", {"user": "U9"}, "user_not_found"),
        ("users.info", {}, "invalid_arguments"),
        ("users.lookupByEmail", {"email": "no@tilleuls.example"}, "users_not_found"),
        ("bots.info", {"bot": "B9"}, "bot_not_found"),
        ("views.open", {"view": modal()}, "invalid_arguments"),
        ("views.open", {"trigger_id": "no", "view": modal()}, "invalid_trigger_id"),
        ("views.open", {"trigger_id": "no", "view": HOME}, "invalid_arguments"),
        ("views.open", {"trigger_id": "no", "view": modal(private_metadata="x" * 250_001)}, "view_too_large"),
        ("views.update", {"view_id": "V9", "view": modal()}, "not_found"),
        ("views.update", {"view": modal()}, "invalid_arguments"),
        ("views.publish", {"user_id": "U9", "view": HOME}, "invalid_arguments"),
        ("views.publish", {"user_id": ELISE, "view": modal()}, "invalid_arguments"),
        ("views.drop", {}, "unknown_method"),
        ("api.test", {"error": "my_error"}, "my_error"),
    ],
)
async def test_what_slack_would_refuse_is_refused(
    slack: SlackDouble, client: AsyncWebClient, method: str, given: dict[str, Any], error: str
) -> None:
    takes_json = method not in METHODS or METHODS[method].json
    call = client.api_call(method, json=given) if takes_json else client.api_call(method, params=given)
    assert await code(call) == error
    assert slack.record.calls[-1].error == error
    assert not any(slack.workspace.messages.values())


async def test_a_refusal_says_what_is_missing(client: AsyncWebClient) -> None:
    error = await refused(client.api_call("chat.update", json={"text": "x"}))
    assert error.response["response_metadata"]["messages"] == [
        "[ERROR] missing required field: channel",
        "[ERROR] missing required field: ts",
    ]


async def test_a_refusal_points_at_the_block(client: AsyncWebClient) -> None:
    long = [{"type": "section", "text": marked("x" * 3001)}]
    error = await refused(client.chat_postMessage(channel=CASES, text="x", blocks=long))
    said = "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert error.response["errors"] == [said]
    assert error.response["response_metadata"]["messages"] == [f"[ERROR] {said}"]


async def test_a_view_that_is_too_wide_is_pointed_at(client: AsyncWebClient) -> None:
    error = await refused(client.views_open(trigger_id="x", view=modal(title=plain("x" * 25))))
    assert error.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if not method.json])
async def test_a_method_that_takes_a_form_reads_no_json(client: AsyncWebClient, method: str) -> None:
    bare = {"conversations.list", "users.list", "bots.info", "team.info"}
    call = client.api_call(method, json={"user": ELISE, "channel": CASES, "email": "x", "ts": "1", "message_ts": "1"})
    if method in bare:
        assert (await call)["ok"]
    else:
        assert await code(call) == "invalid_arguments"


@pytest.mark.parametrize(
    ("token", "error"), [(None, "not_authed"), ("xoxb-other", "invalid_auth")], ids=["none", "wrong"]
)
async def test_a_token_is_wanted(slack: SlackDouble, token: str | None, error: str) -> None:
    stranger = AsyncWebClient(token, base_url=slack.api_url)
    assert await code(stranger.auth_test()) == error


async def test_a_token_in_the_form_counts(slack: SlackDouble) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{slack.api_url}auth.test", data={"token": TOKEN})
    assert answer.json()["ok"] is True


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (b"{no", "application/json", "invalid_json"),
        (b"[]", "application/json", "json_not_object"),
        (b"x", "text/csv", "invalid_post_type"),
    ],
)
async def test_a_body_that_cannot_be_read(slack: SlackDouble, body: bytes, kind: str, error: str) -> None:
    async with httpx.AsyncClient() as http:
        headers = {"Content-Type": kind, "Authorization": f"Bearer {TOKEN}"}
        answer = await http.post(f"{slack.api_url}chat.postMessage", content=body, headers=headers)
    assert answer.json() == {"ok": False, "error": error}


@pytest.mark.parametrize(
    ("scope", "method", "given"),
    [
        ("chat:write", "chat.postMessage", {"channel": CASES, "text": "x"}),
        ("chat:write", "chat.update", {"channel": CASES, "ts": "1.000001", "text": "x"}),
        ("chat:write", "chat.postEphemeral", {"channel": CASES, "user": ELISE, "text": "x"}),
        ("chat:write", "chat.delete", {"channel": CASES, "ts": "1.000001"}),
        ("im:write", "conversations.open", {"users": ELISE}),
        ("channels:read", "conversations.info", {"channel": CASES}),
        ("channels:read", "conversations.list", {}),
        ("groups:read", "conversations.list", {"types": "public_channel,private_channel"}),
        ("im:read", "conversations.list", {"types": "im"}),
        ("channels:history", "conversations.history", {"channel": CASES}),
        ("channels:history", "conversations.replies", {"channel": CASES, "ts": "1.000001"}),
        ("users:read", "users.info", {"user": ELISE}),
        ("users:read", "users.list", {}),
        ("users:read", "bots.info", {}),
        ("users:read.email", "users.lookupByEmail", {"email": "elise@tilleuls.example"}),
        ("team:read", "team.info", {}),
    ],
)
async def test_a_scope_that_is_missing_is_named(
    slack: SlackDouble, client: AsyncWebClient, scope: str, method: str, given: dict[str, Any]
) -> None:
    slack.control.take_scope(scope)
    error = await refused(client.api_call(method, params=given))
    assert error.response["error"] == "missing_scope"
    assert error.response["needed"] == scope
    assert error.response["provided"].split(",") == sorted(slack.workspace.scopes)
    slack.control.give_scope(scope)
    answer = await client.api_call(method, params=given) if "1.000001" not in given.values() else None
    assert answer is None or answer["ok"]


@pytest.mark.parametrize("method", ["views.open", "views.update", "views.publish", "views.push", "auth.test"])
def test_views_want_no_scope(method: str) -> None:
    assert METHODS[method].scopes == ()


async def test_what_somebody_else_wrote_is_not_the_apps(slack: SlackDouble, client: AsyncWebClient) -> None:
    theirs = slack.workspace.post(CASES, "Bonjour", author=ELISE)
    assert await code(client.chat_update(channel=CASES, ts=theirs.ts, text="x")) == "cant_update_message"
    assert await code(client.chat_delete(channel=CASES, ts=theirs.ts)) == "cant_delete_message"


async def test_an_archived_channel_takes_nothing(slack: SlackDouble, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel=CASES, text="x"))["ts"]
    slack.control.archive(CASES)
    assert await code(client.chat_postMessage(channel=CASES, text="x")) == "is_archived"
    assert await code(client.chat_postEphemeral(channel=CASES, user=ELISE, text="x")) == "is_archived"
    assert await code(client.chat_update(channel=CASES, ts=ts, text="x")) == "is_inactive"
    slack.control.unarchive(CASES)
    assert (await client.chat_postMessage(channel=CASES, text="x"))["ok"]


async def test_a_channel_that_the_app_has_left(slack: SlackDouble, client: AsyncWebClient) -> None:
    slack.control.kick(CASES)
    assert (await client.chat_postMessage(channel=CASES, text="x"))["ok"]
    slack.control.take_scope("chat:write.public")
    assert await code(client.chat_postMessage(channel="#suivi", text="x")) == "not_in_channel"
    assert await code(client.conversations_history(channel=CASES)) == "not_in_channel"
    slack.control.invite(CASES)
    assert (await client.chat_postMessage(channel="#suivi", text="x"))["channel"] == CASES

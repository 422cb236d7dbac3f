"""views.* and `response_url`s over a real socket."""

from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from portal.demo.slack.double import SlackDouble
from portal.demo.slack.person import Person
from tests.portal.demo.slack.conftest import CASES, ELISE, NADIA
from tests.portal.demo.slack.samples import HOME, case, marked, modal, plain


async def code(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_a_modal_is_opened_updated_and_stacked(slack: SlackDouble, client: AsyncWebClient) -> None:
    elise, space = Person(slack, ELISE), slack.workspace
    opened = await client.views_open(trigger_id=space.new_trigger(ELISE), view=modal(external_id="k7"))
    assert elise.modal is not None
    assert (elise.modal.id, elise.modal.hash) == (opened["view"]["id"], opened["view"]["hash"])
    assert opened["view"]["root_view_id"] == opened["view"]["id"]
    told = {"view_id": opened["view"]["id"], "view": modal(title=plain("Autre"))}
    assert await code(client.views_update(**told, hash="0.0")) == "hash_conflict"
    await client.views_update(**told, hash=opened["view"]["hash"])
    assert elise.modal.body["title"]["text"] == "Autre"
    for _ in range(2):
        pushed = await client.views_push(trigger_id=space.new_trigger(ELISE), view=modal())
    assert pushed["view"]["root_view_id"] == opened["view"]["id"]
    more = client.views_push(trigger_id=space.new_trigger(ELISE), view=modal())
    assert await code(more) == "push_limit_reached"
    assert Person(slack, NADIA).modal is None


async def test_a_view_is_found_by_a_name_of_the_apps_own(slack: SlackDouble, client: AsyncWebClient) -> None:
    space = slack.workspace
    await client.views_open(trigger_id=space.new_trigger(ELISE), view=modal(external_id="k7"))
    again = client.views_open(trigger_id=space.new_trigger(NADIA), view=modal(external_id="k7"))
    assert await code(again) == "duplicate_external_id"
    updated = await client.views_update(external_id="k7", view=modal(external_id="k7", title=plain("Autre")))
    assert updated["view"]["title"]["text"] == "Autre"


async def test_a_trigger_opens_one_modal(slack: SlackDouble, client: AsyncWebClient) -> None:
    trigger = slack.workspace.new_trigger(ELISE)
    await client.views_open(trigger_id=trigger, view=modal())
    assert await code(client.views_open(trigger_id=trigger, view=modal())) == "exchanged_trigger_id"


async def test_a_refused_view_leaves_the_trigger_alone(slack: SlackDouble, client: AsyncWebClient) -> None:
    trigger = slack.workspace.new_trigger(ELISE)
    assert await code(client.views_open(trigger_id=trigger, view=modal(title=marked()))) == "invalid_arguments"
    assert (await client.views_open(trigger_id=trigger, view=modal()))["ok"]


async def test_a_trigger_dies_after_three_seconds(slack: SlackDouble, client: AsyncWebClient) -> None:
    seconds = [0.0]
    slack.workspace.stopwatch = lambda: seconds[0]
    trigger = slack.workspace.new_trigger(ELISE)
    seconds[0] = 3.01
    assert await code(client.views_open(trigger_id=trigger, view=modal())) == "expired_trigger_id"


async def test_each_person_has_a_home_of_their_own(slack: SlackDouble, client: AsyncWebClient) -> None:
    first = await client.views_publish(user_id=ELISE, view=HOME)
    assert Person(slack, NADIA).home is None
    assert await code(client.views_publish(user_id=ELISE, view=HOME, hash="0.0")) == "hash_conflict"
    second = await client.views_publish(user_id=ELISE, view=HOME, hash=first["view"]["hash"])
    assert second["view"]["id"] == first["view"]["id"]
    slack.control.deactivate(NADIA)
    refused = client.views_publish(user_id=NADIA, view=HOME)
    with pytest.raises(SlackApiError) as caught:
        await refused
    assert caught.value.response["response_metadata"]["messages"] == ["invalid `user_id`"]


async def test_a_home_keeps_the_kind_that_it_is(slack: SlackDouble, client: AsyncWebClient) -> None:
    home = await client.views_publish(user_id=ELISE, view=HOME)
    assert await code(client.views_update(view_id=home["view"]["id"], view=modal())) == "invalid_arguments"


def respond(slack: SlackDouble, *, whisper: bool = False) -> AsyncWebhookClient:
    """To a button of a message that everybody sees, or that Élise alone sees."""
    message = slack.workspace.post(CASES, "Un appel", case(), ephemeral_to=ELISE if whisper else None)
    return AsyncWebhookClient(slack.response_url(slack.workspace.new_reply(ELISE, CASES, message)))


@pytest.mark.parametrize("whisper", [True, False])
async def test_a_reply_replaces_or_deletes_what_it_answers(slack: SlackDouble, whisper: bool) -> None:
    url = respond(slack, whisper=whisper)
    answer = await url.send(text="Fait", replace_original=True)
    assert (answer.status_code, answer.body) == (200, "ok")
    [message] = slack.workspace.timeline(CASES, viewer=ELISE)
    assert (message.text, message.blocks) == ("Fait", [])
    await url.send(delete_original=True)
    assert slack.workspace.timeline(CASES, viewer=ELISE) == []
    assert [call.way for call in slack.record] == ["response_url", "response_url"]


async def test_a_reply_may_be_for_all(slack: SlackDouble) -> None:
    await respond(slack).send(text="Pour tous", response_type="in_channel")
    assert [message.text for message in slack.workspace.timeline(CASES, viewer=NADIA)] == ["Un appel", "Pour tous"]


async def test_a_reply_can_be_used_five_times_within_half_an_hour(slack: SlackDouble) -> None:
    seconds = [0.0]
    slack.workspace.stopwatch = lambda: seconds[0]
    url, late = respond(slack), respond(slack)
    for _ in range(5):
        assert (await url.send(text="Encore")).status_code == 200
    used = await url.send(text="Trop")
    assert (used.status_code, used.body) == (404, "used_url")
    seconds[0] = 1801.0
    assert (await late.send(text="Trop tard")).body == "expired_url"


@pytest.mark.parametrize(
    ("given", "error"),
    [({}, "no_text"), ({"text": "x", "blocks": [{"type": "no"}]}, "invalid_blocks"), ([], "json_not_object")],
)
async def test_a_reply_that_slack_would_refuse_is_refused(slack: SlackDouble, given: Any, error: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(respond(slack).url, json=given)
    assert (answer.status_code, answer.text) == (400, error)


async def test_replies_can_fail_as_methods_do(slack: SlackDouble) -> None:
    url = respond(slack)
    slack.control.limit("response_url", retry_after=2, times=1)
    assert (await url.send(text="x")).status_code == 429
    slack.control.fail("response_url", status=503, times=1)
    assert (await url.send(text="x")).status_code == 503
    slack.control.slow("response_url", seconds=0.05)
    assert (await url.send(text="x")).status_code == 200

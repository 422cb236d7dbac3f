"""What Slack sends: signed as the SDK's own verifier wants it, again, twice, late and out of order."""

import json
import random
from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier

from portal.demo.slack.accounts import APP, SIGNING_SECRET, TEAM
from portal.demo.slack.double import SlackDouble
from portal.demo.slack.person import TROUBLE, NotSent, Person, tell, verify_url
from portal.demo.slack.shapes import JSON
from portal.demo.slack.things import Message, View
from tests.fakes.wire import Answer, Wire
from tests.portal.demo.slack.conftest import CASES, ELISE, furnished
from tests.portal.demo.slack.samples import HOME, an_answer, block, button, case, element, modal, option, plain

APP_URL = "https://rdv.example"
OK = httpx.Response(200)
VERIFIER = SignatureVerifier(SIGNING_SECRET)


def wired(*answers: Answer) -> tuple[SlackDouble, Wire, Person]:
    wire = Wire(*answers or (OK,))
    slack = furnished(SlackDouble(app_url=APP_URL, base_url="http://slack.example", transport=wire, patience=(0, 0, 0)))
    return slack, wire, Person(slack, ELISE)


def payload(wire: Wire, number: int = -1) -> JSON:
    found: JSON = json.loads(wire.form(number)["payload"])
    return found


def posted(slack: SlackDouble, *action_ids: str) -> Message:
    return slack.workspace.post(CASES, "Un appel à faire", case(*action_ids))


def opened(slack: SlackDouble, body: JSON | None = None) -> View:
    view = slack.workspace.view(ELISE, body or modal())
    slack.workspace.modals[ELISE] = [view]
    return view


async def test_a_press_is_signed_and_tells_where_it_was() -> None:
    slack, wire, elise = wired()
    message = posted(slack)
    await elise.press(message, "claim")
    [request] = wire.requests
    assert str(request.url) == f"{APP_URL}/slack/events"
    assert VERIFIER.is_valid_request(request.content, dict(request.headers))
    told = payload(wire)
    assert (told["type"], told["team"]["id"], told["api_app_id"]) == ("block_actions", TEAM, APP)
    assert (told["user"]["id"], told["channel"]) == (ELISE, {"id": CASES, "name": "suivi"})
    assert told["container"] == {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": CASES,
        "is_ephemeral": False,
    }
    assert told["message"]["ts"] == message.ts
    [action] = told["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("claim", "do", "k7")
    assert told["response_url"].startswith("http://slack.example/slack/response/")
    assert slack.workspace.use_trigger(told["trigger_id"]) == ELISE


async def test_another_secret_does_not_verify() -> None:
    wire = Wire(OK)
    slack = furnished(SlackDouble(app_url=APP_URL, transport=wire, signing_secret="other"))
    await Person(slack, ELISE).press(posted(slack), "claim")
    assert not VERIFIER.is_valid_request(wire.requests[0].content, dict(wire.requests[0].headers))


async def test_the_timestamp_is_the_machines() -> None:
    """The library that checks it reads the machine's clock, wherever the demo's clock stands."""
    slack, wire, elise = wired()
    slack.workspace.now = lambda: datetime(2016, 6, 6, 9, 30, tzinfo=UTC)
    message = posted(slack)
    assert message.ts == "1465205400.000000"
    await elise.press(message, "claim")
    assert VERIFIER.is_valid_request(wire.requests[0].content, dict(wire.requests[0].headers))


async def test_an_old_version_of_a_message_can_be_pressed() -> None:
    slack, wire, elise = wired()
    message = posted(slack, "claim", "seen")
    slack.workspace.rewrite(message, "Pris en charge", case("outcome"))
    with pytest.raises(LookupError):
        await elise.press(message, "claim")
    await elise.press(message, "claim", version=0)
    assert payload(wire)["actions"][0]["action_id"] == "claim"


async def test_an_ephemeral_message_tells_only_where_it_stood() -> None:
    slack, wire, elise = wired()
    whisper = slack.workspace.post(CASES, "Pour vous", case(), ephemeral_to=ELISE)
    await elise.press(whisper, "claim")
    told = payload(wire)
    assert told["container"]["is_ephemeral"] is True
    assert "message" not in told
    assert elise.whispers(CASES) == [whisper]


CHOICES = [
    ("static_select", {"options": [option("a"), option("b")]}, "b", {"selected_option": option("b")}),
    ("radio_buttons", {"options": [option("a"), option("b")]}, "b", {"selected_option": option("b")}),
    ("checkboxes", {"options": [option("a"), option("b")]}, ["b"], {"selected_options": [option("b")]}),
    ("multi_static_select", {"options": [option("a")]}, [], {"selected_options": []}),
    ("overflow", {"options": [option("a"), option("b")]}, "a", {"selected_option": option("a")}),
    ("users_select", {}, ELISE, {"selected_user": ELISE}),
    ("multi_users_select", {}, [ELISE], {"selected_users": [ELISE]}),
    ("channels_select", {}, CASES, {"selected_channel": CASES}),
    ("datepicker", {}, "2016-06-07", {"selected_date": "2016-06-07"}),
    ("timepicker", {}, "14:05", {"selected_time": "14:05"}),
    ("datetimepicker", {}, 1465205400, {"selected_date_time": 1465205400}),
    (
        "datetimepicker",
        {},
        datetime(2016, 6, 6, 9, 30, tzinfo=UTC),
        {"selected_date_time": 1465205400},
    ),
    ("plain_text_input", {}, "Rappeler", {"value": "Rappeler"}),
    ("plain_text_input", {}, "", {"value": None}),
    ("number_input", {}, "3", {"value": "3"}),
]


@pytest.mark.parametrize(("kind", "changes", "value", "told"), CHOICES)
async def test_a_choice_has_slacks_shape(kind: str, changes: JSON, value: object, told: JSON) -> None:
    slack, wire, elise = wired()
    holder = (
        block("actions", block_id="b", elements=[element(kind, **changes)])
        if kind == "overflow"
        else block("input", block_id="b", dispatch_action=True, element=element(kind, **changes))
    )
    message = slack.workspace.post(CASES, "Choisissez", [holder])
    await elise.press(message, "x", value, values={"x": value})
    sent = payload(wire)
    action = sent["actions"][0]
    assert {name: action[name] for name in told} == told
    if kind != "overflow":
        assert sent["state"]["values"] == {"b": {"x": {"type": kind, **told}}}


async def test_a_field_that_nobody_touched_holds_what_it_began_with() -> None:
    slack, wire, elise = wired()
    start = element("datepicker", initial_date="2016-06-06")
    message = slack.workspace.post(CASES, "x", [block("actions", block_id="b", elements=[start, button("go")])])
    await elise.press(message, "go")
    assert payload(wire)["state"]["values"]["b"]["x"]["selected_date"] == "2016-06-06"


async def test_a_submission_closes_the_modal() -> None:
    slack, wire, elise = wired()
    view = opened(slack, modal(private_metadata="k7"))
    await elise.submit({"x": "Message laissé"})
    told = payload(wire)
    assert (told["type"], told["view"]["id"], told["view"]["private_metadata"]) == ("view_submission", view.id, "k7")
    assert told["view"]["state"]["values"] == {"why": {"x": {"type": "plain_text_input", "value": "Message laissé"}}}
    assert elise.modal is None


async def test_an_empty_field_is_held_back_by_slack_itself() -> None:
    slack, wire, elise = wired()
    opened(slack)
    with pytest.raises(NotSent) as held:
        await elise.submit()
    assert held.value.errors.keys() == {"why"}
    assert wire.requests == []
    with pytest.raises(NotSent):
        await elise.submit({"x": "x" * 201})
    opened(slack, modal(blocks=[block("input", block_id="why", optional=True)]))
    await elise.submit()
    assert elise.modal is None


async def test_errors_of_a_submission_stand_at_their_field() -> None:
    slack, _, elise = wired(an_answer(response_action="errors", errors={"why": "Trop tôt."}))
    opened(slack)
    await elise.submit({"x": "demain"})
    assert elise.modal is not None
    assert (elise.modal.errors, elise.modal.trouble) == ({"why": "Trop tôt."}, None)


async def test_a_submission_may_change_or_stack_or_clear_the_modals() -> None:
    second, third = modal(title=plain("Suite")), modal(title=plain("Fin"))
    slack, _, elise = wired(
        an_answer(response_action="update", view=second),
        an_answer(response_action="push", view=third),
        an_answer(response_action="clear"),
    )
    first = opened(slack)
    await elise.submit({"x": "a"})
    assert (elise.modal, first.body["title"]["text"]) == (first, "Suite")
    await elise.submit({"x": "a"})
    assert elise.modal is not None
    assert (elise.modal.previous, elise.modal.body["title"]["text"]) == (first.id, "Fin")
    await elise.submit({"x": "a"})
    assert elise.modal is None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(404),
        httpx.ConnectError("no"),
        httpx.ReadTimeout("late"),
        an_answer(response_action="update", view=modal(title=plain("x" * 25))),
        an_answer(response_action="errors", errors={"nowhere": "x"}),
        an_answer(response_action="errors"),
        an_answer(response_action="dance"),
    ],
)
async def test_a_bad_answer_to_a_submission_is_trouble(answer: Answer) -> None:
    slack, _, elise = wired(answer)
    view = opened(slack)
    await elise.submit({"x": "a"})
    assert (elise.modal, view.trouble) == (view, TROUBLE)


@pytest.mark.parametrize("answer", [httpx.Response(503), httpx.ConnectError("no"), httpx.ReadTimeout("late")])
async def test_a_press_that_is_not_acknowledged_is_trouble_and_not_sent_again(answer: Answer) -> None:
    slack, wire, elise = wired(answer)
    found = await elise.press(posted(slack), "claim")
    assert (found.ok, elise.trouble, len(wire.requests)) == (False, TROUBLE, 1)


async def test_closing_is_told_to_an_app_that_asked() -> None:
    slack, wire, elise = wired()
    opened(slack)
    assert await elise.close() is None
    assert wire.requests == []
    opened(slack, modal(notify_on_close=True))
    await elise.close(everything=True)
    told = payload(wire)
    assert (told["type"], told["is_cleared"]) == ("view_closed", True)
    assert elise.modal is None
    with pytest.raises(LookupError):
        await elise.close()


async def test_a_command_is_a_form_and_its_answer_a_whisper() -> None:
    slack, wire, elise = wired(an_answer(text="Rien pour vous aujourd’hui."))
    await elise.command("/reprise ma liste", channel=CASES)
    form = wire.form()
    assert (form["command"], form["text"], form["channel_name"]) == ("/reprise", "ma liste", "suivi")
    assert VERIFIER.is_valid_request(wire.requests[0].content, dict(wire.requests[0].headers))
    assert [message.text for message in elise.whispers(CASES)] == ["Rien pour vous aujourd’hui."]
    assert [call.method for call in slack.record if call.way == "ack"] == ["/reprise"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(200, text="Aide"), "Aide"),
        (httpx.Response(500), "/reprise a échoué"),
        (httpx.ReadTimeout("late"), "http_timeout"),
        (an_answer(text="x", blocks=[{"type": "no"}]), "invalid_blocks"),
    ],
)
async def test_whatever_a_command_answers_is_told(answer: Answer, said: str) -> None:
    _, _, elise = wired(answer)
    await elise.command("/reprise")
    [whisper] = elise.whispers()
    assert said in whisper.text


async def test_a_command_may_answer_to_all() -> None:
    slack, _, elise = wired(an_answer(text="Bonjour", response_type="in_channel"))
    await elise.command("/reprise", channel=CASES)
    assert slack.workspace.timeline(CASES)[0].text == "Bonjour"


async def test_the_home_is_opened_with_what_it_shows() -> None:
    slack, wire, elise = wired()
    await elise.open_home()
    event = json.loads(wire.requests[-1].content)
    assert event["event"]["type"] == "app_home_opened"
    assert "view" not in event["event"]
    slack.workspace.homes[ELISE] = slack.workspace.view(ELISE, HOME)
    await elise.open_home()
    assert json.loads(wire.requests[-1].content)["event"]["view"]["type"] == "home"
    assert VERIFIER.is_valid_request(wire.requests[-1].content, dict(wire.requests[-1].headers))


async def test_a_message_that_somebody_deletes_is_told() -> None:
    slack, wire, elise = wired()
    message = posted(slack)
    await elise.delete(message)
    event = json.loads(wire.requests[-1].content)["event"]
    assert (event["subtype"], event["deleted_ts"], event["channel"]) == ("message_deleted", message.ts, CASES)
    assert slack.workspace.message(CASES, message.ts) is None


async def test_an_event_is_tried_again_until_it_is_heard() -> None:
    slack, wire, _ = wired(httpx.Response(500), httpx.ReadTimeout("late"), OK)
    answer = await tell(slack, {"type": "app_uninstalled"})
    assert answer.ok
    numbers = [request.headers.get("x-slack-retry-num") for request in wire.requests]
    reasons = [request.headers.get("x-slack-retry-reason") for request in wire.requests]
    assert numbers == [None, "1", "2"]
    assert reasons == [None, "http_error", "http_timeout"]
    ids = {json.loads(request.content)["event_id"] for request in wire.requests}
    assert len(ids) == 1


async def test_an_event_is_given_up_after_three_more() -> None:
    slack, wire, _ = wired(httpx.Response(500))
    assert not (await tell(slack, {"type": "tokens_revoked"})).ok
    assert len(wire.requests) == 4


async def test_an_app_may_ask_not_to_be_told_again() -> None:
    slack, wire, _ = wired(httpx.Response(500, headers={"X-Slack-No-Retry": "1"}))
    await tell(slack, {"type": "app_uninstalled"})
    assert len(wire.requests) == 1


async def test_an_address_is_verified_by_its_echo() -> None:
    slack, _, _ = wired(
        lambda request: httpx.Response(200, json={"challenge": json.loads(request.content)["challenge"]})
    )
    assert await verify_url(slack)
    slack, _, _ = wired(OK)
    assert not await verify_url(slack)


async def test_a_delivery_can_come_twice() -> None:
    slack, wire, elise = wired()
    slack.sender.copies = 2
    await elise.press(posted(slack), "claim")
    assert len({request.content for request in wire.requests}) == 1
    assert len(wire.requests) == 3
    assert len(slack.sender.sent) == 3


@pytest.mark.parametrize("order", [None, [2, 0, 1], random.Random(3)])
async def test_deliveries_can_be_held_and_let_go_in_another_order(order: list[int] | random.Random | None) -> None:
    slack, wire, elise = wired()
    message = posted(slack, "a", "b", "c")
    slack.sender.hold()
    for action_id in "abc":
        held = await elise.press(message, action_id)
        assert (held.problem, elise.trouble) == ("held", None)
    assert wire.requests == []
    await slack.sender.release(order=order)
    actions = [json.loads(parse_qs(each.content.decode())["payload"][0])["actions"] for each in wire.requests]
    names = [action["action_id"] for [action] in actions]
    assert sorted(names) == ["a", "b", "c"]
    if not isinstance(order, random.Random):
        assert names == ["abc"[place] for place in order or range(3)]


async def test_a_held_submission_is_taken_in_when_it_is_answered() -> None:
    slack, _, elise = wired()
    opened(slack)
    slack.sender.hold()
    await elise.submit({"x": "a"})
    assert elise.modal is not None
    await slack.sender.release()
    assert elise.modal is None


def test_a_trigger_lives_three_seconds_and_once() -> None:
    slack, _, _ = wired()
    seconds = [0.0]
    slack.workspace.stopwatch = lambda: seconds[0]
    one, other = slack.workspace.new_trigger(ELISE), slack.workspace.new_trigger(ELISE)
    seconds[0] = 3.0
    assert slack.workspace.use_trigger(one) == ELISE
    for trigger, code in ((one, "exchanged_trigger_id"), ("x", "invalid_trigger_id")):
        with pytest.raises(Exception, match=code):
            slack.workspace.use_trigger(trigger)
    seconds[0] = 3.1
    with pytest.raises(Exception, match="expired_trigger_id"):
        slack.workspace.use_trigger(other)

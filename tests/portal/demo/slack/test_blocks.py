"""Every published limit: what just fits passes, what is one too many does not."""

from typing import Any

import pytest

from portal.demo.slack.blocks import BLOCKS as KNOWN
from portal.demo.slack.blocks import message_problems, sent_problems, view_problems
from portal.demo.slack.elements import ACCESSORIES, ACTIONS, INPUTS
from portal.demo.slack.elements import ELEMENTS as KNOWN_ELEMENTS
from tests.portal.demo.slack.samples import (
    BLOCKS,
    ELEMENTS,
    HOME,
    JSON,
    block,
    case,
    element,
    marked,
    modal,
    option,
    options,
    plain,
)


def actions(*elements: JSON) -> JSON:
    return block("actions", elements=list(elements))


def an_input(kind: str, **changes: Any) -> JSON:
    return block("input", element=element(kind, **changes))


def confirm(**changes: Any) -> JSON:
    whole = {"title": plain(), "text": marked(), "confirm": plain(), "deny": plain()}
    return actions(element("button", confirm={**whole, **changes}))


def said(*blocks: JSON) -> list[str]:
    return [str(problem) for problem in message_problems(list(blocks))]


@pytest.mark.parametrize("kind", BLOCKS)
def test_a_sound_block_of_each_kind_passes(kind: str) -> None:
    assert said(BLOCKS[kind]) == []


def test_every_kind_has_a_sound_sample() -> None:
    assert BLOCKS.keys() >= KNOWN.keys() - {"rich_text"}
    assert ELEMENTS.keys() == KNOWN_ELEMENTS.keys()


# Each with its limit, and a builder that makes it as long as asked.
LENGTHS: dict[str, tuple[int, Any]] = {
    "section text": (3000, lambda n: block("section", text=marked("x" * n))),
    "section field": (2000, lambda n: {"type": "section", "fields": [marked("x" * n)]}),
    "header": (150, lambda n: block("header", text=plain("x" * n))),
    "context text": (3000, lambda n: block("context", elements=[marked("x" * n)])),
    "markdown": (12_000, lambda n: block("markdown", text="x" * n)),
    "block_id": (255, lambda n: block("divider", block_id="x" * n)),
    "image alt text": (2000, lambda n: block("image", alt_text="x" * n)),
    "image title": (2000, lambda n: block("image", title=plain("x" * n))),
    "image url": (3000, lambda n: block("image", image_url="https://" + "x" * (n - 8))),
    "input label": (2000, lambda n: block("input", label=plain("x" * n))),
    "input hint": (2000, lambda n: block("input", hint=plain("x" * n))),
    "button text": (75, lambda n: actions(element("button", text=plain("x" * n)))),
    "button value": (2000, lambda n: actions(element("button", value="x" * n))),
    "button url": (3000, lambda n: actions(element("button", url="https://" + "x" * (n - 8)))),
    "accessibility label": (75, lambda n: actions(element("button", accessibility_label="x" * n))),
    "action_id": (255, lambda n: actions(element("button", action_id="x" * n))),
    "option text": (75, lambda n: actions(element("static_select", options=[option(text="x" * n)]))),
    "option value": (150, lambda n: actions(element("static_select", options=[option("x" * n)]))),
    "option description": (
        75,
        lambda n: actions(element("static_select", options=[{**option(), "description": plain("x" * n)}])),
    ),
    "group label": (
        75,
        lambda n: actions(
            {"type": "static_select", "option_groups": [{"label": plain("x" * n), "options": [option()]}]}
        ),
    ),
    "placeholder": (150, lambda n: actions(element("static_select", placeholder=plain("x" * n)))),
    "confirm title": (100, lambda n: confirm(title=plain("x" * n))),
    "confirm text": (300, lambda n: confirm(text=marked("x" * n))),
    "confirm yes": (30, lambda n: confirm(confirm=plain("x" * n))),
    "confirm no": (30, lambda n: confirm(deny=plain("x" * n))),
    "initial value": (3000, lambda n: an_input("plain_text_input", initial_value="x" * n)),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_a_text_may_be_as_long_as_published_and_no_longer(name: str) -> None:
    most, build = LENGTHS[name]
    assert said(build(most)) == []
    assert [each.partition(" [")[0] for each in said(build(most + 1))] == [f"must be less than {most + 1} characters"]


EMPTY = sorted(LENGTHS.keys() - {"initial value", "image url", "button url"})


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_text_is_refused(name: str) -> None:
    assert [each.partition(" [")[0] for each in said(LENGTHS[name][1](0))] == ["must be more than 0 characters"]


def test_an_emoji_counts_as_two() -> None:
    """As it may in Slack: what passes here passes there, however it counts."""
    assert said(block("header", text=plain("🔔" * 75))) == []
    assert said(block("header", text=plain("🔔" * 76))) != []


def buttons(count: int) -> list[JSON]:
    return [element("button", action_id=f"b{number}") for number in range(count)]


COUNTS: dict[str, tuple[int, Any]] = {
    "section fields": (10, lambda n: {"type": "section", "fields": [marked()] * n}),
    "actions elements": (25, lambda n: actions(*buttons(n))),
    "context elements": (10, lambda n: block("context", elements=[marked()] * n)),
    "select options": (100, lambda n: actions(element("static_select", options=options(n)))),
    "radio options": (10, lambda n: actions({"type": "radio_buttons", "options": options(n)})),
    "checkbox options": (10, lambda n: actions({"type": "checkboxes", "options": options(n)})),
    "overflow options": (5, lambda n: actions(element("overflow", options=options(n)))),
    "option groups": (
        100,
        lambda n: actions({"type": "static_select", "option_groups": [{"label": plain(), "options": [option()]}] * n}),
    ),
}


@pytest.mark.parametrize("name", COUNTS)
def test_there_may_be_as_many_as_published_and_no_more(name: str) -> None:
    most, build = COUNTS[name]
    assert said(build(most)) == []
    assert [each.partition(" [")[0] for each in said(build(most + 1))] == [f"no more than {most} items allowed"]
    assert said(build(0)) != []


def test_a_message_has_at_most_fifty_blocks_and_a_view_a_hundred() -> None:
    dividers = [{"type": "divider"}] * 101
    assert message_problems(dividers[:50]) == []
    assert [str(each) for each in message_problems(dividers[:51])] == [
        "no more than 50 items allowed [json-pointer:/blocks]"
    ]
    for view in (modal(), HOME):
        assert view_problems({**view, "blocks": dividers[:100]}) == []
        assert view_problems({**view, "blocks": dividers}) != []


VIEW_LENGTHS: dict[str, tuple[int, Any]] = {
    "title": (24, lambda n: modal(title=plain("x" * n))),
    "submit": (24, lambda n: modal(submit=plain("x" * n))),
    "close": (24, lambda n: modal(close=plain("x" * n))),
    "private_metadata": (3000, lambda n: modal(private_metadata="x" * n)),
    "callback_id": (255, lambda n: modal(callback_id="x" * n)),
    "external_id": (255, lambda n: modal(external_id="x" * n)),
    "home private_metadata": (3000, lambda n: {**HOME, "private_metadata": "x" * n}),
}


@pytest.mark.parametrize("name", VIEW_LENGTHS)
def test_a_view_says_no_more_than_published(name: str) -> None:
    most, build = VIEW_LENGTHS[name]
    assert view_problems(build(most)) == []
    [problem] = view_problems(build(most + 1))
    assert problem.text == f"must be less than {most + 1} characters"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("header", "text"),
        ("context", "elements"),
        ("actions", "elements"),
        ("input", "label"),
        ("input", "element"),
        ("image", "image_url"),
        ("image", "alt_text"),
        ("markdown", "text"),
    ],
)
def test_what_a_block_needs_is_missed(kind: str, name: str) -> None:
    bare = {key: value for key, value in BLOCKS[kind].items() if key != name}
    assert said(bare) == [f"missing required field: {name} [json-pointer:/blocks/0]"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("button", "text"),
        ("checkboxes", "options"),
        ("radio_buttons", "options"),
        ("overflow", "options"),
        ("number_input", "is_decimal_allowed"),
    ],
)
def test_what_an_element_needs_is_missed(kind: str, name: str) -> None:
    bare = {key: value for key, value in ELEMENTS[kind].items() if key != name}
    holder = actions(bare) if kind in ACTIONS else block("input", element=bare)
    assert any(each.startswith(f"missing required field: {name}") for each in said(holder))


@pytest.mark.parametrize("name", ["title", "blocks", "type"])
def test_what_a_modal_needs_is_missed(name: str) -> None:
    assert view_problems({key: value for key, value in modal().items() if key != name}) != []


@pytest.mark.parametrize("kind", KNOWN_ELEMENTS)
def test_an_element_stands_only_where_it_may(kind: str) -> None:
    places = {
        "actions": (ACTIONS, actions(element(kind))),
        "accessory": (ACCESSORIES, block("section", accessory=element(kind))),
        "input": (INPUTS, block("input", element=element(kind))),
    }
    for name, (allowed, holder) in places.items():
        found = said(holder)
        assert (found == []) == (kind in allowed), (name, found)


@pytest.mark.parametrize(
    "bad",
    [
        block("header", text=marked()),
        block("input", label=marked()),
        block("section", text="Texte"),
        block("section", text={"type": "html", "text": "x"}),
        block("section", text={"type": "plain_text", "text": 3}),
        block("section", text={"type": "mrkdwn", "text": "x", "emoji": True}),
        block("section", text={"type": "plain_text", "text": "x", "verbatim": True}),
        block("section", colour="red"),
        {"type": "section"},
        {"type": "carousel"},
        {"text": plain()},
        "divider",
        actions(element("button", text=marked())),
        actions(element("button", style="default")),
        actions(element("button", disabled=True)),
        actions(element("button", url="practice.example")),
        actions(element("overflow", options=[{**option(), "text": marked()}])),
        actions(element("static_select", option_groups=[{"label": plain(), "options": [option()]}])),
        actions({"type": "static_select"}),
        actions(element("static_select", initial_option=option("z"))),
        actions(element("radio_buttons", initial_option=option("z"))),
        actions(element("datepicker", initial_date="06/06/2016")),
        actions(element("datepicker", initial_date="2016-02-30")),
        actions(element("timepicker", initial_time="24:00")),
        actions(element("datetimepicker", initial_date_time=12)),
        actions(element("datetimepicker", initial_date_time="1465205400")),
        an_input("plain_text_input", max_length=3001),
        an_input("plain_text_input", max_length=0),
        an_input("plain_text_input", min_length=20, max_length=10),
        an_input("plain_text_input", multiline="yes"),
        confirm(text=None),
        actions(element("button"), element("button")),
    ],
    ids=repr,
)
def test_what_is_malformed_is_refused(bad: Any) -> None:
    assert said(bad) != []


@pytest.mark.parametrize(
    "bad",
    [
        {**modal(), "submit": None, "blocks": [block("input")]},
        {key: value for key, value in modal().items() if key != "submit"},
        modal(blocks=[]),
        modal(blocks=[block("markdown")]),
        modal(title=marked()),
        modal(notify_on_close="yes"),
        modal(id="V1"),
        {**HOME, "title": plain()},
        {**HOME, "submit": plain()},
        {**HOME, "type": "workflow_step"},
        [],
    ],
    ids=repr,
)
def test_a_malformed_view_is_refused(bad: Any) -> None:
    assert view_problems(bad) != []


def test_names_stand_once() -> None:
    """A block's on its surface, an action's in its block."""
    assert said(block("divider", block_id="a"), block("divider", block_id="a")) == [
        "`block_id` already exists [json-pointer:/blocks/1/block_id]"
    ]
    assert said(actions(element("button")), actions(element("button"))) == []
    assert said(actions(element("button"), element("button"))) == [
        "`action_id` already exists [json-pointer:/blocks/0/elements/1/action_id]"
    ]
    twice = modal(blocks=[block("input", block_id="a"), block("input", block_id="a")])
    assert view_problems(twice) != []


def test_anything_sent_can_be_checked() -> None:
    assert sent_problems({"channel": "C1", "text": "x", "blocks": case()}) == []
    assert sent_problems({"view": modal()}) == []
    assert sent_problems({"text": "x" * 4001}) != []
    assert sent_problems({"blocks": [block("section", text=marked("x" * 2_700))] * 5}) != []
    assert sent_problems({"view": modal(private_metadata="x" * 250_001)}) != []
    assert sent_problems({"response_action": "update", "view": modal(title=plain("x" * 25))}) != []

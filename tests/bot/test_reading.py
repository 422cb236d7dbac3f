"""Whatever Slack sends in a shape that nobody expected: read for what it is worth, and nothing is thrown."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.blocks.modals import About
from bot.listeners.presses import Press
from bot.listeners.submissions import Filled
from bot.reading import is_readable, person_in, reference_in, text_in

ODD: list[Any] = [None, 7, True, "x\x00", "\ud800", [], {}, ["a"], {"a": 1}, "x" * 300_000]


@pytest.mark.parametrize("odd", ODD)
def test_no_shape_of_a_press_is_thrown(odd: Any) -> None:
    for body in (
        {"user": odd, "team": odd, "view": odd, "trigger_id": odd, "response_url": odd, "actions": [{}]},
        {"user": {"id": odd}, "actions": [{"value": odd, "selected_option": odd}]},
        {"user": {"id": "U1"}, "actions": [{"selected_option": {"value": odd}}]},
    ):
        press = Press.of(body)
        assert press.ref == reference_in(press.ref)


@pytest.mark.parametrize("odd", ODD)
def test_no_shape_of_a_modal_is_thrown(odd: Any) -> None:
    for view in (
        odd,
        {"private_metadata": odd, "state": odd, "id": odd},
        {"private_metadata": json.dumps(odd), "state": {"values": odd}},
        {"private_metadata": json.dumps({"ref": odd, "home": odd}), "state": {"values": {"when": odd, "outcome": odd}}},
        {"state": {"values": {"when": {"choice": odd}, "outcome": {"choice": {"selected_option": odd}}}}},
        {"state": {"values": {"when": {"choice": {"selected_date_time": odd}}}}},
    ):
        filled = Filled.of({"user": {"id": "U1"}, "view": view})
        assert filled.about.ref == reference_in(filled.about.ref)
        assert isinstance(filled.chosen("outcome"), str)
        filled.moment("when")


@pytest.mark.parametrize("seconds", [10**18, -(10**18), 10**400, "soon", 1.5, None])
def test_a_moment_beyond_all_years_is_no_moment(seconds: Any) -> None:
    values = {"when": {"choice": {"selected_date_time": seconds}}}
    assert Filled("U1", "V1", About(""), values).moment("when") is None


def test_a_guest_of_another_workspace_is_nobody_here() -> None:
    user = {"id": "U1", "team_id": "T1"}
    assert person_in({"user": user, "team": {"id": "T1"}}) == "U1"
    assert person_in({"user": user, "team": {"id": "T2"}, "enterprise": None}) == ""
    assert person_in({"user": user, "team": {"id": "T2"}, "enterprise": {"id": "E1"}}) == "U1"
    assert person_in({"user": user, "team": None}) == "U1"


@pytest.mark.parametrize("value", ["", "a b", "a\x00", "é", "a:b", "x" * 41, "'; DROP TABLE task; --"])
def test_what_can_be_no_reference_is_none(value: str) -> None:
    assert reference_in(value) == ""


def test_text_that_the_database_cannot_hold_is_no_text() -> None:
    assert text_in({"a": {"b": "c"}}, "a", "b") == "c"
    assert [text_in({"a": odd}, "a") for odd in ("\x00", "\ud800", 3, None)] == [""] * 4


@pytest.mark.parametrize("body", ["[]", "null", "{", '"x"', '{"type": "event_callback", "event": null}'])
def test_what_bolt_would_stumble_over_is_not_readable(body: str) -> None:
    assert not is_readable(body, "application/json; charset=utf-8")


@pytest.mark.parametrize("actions", ["[]", '"x"', "[{}]", "[null]", "null"])
def test_a_press_of_nothing_is_not_readable(actions: str) -> None:
    assert not is_readable(
        f'payload={{"type":"block_actions","actions":{actions}}}', "application/x-www-form-urlencoded"
    )


@pytest.mark.parametrize(
    "view", [None, 7, {}, {"type": "modal"}, {"callback_id": "x"}, {"type": 1, "callback_id": "x"}]
)
@pytest.mark.parametrize("kind", ["view_submission", "view_closed"])
def test_a_modal_of_which_bolt_could_make_nothing_is_not_read(kind: str, view: Any) -> None:
    def told(view: Any) -> str:
        return urlencode({"payload": json.dumps({"type": kind, "view": view})})

    assert not is_readable(told(view), "application/x-www-form-urlencoded")
    assert is_readable(told({"type": "modal", "callback_id": "x"}), "application/x-www-form-urlencoded")

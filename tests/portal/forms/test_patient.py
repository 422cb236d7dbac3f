from datetime import UTC, datetime

import pytest

from db.states import Barrier, Channel
from portal.forms import patient as forms

MOMENT = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-24T08:30Z", "2026-11-24T08:30:00+00:00", "2026-11-24T09:30+01:00", "2026-11-24 08:30:00Z"]
)
def test_a_slot_is_read_from_any_spelling_of_its_start(text: str) -> None:
    assert forms.slot([("slot", text)]) == MOMENT


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-24", "2026-11-24T08:30", "2026-11-24T25:00Z", "1-1-1", "0001-01-01T00:00+23:59", "Z" * 100],
)
def test_what_names_no_moment_is_no_slot(text: str) -> None:
    assert forms.slot([("slot", text)]) is None


def test_a_field_given_twice_or_not_at_all_is_no_slot() -> None:
    assert forms.slot([]) is None
    assert forms.slot([("slot", forms.slot_value(MOMENT)), ("slot", forms.slot_value(MOMENT))]) is None


def test_a_slot_comes_back_as_it_was_written() -> None:
    assert forms.slot([("slot", forms.slot_value(MOMENT))]) == MOMENT
    assert forms.slot_value(MOMENT) == "2026-11-24T08:30Z"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (["sms"], (Channel.SMS,)),
        (["email"], (Channel.EMAIL,)),
        (["both"], (Channel.SMS, Channel.EMAIL)),
        (["email", "sms"], (Channel.SMS, Channel.EMAIL)),
        (["sms", "both"], (Channel.SMS, Channel.EMAIL)),
        ([], None),
        (["fax"], None),
        (["sms", "fax"], None),
    ],
)
def test_channels_are_read_from_buttons_or_boxes(chosen: list[str], expected: tuple[Channel, ...] | None) -> None:
    assert forms.channels([("channel", text) for text in chosen]) == expected


@pytest.mark.parametrize("barrier", list(Barrier))
def test_what_stands_in_the_way_is_one_of_a_fixed_list(barrier: Barrier) -> None:
    assert forms.barrier([("barrier", barrier)]) is barrier


@pytest.mark.parametrize("text", ["", "HOURS", "hours ", "my leg hurts"])
def test_anything_else_is_not_read(text: str) -> None:
    assert forms.barrier([("barrier", text)]) is None


@pytest.mark.parametrize(("text", "expected"), [("yes", True), ("", False), ("no", False), ("on", False)])
def test_only_yes_confirms(text: str, expected: bool) -> None:
    assert forms.is_confirmed([("confirm", text)]) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("appointment", "k3v9x2m4qpwz.1")], "k3v9x2m4qpwz.1"),
        ([], ""),
        ([("appointment", "a.0"), ("appointment", "b.0")], ""),
        ([("appointment", "a" * 500)], ""),
    ],
)
def test_a_form_says_which_appointment_its_page_showed(fields: list[tuple[str, str]], expected: str) -> None:
    assert forms.shown(fields) == expected

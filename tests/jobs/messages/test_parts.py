import pytest

from jobs.messages.catalogue import shipped
from jobs.messages.parts import MESSAGE_PARTS, REQUIRED, Parts, has_way_out, parts_of
from jobs.messages.source import PLACEHOLDERS

TEXTS = [(channel, message) for message, channels in MESSAGE_PARTS.items() for channel in channels]


@pytest.mark.parametrize("message", [None, "first", "worth"])
@pytest.mark.parametrize("channel", ["sms", "email"])
def test_a_message_of_a_sequence_has_the_parts_of_its_channel(channel: str, message: str | None) -> None:
    assert parts_of(channel, message) == Parts(REQUIRED[channel], PLACEHOLDERS)


@pytest.mark.parametrize(("channel", "message"), TEXTS)
def test_what_is_required_is_allowed_and_never_absent(channel: str, message: str) -> None:
    parts = parts_of(channel, message)
    assert {*parts.required, *parts.absent} <= set(parts.may)
    assert not {*parts.required} & {*parts.absent}


@pytest.mark.parametrize(("channel", "message"), TEXTS)
def test_no_text_about_what_is_ahead_can_name_the_missed_day(channel: str, message: str) -> None:
    assert "missed_on" not in parts_of(channel, message).may


def test_every_text_with_parts_of_its_own_is_shipped() -> None:
    assert {message: set(channels) for message, channels in MESSAGE_PARTS.items()} == {
        message: shipped().channels(message) for message in MESSAGE_PARTS
    }


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_the_reminders_of_both_channels_are_one_text(channel: str) -> None:
    assert parts_of(channel, f"reminder_{channel}") == parts_of(channel, "reminder")


@pytest.mark.parametrize("message", sorted(MESSAGE_PARTS))
def test_a_subject_asks_for_nothing_that_may_be_absent(message: str) -> None:
    subject = parts_of("subject", message)
    assert subject.required == subject.absent == ()
    assert not set(parts_of("email", message).absent) & set(subject.may)


@pytest.mark.parametrize(
    ("channel", "message", "expected"),
    [
        ("email", "first", True),
        ("email", "reminder_email", True),
        ("email", "agreed_later", True),
        ("email", "confirmation", False),
        ("sms", "reminder_sms", True),
        ("sms", "emergency", False),
    ],
)
def test_a_confirmation_and_the_emergency_answer_carry_no_way_out(channel: str, message: str, expected: bool) -> None:
    assert has_way_out(channel, message) is expected

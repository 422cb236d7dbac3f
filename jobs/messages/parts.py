"""What a text must say and what it may say: placeholders by channel, and by message for those about an appointment."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from db.states import Channel
from jobs.messages.source import PLACEHOLDERS

REQUIRED: Mapping[str, tuple[str, ...]] = {
    Channel.SMS.value: ("link", "opt_out"),
    Channel.EMAIL.value: ("link", "phone", "opt_out"),
}


@dataclass(frozen=True)
class Parts:
    """`may` holds every placeholder that the text may use.

    The value of those in `absent` may be blank: the lines that hold it then go.
    """

    required: tuple[str, ...]
    may: tuple[str, ...]
    absent: tuple[str, ...] = ()


_ANY = ("first_name", "link", "phone", "practice", "opt_out")

# An SMS says no place: an address is longer than what is left of it, and the page behind the link shows it.
MESSAGE_PARTS: Mapping[str, Mapping[str, Parts]] = {
    "confirmation": {
        "email": Parts(
            ("link", "phone", "when"), ("first_name", "link", "phone", "practice", "when", "place"), ("place",)
        ),
    },
    "reminder": {
        "sms": Parts(("link", "opt_out", "when"), (*_ANY, "when")),
        "email": Parts(("link", "phone", "opt_out", "when"), (*_ANY, "when", "place"), ("place",)),
    },
    # What was agreed on the telephone stands in the practice's own software: the date may not have come in yet.
    "agreed_booked": {
        "sms": Parts(REQUIRED["sms"], (*_ANY, "when"), ("when",)),
        "email": Parts(REQUIRED["email"], (*_ANY, "when", "place"), ("when", "place")),
    },
    "agreed_later": {
        "sms": Parts(REQUIRED["sms"], _ANY),
        "email": Parts(REQUIRED["email"], _ANY),
    },
    # It may go to a number that is nobody's on file.
    "emergency": {
        "sms": Parts(("numbers",), ("numbers", "practice")),
    },
}


# The reminders of both channels are one text, which each channel says in its way.
_ONE_TEXT = {"reminder_email": "reminder", "reminder_sms": "reminder"}


def text_of(message: str) -> str:
    """The name under which the catalogue holds the words of a message."""
    return _ONE_TEXT.get(message, message)


@cache
def parts_of(kind: str, message: str | None = None) -> Parts:
    """`kind` is a channel, for the body, or `subject`: a line that cannot do without any of its values."""
    if kind == "subject":
        body = parts_of(Channel.EMAIL.value, message)
        return Parts((), tuple(name for name in body.may if name not in body.absent))
    of_message = MESSAGE_PARTS.get(text_of(message), {}) if message else {}
    return of_message.get(kind) or Parts(REQUIRED.get(kind, ()), PLACEHOLDERS)


def has_way_out(kind: str, message: str) -> bool:
    """Whether it carries a way to opt out, and so an email the `List-Unsubscribe` headers (RFC 8058)."""
    return "opt_out" in parts_of(kind, message).required

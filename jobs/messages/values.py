"""What a text may be filled with, made safe for every medium: one line, nothing hidden."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime

# Longer first names are left out of an SMS, so that it stays within one segment.
SMS_FIRST_NAME = 12
SMS_LINK = 52
SMS_OPT_OUT = 26
# The linter counts on it where a text says the practice's name within a sentence; on a line of its own it gives way.
SMS_PRACTICE = 20
EMAIL_FIRST_NAME = 40

_GIVEN_NAME = re.compile(r"[^\W\d_]+(?:(?:[-'’ ]|\. )[^\W\d_]+)*\.?")
_INITIALS = re.compile(r"(?<![^\W\d_])[^\W\d_]")


@dataclass(frozen=True)
class MessageValues:
    """What one message to one patient may say; `opt_out` is a phrase in an SMS, an address in an email.

    `starts_at` is aware and in the practice's zone, `place` an address or the link of a video call; both are of the
    appointment that is ahead. `numbers` are the emergency numbers as the answer says them.
    """

    first_name: str
    link: str
    phone: str
    practice: str
    missed_on: date | None
    opt_out: str
    slots_soon: bool = False
    starts_at: datetime | None = None
    place: str = ""
    numbers: str = ""


def one_line(value: str) -> str:
    """No line break, control, invisible or private character: it can forge no header, hide nothing."""
    value = unicodedata.normalize("NFC", value)
    if not value.isprintable():
        value = "".join(_visible(char) for char in value)
    return " ".join(value.split())


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    return " " if category in {"Cc", "Co", "Cs", "Cn", "Zl", "Zp"} else char


def given_name(value: str) -> str:
    """The first name as a letter would write it, or nothing where the field holds no name.

    Exports shout, whisper, list all given names after a comma, and now and then hold no name at all.
    """
    name = one_line(value.split(",")[0])
    if len(name) > EMAIL_FIRST_NAME or not _GIVEN_NAME.fullmatch(name):
        return ""
    if name.isupper() or name.islower():
        return _INITIALS.sub(lambda initial: initial.group().upper(), name.lower())
    return name

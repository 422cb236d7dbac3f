"""What can go wrong between Reprise and a person's telephone or mailbox.

DeliveryError
├── Temporary        nothing left; the same message may go later
├── Permanent        nothing left, nor ever will this way; `kind` says what staff have to do about it
├── Ambiguous        the message was handed over and no answer came: it may have left, it may not
└── SendingRefused   the account or the settings are refused: staff are told, and messages wait

None of them ever holds an address, a number, a link or a body: `without_contacts` cleans what servers say.
"""

import re
from enum import StrEnum

from db.errors import RepriseError

LONGEST_TEXT = 200
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_ADDRESS = re.compile(r"<[^<>]*@[^<>]*>|[^\s<>]+@[^\s<>]+")
# Whole words only: a queue id, which staff may have to quote to their provider, has letters in it.
_NUMBER = re.compile(r"(?<!\w)\+?\d(?:[ .()/-]?\d){6,}(?!\w)")


class PermanentKind(StrEnum):
    ADDRESS_INVALID = "address_invalid"
    BLOCKED = "blocked"
    REFUSED_CONTENT = "refused_content"
    OTHER = "other"


class DeliveryError(RepriseError):
    """Base of what a server or a gateway answers instead of "accepted". `code` is the provider's own."""

    def __init__(self, code: str | int, text: str) -> None:
        self.code = str(code)
        self.text = without_contacts(text)
        super().__init__(f"{self.code} {self.text}".strip())


class Temporary(DeliveryError):
    """Nothing left; `retry_after` (seconds) is the provider's wish, where it has one."""

    def __init__(self, code: str | int, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(code, text)
        self.retry_after = retry_after


class Permanent(DeliveryError):
    """Trying again would be refused again."""

    def __init__(self, code: str | int, text: str, kind: PermanentKind = PermanentKind.OTHER) -> None:
        super().__init__(code, text)
        self.kind = kind


class Ambiguous(DeliveryError):
    """The body was handed over and no answer came."""


class SendingRefused(DeliveryError):
    """Not this message but this sender is refused: credentials, encryption, sender address, account."""


def without_contacts(text: str) -> str:
    """One short line without links, addresses or long numbers: servers like to echo them."""
    line = text.encode("utf-8", "replace").decode("utf-8")
    line = _CONTROLS.sub(" ", line)
    line = _LINK.sub("(link)", line)
    line = _ADDRESS.sub("(address)", line)
    line = _NUMBER.sub("(number)", line)
    line = " ".join(line.split())
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"

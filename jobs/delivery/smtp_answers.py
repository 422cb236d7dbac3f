"""What an SMTP server's refusal means for a message, by stage, code and enhanced code (RFC 5321, 3463)."""

import re
from enum import StrEnum

from jobs.delivery.errors import Ambiguous, DeliveryError, Permanent, PermanentKind, SendingRefused, Temporary

_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_RELAY = re.compile(r"\brelay", re.IGNORECASE)
_CREDENTIALS = frozenset({530, 534, 535, 538})
_BAD_MAILBOX = frozenset({550, 551, 553})
_MAILBOX_FULL = "2.2"
_MESSAGE_TOO_BIG = "3.4"


class Stage(StrEnum):
    """How far the message was when the server refused."""

    CONNECT = "connect"
    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"
    BODY = "body"


def refusal(stage: Stage, code: int, text: str) -> DeliveryError:
    """The error that this answer stands for.

    A 5xx before the recipient is named is about the sender: every other message would meet it too, so it is
    one alert and not a task per patient.
    """
    if 400 <= code < 500:
        return Temporary(code, text)
    if not 500 <= code < 600:
        garbled = "The server's answer makes no sense."
        return Ambiguous(code, garbled) if stage is Stage.BODY else Temporary(code, garbled)
    detail = _detail(text)
    if (code == 552 and detail != _MESSAGE_TOO_BIG and stage is not Stage.BODY) or detail == _MAILBOX_FULL:
        # RFC 5321, 4.5.3.1.10: a full mailbox, or too many recipients, passes.
        return Temporary(code, text)
    if code in _CREDENTIALS or stage in (Stage.CONNECT, Stage.SENDER):
        return SendingRefused(code, text)
    if stage is Stage.RECIPIENT:
        return _refused_recipient(code, detail, text)
    return Permanent(code, text, _refused_body(code, detail))


def _refused_recipient(code: int, detail: str, text: str) -> DeliveryError:
    if _RELAY.search(text):
        return SendingRefused(code, text)
    about_mailbox = detail.startswith(("1.", "2.")) if detail else code in _BAD_MAILBOX
    return Permanent(code, text, PermanentKind.ADDRESS_INVALID if about_mailbox else PermanentKind.OTHER)


def _refused_body(code: int, detail: str) -> PermanentKind:
    if detail.startswith("1."):
        return PermanentKind.ADDRESS_INVALID
    if detail.startswith(("6.", "7.")) or code in (550, 554):
        return PermanentKind.REFUSED_CONTENT
    return PermanentKind.OTHER


def _detail(text: str) -> str:
    """Subject and detail of an enhanced status code: `1.1` for `5.1.1`, empty where there is none."""
    found = _ENHANCED.search(text)
    return f"{int(found[2])}.{int(found[3])}" if found else ""

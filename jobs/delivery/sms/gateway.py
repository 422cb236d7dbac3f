"""What Reprise asks of an SMS gateway; each provider's module translates it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from jobs.delivery.errors import PermanentKind

Form = Mapping[str, str]
Headers = Mapping[str, str]
# Where a report that is no form has its text.
BODY = ""


class SenderForm(StrEnum):
    """A name (which nobody can answer), a number, or a pool of numbers at the provider."""

    NAME = "name"
    NUMBER = "number"
    POOL = "pool"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a gateway can do with this sender.

    `receives`: answers come back, so that a text may say STOP. `countries`: ISO codes that it writes to, None
    for no known limit. `finds_sent`: an ambiguous send can be settled. `receipts`: delivery is reported, by a GET where
    `receipts_by_get`.
    """

    receives: bool
    countries: frozenset[str] | None
    sender_form: SenderForm
    finds_sent: bool
    receipts: bool
    receipts_by_get: bool = False


@dataclass(frozen=True, slots=True)
class OutgoingSms:
    """`to` in E.164; our `reference` comes back with the receipts to `receipt_url`, an absolute address. `link` is the
    one in the text, which no other message has."""

    reference: str
    to: str = field(repr=False)
    sender: str
    text: str = field(repr=False)
    receipt_url: str | None
    link: str | None = field(default=None, repr=False)

    def is_said_by(self, body: str) -> bool:
        """Whether a message at the provider is an earlier attempt of this one. Its other words may have changed since:
        a first name was mended, the sender receives answers by now."""
        if self.link is None:
            return body.strip() == self.text.strip()
        at = body.find(self.link)
        # A longer link may begin with this one.
        return at >= 0 and not body[at + len(self.link) :][:1].isalnum()


@dataclass(frozen=True, slots=True)
class Accepted:
    provider_id: str


class Outcome(StrEnum):
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


class FailureKind(StrEnum):
    """`blocked` writes an opt-out; `temporary` may be sent anew; `permanent` has a reason to act on."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message. May come early, late, twice and out of order.

    `code`, `kind` and `reason` are set for a failure only, `reason` for a permanent or blocked one.
    """

    provider_id: str
    reference: str | None
    outcome: Outcome
    code: str | None = None
    kind: FailureKind | None = None
    reason: PermanentKind | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text that somebody sent to the practice's number. `provider_id` is the key for telling repeats."""

    provider_id: str
    from_: str = field(repr=False)
    to: str
    text: str = field(repr=False)


class Gateway(Protocol):
    """One provider, with one account. Sending raises a `DeliveryError`."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def send(self, sms: OutgoingSms) -> Accepted: ...

    async def find(self, sms: OutgoingSms, since: datetime) -> str | None:
        """To settle an ambiguous send: the provider's id of this very message, accepted since then."""
        ...

    async def check(self) -> None:
        """Ask the provider whether the account may be used; sends nothing. Raises a `DeliveryError`."""
        ...

    async def close(self) -> None: ...

    def verify(self, url: str, form: Form, headers: Headers) -> bool:
        """Whether the provider itself sent this to `url`, the exact public address with its query."""
        ...

    def parse_receipt(self, form: Form, headers: Headers, url: str) -> Receipt | None:
        """None while it is still queued. Raises `ValueError` for what is no receipt."""
        ...

    def parse_inbound(self, form: Form, headers: Headers, url: str) -> Inbound:
        """Raises `ValueError` for what is no message."""
        ...

"""Twilio's REST API: sending, settling, receipts and inbound messages, each verified by its signature."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx

from jobs.delivery.errors import Ambiguous
from jobs.delivery.sms.gateway import (
    Accepted,
    Capabilities,
    Form,
    Headers,
    Inbound,
    Outcome,
    OutgoingSms,
    Receipt,
    SenderForm,
)
from jobs.delivery.sms.twilio_codes import failure, refusal
from jobs.delivery.sms.wire import ask, make_client

API = "https://api.twilio.com"
SIGNATURE_HEADER = "x-twilio-signature"
REFERENCE = "ref"
POOL_PREFIX = "MG"
PAGE_SIZE = 100
STANDARD_PORTS = {"https": 443, "http": 80}
OUTCOMES = {
    "sent": Outcome.SENT,
    "delivered": Outcome.DELIVERED,
    "read": Outcome.DELIVERED,
    "undelivered": Outcome.FAILED,
    "failed": Outcome.FAILED,
    "canceled": Outcome.FAILED,
}


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """`sender`: a number in E.164, a name of 11 letters or digits at most, or a messaging service (MG...).

    `timeout`: seconds that one request may take in all.
    """

    account: str
    token: str = field(repr=False)
    sender: str
    base_url: str = API
    timeout: float = 10.0


class Twilio:
    """One account, one HTTP client. `transport` replaces the network."""

    def __init__(self, settings: TwilioSettings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._client = make_client(
            settings.timeout,
            transport=transport,
            base_url=f"{settings.base_url.rstrip('/')}/2010-04-01/Accounts",
            auth=(settings.account, settings.token),
        )

    @property
    def capabilities(self) -> Capabilities:
        form = sender_form(self._settings.sender)
        return Capabilities(
            receives=form is not SenderForm.NAME,
            countries=None,
            sender_form=form,
            finds_sent=True,
            receipts=True,
        )

    async def send(self, sms: OutgoingSms) -> Accepted:
        answer = await self._ask("POST", "/Messages", data=_message_form(sms))
        provider_id = answer.get("sid")
        if not isinstance(provider_id, str) or not provider_id:
            raise Ambiguous("answer", "The gateway accepted the message without naming it.")
        return Accepted(provider_id)

    async def find(self, sms: OutgoingSms, since: datetime) -> str | None:
        # Filtering by DateSent would hide what is still queued, so the date is compared here. Newest come
        # first.
        query = {"To": sms.to, "PageSize": str(PAGE_SIZE)}
        # A link says enough, and the sender may be another one by now.
        if sms.link is None and sender_form(sms.sender) is not SenderForm.POOL:
            query["From"] = sms.sender
        answer = await self._ask("GET", "/Messages", params=query)
        for message in answer.get("messages", ()):
            if sms.is_said_by(str(message.get("body", ""))) and _created_since(message, since):
                return str(message["sid"])
        return None

    async def check(self) -> None:
        await self._ask("GET", "")

    async def close(self) -> None:
        await self._client.aclose()

    def verify(self, url: str, form: Form, headers: Headers) -> bool:
        given = _header(headers, SIGNATURE_HEADER)
        # Twilio drops or adds a standard port before it signs; every spelling is compared, in constant time.
        matches = [
            hmac.compare_digest(signature(self._settings.token, spelling, form).encode(), given.encode())
            for spelling in _spellings(url)
        ]
        return any(matches)

    def parse_receipt(self, form: Form, headers: Headers, url: str) -> Receipt | None:
        outcome = OUTCOMES.get(form.get("MessageStatus", form.get("SmsStatus", "")))
        provider_id = _required(form, "MessageSid")
        reference = parse_qs(urlsplit(url).query).get(REFERENCE, [None])[0]
        if outcome is None:
            return None
        if outcome is not Outcome.FAILED:
            return Receipt(provider_id, reference, outcome)
        code = form.get("ErrorCode", "")
        kind, reason = failure(int(code) if code.isdecimal() else None)
        return Receipt(provider_id, reference, outcome, code or None, kind, reason)

    def parse_inbound(self, form: Form, headers: Headers, url: str) -> Inbound:
        return Inbound(
            provider_id=_required(form, "MessageSid"),
            from_=_required(form, "From"),
            to=_required(form, "To"),
            text=form.get("Body", ""),
        )

    async def _ask(self, method: str, resource: str, **request: Any) -> dict[str, Any]:
        path = f"/{self._settings.account}{resource}.json"
        response = await ask(self._client, method, path, budget=self._settings.timeout, **request)
        answer = _json_object(response)
        if response.is_success:
            return answer
        code = answer.get("code")
        raise refusal(
            response.status_code,
            code if isinstance(code, int) else None,
            str(answer.get("message", response.reason_phrase)),
            retry_after=_seconds(response.headers.get("retry-after")),
        )


def sender_form(sender: str) -> SenderForm:
    if sender.startswith(POOL_PREFIX) and len(sender) == 34:
        return SenderForm.POOL
    return SenderForm.NUMBER if sender.lstrip("+").isdecimal() else SenderForm.NAME


def signature(token: str, url: str, form: Form) -> str:
    """What Twilio writes into `X-Twilio-Signature` for a form posted to `url`."""
    signed = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode("ascii")


def _message_form(sms: OutgoingSms) -> dict[str, str]:
    sender = "MessagingServiceSid" if sender_form(sms.sender) is SenderForm.POOL else "From"
    form = {"To": sms.to, sender: sms.sender, "Body": sms.text}
    if sms.receipt_url is not None:
        form["StatusCallback"] = _with_reference(sms.receipt_url, sms.reference)
    return form


def _with_reference(url: str, reference: str) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode({REFERENCE: reference}))))
    return urlunsplit(parts._replace(query=query))


def _created_since(message: Mapping[str, Any], since: datetime) -> bool:
    try:
        created = parsedate_to_datetime(str(message.get("date_created")))
    except ValueError:
        return False
    # Twilio's dates have whole seconds.
    return created.astimezone(UTC) >= since - timedelta(seconds=1)


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isdecimal() else None


def _required(form: Form, name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise ValueError(f"The gateway's request lacks {name}.")
    return value


def _header(headers: Headers, name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _spellings(url: str) -> list[str]:
    parts = urlsplit(url)
    port = STANDARD_PORTS.get(parts.scheme)
    host = parts.netloc
    if parts.port is None:
        return [url, urlunsplit(parts._replace(netloc=f"{host}:{port}"))]
    if parts.port == port:
        return [url, urlunsplit(parts._replace(netloc=host.rpartition(":")[0]))]
    return [url]

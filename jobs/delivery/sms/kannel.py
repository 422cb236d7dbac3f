"""Kannel: sending through its `sendsms`, receipts, and inbound messages.

Kannel signs nothing. A receipt comes back to an address that we signed when the message left; an inbound message
carries the secret that was written into Kannel's configuration.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx

from db.rules import telephones
from jobs.delivery.errors import Ambiguous, DeliveryError, PermanentKind
from jobs.delivery.sms import kannel_codes as codes
from jobs.delivery.sms.gateway import (
    BODY,
    Accepted,
    Capabilities,
    FailureKind,
    Form,
    Headers,
    Inbound,
    Outcome,
    OutgoingSms,
    Receipt,
    SenderForm,
)
from jobs.delivery.sms.wire import ask, make_client

USUAL_PATH = "/cgi-bin/sendsms"
# The name that stands before the secret in the address for inbound messages.
VISITOR = "reprise"
REFERENCE, SIGNATURE, STATUS, IDENTITY = "ref", "sig", "status", "id"
SIGNATURE_LENGTH = 32
GSM_7 = "0"
# Longer than any national number: such digits begin with a country's code, whose + was lost on the way.
INTERNATIONAL_DIGITS = 11


@dataclass(frozen=True, slots=True)
class KannelSettings:
    """`url`: the address of `sendsms`. `secret`: what inbound messages carry and receipts are signed with.

    `country`: whose national spelling inbound numbers may have. `timeout`: seconds that one request may take in all.
    """

    url: str
    username: str
    password: str = field(repr=False)
    sender: str
    secret: str = field(repr=False)
    country: str
    timeout: float = 10.0


class Kannel:
    """One `sendsms-user`, one HTTP client. `transport` replaces the network."""

    def __init__(self, settings: KannelSettings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._client = make_client(settings.timeout, transport=transport)

    @property
    def capabilities(self) -> Capabilities:
        form = sender_form(self._settings.sender)
        return Capabilities(
            receives=form is SenderForm.NUMBER,
            countries=None,
            sender_form=form,
            finds_sent=False,
            receipts=True,
            receipts_by_get=True,
        )

    async def send(self, sms: OutgoingSms) -> Accepted:
        headers = {"From": sms.sender, "To": sms.to, "Coding": GSM_7}
        if sms.receipt_url is not None:
            headers["DLR-Mask"] = str(codes.WANTED_RECEIPTS)
            headers["DLR-Url"] = receipt_address(self._settings.secret, sms.receipt_url, sms.reference)
        answer = await self._post(headers, sms.text)
        if answer.status_code == codes.ACCEPTED:
            # Kannel names a message to nobody but itself.
            return Accepted(sms.reference)
        if answer.is_success:
            raise Ambiguous(answer.status_code, "The gateway's answer is not one of Kannel's.")
        raise _refusal(answer)

    async def find(self, sms: OutgoingSms, since: datetime) -> str | None:
        # Kannel cannot be asked what it took, by link or otherwise: `finds_sent` says so.
        return None

    async def check(self) -> None:
        # Kannel looks at the credentials first, and then misses a recipient. An empty body would not be read at all.
        answer = await self._post({}, " ")
        if answer.status_code != codes.BAD_REQUEST or not answer.text.startswith(codes.NO_RECIPIENT):
            raise _refusal(answer)

    async def close(self) -> None:
        await self._client.aclose()

    def verify(self, url: str, form: Form, headers: Headers) -> bool:
        signed, _, rest = url.partition(f"&{SIGNATURE}=")
        mac, _, _ = rest.partition("&")
        is_ours = hmac.compare_digest(_mac(self._settings.secret, signed).encode(), mac.encode())
        knows = hmac.compare_digest(
            _authorization(self._settings.secret).encode(), _header(headers, "authorization").encode()
        )
        return is_ours or knows

    def parse_receipt(self, form: Form, headers: Headers, url: str) -> Receipt | None:
        reference, status = _in_query(url, REFERENCE), _in_query(url, STATUS)
        if not (status.isascii() and status.isdecimal()):
            raise ValueError("The gateway's receipt has no status.")
        outcome = codes.OUTCOMES.get(int(status))
        if outcome is None:
            return None
        if outcome is not Outcome.FAILED:
            return Receipt(reference, reference, outcome)
        # Why it failed would stand in the address beside words of the message, so it is not asked for.
        code = f"dlr-{int(status)}"
        return Receipt(reference, reference, outcome, code, FailureKind.PERMANENT, PermanentKind.OTHER)

    def parse_inbound(self, form: Form, headers: Headers, url: str) -> Inbound:
        if BODY not in form:
            raise ValueError("The gateway's request has no text.")
        return Inbound(
            provider_id=_in_query(url, IDENTITY),
            from_=self._e164(_required_header(headers, "x-kannel-from")),
            to=_required_header(headers, "x-kannel-to"),
            text=form[BODY],
        )

    def _e164(self, number: str) -> str:
        """As the operator spelt it where it is no telephone number: a person may still know what to do with it."""
        international = number.isdecimal() and number[0] != "0" and len(number) >= INTERNATIONAL_DIGITS
        spellings = [f"+{number}", number] if international else [number]
        found = (telephones.read(spelling, self._settings.country) for spelling in spellings)
        return next((telephone.e164 for telephone in found if telephone is not None), number)

    async def _post(self, headers: dict[str, str], text: str) -> httpx.Response:
        """Number, text and password travel in headers and body: an address would leave them in every log."""
        told = {"Username": self._settings.username, "Password": self._settings.password, **headers}
        encoded = [(f"X-Kannel-{name}".encode(), value.encode()) for name, value in told.items()]
        return await ask(
            self._client,
            "POST",
            self._settings.url,
            budget=self._settings.timeout,
            headers=[(b"Content-Type", b"text/plain; charset=UTF-8"), *encoded],
            content=text.encode(),
        )


def sender_form(sender: str) -> SenderForm:
    return SenderForm.NUMBER if sender.lstrip("+").isdecimal() else SenderForm.NAME


def sendsms_address(base_url: str) -> str:
    """The usual path is added to an address that has none."""
    parts = urlsplit(base_url)
    return base_url if parts.path.strip("/") else urlunsplit(parts._replace(path=USUAL_PATH))


def receipt_address(secret: str, receipt_url: str, reference: str) -> str:
    """Where Kannel reports what became of a message; it writes the status in place of `%d`."""
    parts = urlsplit(receipt_url)
    query = "&".join(filter(None, (parts.query, urlencode({REFERENCE: reference}))))
    signed = urlunsplit(parts._replace(query=query))
    # To Kannel a percent sign is the beginning of a code, and two of them are one.
    return f"{signed}&{SIGNATURE}={_mac(secret, signed)}".replace("%", "%%") + f"&{STATUS}=%d"


def _mac(secret: str, signed: str) -> str:
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()[:SIGNATURE_LENGTH]


def _authorization(secret: str) -> str:
    return "Basic " + base64.b64encode(f"{VISITOR}:{secret}".encode()).decode("ascii")


def _refusal(answer: httpx.Response) -> DeliveryError:
    wait = answer.headers.get("retry-after", "")
    return codes.refusal(answer.status_code, answer.text, retry_after=float(wait) if wait.isdecimal() else None)


def _in_query(url: str, name: str) -> str:
    value = parse_qs(urlsplit(url).query).get(name, [""])[0]
    if not value:
        raise ValueError(f"The gateway's request lacks {name}.")
    return value


def _header(headers: Headers, name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _required_header(headers: Headers, name: str) -> str:
    value = _header(headers, name).strip()
    if not value:
        raise ValueError(f"The gateway's request lacks {name}.")
    return value

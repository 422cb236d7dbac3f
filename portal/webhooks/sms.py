"""What an SMS gateway reports: what became of a message, and what a patient answered.

Its signature over the public address is the authority, or what we gave it to show instead. A false one, an unknown
practice and another provider's address get the same refusal, and every report may come twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from litestar import Response, Router, get, post
from litestar.exceptions import ClientException, MethodNotAllowedException, PermissionDeniedException
from litestar.params import FromPath

from db.changes import inbound
from db.changes.settlements import Outcome as Settled
from db.changes.settlements import record_receipt
from db.clock import now
from db.errors import ConfigurationError, NotFound
from db.queries.practices import only_practice, practice_by_ref, sending
from jobs.delivery.access import gateway_settings
from jobs.delivery.errors import PermanentKind
from jobs.delivery.sms.emergencies import is_emergency
from jobs.delivery.sms.gateway import BODY, FailureKind, Gateway, Outcome, Receipt
from jobs.delivery.sms.registry import GatewaySettings, gateway
from jobs.delivery.sms.words import meaning, says_more
from portal.forms.body import fields
from portal.services import AnyRequest, Services, services

LARGEST_BODY = 65_536
MOST_FIELDS = 100
PLAIN, BINARY, XML = "text/plain", "application/octet-stream", "text/xml"
# What messages come in; others could be slow to decode, and nobody is known yet when that is done.
CHARSETS = frozenset({"utf-8", "utf-16be", "iso-8859-1", "windows-1252"})
# Without an empty document Twilio would send its own answer to the patient.
NO_ANSWER = {"twilio": b'<?xml version="1.0" encoding="UTF-8"?><Response/>'}

OUTCOMES = {Outcome.SENT: Settled.SENT, Outcome.DELIVERED: Settled.DELIVERED}
FAILURES = {
    PermanentKind.ADDRESS_INVALID: Settled.ADDRESS_INVALID,
    PermanentKind.BLOCKED: Settled.BLOCKED,
    PermanentKind.REFUSED_CONTENT: Settled.TEXT_REFUSED,
}


@dataclass(frozen=True, slots=True)
class Report:
    """A request that the gateway itself has signed."""

    practice: int
    gateway: Gateway
    url: str
    form: dict[str, str] = field(repr=False)
    headers: dict[str, str] = field(repr=False)


@post("/{provider:str}/receipt", status_code=204)
async def take_receipt(request: AnyRequest, provider: FromPath[str]) -> None:
    await _record(await _signed(request, provider))


@get("/{provider:str}/receipt", status_code=200)
async def take_receipt_by_get(request: AnyRequest, provider: FromPath[str]) -> Response[bytes]:
    """The one GET that changes something: a machine's report to an address that only it was given (decision 7)."""
    report = await _signed(request, provider)
    if not report.gateway.capabilities.receipts_by_get:
        raise MethodNotAllowedException(headers={"Allow": "POST"})
    await _record(report)
    return Response(b"", media_type=PLAIN)


async def _record(report: Report) -> None:
    try:
        receipt = report.gateway.parse_receipt(report.form, report.headers, report.url)
    except ValueError:
        raise ClientException from None
    if receipt is not None:
        await record_receipt(
            practice=report.practice,
            reference=receipt.reference,
            provider_id=receipt.provider_id,
            outcome=_settled(receipt),
            code=receipt.code,
            now=now(),
        )


@post("/{provider:str}/inbound", status_code=200)
async def take_message(request: AnyRequest, provider: FromPath[str]) -> Response[bytes]:
    report = await _signed(request, provider)
    try:
        message = report.gateway.parse_inbound(report.form, report.headers, report.url)
    except ValueError:
        raise ClientException from None
    meant = inbound.Meaning(meaning(message.text))
    await inbound.record_inbound(
        practice=report.practice,
        gateway=provider,
        provider_id=message.provider_id,
        from_e164=message.from_,
        text=message.text,
        meaning=meant,
        says_more=meant is inbound.Meaning.STOP and says_more(message.text),
        emergency=is_emergency(message.text),
        now=now(),
    )
    answer = NO_ANSWER.get(provider)
    return Response(answer or b"", media_type=XML if answer else PLAIN)


async def _signed(request: AnyRequest, provider: str) -> Report:
    here = services(request)
    form = _form(await request.body(), *request.content_type)
    query = request.scope["query_string"].decode("latin-1")
    url = f"{here.config.base_url}{request.scope['path']}" + (f"?{query}" if query else "")
    headers = dict(request.headers.items())
    try:
        # The address that a practice enters at its provider names it; where there is one practice, it may be left out.
        ref = request.query_params.get("practice")
        practice = await (only_practice() if ref is None else practice_by_ref(ref))
        settings = gateway_settings(await sending(practice.id))
    except (NotFound, ConfigurationError):
        raise PermissionDeniedException from None
    if settings.provider != provider or not _gateway(here, settings).verify(url, form, headers):
        raise PermissionDeniedException
    return Report(practice.id, _gateway(here, settings), url, form, headers)


def _form(body: bytes, kind: str, options: Mapping[str, str]) -> dict[str, str]:
    """A body that is no form is a message's own text; nothing that a patient wrote is lost over one strange letter."""
    if kind not in (PLAIN, BINARY):
        return dict(fields(body, MOST_FIELDS))
    charset = options.get("charset", "").lower()
    return {BODY: body.decode(charset if charset in CHARSETS else "utf-8", "replace")}


def _gateway(here: Services, settings: GatewaySettings) -> Gateway:
    if settings not in here.gateways:
        here.gateways[settings] = gateway(settings)
    return here.gateways[settings]


def _settled(receipt: Receipt) -> Settled:
    """A message that a telephone did not take "for now" is not sent anew by us: a person looks at it."""
    if receipt.outcome in OUTCOMES:
        return OUTCOMES[receipt.outcome]
    if receipt.kind is FailureKind.TEMPORARY or receipt.reason is None:
        return Settled.FAILED
    return FAILURES.get(receipt.reason, Settled.FAILED)


sms_router = Router(
    path="/webhooks",
    route_handlers=[take_receipt, take_receipt_by_get, take_message],
    request_max_body_size=LARGEST_BODY,
)

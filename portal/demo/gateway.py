"""A double of Twilio's REST API: sends, lists and shows messages, with the real checks and errors."""

import base64
import re
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers.base import BaseRouteHandler
from litestar.params import FromPath

from db.clock import now
from db.states import Channel
from portal.demo.accounts import ACCOUNT, FATES, TOKEN, Fate
from portal.demo.caller import Caller
from portal.demo.inbox import Inbox, Message

LONGEST_BODY = 1600
MOST_LISTED = 1000
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_SENDER = re.compile(r"\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_POOL = re.compile(r"MG[0-9a-zA-Z]{32}")
_CALLBACK = "StatusCallback"


class Fault(Exception):
    """An answer of Twilio's shape other than success."""

    def __init__(self, status: int, code: int, text: str, *, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.status, self.code, self.text, self.retry_after = status, code, text, retry_after


@dataclass(frozen=True, slots=True)
class Progress:
    status: str
    error: int | None = None


class GatewayDouble:
    """What the real gateway would remember, besides the messages themselves, which the inbox holds."""

    def __init__(self, inbox: Inbox, caller: Caller) -> None:
        self._inbox, self._caller = inbox, caller
        self._progress: dict[str, Progress] = {}
        self._refused: Counter[tuple[str, str]] = Counter()

    def send(self, form: Mapping[str, str]) -> dict[str, Any]:
        to, sender, body = _checked(form)
        fate = FATES.get(to)
        if fate is not None and not (fate.late or fate.taken):
            self._refuse(fate, to, body)
        message = self._take(to, sender, body, form.get(_CALLBACK, ""))
        self._report(message, fate)
        if fate is not None and fate.taken:
            raise _fault(fate)
        return self.shown(message, status="queued")

    def listed(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Newest first."""
        size = min(max(int(query.get("PageSize", "50")), 1), MOST_LISTED)
        found = [message for message in reversed(self._texts()) if _matches(message, query)]
        return [self.shown(message) for message in found[:size]]

    def one(self, sid: str) -> dict[str, Any]:
        for message in self._texts():
            if message.id == sid:
                return self.shown(message)
        raise Fault(404, 20404, "The requested resource was not found.")

    def shown(self, message: Message, *, status: str | None = None) -> dict[str, Any]:
        progress = self._progress.get(message.id, Progress("received" if message.reply else "delivered"))
        moment = format_datetime(message.at.astimezone(UTC))
        return {
            "sid": message.id,
            "account_sid": ACCOUNT,
            "api_version": "2010-04-01",
            "body": message.text,
            "from": None if _POOL.fullmatch(message.from_) else message.from_,
            "messaging_service_sid": message.from_ if _POOL.fullmatch(message.from_) else None,
            "to": message.to,
            "status": status or progress.status,
            "direction": "inbound" if message.reply else "outbound-api",
            "date_created": moment,
            "date_updated": moment,
            "date_sent": None if status else moment,
            "error_code": progress.error,
            "error_message": None,
            "num_media": "0",
            "num_segments": str(1 + len(message.text) // 161),
            "price": None,
            "price_unit": "EUR",
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{message.id}.json",
        }

    def _texts(self) -> list[Message]:
        return [message for message in self._inbox.messages() if message.channel is Channel.SMS]

    def _refuse(self, fate: Fate, to: str, body: str) -> None:
        self._refused[to, body] += 1
        if fate.times is None or self._refused[to, body] <= fate.times:
            raise _fault(fate)

    def _take(self, to: str, sender: str, body: str, callback: str) -> Message:
        message = Message(
            id=f"SM{secrets.token_hex(16)}",
            channel=Channel.SMS,
            to=to,
            from_=sender,
            text=body,
            at=now(),
            headers={_CALLBACK: callback} if callback else {},
        )
        self._inbox.append(message)
        return message

    def _report(self, message: Message, fate: Fate | None) -> None:
        error = fate.code if fate is not None and fate.late else None
        last = Progress("delivered") if error is None else Progress("undelivered", error)
        self._progress[message.id] = last
        url = message.headers.get(_CALLBACK)
        if url:
            steps = (Progress("sent"), last)
            self._caller.call(*((url, _receipt(message, step)) for step in steps))


def _checked(form: Mapping[str, str]) -> tuple[str, str, str]:
    to, body = form.get("To", ""), form.get("Body", "")
    sender = form.get("MessagingServiceSid") or form.get("From", "")
    callback = form.get(_CALLBACK, "")
    checks = [
        (bool(to), 21604, "A 'To' phone number is required."),
        (bool(_E164.fullmatch(to)), 21211, f"Invalid 'To' Phone Number: {to}"),
        (bool(sender), 21603, "A 'From' phone number is required."),
        (bool(_SENDER.fullmatch(sender) or _POOL.fullmatch(sender)), 21212, f"Invalid From Number: {sender}"),
        (sender != to, 21266, "'To' and 'From' number cannot be the same."),
        (bool(body), 21602, "Message body is required."),
        (len(body) <= LONGEST_BODY, 21617, "The concatenated message body exceeds the 1600 character limit."),
        (
            not callback or callback.startswith(("http://", "https://")),
            21609,
            "Invalid 'StatusCallback' URL.",
        ),
    ]
    for passed, code, text in checks:
        if not passed:
            raise Fault(400, code, text)
    return to, sender, body


def _fault(fate: Fate) -> Fault:
    return Fault(fate.status, fate.code, fate.text, retry_after=fate.retry_after)


def _receipt(message: Message, progress: Progress) -> dict[str, str]:
    form = {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "From": message.from_,
        "MessageSid": message.id,
        "MessageStatus": progress.status,
        "SmsSid": message.id,
        "SmsStatus": progress.status,
        "To": message.to,
    }
    return form if progress.error is None else {**form, "ErrorCode": str(progress.error)}


def _matches(message: Message, query: Mapping[str, str]) -> bool:
    day = message.at.astimezone(UTC).date()
    return (
        query.get("To", message.to) == message.to
        and query.get("From", message.from_) == message.from_
        and _day(query, "DateSent", day) == day
        and _day(query, "DateSent>", day) <= day
        and _day(query, "DateSent<", day) >= day
    )


def _day(query: Mapping[str, str], name: str, default: date) -> date:
    return datetime.fromisoformat(query[name]).date() if name in query else default


def requires_account(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    expected = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode("ascii")
    given = connection.headers.get("authorization", "")
    if not secrets.compare_digest(given.encode(), expected.encode()):
        raise Fault(401, 20003, "Authenticate")


def _answer(_: Request[Any, Any, Any], fault: Fault) -> Response[dict[str, Any]]:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    more = f"https://www.twilio.com/docs/errors/{fault.code}"
    body = {"code": fault.code, "message": fault.text, "more_info": more, "status": fault.status}
    return Response(body, status_code=fault.status, headers=headers)


def _own(account: str) -> None:
    if account != ACCOUNT:
        raise Fault(404, 20404, "The requested resource was not found.")


@post("/{account:str}/Messages.json", status_code=201)
async def send_message(
    request: Request[Any, Any, Any], account: FromPath[str], gateway: NamedDependency[GatewayDouble]
) -> dict[str, Any]:
    _own(account)
    return gateway.send(dict(parse_qsl((await request.body()).decode(), keep_blank_values=True)))


@get("/{account:str}/Messages.json")
async def list_messages(
    request: Request[Any, Any, Any], account: FromPath[str], gateway: NamedDependency[GatewayDouble]
) -> dict[str, Any]:
    _own(account)
    try:
        found = gateway.listed(dict(parse_qsl(request.scope["query_string"].decode())))
    except ValueError:
        raise Fault(400, 20001, "A parameter is not valid.") from None
    return {"messages": found, "page": 0, "page_size": len(found), "next_page_uri": None}


@get("/{account:str}/Messages/{file:str}")
async def show_message(
    account: FromPath[str], file: FromPath[str], gateway: NamedDependency[GatewayDouble]
) -> dict[str, Any]:
    _own(account)
    return gateway.one(file.removesuffix(".json"))


@get("/{file:str}")
async def show_account(file: FromPath[str]) -> dict[str, Any]:
    _own(file.removesuffix(".json"))
    return {"sid": ACCOUNT, "friendly_name": "Reprise demo", "status": "active", "type": "Full"}


api = Router(
    "/2010-04-01/Accounts",
    route_handlers=[send_message, list_messages, show_message, show_account],
    guards=[requires_account],
    exception_handlers={Fault: _answer},
)

"""The inbox page: telephones and a mailbox, as the demo's patients see them."""

import re
import secrets
from typing import Annotated, Any
from urllib.parse import quote

from litestar import MediaType, Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template

from db.clock import now
from db.states import Channel
from portal.demo.accounts import ACCOUNT
from portal.demo.caller import Caller
from portal.demo.headers import MAIL_POLICY, MAIL_SANDBOX
from portal.demo.inbox import Inbox, Message
from portal.demo.views import address, answers_to, conversation_of, page_of

LONGEST_REPLY = 1600
# A link in a frame would open in the frame.
_BASE = '<base target="_top">'
_OPENINGS = [re.compile(rf"<{tag}\b[^>]*>", re.IGNORECASE) for tag in ("head", "html", "!doctype")]


def requires_same_site(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Another site that is open in the same browser must not answer in a patient's name."""
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    own = f"{connection.base_url}".rstrip("/")
    if site not in (None, "same-origin", "none") or (site is None and origin not in (None, own)):
        raise PermissionDeniedException("This form belongs to the demo's own page.")


@get("/")
async def show_inbox(
    inbox: NamedDependency[Inbox],
    phone: FromQuery[str | None] = None,
    mail: FromQuery[str | None] = None,
    seen: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Response[Any]:
    messages = inbox.messages()
    if seen == len(messages):
        # Nothing has come: htmx leaves the page alone on 204.
        return Response(None, status_code=204)
    page = page_of(messages, phone=phone, mail=mail)
    return Template("demo/inbox.html", context={"page": page, "sandbox": MAIL_SANDBOX})


@get("/mails/{mail_id:str}/html", media_type=MediaType.HTML)
async def show_mail(inbox: NamedDependency[Inbox], mail_id: FromPath[str]) -> Response[str]:
    html = _mail(inbox, mail_id).html
    if html is None:
        raise NotFoundException
    opening = next((found for tag in _OPENINGS if (found := tag.search(html))), None)
    end = opening.end() if opening is not None else 0
    return Response(f"{html[:end]}{_BASE}{html[end:]}", headers={"Content-Security-Policy": MAIL_POLICY})


@get("/mails/{mail_id:str}/attachments/{number:int}")
async def download(inbox: NamedDependency[Inbox], mail_id: FromPath[str], number: FromPath[int]) -> Response[bytes]:
    attachments = _mail(inbox, mail_id).attachments
    if not 0 <= number < len(attachments):
        raise NotFoundException
    attachment = attachments[number]
    disposition = f"attachment; filename*=utf-8''{quote(attachment.name, safe='')}"
    return Response(
        attachment.content,
        media_type=attachment.content_type,
        headers={"Content-Disposition": disposition},
    )


@post("/reply", guards=[requires_same_site], status_code=303)
async def reply(
    request: Request[Any, Any, Any],
    inbox: NamedDependency[Inbox],
    caller: NamedDependency[Caller],
    inbound_url: NamedDependency[str],
    data: URLEncodedBody[dict[str, str]],
) -> Redirect:
    number, text, mail = data.get("phone", ""), data.get("text", "").strip(), data.get("mail") or None
    practice = answers_to(conversation_of(inbox.messages(), number))
    if practice is not None and text:
        answer = Message(
            id=f"SM{secrets.token_hex(16)}",
            channel=Channel.SMS,
            to=practice,
            from_=number,
            text=text[:LONGEST_REPLY],
            at=now(),
            reply=True,
        )
        inbox.append(answer)
        caller.call((inbound_url, _inbound(answer)))
    return Redirect(f"{address(number, mail)}#telephone", status_code=303)


def _inbound(answer: Message) -> dict[str, str]:
    return {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "Body": answer.text,
        "From": answer.from_,
        "MessageSid": answer.id,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsSid": answer.id,
        "SmsStatus": "received",
        "To": answer.to,
    }


def _mail(inbox: Inbox, mail_id: str) -> Message:
    for message in inbox.messages():
        if message.channel is Channel.EMAIL and message.id == mail_id:
            return message
    raise NotFoundException


def _missing(_: Request[Any, Any, Any], __: NotFoundException) -> Response[str]:
    return Response("Cette page n'existe pas.", status_code=404, media_type=MediaType.TEXT)


pages = Router(
    "/",
    route_handlers=[show_inbox, show_mail, download, reply],
    exception_handlers={NotFoundException: _missing},
)

"""What Slack sends: presses, modals, commands and events, each checked by the practice's own signing secret."""

from collections.abc import Mapping
from typing import cast

from litestar import asgi
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send

from bot.app import PATH, Bot
from db.errors import ConfigurationError, NotFound
from db.queries.practices import only_practice, practice_by_ref
from portal.forms.body import fields
from portal.services import Services

# A submitted modal carries itself, and Slack lets it weigh a quarter of this.
LARGEST_BODY = 1_000_000
# Seconds since 1970, for the next thirty thousand years.
LONGEST_MOMENT = 12
LONGEST_REF = 12


@asgi(PATH, is_mount=False, copy_scope=True)
async def slack_events(scope: Scope, receive: Receive, send: Send) -> None:
    """There is no such address while the practice has no Slack."""
    bot = await _bot(scope)
    if bot is None:
        await _refuse(send, 404)
        return
    body = await _body(receive)
    if body is None:
        await _refuse(send, 413)
        return
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    if not _is_signed(bot, body, headers):
        await _refuse(send, 401)
        return
    if not bot.reads(body.decode(), headers):
        await _refuse(send, 400)
        return
    await cast("ASGIApp", bot.handler)(scope, _again(body), send)


def _is_signed(bot: Bot, body: bytes, headers: Mapping[str, str]) -> bool:
    """Before anything of it is read. Slack's own library takes any number for a time, and no letter beyond ASCII for a
    signature."""
    moment, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (moment.isascii() and moment.isdecimal() and len(moment) <= LONGEST_MOMENT and signature.isascii()):
        return False
    try:
        return bot.believes(body.decode(), headers)
    except ValueError:
        return False


async def _bot(scope: Scope) -> Bot | None:
    """The address that a practice enters at Slack may name it; where there is one practice, it need not."""
    here: Services = scope["litestar_app"].state.services
    try:
        ref = dict(fields(scope["query_string"])).get("practice")
        practice = await (only_practice() if ref is None else practice_by_ref(ref[:LONGEST_REF]))
        return await here.bots.of(practice)
    except (NotFound, ConfigurationError):
        return None


async def _body(receive: Receive) -> bytes | None:
    """None for one that is too long, or whose sender has left."""
    found = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        found += message["body"]
        if len(found) > LARGEST_BODY:
            return None
        if not message["more_body"]:
            return bytes(found)


def _again(body: bytes) -> Receive:
    async def receive() -> HTTPReceiveMessage:
        return {"type": "http.request", "body": body, "more_body": False}

    return cast("Receive", receive)


async def _refuse(send: Send, status: int) -> None:
    start: Message = {"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]}
    await send(start)
    await send({"type": "http.response.body", "body": b"", "more_body": False})

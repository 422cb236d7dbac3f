"""The bot over HTTP: one Bolt app for each practice, which checks the signature with the practice's own secret."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from slack_bolt import BoltResponse
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.access import SlackAccess, slack_access
from bot.blocks.modals import answer_modal
from bot.blocks.parts import say
from bot.client import QUIET, SlackClient
from bot.errors import SlackProblem
from bot.here import Here
from bot.listeners import commands, home, presses, submissions
from bot.reading import is_readable, text_in
from db.queries.practices import Profile, sending
from db.queries.words import words

log = structlog.get_logger()

PATH = "/slack/events"


@dataclass(frozen=True)
class Bot:
    """One practice's bot; `handler` is an ASGI application."""

    here: Here
    handler: AsyncSlackRequestHandler

    def believes(self, body: str, headers: Mapping[str, str]) -> bool:
        """Bolt checks the same, but only once it has read the body."""
        return SignatureVerifier(self.here.access.signing_secret).is_valid_request(body, dict(headers))

    def reads(self, body: str, headers: Mapping[str, str]) -> bool:
        return is_readable(body, headers.get("content-type", ""))


@dataclass
class Bots:
    """Those of all practices, made as they are first asked for, and anew when the access changes."""

    base_url: str
    _known: dict[int, Bot] = field(default_factory=dict)
    _leaving: set[asyncio.Task[None]] = field(default_factory=set)

    async def of(self, practice: Profile) -> Bot | None:
        """None where the practice has no Slack."""
        access = slack_access(await sending(practice.id)) if practice.settings.slack_route else None
        known = self._known.get(practice.id)
        if known is not None and access == known.here.access and practice.language == known.here.language:
            return known
        if known is not None:
            del self._known[practice.id]
            # What it still has under way is no reason to keep this request waiting.
            leaving = asyncio.create_task(known.here.close())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        if access is None:
            return None
        made = self._known[practice.id] = make_bot(practice, access, base_url=self.base_url)
        return made

    async def close(self) -> None:
        await asyncio.gather(*self._leaving, *(bot.here.close() for bot in self._known.values()))


def make_bot(practice: Profile, access: SlackAccess, *, base_url: str) -> Bot:
    here = Here(practice.id, practice.language, access, base_url, SlackClient(access))
    return Bot(here, AsyncSlackRequestHandler(make_app(here), path=PATH))


def make_app(here: Here) -> AsyncApp:
    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        """The practice's own token; asking Slack whose it is would cost the first request its three seconds."""
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=here.access.bot_token)

    app = AsyncApp(
        name="reprise",
        logger=QUIET,
        signing_secret=here.access.signing_secret,
        authorize=authorize,
        # Our own client is the one that is used.
        client=AsyncWebClient(base_url=here.access.base_url, logger=QUIET, retry_handlers=[]),
        attaching_conversation_kwargs_enabled=False,
    )
    for part in (presses, submissions, commands, home):
        part.listen(app, here)

    @app.error
    async def failed(error: Exception, body: dict[str, Any], response: BoltResponse | None) -> BoltResponse | None:
        """Somebody waits for an answer, and that it was not saved is one. What was sent stays out of the log."""
        kind = body.get("type", "command")
        log.error("slack_listener_failed", error=type(error).__qualname__, kind=kind)
        told = _sorry(here, body)
        # What was acknowledged before it failed cannot be answered twice.
        return told if response is not None else None

    return app


def _sorry(here: Here, body: dict[str, Any]) -> BoltResponse:
    """Without the database, which may be what is missing."""
    known = words(here.language)
    said = say(known, "answer_failed")
    if body.get("type") == "view_submission":
        return BoltResponse(status=200, body={"response_action": "update", "view": answer_modal(said, known)})
    if url := text_in(body, "response_url"):
        here.afterwards(_whisper(here, url, said))
    return BoltResponse(status=200)


async def _whisper(here: Here, url: str, said: str) -> None:
    try:
        await here.client.whisper(url, said)
    except SlackProblem as problem:
        log.info("answer_lost", code=problem.code)

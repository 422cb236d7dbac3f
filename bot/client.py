"""Slack's Web API for one practice, with typed errors. Nothing is tried again here: whoever asks decides that."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.access import SLACK, SlackAccess
from bot.errors import Ambiguous, SlackDown, SlackProblem, UserGone, problem_of

T = TypeVar("T")
JSON = dict[str, Any]
Blocks = Sequence[Mapping[str, Any]]

TIMEOUT_S = 8.0
CONNECT_S = 3.0
UNSURE = (500, 502, 504)
# The library would write what it sends into its log.
QUIET = logging.getLogger("reprise.slack")
QUIET.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Posted:
    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class SlackUser:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """Who the token is, and what it may do."""

    team: str
    user: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class ChannelState:
    name: str
    is_archived: bool
    is_member: bool


class SlackClient:
    """Its connections stay open until `close`. Made and used in one event loop."""

    def __init__(self, access: SlackAccess) -> None:
        self._session: aiohttp.ClientSession | None = None
        self.web = AsyncWebClient(
            token=access.bot_token,
            base_url=access.base_url,
            logger=QUIET,
            # The library's own choice sends once more what may have arrived.
            retry_handlers=[],
        )
        if access.base_url != SLACK:
            # A double stands on this machine, whatever proxy leads out of it.
            self.web.proxy = None

    async def post(self, channel: str, text: str, blocks: Blocks, *, thread_ts: str | None = None) -> Posted:
        given = {"channel": channel, "text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}
        if thread_ts is not None:
            given["thread_ts"] = thread_ts
        told = await self._call("chat.postMessage", given)
        return Posted(told["channel"], told["ts"])

    async def update(self, channel: str, ts: str, text: str, blocks: Blocks) -> None:
        await self._call("chat.update", {"channel": channel, "ts": ts, "text": text, "blocks": blocks})

    async def direct(self, user: str) -> str:
        """The channel of the app's direct messages with a person; `UserGone` for one who was deactivated, to whom
        Slack would deliver all the same."""
        told = await self._call("conversations.open", {"users": user})
        channel: str = told["channel"]["id"]
        return channel

    async def permalink(self, channel: str, ts: str) -> str:
        asked = {"channel": channel, "message_ts": ts}
        link: str = (await self._call("chat.getPermalink", asked, form=True))["permalink"]
        return link

    async def open_view(self, trigger_id: str, view: JSON) -> None:
        await self._call("views.open", {"trigger_id": trigger_id, "view": view})

    async def update_view(self, view_id: str, view: JSON) -> None:
        await self._call("views.update", {"view_id": view_id, "view": view})

    async def publish_home(self, user: str, view: JSON) -> None:
        await self._call("views.publish", {"user_id": user, "view": view})

    async def find_by_email(self, email: str) -> SlackUser | None:
        try:
            told = await self._call("users.lookupByEmail", {"email": email}, form=True)
        except UserGone:
            return None
        user = told["user"]
        profile = user.get("profile") or {}
        return SlackUser(user["id"], profile.get("real_name") or user.get("real_name") or user.get("name") or "")

    async def identity(self) -> AppIdentity:
        told = await self._call("auth.test", {})
        granted = told.headers.get("x-oauth-scopes", "") or told.headers.get("X-OAuth-Scopes", "")
        scopes = frozenset(scope.strip() for scope in granted.split(",") if scope.strip())
        return AppIdentity(told.get("team", ""), told.get("user", ""), scopes)

    async def channel(self, channel: str) -> ChannelState:
        found = (await self._call("conversations.info", {"channel": channel}, form=True))["channel"]
        return ChannelState(found.get("name", ""), bool(found.get("is_archived")), bool(found.get("is_member")))

    async def whisper(self, response_url: str, text: str) -> None:
        """An answer for one person's eyes, where they pressed."""
        body = {"response_type": "ephemeral", "replace_original": False, "text": text}

        async def send() -> None:
            async with self._connections().post(response_url, json=body) as answer:
                if answer.status != 200:
                    raise SlackDown(f"http_{answer.status}")

        await self._asked(send)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _call(self, method: str, given: Mapping[str, Any], *, form: bool = False) -> AsyncSlackResponse:
        """`form`: methods that only read take no JSON."""
        self.web.session = self._connections()
        body: dict[str, Any] = {"params" if form else "json": dict(given)}

        async def send() -> AsyncSlackResponse:
            try:
                return await self.web.api_call(method, http_verb="GET" if form else "POST", **body)
            except AttributeError:
                # The library takes for granted that whatever comes with a 200 is Slack's own.
                raise Ambiguous("http_200") from None

        return await self._asked(send)

    async def _asked(self, send: Callable[[], Awaitable[T]]) -> T:
        try:
            return await send()
        except SlackApiError as answer:
            raise _problem(answer.response) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise SlackDown("unreachable") from None
        except (aiohttp.ClientError, TimeoutError):
            raise Ambiguous("no_answer") from None

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=CONNECT_S)
            self._session = aiohttp.ClientSession(timeout=timeout)
        return self._session


def _problem(response: Any) -> SlackProblem:
    """The library hands over its own response, or that of aiohttp where the answer was not readable."""
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    data = getattr(response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    if status == 429:
        return problem_of("ratelimited", retry_after=_seconds(response.headers.get("Retry-After")))
    if code:
        return problem_of(str(code))
    # A gateway that gave up, or half an answer, does not say that nothing was done.
    says_nothing = status in UNSURE or 200 <= status < 300
    return Ambiguous(f"http_{status}") if says_nothing else SlackDown(f"http_{status}")


def _seconds(text: str | None) -> float:
    try:
        return max(1.0, float(text or 1))
    except ValueError:
        return 1.0

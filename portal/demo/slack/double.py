"""The double of Slack: one workspace, one app, and what passes between them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from portal.demo.slack.accounts import SIGNING_SECRET, TOKEN
from portal.demo.slack.args import Args, decoded
from portal.demo.slack.chat import check_blocks
from portal.demo.slack.control import Control, Fault
from portal.demo.slack.errors import SlackError
from portal.demo.slack.methods import METHODS, Method
from portal.demo.slack.record import Call, Record, Way
from portal.demo.slack.sender import PATIENCE, TIMEOUT_S, Sender
from portal.demo.slack.shapes import JSON
from portal.demo.slack.things import Reply
from portal.demo.slack.workspace import Workspace

MOUNTED = "/slack"
EVENTS = "/slack/events"
_PAGE = "<!doctype html><title>Error</title><p>Something went wrong."


@dataclass(frozen=True, slots=True)
class Response:
    """`dropped`: the connection is reset, before anything was done or after all was."""

    body: JSON | str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    dropped: Literal["before", "after"] | None = None


class SlackDouble:
    """`base_url` is the address of the double itself, without a path: `api_url` is what the SDK's `base_url` takes.
    `app_url` is the address of the app; what Slack sends goes to `/slack/events` there."""

    def __init__(
        self,
        *,
        base_url: str = "",
        app_url: str = "",
        token: str = TOKEN,
        signing_secret: str = SIGNING_SECRET,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: float = TIMEOUT_S,
        patience: Sequence[float] = PATIENCE,
    ) -> None:
        self.workspace = Workspace()
        self.base_url = base_url
        # Seconds that the page waits for what the app says after it has acknowledged a press.
        self.settling = 0.8
        self.control = Control(self.workspace, token=token)
        self.record = Record()
        self.sender = Sender(
            f"{app_url}{EVENTS}", secret=signing_secret, transport=transport, timeout=timeout, patience=patience
        )

    @property
    def base_url(self) -> str:
        return self._base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        """A server may know its port late."""
        self._base_url = url
        if url:
            self.workspace.site = f"{url}{MOUNTED}"

    @property
    def api_url(self) -> str:
        return f"{self.base_url}{MOUNTED}/api/"

    def response_url(self, token: str) -> str:
        return f"{self.base_url}{MOUNTED}/response/{token}"

    async def call(self, name: str, token: str | None, given: Mapping[str, Any]) -> Response:
        """One request to the Web API; `given` are its arguments, decoded."""
        waits, fault = self.control.take(name)
        if waits:
            await asyncio.sleep(waits)
        payload = decoded(given)
        if fault is not None and fault.kind != "drop_answer":
            return self._befallen(fault, "api", name, payload)
        try:
            body = self._run(METHODS.get(name), token, Args(payload))
        except SlackError as refusal:
            self._note("api", name, payload, refusal.code)
            return Response(refusal.body(), headers=self._scopes(name))
        if fault is not None:
            self._note("api", name, payload, "answer dropped")
            return Response({}, dropped="after")
        self._note("api", name, payload)
        return Response({"ok": True, **body}, headers=self._scopes(name))

    async def respond(self, token: str, payload: JSON) -> Response:
        """One request to a `response_url`."""
        waits, fault = self.control.take("response_url")
        if waits:
            await asyncio.sleep(waits)
        if fault is not None and fault.kind != "drop_answer":
            return self._befallen(fault, "response_url", "response_url", payload)
        try:
            reply = self.workspace.use_reply(token)
            self.say(reply, payload)
        except SlackError as refusal:
            self._note("response_url", "response_url", payload, refusal.code)
            return Response(refusal.code, status=404 if refusal.code.endswith("_url") else 400)
        self._note("response_url", "response_url", payload)
        return Response("ok", dropped="after" if fault is not None else None)

    def say(self, reply: Reply, payload: Mapping[str, Any]) -> None:
        """What a `response_url`, or the answer to a command, brings: a message, one in place of another, or its end."""
        original = self.workspace.message(reply.channel, reply.message or "")
        if payload.get("delete_original"):
            if original is not None:
                self.workspace.remove(original)
            return
        text, blocks = str(payload.get("text") or ""), payload.get("blocks")
        if not text and not blocks:
            raise SlackError("no_text")
        check_blocks(blocks)
        if payload.get("replace_original") and original is not None:
            self.workspace.rewrite(original, text, blocks or [])
            return
        public = payload.get("response_type") == "in_channel"
        self.workspace.post(
            reply.channel,
            text,
            blocks,
            ephemeral_to=None if public else reply.user,
            thread_ts=str(payload["thread_ts"]) if "thread_ts" in payload else reply.thread_ts,
        )

    def take_ack(self, name: str, payload: JSON) -> None:
        """Note what the app put into an immediate answer."""
        if payload:
            self._note("ack", name, payload)

    def _run(self, method: Method | None, token: str | None, args: Args) -> JSON:
        if method is None:
            raise SlackError("unknown_method")
        if method.run is not METHODS["api.test"].run:
            self.control.check_token(token)
        method.check_scopes(self.workspace, args)
        return method.run(self.workspace, args)

    def _befallen(self, fault: Fault, way: Way, name: str, payload: JSON) -> Response:
        if fault.kind == "reset":
            self._note(way, name, payload, "reset")
            return Response({}, dropped="before")
        if fault.kind == "limit":
            self._note(way, name, payload, "ratelimited")
            headers = {"Retry-After": str(int(fault.seconds))}
            return Response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        if fault.kind == "refuse":
            self._note(way, name, payload, fault.code)
            return Response({"ok": False, "error": fault.code})
        self._note(way, name, payload, str(fault.status))
        return Response(_PAGE, status=fault.status)

    def _note(self, way: Way, name: str, payload: JSON, error: str | None = None) -> None:
        self.record.append(Call(way, name, payload, self.workspace.now(), error))

    def _scopes(self, name: str) -> dict[str, str]:
        wanted = METHODS[name].scopes if name in METHODS else ()
        return {
            "X-OAuth-Scopes": ",".join(sorted(self.workspace.scopes)),
            "X-Accepted-OAuth-Scopes": ",".join(wanted),
        }


def furnish(workspace: Workspace, people: Sequence[tuple[str, str]], channels: Sequence[str] = ()) -> None:
    """These people (name, address), each of them in each of these channels, beside the app."""
    users = [workspace.add_user(name, email) for name, email in people]
    for name in channels:
        workspace.add_channel(name, (user.id for user in users))

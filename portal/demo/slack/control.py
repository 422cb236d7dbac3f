"""What a test, or the demo's page, tells the double to do: to be slow, to limit, to fail, to forget; and back."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from portal.demo.slack.accounts import BOT_USER, TOKEN
from portal.demo.slack.errors import SlackError
from portal.demo.slack.methods import METHODS
from portal.demo.slack.workspace import Workspace

Kind = Literal["slow", "limit", "fail", "refuse", "reset", "drop_answer"]
ORDERS = (
    "slow", "limit", "fail", "refuse", "reset", "drop_answer", "clear",
    "revoke_token", "remove_app", "restore_app", "take_scope", "give_scope",
    "archive", "unarchive", "invite", "kick", "deactivate", "reactivate", "delete_message", "all_well",
)  # fmt: skip


class UnknownOrder(Exception):
    """No such order, or not with these values."""


@dataclass(slots=True)
class Fault:
    """`methods` empty: all of them. `times` None: until it is cleared."""

    kind: Kind
    methods: frozenset[str]
    times: int | None = None
    seconds: float = 0.0
    status: int = 500
    code: str = ""

    def meets(self, method: str) -> bool:
        return not self.methods or method in self.methods


class Control:
    """Every order about methods takes their names (none: all) and, where it passes by itself, how many `times`."""

    def __init__(self, workspace: Workspace, *, token: str = TOKEN) -> None:
        self._workspace = workspace
        self.token = token
        self.token_state: str | None = None
        self.faults: list[Fault] = []

    # What happens to requests

    def slow(self, *methods: str, seconds: float, times: int | None = None) -> None:
        """Each answer, and what it does, comes that much later."""
        self._add("slow", methods, times, seconds=seconds)

    def limit(self, *methods: str, retry_after: int = 30, times: int | None = None) -> None:
        """429 with `Retry-After`; nothing is done."""
        self._add("limit", methods, times, seconds=retry_after)

    def fail(self, *methods: str, status: int = 500, times: int | None = None) -> None:
        """A page of HTML with this status; nothing is done."""
        self._add("fail", methods, times, status=status)

    def refuse(self, *methods: str, code: str, times: int | None = None) -> None:
        """`ok: false` with this error; nothing is done."""
        self._add("refuse", methods, times, code=code)

    def reset(self, *methods: str, times: int | None = None) -> None:
        """The connection is reset; nothing is done."""
        self._add("reset", methods, times)

    def drop_answer(self, *methods: str, times: int | None = None) -> None:
        """It is done, and the connection is reset instead of an answer."""
        self._add("drop_answer", methods, times)

    def clear(self, *methods: str) -> None:
        """Faults of these methods, or all, end; what was done to the workspace stays."""
        self.faults = [fault for fault in self.faults if methods and not fault.methods & set(methods)]
        self._workspace.changed()

    # What happens to the app

    def revoke_token(self) -> None:
        self._app("token_revoked")

    def remove_app(self) -> None:
        """The workspace has removed the app."""
        self._app("account_inactive")

    def restore_app(self) -> None:
        self._app(None)

    def take_scope(self, *scopes: str) -> None:
        self._workspace.scopes -= set(scopes)

    def give_scope(self, *scopes: str) -> None:
        self._workspace.scopes |= set(scopes)

    # What happens in the workspace

    def archive(self, channel: str) -> None:
        self._archived(channel, archived=True)

    def unarchive(self, channel: str) -> None:
        self._archived(channel, archived=False)

    def invite(self, channel: str, user: str = BOT_USER) -> None:
        self._workspace.channels[channel].members.add(user)
        self._workspace.changed()

    def kick(self, channel: str, user: str = BOT_USER) -> None:
        self._workspace.channels[channel].members.discard(user)
        self._workspace.changed()

    def deactivate(self, user: str) -> None:
        self._deactivated(user, deleted=True)

    def reactivate(self, user: str) -> None:
        self._deactivated(user, deleted=False)

    def delete_message(self, channel: str, ts: str) -> None:
        """By hand of an administrator; no event is sent (`Person.delete` sends one)."""
        if (message := self._workspace.message(channel, ts)) is not None:
            self._workspace.remove(message)

    def all_well(self) -> None:
        """No fault, the app installed, nobody deactivated, nothing archived."""
        self.clear()
        self.restore_app()
        for channel in self._workspace.channels:
            self.unarchive(channel)
        for user in self._workspace.users:
            self.reactivate(user)

    # For the API and the page

    def order(self, name: str, *values: str, **named: Any) -> None:
        """By name, as it comes over HTTP."""
        if name not in ORDERS:
            raise UnknownOrder(name)
        run = getattr(self, name)
        try:
            inspect.signature(run).bind(*values, **named)
        except TypeError as problem:
            raise UnknownOrder(f"{name}: {problem}") from None
        try:
            run(*values, **named)
        except KeyError as problem:
            raise UnknownOrder(f"{name}: there is no {problem}") from None

    def state(self) -> Mapping[str, Any]:
        faults = [
            {
                "kind": fault.kind,
                "methods": sorted(fault.methods),
                "times": fault.times,
                "seconds": fault.seconds,
                "status": fault.status,
                "code": fault.code,
            }
            for fault in self.faults
        ]
        return {"token": self.token_state or "active", "faults": faults, "scopes": sorted(self._workspace.scopes)}

    def take(self, method: str) -> tuple[float, Fault | None]:
        """What meets a request of this method: how long it waits, and what then befalls it; each is used up by it."""
        waits = 0.0
        for fault in [each for each in self.faults if each.kind == "slow" and each.meets(method)]:
            waits += fault.seconds
            self._use(fault)
        found = next((each for each in self.faults if each.kind != "slow" and each.meets(method)), None)
        if found is not None:
            self._use(found)
        return waits, found

    def check_token(self, given: str | None) -> None:
        if not given:
            raise SlackError("not_authed")
        if given != self.token:
            raise SlackError("invalid_auth")
        if self.token_state is not None:
            raise SlackError(self.token_state)

    def _use(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)

    def _add(self, kind: Kind, methods: tuple[str, ...], times: int | None, **rest: Any) -> None:
        if unknown := set(methods) - set(METHODS) - {"response_url"}:
            raise UnknownOrder(f"{kind}: there is no method {', '.join(sorted(unknown))}")
        self.faults.append(Fault(kind, frozenset(methods), times, **rest))
        self._workspace.changed()

    def _app(self, state: str | None) -> None:
        self.token_state = state
        self._workspace.changed()

    def _archived(self, channel: str, *, archived: bool) -> None:
        self._workspace.channels[channel].is_archived = archived
        self._workspace.changed()

    def _deactivated(self, user: str, *, deleted: bool) -> None:
        self._workspace.users[user].deleted = deleted
        self._workspace.changed()

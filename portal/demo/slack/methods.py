"""The Web API's methods by name, with the scopes that each wants."""

from collections.abc import Callable
from dataclasses import dataclass

from portal.demo.slack import chat, conversations, modals, people
from portal.demo.slack.args import Args
from portal.demo.slack.errors import missing_scope
from portal.demo.slack.shapes import JSON
from portal.demo.slack.workspace import Workspace

Run = Callable[[Workspace, Args], JSON]
GROUPS = {"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim"}


@dataclass(frozen=True, slots=True)
class Method:
    """`scopes` are all wanted; `by_kind` adds the one of the conversation's kind (`read`: `channels:read`, `im:read`).
    Where `json` is false, Slack reads a form or a query alone."""

    run: Run
    scopes: tuple[str, ...] = ()
    by_kind: str | None = None
    json: bool = True

    def check_scopes(self, workspace: Workspace, args: Args) -> None:
        for scope in (*self.scopes, *self._of_kind(workspace, args)):
            if scope not in workspace.scopes:
                raise missing_scope(scope, workspace.scopes)

    def _of_kind(self, workspace: Workspace, args: Args) -> list[str]:
        if self.by_kind is None:
            return []
        if self.run is conversations.listing:
            kinds = (args.text("types") or "public_channel").split(",")
        else:
            channel = workspace.channels.get(args.text("channel") or "")
            kinds = [channel.kind] if channel is not None else []
        return [f"{GROUPS[kind]}:{self.by_kind}" for kind in kinds if kind in GROUPS]


_WRITE = ("chat:write",)
_READ = ("users:read",)

METHODS: dict[str, Method] = {
    "api.test": Method(people.api_test),
    "auth.test": Method(people.auth_test),
    "bots.info": Method(people.bots_info, _READ, json=False),
    "chat.delete": Method(chat.delete, _WRITE),
    "chat.getPermalink": Method(chat.get_permalink, json=False),
    "chat.postEphemeral": Method(chat.post_ephemeral, _WRITE),
    "chat.postMessage": Method(chat.post_message, _WRITE),
    "chat.update": Method(chat.update, _WRITE),
    "conversations.history": Method(conversations.history, by_kind="history", json=False),
    "conversations.info": Method(conversations.info, by_kind="read", json=False),
    "conversations.list": Method(conversations.listing, by_kind="read", json=False),
    "conversations.open": Method(conversations.open_direct, ("im:write",)),
    "conversations.replies": Method(conversations.replies, by_kind="history", json=False),
    "team.info": Method(people.team_info, ("team:read",), json=False),
    "users.info": Method(people.users_info, _READ, json=False),
    "users.list": Method(people.users_list, _READ, json=False),
    "users.lookupByEmail": Method(people.lookup_by_email, ("users:read.email",), json=False),
    "views.open": Method(modals.open_view),
    "views.publish": Method(modals.publish),
    "views.push": Method(modals.push_view),
    "views.update": Method(modals.update_view),
}

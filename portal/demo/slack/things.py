"""What a workspace holds: people, conversations, messages and views, each with the shape in which Slack tells of it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from portal.demo.slack.accounts import APP, BOT, BOT_USER, TEAM
from portal.demo.slack.shapes import JSON

Surface = Literal["modal", "home"]


@dataclass
class User:
    id: str
    name: str
    real_name: str
    email: str = ""
    tz: str = "Europe/Paris"
    locale: str = "fr-FR"
    deleted: bool = False
    is_bot: bool = False

    def shown(self, *, email: bool) -> JSON:
        profile = {"real_name": self.real_name, "display_name": self.name, "team": TEAM}
        told: JSON = {
            "id": self.id,
            "team_id": TEAM,
            "name": self.name,
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "profile": profile | ({"email": self.email} if email and self.email else {}),
        }
        if self.deleted:
            return told
        return {**told, "real_name": self.real_name, "tz": self.tz, "locale": self.locale}


@dataclass
class Channel:
    """`user` is set for a direct message between the app and that user."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    is_private: bool = False
    is_archived: bool = False
    user: str | None = None

    @property
    def kind(self) -> str:
        """As scopes and the `types` of a listing name it."""
        if self.user is not None:
            return "im"
        return "private_channel" if self.is_private else "public_channel"

    def shown(self) -> JSON:
        told: JSON = {"id": self.id, "is_im": self.user is not None, "is_archived": self.is_archived}
        if self.user is not None:
            return {**told, "user": self.user, "is_user_deleted": False}
        return {
            **told,
            "name": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_private": self.is_private,
            "is_member": BOT_USER in self.members,
            "num_members": len(self.members),
        }


@dataclass
class Message:
    """`versions` are all that it ever showed, oldest first, the present one last.

    `ephemeral_to`: whose eyes alone it is for. `tombstone`: deleted, and still the head of a thread.
    """

    channel: str
    ts: str
    text: str
    blocks: list[JSON]
    author: str = BOT_USER
    thread_ts: str | None = None
    ephemeral_to: str | None = None
    edited: str | None = None
    tombstone: bool = False
    options: JSON = field(default_factory=dict)
    versions: list[tuple[str, list[JSON]]] = field(default_factory=list)

    @property
    def by_app(self) -> bool:
        return self.author == BOT_USER

    def version(self, number: int) -> list[JSON]:
        return self.versions[number][1]

    def shown(self) -> JSON:
        if self.tombstone:
            return {"type": "message", "subtype": "tombstone", "text": "This message was deleted.", "ts": self.ts}
        told: JSON = {"type": "message", "user": self.author, "text": self.text, "ts": self.ts, "team": TEAM}
        if self.by_app:
            told |= {"bot_id": BOT, "app_id": APP}
        if self.blocks:
            told["blocks"] = self.blocks
        if self.thread_ts is not None:
            told["thread_ts"] = self.thread_ts
        if self.edited is not None:
            told["edited"] = {"user": BOT, "ts": self.edited}
        if "metadata" in self.options:
            told["metadata"] = self.options["metadata"]
        return told


@dataclass
class View:
    """`body` is what the app sent; `errors` and `trouble` are what the person is told after a submission."""

    id: str
    user: str
    body: JSON
    hash: str
    root: str
    previous: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    values: dict[tuple[str, str], Any] = field(default_factory=dict)
    trouble: str | None = None

    @property
    def kind(self) -> str:
        return str(self.body["type"])

    @property
    def blocks(self) -> list[JSON]:
        found: list[JSON] = self.body["blocks"]
        return found

    def shown(self, values: JSON | None = None) -> JSON:
        return {
            "id": self.id,
            "team_id": TEAM,
            "app_id": APP,
            "app_installed_team_id": TEAM,
            "bot_id": BOT,
            "title": None,
            "close": None,
            "submit": None,
            "callback_id": "",
            "external_id": "",
            "private_metadata": "",
            "clear_on_close": False,
            "notify_on_close": False,
            **self.body,
            "state": {"values": values or {}},
            "hash": self.hash,
            "root_view_id": self.root,
            "previous_view_id": self.previous,
        }


@dataclass
class Trigger:
    """`born` is read from a stopwatch, in seconds."""

    user: str
    born: float
    used: bool = False


@dataclass
class Reply:
    """Where a `response_url` leads: the place, and the message that it may replace."""

    user: str
    channel: str
    born: float
    message: str | None = None
    thread_ts: str | None = None
    uses: int = 0

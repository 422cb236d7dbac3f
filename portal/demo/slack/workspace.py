"""One workspace in memory, as Slack would remember it. Nobody here checks tokens, scopes or limits: the methods do."""

import copy
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from time import monotonic

from db.clock import now as now_of_the_stack
from portal.demo.slack.accounts import APP_NAME, BOT_USER, DOMAIN, SCOPES
from portal.demo.slack.blocks import elements_of
from portal.demo.slack.errors import SlackError
from portal.demo.slack.shapes import JSON
from portal.demo.slack.things import Channel, Message, Reply, Trigger, User, View

TRIGGER_LIVES_S = 3.0
REPLY_LIVES_S = 30 * 60
MOST_REPLIES = 5
MICRO = 1_000_000


class Workspace:
    """`revision` rises with every change that somebody may see. `stopwatch` counts seconds, for what must not outlive
    a few of them: a demo's clock may jump, and a trigger must not die of it. `site`: where permalinks lead."""

    def __init__(
        self, *, now: Callable[[], datetime] = now_of_the_stack, stopwatch: Callable[[], float] = monotonic
    ) -> None:
        self.now, self.stopwatch = now, stopwatch
        self.site = f"https://{DOMAIN}.slack.com"
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[str, dict[str, Message]] = {}
        self.homes: dict[str, View] = {}
        self.modals: dict[str, list[View]] = {}
        self.triggers: dict[str, Trigger] = {}
        self.replies: dict[str, Reply] = {}
        self.scopes: set[str] = set(SCOPES)
        self.revision = 0
        self._last = 0
        self.users[BOT_USER] = User(BOT_USER, "reprise", APP_NAME, is_bot=True)

    # People and places

    def add_user(
        self, real_name: str, email: str, *, user_id: str = "", tz: str = "Europe/Paris", locale: str = "fr-FR"
    ) -> User:
        chosen = user_id or f"U{len(self.users):07d}"
        user = User(chosen, email.partition("@")[0] or chosen.lower(), real_name, email, tz, locale)
        self.users[user.id] = user
        self.changed()
        return user

    def add_channel(
        self, name: str, members: Iterable[str] = (), *, private: bool = False, bot: bool = True, channel_id: str = ""
    ) -> Channel:
        """`bot`: whether the app has been invited."""
        count = sum(channel.user is None for channel in self.channels.values())
        inside = {*members, *([BOT_USER] if bot else [])}
        channel = Channel(channel_id or f"C{count + 1:07d}", name, inside, private)
        self.channels[channel.id] = channel
        self.changed()
        return channel

    def direct_message(self, user: str) -> Channel:
        """Between the app and this user; its id depends on nothing but theirs."""
        known = next((channel for channel in self.channels.values() if channel.user == user), None)
        if known is None:
            known = Channel(f"D{user[1:]}", "directmessage", {user, BOT_USER}, user=user)
            self.channels[known.id] = known
            self.changed()
        return known

    def conversations(self, user: str) -> list[Channel]:
        """What this person has in the side bar, the app's direct message last."""
        mine = [channel for channel in self.channels.values() if user in channel.members]
        return sorted(mine, key=lambda channel: (channel.user is not None, channel.name))

    # Messages

    def post(
        self,
        channel: str,
        text: str,
        blocks: list[JSON] | None = None,
        *,
        author: str = BOT_USER,
        thread_ts: str | None = None,
        ephemeral_to: str | None = None,
        options: JSON | None = None,
    ) -> Message:
        """A thread whose head is gone is no thread: the message then stands in the channel, as it does in Slack."""
        head = self.messages.get(channel, {}).get(thread_ts or "")
        message = Message(
            channel=channel,
            ts=self.next_ts(),
            text=text,
            blocks=named(blocks or []),
            author=author,
            thread_ts=(head.thread_ts or head.ts) if head is not None else None,
            ephemeral_to=ephemeral_to,
            options=options or {},
        )
        message.versions.append((message.text, message.blocks))
        if head is not None and head.ephemeral_to is None:
            head.thread_ts = head.thread_ts or head.ts
        self.messages.setdefault(channel, {})[message.ts] = message
        self.changed()
        return message

    def rewrite(self, message: Message, text: str, blocks: list[JSON]) -> None:
        message.text, message.blocks, message.edited = text, named(blocks), self.next_ts()
        message.versions.append((message.text, message.blocks))
        self.changed()

    def remove(self, message: Message) -> None:
        """Of a message with answers a stone remains."""
        if self.thread(message.channel, message.ts)[1:]:
            message.tombstone, message.text, message.blocks = True, "", []
        else:
            del self.messages[message.channel][message.ts]
        self.changed()

    def message(self, channel: str, ts: str) -> Message | None:
        found = self.messages.get(channel, {}).get(ts)
        return None if found is None or found.tombstone else found

    def timeline(self, channel: str, *, viewer: str | None = None) -> list[Message]:
        """What stands in the channel itself, oldest first; ephemeral ones for their viewer alone."""
        return [
            each
            for each in self.messages.get(channel, {}).values()
            if each.thread_ts in (None, each.ts) and each.ephemeral_to in (None, viewer)
        ]

    def thread(self, channel: str, ts: str, *, viewer: str | None = None) -> list[Message]:
        """The head first; empty when there is none."""
        every = self.messages.get(channel, {})
        if ts not in every:
            return []
        answers = [each for each in every.values() if each.thread_ts == ts and each.ts != ts]
        return [every[ts], *(each for each in answers if each.ephemeral_to in (None, viewer))]

    # Views

    def view(self, user: str, body: JSON, *, previous: View | None = None) -> View:
        """Not shown anywhere yet."""
        view_id = f"V{secrets.token_hex(5).upper()}"
        body = {**body, "blocks": named(body["blocks"])}
        return View(
            id=view_id,
            user=user,
            body=body,
            hash=self.new_hash(),
            root=previous.root if previous else view_id,
            previous=previous.id if previous else None,
        )

    def replace_view(self, view: View, body: JSON) -> None:
        """What has been filled in stays where the field stays."""
        view.body = {**body, "blocks": named(body["blocks"])}
        view.hash, view.errors, view.trouble = self.new_hash(), {}, None
        self.changed()

    def modal(self, user: str) -> View | None:
        stack = self.modals.get(user)
        return stack[-1] if stack else None

    def views(self) -> list[View]:
        return [*self.homes.values(), *(view for stack in self.modals.values() for view in stack)]

    # What lives for a while

    def new_trigger(self, user: str) -> str:
        trigger = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[trigger] = Trigger(user, self.stopwatch())
        return trigger

    def use_trigger(self, given: str) -> str:
        """Whose it was. It lives three seconds, and once."""
        trigger = self.triggers.get(given)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.stopwatch() - trigger.born > TRIGGER_LIVES_S:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def new_reply(self, user: str, channel: str, message: Message | None = None) -> str:
        token = secrets.token_hex(16)
        ts, thread = (message.ts, message.thread_ts) if message is not None else (None, None)
        self.replies[token] = Reply(user, channel, self.stopwatch(), ts, thread)
        return token

    def use_reply(self, token: str) -> Reply:
        reply = self.replies.get(token)
        if reply is None or self.stopwatch() - reply.born > REPLY_LIVES_S:
            raise SlackError("expired_url")
        if reply.uses >= MOST_REPLIES:
            raise SlackError("used_url")
        reply.uses += 1
        return reply

    def changed(self) -> None:
        self.revision += 1

    def next_ts(self) -> str:
        """Seconds and microseconds of the present; never the same twice, even where a clock stands still."""
        self._last = max(int(self.now().timestamp() * MICRO), self._last + 1)
        return f"{self._last // MICRO}.{self._last % MICRO:06d}"

    def new_hash(self) -> str:
        return f"{self.next_ts().partition('.')[0]}.{secrets.token_hex(4)}"


def named(blocks: list[JSON]) -> list[JSON]:
    """A copy in which everything that can be pressed has the names that Slack would give it."""
    blocks = copy.deepcopy(blocks)
    for block in blocks:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        for element in elements_of(block):
            if element.get("type") != "image":
                element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return blocks

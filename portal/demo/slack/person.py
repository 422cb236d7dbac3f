"""One person in the workspace: what they see, and what they press, choose, fill in and type, sent to the app as Slack
sends it, with the app's immediate answer taken in."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from portal.demo.slack import modals, payloads
from portal.demo.slack.double import SlackDouble
from portal.demo.slack.errors import SlackError
from portal.demo.slack.sender import Answer
from portal.demo.slack.shapes import JSON
from portal.demo.slack.state import Values, action_of, find_element, states, unfilled
from portal.demo.slack.things import Channel, Message, Reply, User, View

TROUBLE = "La connexion a échoué. Voulez-vous réessayer ?"
NOT_RUN = "{} a échoué : l’application n’a pas répondu ({})."


class NotSent(Exception):
    """Slack itself held the form back: `errors` by block."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(f"{errors}")
        self.errors = errors


class Person:
    """`trouble` is the warning that Slack would show after the last act, if it showed one."""

    def __init__(self, slack: SlackDouble, user: str) -> None:
        self._slack, self._space = slack, slack.workspace
        self.user: User = self._space.users[user]
        self.trouble: str | None = None

    # What they see

    @property
    def direct(self) -> Channel:
        """The app's direct message with them."""
        return self._space.direct_message(self.user.id)

    @property
    def modal(self) -> View | None:
        """The one on top."""
        return self._space.modal(self.user.id)

    @property
    def home(self) -> View | None:
        return self._space.homes.get(self.user.id)

    def messages(self, channel: str | None = None) -> list[Message]:
        """In a conversation (none named: the app's direct message), oldest first."""
        return self._space.timeline(channel or self.direct.id, viewer=self.user.id)

    def thread(self, message: Message) -> list[Message]:
        return self._space.thread(message.channel, message.ts, viewer=self.user.id)[1:]

    def whispers(self, channel: str | None = None) -> list[Message]:
        """What stands there for their eyes alone."""
        every = self._space.messages.get(channel or self.direct.id, {}).values()
        return [message for message in every if message.ephemeral_to == self.user.id]

    # What they do

    async def press(
        self,
        message: Message,
        action_id: str,
        value: Any = None,
        *,
        block_id: str | None = None,
        values: Values | None = None,
        version: int = -1,
    ) -> Answer:
        """A button of a message, or a choice in it: then `value` is what was chosen. `values` are what its other fields
        hold. An earlier `version` of the message: pressed before its rewriting was seen."""
        blocks = message.version(version)
        channel = self._space.channels[message.channel]
        token = self._space.new_reply(self.user.id, channel.id, message)
        held = states(blocks, values or {})
        about = payloads.in_message(channel, message, blocks, held, self._slack.response_url(token))
        return await self._act(blocks, action_id, block_id, value, about)

    async def press_in_view(
        self,
        view: View,
        action_id: str,
        value: Any = None,
        *,
        block_id: str | None = None,
        values: Values | None = None,
    ) -> Answer:
        """The same in a modal (`modal`) or in the App Home (`home`)."""
        view.values |= _by_block(view.blocks, values or {})
        about = payloads.in_view(view, states(view.blocks, view.values))
        return await self._act(view.blocks, action_id, block_id, value, about)

    async def submit(self, values: Values | None = None, *, view: View | None = None) -> Answer:
        """The modal on top. `NotSent` where a field is empty that must not be. The answer is taken in: the modal
        closes, changes, or shows its `errors`; or its `trouble`, where the app did not answer as it should."""
        shown = view or self._top()
        shown.values |= _by_block(shown.blocks, values or {})
        shown.errors = unfilled(shown.blocks, shown.values)
        if shown.errors:
            self._space.changed()
            raise NotSent(shown.errors)
        trigger = self._space.new_trigger(self.user.id)
        told = payloads.envelope("view_submission", self.user, trigger)
        told |= payloads.submission(shown, states(shown.blocks, shown.values))
        return await self._slack.sender.interaction(json.dumps(told), lambda answer: self._submitted(shown, answer))

    async def close(self, *, everything: bool = False) -> Answer | None:
        """The modal on top, or all of them; the app hears of it if it asked to."""
        shown = self._top()
        if everything:
            self._space.modals[self.user.id] = []
        else:
            self._drop(shown)
        self._space.changed()
        if not shown.body.get("notify_on_close"):
            return None
        told = payloads.envelope("view_closed", self.user)
        told |= {"view": shown.shown(states(shown.blocks, shown.values)), "is_cleared": everything}
        return self._after(await self._slack.sender.interaction(json.dumps(told)))

    async def command(self, line: str, *, channel: str | None = None) -> Answer:
        """`/name and words`, typed in a conversation (none named: the app's direct message)."""
        name, _, text = line.strip().partition(" ")
        place = self._space.channels[channel] if channel else self.direct
        token = self._space.new_reply(self.user.id, place.id)
        url, trigger = self._slack.response_url(token), self._space.new_trigger(self.user.id)
        form = payloads.slash(self.user, place, name, text.strip(), trigger, url)
        reply = self._space.replies[token]
        return await self._slack.sender.command(form, lambda answer: self._commanded(name, reply, answer))

    async def open_home(self) -> Answer:
        return await self.tell(payloads.home_opened(self.user, self.direct, self.home))

    async def delete(self, message: Message) -> Answer:
        """By hand of an administrator; the app hears of it."""
        channel = self._space.channels[message.channel]
        event = payloads.message_deleted(channel, message, at=self._space.next_ts())
        self._space.remove(message)
        return await self.tell(event)

    async def tell(self, event: JSON) -> Answer:
        return await tell(self._slack, event)

    # How the app's answer is taken in

    async def _act(self, blocks: list[JSON], action_id: str, block_id: str | None, value: Any, about: JSON) -> Answer:
        block, element = find_element(blocks, action_id, block_id)
        action = action_of(block, element, value, ts=self._space.next_ts())
        told = payloads.envelope("block_actions", self.user, self._space.new_trigger(self.user.id))
        told |= about | {"actions": [action]}
        return self._after(await self._slack.sender.interaction(json.dumps(told)))

    def _after(self, answer: Answer) -> Answer:
        self.trouble = None if answer.ok or answer.problem == "held" else TROUBLE
        self._slack.take_ack("interaction", answer.json())
        return answer

    def _submitted(self, view: View, answer: Answer) -> None:
        told = answer.json()
        self._slack.take_ack("view_submission", told)
        view.errors, view.trouble = {}, None
        self._space.changed()
        if not answer.ok:
            view.trouble = TROUBLE
            return
        try:
            self._follow(view, told)
        except (SlackError, KeyError):
            view.trouble = TROUBLE

    def _follow(self, view: View, told: JSON) -> None:
        way = told.get("response_action")
        if way is None:
            self._drop(view)
        elif way == "errors":
            view.errors = {block: str(said) for block, said in told["errors"].items()}
            if view.errors.keys() - {block["block_id"] for block in view.blocks if block["type"] == "input"}:
                # Slack shows nobody an error of a field that is not there.
                view.errors, view.trouble = {}, TROUBLE
        elif way == "update":
            self._space.replace_view(view, modals.checked(self._space, told["view"], "modal", own=view))
        elif way == "push":
            modals.push(self._space, self.user.id, modals.checked(self._space, told["view"], "modal"))
        elif way == "clear":
            self._space.modals[self.user.id] = []
        else:
            view.trouble = TROUBLE

    def _commanded(self, name: str, reply: Reply, answer: Answer) -> None:
        told: JSON = answer.json() or ({"text": answer.body} if answer.body else {})
        self._slack.take_ack(name, told)
        if not answer.ok:
            self._slack.say(reply, {"text": NOT_RUN.format(name, answer.problem)})
        elif told:
            try:
                self._slack.say(reply, told)
            except SlackError as refusal:
                self._slack.say(reply, {"text": NOT_RUN.format(name, refusal.code)})

    def _top(self) -> View:
        if self.modal is None:
            raise LookupError("There is no modal.")
        return self.modal

    def _drop(self, view: View) -> None:
        stack = self._space.modals.get(self.user.id, [])
        self._space.modals[self.user.id] = [each for each in stack if each.id != view.id]


async def tell(slack: SlackDouble, event: JSON) -> Answer:
    """Any event: `{"type": "app_uninstalled"}`, `{"type": "user_change", ...}`."""
    at = slack.workspace.next_ts()
    callback = payloads.event_callback(event, event_id=f"Ev{secrets.token_hex(5).upper()}", at=at)
    return await slack.sender.event(json.dumps(callback))


async def verify_url(slack: SlackDouble) -> bool:
    """Whether the app answers the challenge that Slack sends when its address is entered."""
    challenge = secrets.token_urlsafe(24)
    answer = await slack.sender.event(json.dumps(payloads.url_verification(challenge)))
    return answer.ok and challenge in answer.body


def _by_block(blocks: list[JSON], values: Mapping[Any, Any]) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for key, value in values.items():
        block, element = find_element(blocks, key[1], key[0]) if isinstance(key, tuple) else find_element(blocks, key)
        found[block["block_id"], element["action_id"]] = value
    return found

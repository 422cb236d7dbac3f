"""What is pressed on a case, in its message or in the App Home."""

import re
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.blocks.case import MINE, MORE, NOTE, OUTCOME, REASSIGN, RELEASE, SEEN
from bot.blocks.modals import About, outcome_modal, reassign_modal
from bot.blocks.parts import Block, capital, escaped, say
from bot.errors import SlackProblem
from bot.here import Here
from bot.identity import member_of
from bot.listeners import acting
from bot.listeners.acting import Change, Ready
from bot.listeners.home import show_home
from db.changes.worklist import LONGEST_PROMISE
from db.queries.practices import practice as profile_of
from db.queries.slack import whom_to_give
from db.states import Role

log = structlog.get_logger()

ANYTHING = re.compile(".*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Press:
    """`response_url` is where an answer goes; the App Home has none, and shows it itself."""

    user: str
    ref: str
    what: str
    trigger_id: str
    response_url: str | None
    home: bool

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Press":
        action = body["actions"][0]
        value: str = action.get("value") or (action.get("selected_option") or {}).get("value") or ""
        what, mark, ref = value.partition(":")
        return cls(
            user=body["user"]["id"],
            ref=ref if mark else value,
            what=what if mark else "",
            trigger_id=body.get("trigger_id", ""),
            response_url=body.get("response_url"),
            home=(body.get("view") or {}).get("type") == "home",
        )


def listen(app: AsyncApp, here: Here) -> None:
    @app.action(SEEN)
    async def seen(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _press(here, ack, Press.of(body), acting.acknowledge)

    @app.action(MINE)
    async def mine(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _press(here, ack, Press.of(body), acting.claim, repeated="answer_taken_by_you")

    @app.action(OUTCOME)
    async def outcome(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _ask_outcome(here, ack, Press.of(body))

    @app.action(MORE)
    async def more(ack: AsyncAck, body: dict[str, Any]) -> None:
        press = Press.of(body)
        if press.what == RELEASE:
            await _press(here, ack, press, acting.release, done="answer_released")
        elif press.what == REASSIGN:
            await _ask_whom(here, ack, press)
        else:
            # A link is opened by Slack itself.
            assert press.what in (NOTE, "")
            await ack()

    @app.action(ANYTHING)
    async def other(ack: AsyncAck) -> None:
        """A field of a modal, or something that an older version drew."""
        await ack()


async def _press(
    here: Here, ack: AsyncAck, press: Press, change: Change, *, repeated: str = "answer_already", done: str = ""
) -> None:
    """The change first, then the answer to Slack: what is acknowledged is written. One that takes its time goes on."""
    work = here.begin(acting.act(here, press.user, press.ref, change, repeated=repeated))
    await here.in_time(work)
    await ack()
    said = await work
    if said is None and done:
        words = here.words_for(await member_of(here.practice, press.user))
        said = say(words, done, ref=escaped(press.ref))
    await answer(here, press, said)


async def answer(here: Here, press: Press, said: str | None) -> None:
    """Losing this is harmless: the change stands, and the case's message shows it."""
    try:
        if press.home:
            await show_home(here, press.user, said=said)
        elif said is not None and press.response_url is not None:
            await here.client.whisper(press.response_url, said)
    except SlackProblem as problem:
        log.info("answer_lost", code=problem.code)


async def _ask_outcome(here: Here, ack: AsyncAck, press: Press) -> None:
    found = await acting.look(here, press.user, press.ref)
    await ack()
    if isinstance(found, str):
        await answer(here, press, found)
        return
    days = LONGEST_PROMISE.days
    about = About(press.ref, press.home)
    view = outcome_modal(found.case, about, found.words, base_url=here.base_url, promise_days=days)
    await _open(here, press, found, view)


async def _ask_whom(here: Here, ack: AsyncAck, press: Press) -> None:
    found = await acting.look(here, press.user, press.ref)
    people = await _people(here, found) if isinstance(found, Ready) else []
    await ack()
    if isinstance(found, str):
        await answer(here, press, found)
        return
    await _open(here, press, found, reassign_modal(found.case, About(press.ref, press.home), people, found.words))


async def _people(here: Here, found: Ready) -> list[tuple[str, str]]:
    """Whoever is on call first, then everybody who can be told."""
    settings = (await profile_of(here.practice)).settings
    on_call = settings.on_call_person or Role.CARE_COORDINATOR
    people = await whom_to_give(here.practice)
    shown = [(ref, f"{name} ({found.words.of('roles', role)})") for ref, name, role in people if ref != on_call]
    return [(on_call, capital(say(found.words, "on_call"))), *shown]


async def _open(here: Here, press: Press, found: Ready, view: Block) -> None:
    try:
        await here.client.open_view(press.trigger_id, view)
    except SlackProblem as problem:
        log.info("modal_not_opened", code=problem.code)
        await answer(here, press, say(found.words, "answer_failed"))

"""What is pressed on a case, in its message or in the App Home."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.blocks.case import MINE, MORE, NOTE, OUTCOME, REASSIGN, RELEASE, SEEN, case_url
from bot.blocks.modals import About, outcome_modal, reassign_modal
from bot.blocks.parts import Block, capital, escaped, mention, say
from bot.errors import SlackProblem
from bot.here import Here
from bot.listeners import acting
from bot.listeners.acting import Change, Ready
from bot.listeners.home import show_home
from bot.reading import person_in, reference_in, text_in
from db.changes.worklist import LONGEST_PROMISE
from db.queries.practices import practice as profile_of
from db.queries.slack import whom_to_give
from db.states import Role

log = structlog.get_logger()

ANYTHING = re.compile(".*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Press:
    """`shown` is the state of the case that whoever pressed saw, None where what they pressed tells none: what leads to
    a modal, and what was drawn before buttons said it. `response_url` is where an answer goes; the App Home has none,
    and shows it itself."""

    user: str
    ref: str
    what: str
    shown: str | None
    trigger_id: str
    response_url: str | None
    home: bool

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Press":
        action = body["actions"][0]
        value = text_in(action, "value") or text_in(action, "selected_option", "value")
        # As `value_of` writes it; older messages say `what:ref` in their menu, and `ref` alone on their buttons.
        what, ref, shown, *_ = [*(value if ":" in value else f":{value}").split(":"), ""]
        return cls(
            user=person_in(body),
            ref=reference_in(ref),
            what=what,
            shown=shown or None,
            trigger_id=text_in(body, "trigger_id"),
            response_url=text_in(body, "response_url") or None,
            home=text_in(body, "view", "type") == "home",
        )


Asked = Callable[[Here, Press], Coroutine[Any, Any, Block | str]]


def listen(app: AsyncApp, here: Here) -> None:
    @app.action(SEEN)
    async def seen(ack: AsyncAck, body: dict[str, Any]) -> None:
        press = Press.of(body)
        await _press(here, ack, press, acting.acknowledge(shown=press.shown))

    @app.action(MINE)
    async def mine(ack: AsyncAck, body: dict[str, Any]) -> None:
        press = Press.of(body)
        await _press(here, ack, press, acting.claim(shown=press.shown), repeated="answer_taken_by_you")

    @app.action(OUTCOME)
    async def outcome(ack: AsyncAck, body: dict[str, Any]) -> None:
        await _ask(here, ack, Press.of(body), _outcome)

    @app.action(MORE)
    async def more(ack: AsyncAck, body: dict[str, Any]) -> None:
        press = Press.of(body)
        if press.what == RELEASE:
            await _press(here, ack, press, acting.release(shown=press.shown), done="answer_released")
        elif press.what == REASSIGN:
            await _ask(here, ack, press, _whom)
        elif press.what == NOTE:
            # A link is opened by Slack itself.
            await ack()
        else:
            await _outdated(here, ack, press)

    @app.action(ANYTHING)
    async def other(ack: AsyncAck, body: dict[str, Any]) -> None:
        """A field of a modal, or something that an older version drew."""
        await _outdated(here, ack, Press.of(body))


async def _press(
    here: Here, ack: AsyncAck, press: Press, change: Change, *, repeated: str = "answer_already", done: str = ""
) -> None:
    """The change first, then the answer to Slack: what is acknowledged is written. One that takes its time goes on."""
    work = here.begin(acting.act(here, press.user, press.ref, change, repeated=repeated))
    await here.in_time(work)
    await ack()
    here.afterwards(_tell(here, press, work, done))


async def _tell(here: Here, press: Press, work: asyncio.Task[str | None], done: str) -> None:
    await asyncio.wait({work})
    if work.exception() is not None:
        said: str | None = say(await here.words_of(press.user), "answer_failed")
    elif work.result() is None and done:
        said = say(await here.words_of(press.user), done, ref=escaped(press.ref))
    else:
        said = work.result()
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


async def _outdated(here: Here, ack: AsyncAck, press: Press) -> None:
    await ack()
    if press.home or press.response_url is not None:
        here.afterwards(_say(here, press, "answer_outdated", url=f"{here.base_url}/staff/today"))


async def _say(here: Here, press: Press, name: str, **values: str) -> None:
    await answer(here, press, say(await here.words_of(press.user), name, **values))


async def _ask(here: Here, ack: AsyncAck, press: Press, asked: Asked) -> None:
    """A modal opens once Slack has its answer, and within the trigger's life; or a sentence says why it does not."""
    work = here.begin(asked(here, press))
    await here.in_time(work)
    await ack()
    here.afterwards(_open(here, press, work))


async def _open(here: Here, press: Press, work: asyncio.Task[Block | str]) -> None:
    await asyncio.wait({work})
    problem = work.exception()
    if problem is None:
        found = work.result()
        if isinstance(found, str):
            await answer(here, press, found)
            return
        try:
            await here.client.open_view(press.trigger_id, found)
            return
        except SlackProblem as refused:
            problem = refused
    log.info("modal_not_opened", error=type(problem).__qualname__)
    await _say(here, press, "answer_not_opened", url=case_url(here.base_url, press.ref))


async def _outcome(here: Here, press: Press) -> Block | str:
    found = await acting.look(here, press.user, press.ref)
    if isinstance(found, str):
        return found
    if (taken := _taken(found)) is not None:
        return taken
    days = LONGEST_PROMISE.days
    about = About(press.ref, press.home, found.case.card.mark)
    return outcome_modal(found.case, about, found.words, base_url=here.base_url, promise_days=days)


async def _whom(here: Here, press: Press) -> Block | str:
    found = await acting.look(here, press.user, press.ref)
    if isinstance(found, str):
        return found
    if (taken := _taken(found)) is not None:
        return taken
    about = About(press.ref, press.home, found.case.card.mark)
    return reassign_modal(found.case, about, await _people(here, found), found.words)


def _taken(found: Ready) -> str | None:
    """Said before somebody fills in a form for nothing."""
    holder = found.case.card.holder
    if holder is None or holder.slack == found.member.slack:
        return None
    return say(found.words, "answer_taken", who=mention(holder, found.words))


async def _people(here: Here, found: Ready) -> list[tuple[str, str]]:
    """Whoever is on call first, then everybody who can be told."""
    settings = (await profile_of(here.practice)).settings
    on_call = settings.on_call_person or Role.CARE_COORDINATOR
    people = await whom_to_give(here.practice)
    shown = [(ref, f"{name} ({found.words.of('roles', role)})") for ref, name, role in people if ref != on_call]
    return [(on_call, capital(say(found.words, "on_call"))), *shown]

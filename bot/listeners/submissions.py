"""What a modal brings: how a case ended, a promised call, or whom it goes to."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.blocks.modals import (
    CHOICE,
    FOLLOW,
    LATER,
    OUTCOME,
    OUTCOME_VIEW,
    REASSIGN_VIEW,
    TO,
    WHEN,
    About,
    answer_modal,
)
from bot.blocks.parts import say
from bot.errors import SlackProblem
from bot.here import Here
from bot.listeners import acting
from bot.listeners.acting import Change, Ready
from bot.listeners.home import redraw_home
from bot.reading import found, person_in, text_in
from db import clock
from db.changes.outcomes import Follow
from db.changes.worklist import LONGEST_PROMISE
from db.errors import AlreadyClaimed, IllegalTransition, MayNotAct, MessageUnderWay, Outdated, Refused, Undecided
from db.queries.words import Words
from db.states import CallOutcome

log = structlog.get_logger()


@dataclass(frozen=True)
class Filled:
    """A modal as it was sent off."""

    user: str
    view_id: str
    about: About
    values: Mapping[str, Any]

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Filled":
        view = body.get("view")
        values = found(view, "state", "values")
        return cls(person_in(body), text_in(view, "id"), About.of(text_in(view, "private_metadata")), values or {})

    def chosen(self, name: str) -> str:
        return text_in(self.values, name, CHOICE, "selected_option", "value")

    def moment(self, name: str) -> datetime | None:
        seconds = found(self.values, name, CHOICE, "selected_date_time")
        try:
            return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None
        except (OverflowError, OSError, ValueError):
            # Further away than there are years.
            return None


@dataclass(frozen=True)
class Result:
    """What the modal says: at a field, in its place, or nothing, and it closes."""

    errors: Mapping[str, str] = field(default_factory=dict)
    said: str | None = None


Take = Callable[[Here, Filled], Coroutine[Any, Any, Result]]


def listen(app: AsyncApp, here: Here) -> None:
    @app.view(OUTCOME_VIEW)
    async def outcome(ack: AsyncAck, body: dict[str, Any]) -> None:
        filled = Filled.of(body)
        await _take(here, ack, filled, _conclude)

    @app.view(REASSIGN_VIEW)
    async def to_somebody(ack: AsyncAck, body: dict[str, Any]) -> None:
        filled = Filled.of(body)
        await _take(here, ack, filled, _give)

    @app.view(re.compile(".*"))
    async def other(ack: AsyncAck) -> None:
        await ack()


async def _take(here: Here, ack: AsyncAck, filled: Filled, take: Take) -> None:
    work = here.begin(take(here, filled))
    if not await here.in_time(work):
        words = await here.words_of(filled.user)
        await ack(response_action="update", view=answer_modal(say(words, "answer_slow"), words))
        here.afterwards(_tell_later(here, filled, work, words))
        return
    result = work.result()
    if result.errors:
        await ack(response_action="errors", errors=dict(result.errors))
    elif result.said is not None:
        words = await here.words_of(filled.user)
        await ack(response_action="update", view=answer_modal(result.said, words))
    else:
        await ack()
    if filled.about.home:
        here.afterwards(redraw_home(here, filled.user))


async def _tell_later(here: Here, filled: Filled, work: asyncio.Task[Result], words: Words) -> None:
    await asyncio.wait({work})
    if work.exception() is not None:
        said = say(words, "answer_failed")
    else:
        result = work.result()
        said = result.said or next(iter(result.errors.values()), None) or say(words, "answer_done")
    try:
        await here.client.update_view(filled.view_id, answer_modal(said, words))
    except SlackProblem as problem:
        log.info("answer_lost", code=problem.code)
    if filled.about.home:
        await redraw_home(here, filled.user)


async def _conclude(here: Here, filled: Filled) -> Result:
    ready = await acting.look(here, filled.user, filled.about.ref)
    if isinstance(ready, str):
        return Result(said=ready)
    chosen, days = filled.chosen(OUTCOME), str(LONGEST_PROMISE.days)
    if chosen == LATER:
        until = filled.moment(WHEN)
        now = clock.now()
        if until is None or not now < until <= now + LONGEST_PROMISE:
            return Result(errors={WHEN: say(ready.words, "error_when", days=days)})
        return await _change(here, ready, acting.postpone(until, shown=filled.about.mark or None), {})
    if chosen not in tuple(CallOutcome):
        return Result(errors={OUTCOME: say(ready.words, "error_outcome")})
    follow = filled.chosen(FOLLOW)
    change = acting.conclude(CallOutcome(chosen), Follow(follow) if follow in tuple(Follow) else None)
    return await _change(here, ready, change, {OUTCOME: "error_outcome"})


async def _give(here: Here, filled: Filled) -> Result:
    ready = await acting.look(here, filled.user, filled.about.ref)
    if isinstance(ready, str):
        return Result(said=ready)
    change = acting.reassign(filled.chosen(TO), shown=filled.about.mark or None)
    return await _change(here, ready, change, {TO: "answer_cannot_be_told"})


async def _change(here: Here, ready: Ready, change: Change, refused: Mapping[str, str]) -> Result:
    """`refused`: at which field a plain refusal is told, and in which words."""
    try:
        changed = await change(here, ready.case.card.ref, ready.member)
    except Undecided:
        return Result(errors={FOLLOW: say(ready.words, "error_follow")})
    except (AlreadyClaimed, IllegalTransition, MayNotAct, MessageUnderWay, Outdated) as problem:
        return Result(said=await acting.refusal(here, ready, problem))
    except Refused as problem:
        if refused:
            return Result(errors={field: say(ready.words, name) for field, name in refused.items()})
        return Result(said=await acting.refusal(here, ready, problem))
    return Result() if changed else Result(said=say(ready.words, "answer_already"))

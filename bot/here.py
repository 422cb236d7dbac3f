"""What the listeners of one practice lean on."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from bot.access import SlackAccess
from bot.client import SlackClient
from db.queries.slack import Member, slack_member
from db.queries.words import Words, words

log = structlog.get_logger()
T = TypeVar("T")

# Slack waits three seconds for an answer, and a modal must open within them.
IN_TIME_S = 2.0
# So long what is late already is held up to learn somebody's language.
LANGUAGE_S = 0.5
LAST_CHANGES_S = 5.0


@dataclass
class Here:
    """`language` is the practice's own, for whoever is not known."""

    practice: int
    language: str
    access: SlackAccess
    base_url: str
    client: SlackClient
    _running: set[asyncio.Task[Any]] = field(default_factory=set)

    def words_for(self, member: Member | None) -> Words:
        return words(member.language if member is not None else self.language)

    async def words_of(self, user: str) -> Words:
        """In their language where the database says soon which it is, else in the practice's."""
        asking = self.begin(slack_member(self.practice, user))
        done, _ = await asyncio.wait({asking}, timeout=LANGUAGE_S)
        return self.words_for(asking.result() if done and asking.exception() is None else None)

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """It goes on whatever becomes of the request."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def afterwards(self, work: Coroutine[Any, Any, None]) -> None:
        """What follows once Slack has its answer: nobody waits for it, and Bolt must not hear that it failed, since it
        would take the answer back."""
        self.begin(work).add_done_callback(_noted)

    async def in_time(self, task: asyncio.Task[T]) -> bool:
        """Whether it is done before Slack would lose patience; a change that waits for a message under way may not.
        Raises what it raised: then nothing was acknowledged, and somebody is told."""
        done, _ = await asyncio.wait({task}, timeout=IN_TIME_S)
        if done:
            task.result()
        return bool(done)

    async def close(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=LAST_CHANGES_S)
        await self.client.close()


def _noted(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (problem := task.exception()) is not None:
        log.error("slack_answer_failed", error=type(problem).__qualname__)

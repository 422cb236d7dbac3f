"""What the listeners of one practice lean on."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.access import SlackAccess
from bot.client import SlackClient
from db.queries.slack import Member
from db.queries.words import Words, words

T = TypeVar("T")

# Slack waits three seconds for an answer, and a modal must open within them.
IN_TIME_S = 2.0
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

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """It goes on whatever becomes of the request."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def in_time(self, task: asyncio.Task[T]) -> bool:
        """Whether it is done before Slack would lose patience; a change that waits for a message under way may not."""
        done, _ = await asyncio.wait({task}, timeout=IN_TIME_S)
        return bool(done)

    async def close(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=LAST_CHANGES_S)
        await self.client.close()

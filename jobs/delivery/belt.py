"""One hand claims, several send, one settles, all at the same time, so that no connection waits for the database.

What is claimed is never more than the connections take within moments, and what has left is settled as soon as the
settlement before it is written: little lies between the decision that a message may leave and its leaving, and little
is in doubt after a crash.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from db import clock
from db.changes.deliveries import Claim, Claimed
from db.changes.enrolments import complete_touched
from db.changes.settlements import Outcome, Settlement, settle

# A decision to send holds for so long. With the sender's own budget (10 s) that is as long as a stop waits.
FRESH_S = 2.0


@dataclass
class Belt:
    """`claim` is told how many messages to take at most; of `senders` there is one for each message that can be on its
    way at once, and `for_each` of them that many are claimed: more spare transactions, fewer keep a stop from waiting.
    While `is_halted`, nothing more is claimed or begun, and what waits is given back.
    """

    practice: int
    claim: Callable[[int], Awaitable[Claim]]
    senders: Sequence[Callable[[Claimed], Awaitable[Settlement]]]
    for_each: int
    keep_going: Callable[[], bool]
    is_halted: Callable[[], bool] = lambda: False
    fresh_s: float = FRESH_S
    _stopping: bool = field(default=False, init=False)
    _waiting: asyncio.Queue[tuple[Claimed, float] | None] = field(default_factory=asyncio.Queue, init=False)
    _taken: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _results: list[Settlement] = field(default_factory=list, init=False)
    _more: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _all_sent: bool = field(default=False, init=False)

    async def run(self) -> int:
        """Until nothing is due, or it is halted; returns how many messages were tried.

        Whatever one hand runs into, the others finish what they have begun.
        """
        settling = asyncio.create_task(self._settle_all())
        hands = (self._claim_all(), *(self._send_all(send) for send in self.senders))
        try:
            ends = await asyncio.gather(*hands, return_exceptions=True)
        finally:
            self._all_sent = True
            self._more.set()
            count = await settling
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return count

    async def _claim_all(self) -> None:
        at_once = self.for_each * len(self.senders)
        try:
            while self.keep_going() and not self.is_halted() and not self._stopping:
                claim = await self.claim(at_once)
                if claim.looked_at == 0:
                    break
                if claim.dropped:
                    await complete_touched(claim.dropped, practice=self.practice, now=clock.now())
                decided_at = time.monotonic()
                for one in claim.going:
                    self._waiting.put_nowait((one, decided_at))
                while self._waiting.qsize() >= at_once and not self._stopping:
                    self._taken.clear()
                    await self._taken.wait()
        finally:
            for _ in self.senders:
                self._waiting.put_nowait(None)

    async def _send_all(self, send: Callable[[Claimed], Awaitable[Settlement]]) -> None:
        try:
            while (next_one := await self._waiting.get()) is not None:
                self._taken.set()
                one, decided_at = next_one
                if self.is_halted() or time.monotonic() > decided_at + self.fresh_s:
                    result = Settlement(one.id, one.attempts, Outcome.NOT_TRIED, clock.now())
                else:
                    result = await send(one)
                self._results.append(result)
                self._more.set()
        finally:
            self._stop()

    async def _settle_all(self) -> int:
        count = 0
        try:
            while not self._all_sent or self._results:
                await self._more.wait()
                self._more.clear()
                results, self._results = self._results, []
                await self._settle(results)
                count += sum(result.outcome is not Outcome.NOT_TRIED for result in results)
        finally:
            self._stop()
        return count

    async def _settle(self, results: Sequence[Settlement]) -> None:
        """What left is settled together and first; each failure, with all that follows from it, on its own, so that
        none of them can undo another's."""
        plain = [result for result in results if result.outcome in (Outcome.SENT, Outcome.NOT_TRIED)]
        failed = [[result] for result in results if result not in plain]
        for part in ([plain] if plain else []) + failed:
            await settle(part, practice=self.practice, now=clock.now())

    def _stop(self) -> None:
        """Claim no more: a hand has ended, one way or another."""
        self._stopping = True
        self._taken.set()

"""One practice's channel as one lane of one worker serves it: whether its server may be used, and how fast."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from db import clock
from db.changes.channels import Failed, Gate, enter_channel, hold_channel, leave_channel, reopen_channel
from db.changes.deliveries import Claim, claim_due
from db.changes.pacing import reserve_slots
from db.changes.settlements import REFUSED_PAUSE
from db.queries.deliveries import channel_is_held
from db.rules.pacing import Grant
from db.states import Channel
from db.tables.deliveries import HUMAN
from jobs.delivery.access import mail_domain, messages_per_second
from jobs.delivery.breaker import Breaker
from jobs.delivery.compose import Sender
from jobs.delivery.wordings import choose
from jobs.messages.edited import EditedTexts

# How soon this worker stops sending to a server that another one has found to be down, and takes new words.
LOOK_EVERY_S = 1.0
# A turn ends rather than wait longer than this for the limit; the next tick asks again.
LONGEST_WAIT_S = 1.0
# What a server asks for beyond this is more than a limit that it wants kept.
LONGEST_WISH_S = 1800.0


@dataclass
class Desk:
    """`was_down` is what the tick found; `breaker` lasts longer than one turn. The limit does not hold back messages of
    the human lane, and counts them. `texts`: where the practice's words come from, should they change meanwhile."""

    sender: Sender
    lane: str
    channel: Channel
    keep_going: Callable[[], bool]
    breaker: Breaker
    was_down: bool = False
    texts: EditedTexts | None = None
    _looked_at: float = field(default_factory=time.monotonic)
    _owed: int = 0

    async def enter(self) -> Gate:
        if not self.was_down:
            return Gate.OPEN
        return await enter_channel(self.sender.practice.id, channel=self.channel, now=clock.now())

    async def leave(self) -> None:
        """There was nothing to try the server with."""
        await leave_channel(self.sender.practice.id, channel=self.channel, now=clock.now())

    async def reopen(self) -> None:
        await reopen_channel(self.sender.practice.id, channel=self.channel, now=clock.now())

    async def hold(self, breaker: Breaker, *, trial: bool = False) -> None:
        """Send nothing for a while, for what this breaker has met."""
        wish = timedelta(seconds=min(breaker.wait_s, LONGEST_WISH_S))
        await self._hold(max(wish, REFUSED_PAUSE) if breaker.is_refused else wish, breaker.code, breaker.failed, trial)

    async def hold_unreached(self, code: str, *, trial: bool) -> None:
        """The same, for a server that could not be reached: no message was tried."""
        await self._hold(timedelta(), code, (), trial)

    async def _hold(self, least: timedelta, code: str, failed: Sequence[Failed], trial: bool) -> None:
        now = clock.now()
        await hold_channel(
            self.sender.practice, self.channel, until=now + least, code=code, failed=failed, trial=trial, now=now
        )

    async def claim(self, limit: int) -> Claim:
        """Claim what may be sent now. Waiting for the limit comes first, for what is claimed is sent at once."""
        if await self._finds_it_held():
            return Claim([])
        slots = await self._slots(limit)
        return await self._claimed(slots) if slots else Claim([])

    async def claim_one(self) -> Claim:
        """For a trial."""
        return await self._claimed(1)

    async def _claimed(self, limit: int) -> Claim:
        claim = await claim_due(
            self.sender.practice,
            lane=self.lane,
            channel=self.channel,
            limit=limit,
            mail_domain=mail_domain(self.sender.sending),
            now=clock.now(),
            choose=partial(choose, sender=self.sender),
        )
        self._owed += len(claim.going)
        return claim

    async def _finds_it_held(self) -> bool:
        """Whether another worker has held the channel; what the practice has published meanwhile is taken as well."""
        if time.monotonic() < self._looked_at + LOOK_EVERY_S:
            return False
        self._looked_at = time.monotonic()
        if self.texts is not None:
            self.sender = replace(self.sender, edited=await self.texts.of(self.sender.practice.id))
        return await channel_is_held(self.sender.practice.id, self.channel, now=clock.now())

    async def _slots(self, limit: int) -> int:
        """How many messages may be claimed now; 0 when none may for a while."""
        per_second = messages_per_second(self.sender.sending, self.channel)
        if per_second is None:
            return limit
        if self.lane == HUMAN:
            await self.settle_up()
            return limit
        while self.keep_going():
            given = await self._reserve(per_second, limit)
            if given.slots:
                return given.slots
            if given.wait_s > LONGEST_WAIT_S:
                break
            await asyncio.sleep(given.wait_s)
        return 0

    async def settle_up(self) -> None:
        """Tell the limit of what was claimed beyond, or short of, what was reserved."""
        per_second = messages_per_second(self.sender.sending, self.channel)
        if per_second is not None and self._owed:
            await self._reserve(per_second, 0)

    async def _reserve(self, per_second: float, wanted: int) -> Grant:
        owed, self._owed = self._owed, 0
        given = await reserve_slots(
            self.sender.practice.id,
            channel=self.channel,
            per_second=per_second,
            wanted=wanted,
            owed=owed,
            now=clock.now(),
        )
        self._owed -= given.slots
        return given

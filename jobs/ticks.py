"""What happens by itself, each second or each minute. Every tick may run twice, late or not at all without harm."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from db import clock
from db.changes.absences import decide_absences, practices_with_undecided
from db.changes.enrolments import review_enrolments
from db.changes.human_steps import open_due_steps
from db.changes.journal import seal_journal
from db.changes.settlements import expire_leases
from db.changes.watching import look_again
from db.config import Config
from db.errors import ConfigurationError
from db.queries.deliveries import DueDesk, due_desks
from db.queries.practices import Sending, practice, sending
from db.states import Channel
from db.tables.deliveries import BULK
from jobs.delivery.access import gateway_settings, smtp_settings
from jobs.delivery.breaker import Breaker
from jobs.delivery.compose import Sender
from jobs.delivery.deliver import drain_email, drain_sms
from jobs.delivery.desk import Desk
from jobs.delivery.email import Mailer
from jobs.delivery.sms.gateway import Gateway
from jobs.delivery.sms.registry import gateway
from jobs.messages.edited import EditedTexts

log = structlog.get_logger()

# One tick gives up its turn after this long: with the sends that have begun, well before the worker's own limit. The
# next tick goes on up to a second later, for which a server's limit is lost: turns are no shorter than they must.
TURN_S = 30.0
CONNECTIONS_OF_HUMAN = 2
# An import decides its absences at its end; what lies undecided for so long was left by one that never ended.
ABANDONED_AFTER = timedelta(hours=1)


@dataclass
class Post:
    """One worker's open connections to mail servers and gateways, by practice; renewed when the settings change."""

    config: Config
    lane: str
    stopping: Callable[[], bool] = lambda: False
    _mail: dict[int, tuple[str, list[Mailer]]] = field(default_factory=dict)
    _sms: dict[int, tuple[str, Gateway]] = field(default_factory=dict)
    _busy: set[DueDesk] = field(default_factory=set)
    _breakers: dict[DueDesk, Breaker] = field(default_factory=dict)
    _texts: EditedTexts = field(default_factory=EditedTexts)

    async def send_due(self) -> int:
        """Send everything of this lane that is due; returns how many messages were settled.

        A practice and channel that an earlier tick is still busy with is left to it.
        """
        desks = [desk for desk in await due_desks(self.lane, now=clock.now()) if desk not in self._busy]
        done = await asyncio.gather(*(self._serve(desk) for desk in desks))
        return sum(done)

    async def _serve(self, desk: DueDesk) -> int:
        self._busy.add(desk)
        try:
            return await self._drain(desk)
        except ConfigurationError as problem:
            log.error("practice_cannot_send", practice=desk.practice, channel=desk.channel, problem=str(problem))
            return 0
        finally:
            self._busy.discard(desk)

    async def _drain(self, due: DueDesk) -> int:
        profile, access = await practice(due.practice), await sending(due.practice)
        sender = Sender(profile, access, self.config.base_url, await self._texts.of(due.practice))
        breaker = self._breakers.setdefault(due, Breaker())
        desk = Desk(sender, self.lane, due.channel, self._turn(), breaker, due.was_down, self._texts)
        if due.channel is Channel.SMS:
            return await drain_sms(desk, await self._gateway(due.practice, access))
        return await drain_email(desk, await self._mailers(due.practice, access))

    def _turn(self) -> Callable[[], bool]:
        ends = time.monotonic() + TURN_S
        return lambda: time.monotonic() < ends and not self.stopping()

    async def _mailers(self, practice_id: int, access: Sending) -> list[Mailer]:
        settings = smtp_settings(access)
        known = self._mail.get(practice_id)
        if known is None or known[0] != repr(access.smtp):
            if known is not None:
                await _close(known[1])
            count = self.config.bulk_connections if self.lane == BULK else CONNECTIONS_OF_HUMAN
            known = (repr(access.smtp), [Mailer(settings) for _ in range(count)])
            self._mail[practice_id] = known
        return known[1]

    async def _gateway(self, practice_id: int, access: Sending) -> Gateway:
        known = self._sms.get(practice_id)
        if known is None or known[0] != repr(access.sms):
            if known is not None:
                await known[1].close()
            known = (repr(access.sms), gateway(gateway_settings(access)))
            self._sms[practice_id] = known
        return known[1]

    async def close(self) -> None:
        for _, mailers in self._mail.values():
            await _close(mailers)
        for _, one in self._sms.values():
            await one.close()


async def _close(mailers: Sequence[Mailer]) -> None:
    await asyncio.gather(*(mailer.close() for mailer in mailers))


async def sweep() -> None:
    """Give back what dead workers held, and end the sequences that nobody ended."""
    now = clock.now()
    while await expire_leases(now=now):
        pass
    await review_enrolments(now=now)


async def people() -> bool:
    """What people do, as it falls due, and what waits for them for too long. True if somebody is to be told."""
    now, moved = clock.now(), 0
    while opened := await open_due_steps(now=now):
        moved += opened
    return bool(moved + await look_again(now=now))


async def seal() -> None:
    while await seal_journal(now=clock.now()):
        pass


async def decide_abandoned() -> None:
    """Decide the absences that an import recorded and never came back to: nobody falls through."""
    now = clock.now()
    for practice_id in await practices_with_undecided(now - ABANDONED_AFTER):
        profile = await practice(practice_id)
        while (await decide_absences(profile, now=now)).total:
            pass

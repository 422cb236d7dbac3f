"""Workers killed at random moments, and Redis emptied, while messages go out."""

import asyncio
import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from redis.asyncio import Redis

from db.changes.deliveries import LEASE
from db.clock import clock
from db.engine import fetch, fetch_value
from db.states import DeliveryStatus
from tests.chaos.people import make_absences, make_practice
from tests.chaos.sink import MailServer, start_mail_server
from tests.chaos.stack import Stack
from tests.factories import local

DUE_AT = local(16, 10, 30)
# So long after the mail server took the message that names the moment, a worker is killed.
LATEST_KILL_S = 0.04
LOOK_S = 0.002
# Without any progress for so long, something is stuck.
PATIENCE_S = 60.0
# Every so many deaths of the sending worker, the one that gives back its leases dies too.
SWEEPER_DIES_EVERY = 3


@dataclass(frozen=True)
class Survived:
    """`twice` arrived more than once; `unexplained` of them are not marked ambiguous in the database."""

    messages: int
    kills: int
    lost: list[str]
    unknown: list[str]
    twice: list[str]
    unexplained: list[str]
    unsettled: list[str]
    told_wrong: list[str]

    @property
    def is_sound(self) -> bool:
        return not (self.lost or self.unknown or self.unexplained or self.unsettled or self.told_wrong)

    def __str__(self) -> str:
        wrong = {name: getattr(self, name) for name in ("lost", "unknown", "unexplained", "unsettled", "told_wrong")}
        counts = ", ".join(f"{name.replace('_', ' ')} {len(found)}" for name, found in wrong.items())
        return (
            f"{self.messages} messages, {self.kills} kills: {counts}; {len(self.twice)} arrived twice under the same "
            "Message-ID, and are marked ambiguous"
        )


async def survive_kills(
    stack: Stack, *, messages: int, kills: int, seed: int, say: Callable[[str], None] = print
) -> Survived:
    """Send `messages` while workers die; `seed` settles the moments, as far as a machine's pace allows."""
    randomness = random.Random(seed)
    sink = start_mail_server(stack)
    practice = await make_practice(sink.port, now=DUE_AT - timedelta(hours=1))
    await make_absences(practice, [DUE_AT] * messages)
    clock.move_to(DUE_AT)
    workers = {queue: stack.worker(queue) for queue in ("human", "bulk")}
    stretch = messages / kills
    for number in range(kills):
        moment = round(stretch * (number + randomness.uniform(0.05, 0.95)))
        await _until_taken(sink, moment)
        await asyncio.sleep(randomness.uniform(0, LATEST_KILL_S))
        dying = ["bulk", "human"] if number % SWEEPER_DIES_EVERY == 2 else ["bulk"]
        _kill([workers[queue] for queue in dying])
        say(f"Killed {' and '.join(dying)} after {len(sink.look())} arrivals.")
        if number == kills // 2:
            await _flush(stack)
            say("Emptied Redis.")
        # Nobody sends now, so every lease is a dead worker's.
        clock.move_by(LEASE + timedelta(seconds=1))
        workers |= {queue: stack.worker(queue) for queue in dying}
    await _until_settled()
    _kill(list(workers.values()))
    return await _what_happened(sink, messages, kills)


def _kill(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        assert process.poll() is None, "A worker ended by itself."
        process.kill()
    for process in processes:
        process.wait()


async def _flush(stack: Stack) -> None:
    redis = Redis.from_url(stack.config.redis())
    await redis.flushall()
    await redis.aclose()


async def _until_taken(sink: MailServer, count: int) -> None:
    seen, since = 0, time.monotonic()
    while (taken := len(sink.look())) < count:
        if taken > seen:
            seen, since = taken, time.monotonic()
        assert time.monotonic() < since + PATIENCE_S, f"Nothing goes out any more after {seen} messages."
        await asyncio.sleep(LOOK_S)


async def _until_settled() -> None:
    waiting, since = 0, time.monotonic()
    while left := await fetch_value(
        "SELECT count(*) FROM delivery WHERE step = 0 AND status IN ('planned', 'claimed')"
    ):
        if left != waiting:
            waiting, since = left, time.monotonic()
        assert time.monotonic() < since + PATIENCE_S, f"{left} messages are never settled."
        await asyncio.sleep(0.05)


async def _what_happened(sink: MailServer, messages: int, kills: int) -> Survived:
    rows = {
        row["message_id"] or row["ref"]: row
        for row in await fetch(
            "SELECT d.ref, d.message_id, d.status, d.ambiguous, d.attempts, "
            "count(*) FILTER (WHERE j.event = 'message_sent') AS told_sent, "
            "count(*) FILTER (WHERE j.event = 'message_retried') AS told_again "
            "FROM delivery d LEFT JOIN journal j ON j.subject_ref = d.ref "
            "WHERE d.step = 0 AND d.channel = 'email' GROUP BY d.id"
        )
    }
    assert len(rows) == messages, f"{len(rows)} rows"
    arrived = sink.by_message()
    twice = [one for one, arrivals in arrived.items() if len(arrivals) > 1]
    return Survived(
        messages=messages,
        kills=kills,
        lost=[one for one in rows if one not in arrived],
        unknown=[one for one in arrived if one not in rows],
        twice=twice,
        unexplained=[one for one in twice if not rows[one]["ambiguous"] or len(arrived[one]) > rows[one]["attempts"]],
        unsettled=[one for one, row in rows.items() if row["status"] != DeliveryStatus.SENT],
        told_wrong=[
            one for one, row in rows.items() if row["told_sent"] != 1 or row["told_again"] != row["attempts"] - 1
        ],
    )

"""Moving the clock of a demo stack: from due time to due time, waiting each time until the workers are done."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis.asyncio import Redis

from db.clock import clock
from db.config import Config
from db.errors import ConfigurationError
from db.queries.due import Left, Unsettled, last_due, left_since, next_due, unsettled
from portal.heartbeats import silent

LOOK_EVERY_S = 0.1
# Without any change for so long, nobody is at work, or somebody is who cannot.
PATIENCE_S = 15.0
# A receipt takes a moment; one that does not come is waited for no longer than this.
RECEIPT_S = 2.0
# What falls due within the same minute is one step.
STEP = timedelta(minutes=1)

Settled = Callable[[datetime], None]


@dataclass(frozen=True)
class Advanced:
    """The clock's way, in how many steps, and what left on it."""

    began: datetime
    ended: datetime
    steps: int
    left: tuple[Left, ...]


async def advance(config: Config, by: timedelta, *, settled: Settled = lambda _moment: None) -> Advanced:
    """Returns once the clock has gone on by `by` (more, where waiting took longer) and all that fell due is settled.

    `settled` is told of each moment at which everything was.
    """
    if not config.is_demo:
        raise ConfigurationError("Only a demo's clock can be moved: this stack is in production.")
    began = clock.now()
    target = began + by
    steps = 0
    await _settle(config)
    while (now := clock.now()) < target:
        clock.move_by(await _next_stop(now, target) - now)
        steps += 1
        await _settle(config)
        settled(clock.now())
    return Advanced(began, clock.now(), steps, tuple(await left_since(began)))


async def _next_stop(now: datetime, target: datetime) -> datetime:
    first = await next_due(after=now)
    if first is None or first >= target:
        return target
    return max(first, await last_due(until=min(first + STEP, target)) or first)


async def _settle(config: Config) -> None:
    """Wait while anything that has fallen due is not settled."""
    began, seen, changed_at = time.monotonic(), None, time.monotonic()
    since = clock.now() - STEP
    while True:
        found = await unsettled(now=clock.now(), unanswered_since=since)
        waited = time.monotonic() - began
        if not found.anything and (found.unanswered == 0 or waited > RECEIPT_S):
            return
        if found != seen:
            seen, changed_at = found, time.monotonic()
        elif time.monotonic() - changed_at > PATIENCE_S:
            raise ConfigurationError(await _why_stuck(config, found))
        await asyncio.sleep(LOOK_EVERY_S)


async def _why_stuck(config: Config, found: Unsettled) -> str:
    redis = Redis.from_url(config.redis(), decode_responses=True)
    try:
        mute = await silent(redis)
    finally:
        await redis.aclose()
    waiting = f"{found.due + found.under_way} messages that are due do not leave"
    if mute:
        return (
            f"The clock stands still, for {waiting}: no sign of life from {' and '.join(mute)}. Is the stack running?"
        )
    return (
        f"The clock stands still, for {waiting} though the workers are alive: see the logs in {config.data / 'logs'}."
    )

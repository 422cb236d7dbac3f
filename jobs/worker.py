"""The worker process, and the only import of arq.

arq wakes the ticks; what they do stands in PostgreSQL. Redis may be emptied at any moment: a late tick is the whole
cost.
"""

import asyncio
import json
import logging
import os
from datetime import UTC
from typing import Any
from urllib.parse import unquote

import structlog
import uvloop
from arq import cron
from arq.connections import RedisSettings
from arq.cron import CronJob
from arq.worker import Worker

from db import session
from db.config import Config
from db.tables.deliveries import BULK, HUMAN
from jobs import ticks
from jobs.delivery.slack import SlackRound

log = structlog.get_logger()

HEALTH_KEY = "reprise:health:{}"
HEALTH_EVERY_S = 5
QUEUE_KEY = "reprise:queue:{}"
EACH_SECOND = set(range(60))
EACH_TEN_SECONDS = set(range(0, 60, 10))
LONGEST_TICK_S = 60
LAST_SENDS_S = 15
BULK_NICENESS = 5


async def tick_send(context: dict[str, Any]) -> None:
    await context["post"].send_due()


async def tick_sweep(_context: dict[str, Any]) -> None:
    await ticks.sweep()


async def tick_people(context: dict[str, Any]) -> None:
    # Whoever is to be told is told now, and not a tick later.
    if await ticks.people():
        await asyncio.gather(context["slack"].catch_up(), context["post"].send_due())


async def tick_slack(context: dict[str, Any]) -> None:
    await context["slack"].catch_up()


async def tick_seal(_context: dict[str, Any]) -> None:
    await ticks.seal()


async def tick_decide_abandoned(_context: dict[str, Any]) -> None:
    await ticks.decide_abandoned()


def crons(queue: str) -> list[CronJob]:
    """Sending has a lane for each queue; the rest belongs to the queue that bulk sending never delays."""
    sending = [_each(queue, tick_send, EACH_SECOND)]
    if queue == BULK:
        return sending
    return [
        *sending,
        _each(queue, tick_sweep, EACH_SECOND),
        _each(queue, tick_people, EACH_SECOND),
        _each(queue, tick_slack, EACH_SECOND),
        _each(queue, tick_seal, EACH_TEN_SECONDS),
        _each(queue, tick_decide_abandoned, {30}),
    ]


def _each(queue: str, tick: Any, seconds: set[int]) -> CronJob:
    # arq's job names are one space for all queues: without the queue in its name, a tick of one would keep the
    # other's from ever being enqueued.
    # `keep_result=0`: a finished job's name is free at once. Unique by its second: two workers share one tick.
    name = f"{queue}:{tick.__name__}"
    return cron(tick, name=name, second=seconds, timeout=LONGEST_TICK_S, keep_result=0, max_tries=1, unique=True)


def run(config: Config, queue: str) -> None:
    """Run one worker until SIGTERM or SIGINT; a send that has begun is finished first."""
    if queue not in (BULK, HUMAN):
        raise ValueError(f"There is no queue {queue!r}.")
    # arq writes two lines for each tick, of which there are several a second.
    logging.getLogger("arq").setLevel(logging.WARNING)
    if queue == BULK:
        # Where all of Reprise shares one machine, alerts and pages have the processor first.
        os.nice(BULK_NICENESS)
    asyncio.set_event_loop(uvloop.new_event_loop())
    make_worker(config, queue).run()


def make_worker(config: Config, queue: str) -> Worker:
    worker: Worker

    async def start(context: dict[Any, Any]) -> None:
        context["session"] = session.opened(config)
        await context["session"].__aenter__()
        context["post"] = ticks.Post(config, queue, stopping=lambda: not worker.allow_pick_jobs)
        context["slack"] = SlackRound(config.base_url, stopping=lambda: not worker.allow_pick_jobs)
        log.info("worker_started", queue=queue)

    async def stop(context: dict[Any, Any]) -> None:
        if "post" in context:
            await context["post"].close()
            await context["slack"].close()
            await context["session"].__aexit__(None, None, None)

    worker = Worker(
        cron_jobs=crons(queue),
        queue_name=QUEUE_KEY.format(queue),
        redis_settings=_redis_settings(config),
        on_startup=start,  # type: ignore[arg-type]  # arq annotates its hooks as protocols with a star
        on_shutdown=stop,  # type: ignore[arg-type]
        job_completion_wait=LAST_SENDS_S,
        job_timeout=LONGEST_TICK_S,
        keep_result=0,
        max_jobs=20,
        queue_read_limit=500,
        poll_delay=0.2,
        health_check_interval=HEALTH_EVERY_S,
        health_check_key=HEALTH_KEY.format(queue),
        timezone=UTC,
        log_results=False,
        retry_jobs=False,
        # arq's own choice is pickle, with which whoever writes to Redis runs code in the worker.
        job_serializer=_serialized,
        job_deserializer=json.loads,
    )
    return worker


def _serialized(job: dict[str, Any]) -> bytes:
    return json.dumps(job).encode()


def _redis_settings(config: Config) -> RedisSettings:
    settings = RedisSettings.from_dsn(config.redis())
    # arq leaves the percent signs of an address in its password.
    settings.username = settings.username and unquote(settings.username)
    settings.password = settings.password and unquote(settings.password)
    settings.conn_retries = 60
    settings.conn_retry_delay = 1
    settings.retry_on_timeout = True
    return settings

"""Messages sent per second, journal and all, against bare aiosmtplib with as many connections on the same sink."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta

import aiosmtplib

from db.changes.deliveries import claim_due
from db.clock import clock
from db.queries.practices import Profile
from db.states import Channel
from db.tables.deliveries import BULK
from jobs.ticks import Post
from tests.bench.figures import Figure, interleaved
from tests.chaos.people import make_absences, make_practice
from tests.chaos.stack import Stack
from tests.factories import local

DUE_AT = local(16, 10, 30)
GOAL = 0.5


async def measure(stack: Stack, *, messages: int, rounds: int) -> list[Figure]:
    ready, first = stack.data / "sink.port", stack.data / "sink.first"
    stack.start("sink", "tests.bench.sink", str(ready), str(first))
    port = int(stack.wait_for(ready))
    # Outside a demo nobody moves the clock, and no process looks for a file that says so.
    clock.follow(None)
    practice = await make_practice(port, now=DUE_AT - timedelta(hours=1))
    post = Post(stack.config, BULK)
    connections = stack.config.bulk_connections
    clients = [
        aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, use_tls=False) for _ in range(connections)
    ]
    await asyncio.gather(*(client.connect() for client in clients))

    async def ours() -> float:
        await _make_due(practice, messages)
        started = time.perf_counter()
        sent = await _send_all(post)
        assert sent == messages, f"{sent} of {messages} messages were settled."
        return messages / (time.perf_counter() - started)

    async def bare() -> float:
        if not first.exists():
            await ours()
        body, numbers = first.read_bytes(), iter(range(messages))
        started = time.perf_counter()
        await asyncio.gather(*(_send_bare(client, body, numbers) for client in clients))
        return messages / (time.perf_counter() - started)

    figures = await interleaved(ours, bare, rounds=rounds)
    await post.close()
    await asyncio.gather(*(client.quit() for client in clients))
    notes = f"{messages} messages of {first.stat().st_size} bytes, {connections} connections, {rounds} rounds"
    return [Figure("messages sent", "messages/s", *figures, GOAL, "at least", notes)]


async def _make_due(practice: Profile, messages: int) -> None:
    clock.move_to(DUE_AT - timedelta(minutes=20))
    await make_absences(practice, [DUE_AT] * messages)
    clock.move_to(DUE_AT)
    # The SMS of patients without a telephone are skipped; that is no part of what is measured.
    while (await claim_due(practice, lane=BULK, channel=Channel.SMS, limit=500, mail_domain="", now=DUE_AT)).looked_at:
        pass


async def _send_all(post: Post) -> int:
    sent = 0
    while done := await post.send_due():
        sent += done
    return sent


async def _send_bare(client: aiosmtplib.SMTP, body: bytes, numbers: Iterator[int]) -> None:
    for number in numbers:
        await client.sendmail("rdv@tilleuls.example", [f"patient{number}@mail.example"], body)

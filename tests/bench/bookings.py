"""Bookings per second against the very statements that they are made of, sent by asyncpg with no rule in between."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import asyncpg

from db.changes.bookings import book
from db.clock import clock, now
from db.engine import fetch
from db.queries.agenda import availability
from tests.bench.figures import Figure, interleaved
from tests.bench.statements import Statement, recorded
from tests.chaos.people import make_absences, make_practice
from tests.chaos.stack import Stack
from tests.factories import local

PRACTITIONERS = 8
AT_ONCE = 8
GOAL = 0.5
ABSENT_AT = local(16, 10, 30)
# As if nobody had booked; the journal alone keeps what it was told.
UNDONE = (
    "DELETE FROM delivery WHERE message LIKE 'notice%'",
    "DELETE FROM appointment WHERE source = 'reprise'",
    "UPDATE enrolment SET status = 'active', reason = NULL, ended_at = NULL",
    "UPDATE delivery SET status = 'planned', reason = NULL, settled_at = NULL WHERE status = 'cancelled'",
    "VACUUM ANALYZE",
)

T = TypeVar("T")
Booking = tuple[str, datetime]


async def measure(stack: Stack, *, bookings: int, rounds: int) -> list[Figure]:
    practice = await make_practice(2525, practitioners=PRACTITIONERS, now=ABSENT_AT - timedelta(hours=1))
    await make_absences(practice, [ABSENT_AT] * bookings, practitioners=PRACTITIONERS)
    clock.move_to(ABSENT_AT)
    wanted = await _wanted()
    pool = await asyncpg.create_pool(
        stack.config.database(), min_size=AT_ONCE, max_size=AT_ONCE, server_settings={"timezone": "UTC"}
    )
    await _undo()
    transactions = [await _recording(booking) for booking in wanted]

    async def ours() -> float:
        async def one(booking: Booking) -> None:
            await book(booking[0], starts_at=booking[1], now=now())

        return await _paced(wanted, one)

    async def bare() -> float:
        async def one(statements: list[Statement]) -> None:
            async with pool.acquire() as connection:
                for sql, values in statements:
                    await connection.fetch(sql, *values)

        return await _paced(transactions, one)

    figures = await interleaved(ours, bare, rounds=rounds)
    await pool.close()
    statements = sum(len(transaction) for transaction in transactions) / bookings
    notes = f"{bookings} bookings, {statements:.0f} statements each, {AT_ONCE} at once, {rounds} rounds"
    return [Figure("bookings", "bookings/s", *figures, GOAL, "at least", notes)]


async def _wanted() -> list[Booking]:
    """A slot of their own for each patient."""
    rows = await fetch(
        "SELECT e.practitioner, d.link_id FROM delivery d JOIN enrolment e ON e.id = d.enrolment "
        "WHERE d.step = 0 AND d.channel = 'email' ORDER BY d.id"
    )
    slots = {one: iter(await _slots(one)) for one in {row["practitioner"] for row in rows}}
    return [(row["link_id"], next(slots[row["practitioner"]])) for row in rows]


async def _slots(practitioner: int) -> list[datetime]:
    found = await availability(practitioner, now=now(), duration=None)
    return [slot.starts_at for slot in found.open_slots(now())]


async def _recording(booking: Booking) -> list[Statement]:
    async with recorded() as statements:
        await book(booking[0], starts_at=booking[1], now=now())
    # What the pool itself sends when a connection comes back to it is sent by the other side's pool as well.
    ends = next(place for place, (sql, _) in enumerate(statements) if sql.startswith("COMMIT"))
    return statements[: ends + 1]


async def _undo() -> None:
    for sql in UNDONE:
        await fetch(sql)


async def _paced(work: Sequence[T], do: Callable[[T], Awaitable[None]]) -> float:
    await _undo()
    left: Iterator[T] = iter(work)

    async def hand() -> None:
        for one in left:
            await do(one)

    started = time.perf_counter()
    await asyncio.gather(*(hand() for _ in range(AT_ONCE)))
    return len(work) / (time.perf_counter() - started)

"""The statements that a piece of our code sends to PostgreSQL, as asyncpg saw them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from db.engine import ENGINE

Statement = tuple[str, tuple[Any, ...]]


@asynccontextmanager
async def recorded() -> AsyncIterator[list[Statement]]:
    """Every statement of this process's pool, in order, while the block runs; do one thing at a time in it."""
    pool, seen = ENGINE.pool, []
    assert pool is not None

    def note(query: Any) -> None:
        seen.append((query.query, tuple(query.args or ())))

    async with AsyncExitStack() as held:
        # All of them at once, so that each is a different one.
        connections = [await held.enter_async_context(pool.acquire()) for _ in range(pool.get_max_size())]
        loggers = [connection._con for connection in connections]
    for connection in loggers:
        connection.add_query_logger(note)
    try:
        yield seen
    finally:
        for connection in loggers:
            connection.remove_query_logger(note)

"""The one PostgreSQL engine of the process, and the transaction every change runs in."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from piccolo.engine.postgres import PostgresEngine, PostgresTransaction


class QuietEngine(PostgresEngine):
    """Piccolo's engine connects as soon as it is made, to warn of old servers; ours connects when it is told to."""

    async def check_version(self) -> None:
        return


ENGINE = QuietEngine(config={})

# What asyncpg's records offer; they are read by column name only.
Row: TypeAlias = Mapping[str, Any]


async def connect(database_url: str, *, most: int = 10, statement_cache: int = 256) -> None:
    """Open the pool that every table of this process uses. Behind pgbouncer, `statement_cache` must be 0."""
    if ENGINE.pool is not None:
        await disconnect()
    ENGINE.config = {"dsn": database_url}
    await ENGINE.start_connection_pool(
        min_size=1,
        max_size=most,
        statement_cache_size=statement_cache,
        reset=_keep,
        server_settings={"timezone": "UTC", "application_name": "reprise"},
    )


async def _keep(_connection: object) -> None:
    """Nothing here leaves anything on a connection, so the pool need not ask the server to clear it after each use."""


async def disconnect() -> None:
    if ENGINE.pool is not None:
        await ENGINE.close_connection_pool()


@asynccontextmanager
async def transaction() -> AsyncIterator[PostgresTransaction]:
    """One transaction; entering a second one inside it is an error.

    Piccolo's own context manager keeps the pooled connection for ever when BEGIN, COMMIT or ROLLBACK fails or is
    cancelled; here the connection goes back to the pool whatever happens.
    """
    opened = ENGINE.transaction(allow_nested=False)
    try:
        await opened.__aenter__()
    except BaseException:
        if hasattr(opened, "connection"):
            # Whether the transaction has begun over there is not known: nobody uses this connection again.
            opened.connection.terminate()
            await _give_back(opened)
        raise
    failed: BaseException | None = None
    try:
        yield opened
    except BaseException as problem:
        failed = problem
        raise
    finally:
        await _leave(opened, failed)


async def _leave(opened: PostgresTransaction, failed: BaseException | None) -> None:
    try:
        if failed is None:
            await opened.commit()  # type: ignore[no-untyped-call]
        else:
            await opened.rollback()  # type: ignore[no-untyped-call]
    finally:
        ENGINE.current_transaction.reset(opened.context)
        await _give_back(opened)


async def _give_back(opened: PostgresTransaction) -> None:
    if ENGINE.pool is not None:
        await ENGINE.pool.release(opened.connection)
    else:
        await opened.connection.close()


async def fetch(sql: str, *values: Any) -> Sequence[Row]:
    """Run `sql` (with `$1`, `$2`, ...) on the transaction that is open here, else on a pooled connection."""
    current = ENGINE.current_transaction.get()
    if current is not None:
        rows: Sequence[Row] = await current.connection.fetch(sql, *values)
        return rows
    if ENGINE.pool is None:
        raise RuntimeError("The database is not connected: call db.engine.connect first.")
    return await ENGINE.pool.fetch(sql, *values)  # type: ignore[no-any-return]


async def fetch_one(sql: str, *values: Any) -> Row | None:
    rows = await fetch(sql, *values)
    return rows[0] if rows else None


async def fetch_value(sql: str, *values: Any) -> Any:
    row = await fetch_one(sql, *values)
    return None if row is None else next(iter(row.values()))

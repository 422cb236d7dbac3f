"""Transactions and the pool."""

import asyncio
import contextlib
from typing import Any

import pytest
from piccolo.engine.exceptions import TransactionError

from db.engine import ENGINE, fetch, fetch_one, fetch_value, transaction
from db.queries.practices import Profile
from tests.db.changes.acts import tasks

COUNT = "SELECT count(*) FROM closure"
ADD = "INSERT INTO closure (practice, starts_on, ends_on) VALUES ($1, now(), now())"


class Boom(Exception):
    pass


async def in_transaction(*statements: tuple[Any, ...], fails: bool = False) -> None:
    async with transaction():
        for statement in statements:
            await fetch(*statement)
        if fails:
            raise Boom


async def test_what_commits_is_there_and_what_fails_is_not(practice: Profile) -> None:
    await in_transaction((ADD, practice.id))
    with pytest.raises(Boom):
        await in_transaction((ADD, practice.id), fails=True)
    assert await fetch_value(COUNT) == 1


async def test_transaction_inside_another_is_an_error(practice: Profile) -> None:
    async def nested() -> None:
        async with transaction():
            await fetch(ADD, practice.id)
            await in_transaction((ADD, practice.id))

    with pytest.raises(TransactionError):
        await nested()
    assert await fetch_value(COUNT) == 0


async def test_failed_statement_rolls_all_back_and_the_connection_is_good_again(practice: Profile) -> None:
    for _ in range(30):
        with pytest.raises(Exception, match="division by zero"):
            await in_transaction((ADD, practice.id), ("SELECT 1 / 0",))
    assert await fetch_value(COUNT) == 0


async def test_commit_that_fails_gives_its_connection_back(practice: Profile) -> None:
    """More often than there are connections: with one leaked each time, this would hang."""
    await fetch("CREATE TABLE late (id int, CONSTRAINT late_once UNIQUE (id) DEFERRABLE INITIALLY DEFERRED)")
    try:
        for _ in range(15):
            with pytest.raises(Exception, match="late_once"):
                await in_transaction(("INSERT INTO late VALUES (1), (1)",))
        assert await fetch_value("SELECT count(*) FROM late") == 0
    finally:
        await fetch("DROP TABLE late")


async def test_connection_that_dies_in_a_transaction_is_replaced(practice: Profile) -> None:
    for _ in range(3):
        with pytest.raises(Exception, match=r"(?i)terminat|connection|closed"):
            await in_transaction(("SELECT pg_terminate_backend(pg_backend_pid())",), ("SELECT 1",))
    assert await fetch_value("SELECT 1") == 1


async def test_cancelled_transaction_rolls_back_and_gives_its_connection_back(practice: Profile) -> None:
    async def slow() -> None:
        await in_transaction((ADD, practice.id), ("SELECT pg_sleep(30)",))

    for _ in range(12):
        task = asyncio.create_task(slow())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await fetch_value(COUNT) == 0


async def test_transactions_of_two_tasks_do_not_see_each_other(practice: Profile) -> None:
    wrote, looked = asyncio.Event(), asyncio.Event()

    async def writer() -> None:
        async with transaction():
            await fetch(ADD, practice.id)
            wrote.set()
            await looked.wait()

    writing = asyncio.create_task(writer())
    await wrote.wait()
    assert await fetch_value(COUNT) == 0
    looked.set()
    await writing
    assert await fetch_value(COUNT) == 1


async def test_pool_hands_out_every_connection_at_once(practice: Profile) -> None:
    assert ENGINE.pool is not None
    size = ENGINE.pool.get_max_size()
    barrier = asyncio.Barrier(size)

    async def hold() -> None:
        async with transaction():
            await fetch("SELECT 1")
            await barrier.wait()

    async with asyncio.timeout(10):
        await asyncio.gather(*(hold() for _ in range(size)))


async def test_advisory_lock_ends_with_its_transaction(practice: Profile) -> None:
    for _ in range(3):
        with pytest.raises(Boom):
            await in_transaction(("SELECT pg_advisory_xact_lock(7)",), fails=True)
    locked = await fetch_value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    assert locked == 0


async def test_time_is_utc_on_every_connection(practice: Profile) -> None:
    assert await fetch_value("SHOW timezone") == "UTC"


async def test_one_row_one_value_or_nothing(database: None) -> None:
    assert await fetch_one("SELECT 1 WHERE false") is None
    assert await fetch_value("SELECT 1 WHERE false") is None
    assert await fetch_value("SELECT NULL::int") is None
    assert await fetch_value("SELECT 7, 8") == 7
    assert await tasks() == []


async def test_unconnected_process_says_what_to_do(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENGINE, "pool", None)
    with pytest.raises(RuntimeError, match=r"db\.engine\.connect"):
        await fetch("SELECT 1")


@pytest.mark.parametrize("steps", range(8))
async def test_transaction_that_is_cancelled_while_it_begins_gives_its_connection_back(
    practice: Profile, steps: int
) -> None:
    """More often than the pool has connections, at each of the first awaits."""
    for _ in range(12):
        work = asyncio.create_task(in_transaction((ADD, practice.id)))
        for _ in range(steps):
            await asyncio.sleep(0)
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    async with asyncio.timeout(10):
        await in_transaction((ADD, practice.id))

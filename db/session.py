"""What a process opens before it touches the database: the pool, the keys, the clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from db import crypto, engine, tokens
from db.clock import clock
from db.config import Config


def use_keys(config: Config) -> None:
    """Make this installation's keys the ones that seal, open and sign in this process."""
    crypto.use(crypto.make_vault(config.encryption_key_ring(), config.blind_index_key()))
    tokens.use(config.signing_key_list())


@asynccontextmanager
async def opened(config: Config, *, connections: int | None = None) -> AsyncIterator[Config]:
    """The database, the keys and the clock of `config`, for as long as the block runs."""
    # First, so that a data directory without a stack is told as that, and not as keys that are missing.
    address = config.database()
    use_keys(config)
    clock.follow(config.clock_file)
    await engine.connect(
        address,
        most=connections or config.database_connections,
        statement_cache=config.database_statement_cache,
    )
    try:
        yield config
    finally:
        await engine.disconnect()

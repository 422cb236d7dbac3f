"""A real PostgreSQL and Redis for the whole session, emptied before each test that asks for them.

`DATABASE_URL` and `REDIS_URL`, where set, name servers to use instead of the embedded ones; the database must be one
that may be emptied.
"""

import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from db import session
from db.clock import clock
from db.config import Config, load
from db.embedded import forget, start_postgres, start_redis
from db.migrate import migrate
from db.queries.practices import Profile
from tests import factories
from tests.emptying import empty_database


@dataclass(frozen=True)
class Servers:
    database_url: str
    redis_url: str


def a_key(letter: str) -> str:
    return base64.urlsafe_b64encode(letter.encode() * 32).decode()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    given = load(tmp_path_factory.mktemp("nothing"))
    if given.database_url is not None and given.redis_url is not None:
        yield Servers(given.database(), given.redis())
        return
    data = tmp_path_factory.mktemp("engines")
    postgres, redis = start_postgres(data, durable=False), start_redis(data)
    yield Servers(postgres.url, redis.url)
    redis.stop()
    postgres.stop()
    forget(data)


@pytest.fixture(scope="session")
def config(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Config:
    return Config(
        data=tmp_path_factory.mktemp("data"),
        mode="production",
        database_url=SecretStr(servers.database_url),
        redis_url=SecretStr(servers.redis_url),
        base_url="https://rdv.example",
        signing_keys=SecretStr(a_key("s")),
        encryption_keys=SecretStr(f"1:{a_key('e')}"),
        index_key=SecretStr(a_key("i")),
    )


@pytest.fixture(scope="session")
async def migrated(config: Config) -> AsyncIterator[None]:
    async with session.opened(config):
        await migrate()
        yield


@pytest.fixture
async def database(migrated: None) -> AsyncIterator[None]:
    """Every table empty, the clock the machine's own."""
    await empty_database()
    # A test of the command line may have left it following a file that is gone.
    clock.follow(None)
    yield
    clock.follow(None)


@pytest.fixture
async def practice(database: None) -> Profile:
    return await factories.make_practice()


@pytest.fixture
def here() -> Path:
    return Path(__file__).parent

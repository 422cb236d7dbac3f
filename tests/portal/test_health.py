from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar
from pydantic import SecretStr

from db import engine
from db.config import Config
from portal.heartbeats import HEARTBEATS
from portal.services import Services, make_services

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


async def beat(app: Litestar, *names: str) -> None:
    here: Services = app.state.services
    for name in names:
        await here.redis.set(HEARTBEATS[name], "alive", ex=60)


@pytest.fixture
async def without_redis(app: Litestar, config: Config) -> AsyncIterator[None]:
    usual: Services = app.state.services
    app.state.services = make_services(config.model_copy(update={"redis_url": SecretStr(NOBODY_LISTENS)}))
    yield
    await app.state.services.close()
    app.state.services = usual


@pytest.fixture
async def without_database(config: Config, database: None) -> AsyncIterator[None]:
    assert engine.ENGINE.pool is not None
    await engine.ENGINE.pool.close()
    yield
    await engine.connect(config.database())


async def test_health_says_that_the_process_is_up(client: httpx.AsyncClient, without_redis: None) -> None:
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "up"})


async def test_ready_when_database_redis_and_both_workers_are_there(client: httpx.AsyncClient, app: Litestar) -> None:
    await beat(app, *HEARTBEATS)
    answer = await client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "missing": []})
    assert answer.headers["content-type"] == "application/json"


async def test_ready_names_the_worker_that_is_missing(client: httpx.AsyncClient, app: Litestar) -> None:
    await beat(app, "worker human")
    answer = await client.get("/ready")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": ["worker bulk"]})


async def test_ready_names_redis_and_what_only_it_knows(client: httpx.AsyncClient, without_redis: None) -> None:
    answer = await client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["redis", "worker human", "worker bulk"]


async def test_ready_names_the_database(client: httpx.AsyncClient, app: Litestar, without_database: None) -> None:
    await beat(app, *HEARTBEATS)
    answer = await client.get("/ready")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": ["database"]})

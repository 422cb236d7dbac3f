"""`/health`: this process answers. `/ready`: so does all that it needs."""

import asyncio

import asyncpg
from litestar import Response, get
from redis.exceptions import RedisError

from db.engine import fetch_value
from portal.services import AnyRequest, Services, services

# Written by the workers with an expiry, by arq's own health check.
HEARTBEATS = {"worker human": "reprise:health:human", "worker bulk": "reprise:health:bulk"}
PATIENCE_SECONDS = 2.0


@get("/health")
async def health() -> dict[str, str]:
    return {"status": "up"}


@get("/ready")
async def ready(request: AnyRequest) -> Response[dict[str, object]]:
    here = services(request)
    missing = [*await _missing_database(), *await _missing_from_redis(here)]
    return Response({"ready": not missing, "missing": missing}, status_code=503 if missing else 200)


async def _missing_database() -> list[str]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await fetch_value("SELECT 1")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return ["database"]
    return []


async def _missing_from_redis(here: Services) -> list[str]:
    try:
        beats = await here.redis.mget(list(HEARTBEATS.values()))
    except (RedisError, OSError):
        return ["redis", *HEARTBEATS]
    return [name for name, beat in zip(HEARTBEATS, beats, strict=True) if beat is None]

"""`/health`: this process answers. `/ready`: so does all that it needs."""

import asyncio

import asyncpg
from litestar import Response, get

from db.engine import fetch_value
from portal.heartbeats import silent
from portal.services import AnyRequest, services

PATIENCE_SECONDS = 2.0


@get("/health")
async def health() -> dict[str, str]:
    return {"status": "up"}


@get("/ready")
async def ready(request: AnyRequest) -> Response[dict[str, object]]:
    missing = [*await _missing_database(), *await silent(services(request).redis)]
    return Response({"ready": not missing, "missing": missing}, status_code=503 if missing else 200)


async def _missing_database() -> list[str]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await fetch_value("SELECT 1")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return ["database"]
    return []

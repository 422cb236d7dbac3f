"""What the routes share for as long as the process runs."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from litestar import Request
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bot.app import Bots
from db.config import Config
from db.queries.links import PracticeContact, any_contact
from jobs.delivery.sms.gateway import Gateway
from jobs.delivery.sms.registry import GatewaySettings

AnyRequest: TypeAlias = Request[Any, Any, Any]

REDIS_SECONDS = 0.5


@dataclass
class Services:
    """`contact` is what a page of an error says: kept, because an error may well come from the database."""

    config: Config
    redis: Redis
    bots: Bots
    contact: PracticeContact | None = None
    gateways: dict[GatewaySettings, Gateway] = field(default_factory=dict)

    async def refresh_contact(self) -> None:
        self.contact = await any_contact()

    async def close(self) -> None:
        for gateway in self.gateways.values():
            await gateway.close()
        await self.bots.close()
        await self.redis.aclose()


def make_services(config: Config) -> Services:
    # No page waits for a Redis that is away.
    redis: Redis = Redis.from_url(
        config.redis(),
        decode_responses=True,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    return Services(config, redis, Bots(config.base_url))


def services(request: AnyRequest) -> Services:
    return cast("Services", request.app.state.services)

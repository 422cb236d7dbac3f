"""The workers' signs of life, which arq writes into Redis with an expiry."""

from redis.asyncio import Redis
from redis.exceptions import RedisError

HEARTBEATS = {"worker human": "reprise:health:human", "worker bulk": "reprise:health:bulk"}


async def alive(redis: Redis) -> dict[str, bool]:
    """Which of the workers live, by name. Raises what Redis raises."""
    beats = await redis.mget(list(HEARTBEATS.values()))
    return {name: beat is not None for name, beat in zip(HEARTBEATS, beats, strict=True)}


async def silent(redis: Redis) -> list[str]:
    """Who gives no sign of life, Redis itself included."""
    try:
        return [name for name, lives in (await alive(redis)).items() if not lives]
    except (RedisError, OSError):
        return ["redis", *HEARTBEATS]

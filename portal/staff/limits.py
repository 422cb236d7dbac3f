"""How often one address, or one account, may try: counted in Redis, which also forgets."""

import hashlib

from redis.asyncio import Redis

from portal.patient.guard import counted_address
from portal.services import AnyRequest, services
from portal.staff.problems import TooManyTries

PREFIX = "reprise:staff-tries:"
QUARTER_HOUR = 15 * 60
MOST_BY_ADDRESS = 40
MOST_LINKS_BY_ADDRESS = 20
MOST_LINKS_BY_ACCOUNT = 5


async def count_try(request: AnyRequest, what: str, *, most: int = MOST_BY_ADDRESS) -> None:
    """Raises `TooManyTries`."""
    if await _counted(services(request).redis, f"{what}:{counted_address(request)}") > most:
        raise TooManyTries


async def may_have_link(request: AnyRequest, email: str) -> bool:
    """Whether one more link may go to this mailbox, whoever asks, though the one before still lives."""
    name = hashlib.sha256(email.encode()).hexdigest()
    return await _counted(services(request).redis, f"mailbox:{name}") <= MOST_LINKS_BY_ACCOUNT


async def _counted(redis: Redis, name: str) -> int:
    key = PREFIX + name
    async with redis.pipeline(transaction=True) as both:
        # The first sets the end; EXPIRE with NX would want Redis 7.
        both.set(key, 0, ex=QUARTER_HOUR, nx=True)
        both.incr(key)
        _, tries = await both.execute()
    return int(tries)

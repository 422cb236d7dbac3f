"""Sessions in Redis. The cookie holds a random id, Redis its hash: whoever reads Redis cannot take a session over.

Both limits are Redis's own expiry: half an hour without a request, and half a day in all. So they do not depend on the
demo's clock, which moves.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from litestar.datastructures import Cookie
from redis.asyncio import Redis

IDLE_SECONDS = 30 * 60
WHOLE_SECONDS = 12 * 3600
# Between the link and the code.
HALF_SECONDS = 10 * 60
ID_BYTES = 32
LONGEST_COOKIE = 100
KEY, LIMIT, HALF = "reprise:session:", "reprise:session-limit:", "reprise:session-half:"
SECURE_NAME, PLAIN_NAME = "__Host-reprise", "reprise"


class Stage(StrEnum):
    """How far somebody is: the link was used and a second factor is to be set up, or asked for; or signed in."""

    ENROL = "enrol"
    CODE = "code"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Session:
    """`to` is the page that was asked for before signing in; `role` is what the person was when they signed in."""

    staff: int
    stage: Stage
    began: datetime
    csrf: str = field(repr=False)
    to: str = ""
    role: str = ""


class Sessions:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def begin(
        self, staff: int, stage: Stage, *, now: datetime, to: str = "", role: str = "", old: str | None = None
    ) -> str:
        """The new id, never one that a browser brought; `old` is over. Between link and code only the newest counts:
        whoever used an earlier link is not shown what the later one sets up."""
        fresh = secrets.token_urlsafe(ID_BYTES)
        name = _hashed(fresh)
        value = json.dumps(
            {
                "staff": staff,
                "stage": stage,
                "began": now.isoformat(),
                "csrf": secrets.token_urlsafe(ID_BYTES),
                "to": to,
                "role": role,
            }
        )
        idle, whole = (IDLE_SECONDS, WHOLE_SECONDS) if stage is Stage.FULL else (HALF_SECONDS, HALF_SECONDS)
        async with self._redis.pipeline(transaction=True) as both:
            if old:
                both.delete(KEY + _hashed(old), LIMIT + _hashed(old))
            both.set(KEY + name, value, ex=idle)
            both.set(LIMIT + name, 1, ex=whole)
            if stage is Stage.FULL:
                both.delete(f"{HALF}{staff}")
            else:
                both.set(f"{HALF}{staff}", name, ex=HALF_SECONDS)
            await both.execute()
        return fresh

    async def find(self, cookie: str | None, *, keep: bool = True) -> Session | None:
        """`keep`: this request shows that somebody is there."""
        if not cookie or len(cookie) > LONGEST_COOKIE:
            return None
        name = _hashed(cookie)
        value, limit = await self._redis.mget(KEY + name, LIMIT + name)
        if value is None or limit is None:
            return None
        said = json.loads(value)
        session = Session(
            staff=said["staff"],
            stage=Stage(said["stage"]),
            began=datetime.fromisoformat(said["began"]),
            csrf=said["csrf"],
            to=said["to"],
            role=said.get("role", ""),
        )
        if session.stage is not Stage.FULL and await self._redis.get(f"{HALF}{session.staff}") != name:
            return None
        if keep and session.stage is Stage.FULL:
            await self._redis.expire(KEY + name, IDLE_SECONDS)
        return session

    async def end(self, cookie: str | None) -> None:
        if cookie:
            await self._redis.delete(KEY + _hashed(cookie), LIMIT + _hashed(cookie))


def _hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def cookie_name(base_url: str) -> str:
    """Browsers keep a `__Host-` cookie from https only: the demo speaks http to this very machine."""
    return SECURE_NAME if base_url.startswith("https://") else PLAIN_NAME


def cookie(base_url: str, value: str | None) -> Cookie:
    """A session's cookie; None takes it away."""
    return Cookie(
        key=cookie_name(base_url),
        value=value or "",
        path="/",
        secure=base_url.startswith("https://"),
        httponly=True,
        samesite="lax",
        max_age=0 if value is None else None,
    )

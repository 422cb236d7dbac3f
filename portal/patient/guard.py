"""Who may come in: the token is the authority, other sites may not post with it, and guessing is slowed down."""

import ipaddress
from typing import NoReturn
from urllib.parse import urlsplit

import structlog
from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from redis.exceptions import RedisError

from db.tokens import BadSignature, links
from portal.errors import LinkLeadsNowhere, TooManyFailures
from portal.services import AnyRequest, Services, services

log = structlog.get_logger()

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OWN_SITE = ("same-origin", "none")

COUNTED_SECONDS = 60
MOST_FAILURES = 60
PREFIX = "reprise:failed-links:"


async def refuse_other_sites(connection: ASGIConnection, _handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]
    """A guard. What sends neither header is no browser that another site could steer: a mail provider's one-click."""
    if connection.scope.get("method") in SAFE_METHODS:
        return
    headers = connection.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in OWN_SITE:
        raise PermissionDeniedException
    # Our own pages post with `Origin: null`, because of their `Referrer-Policy: no-referrer`.
    if origin is None or origin == "null":
        return
    base_url: str = connection.app.state.services.config.base_url
    if origin.partition("://")[2] not in (urlsplit(base_url).netloc, headers.get("host")):
        raise PermissionDeniedException


async def link_id(request: AnyRequest, token: str) -> str:
    """The id inside a link that we signed; anything else is counted, and leads nowhere."""
    try:
        return links().read(token)
    except BadSignature:
        await dead_link(request)


async def dead_link(request: AnyRequest) -> NoReturn:
    """Count one failure of this address and show the page of all links that lead nowhere."""
    here = services(request)
    if await _failures(here, counted_address(request)) > MOST_FAILURES:
        raise TooManyFailures
    await here.refresh_contact()
    raise LinkLeadsNowhere


async def _failures(here: Services, address: str) -> int:
    key = PREFIX + address
    try:
        async with here.redis.pipeline(transaction=True) as both:
            # The first of a minute sets the end; EXPIRE with NX would want Redis 7.
            both.set(key, 0, ex=COUNTED_SECONDS, nx=True)
            both.incr(key)
            _, failures = await both.execute()
    except (RedisError, OSError) as problem:
        # Redis may be away at any moment; the signature still stands between a guess and a page.
        log.warning("failed_links_not_counted", error=type(problem).__qualname__)
        return 0
    return int(failures)


def counted_address(request: AnyRequest) -> str:
    """One subscriber of IPv6 has a whole /64 to try from."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))

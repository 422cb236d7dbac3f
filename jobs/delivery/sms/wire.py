"""One HTTP request to a gateway: its answer, or what the lack of one means for a message."""

import asyncio
import logging
import ssl
from functools import cache
from typing import Any

import httpx

from jobs.delivery.errors import Ambiguous, Temporary

CONNECT_SECONDS = 5.0
# Nothing of the request had been written when one of these was raised.
UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
# A proxy in between lost the answer: the gateway may well have taken the message.
LOST_ANSWER = frozenset({502, 504})

# httpx writes addresses of requests into the log, and a gateway's may hold telephone numbers.
logging.getLogger("httpx").setLevel(logging.WARNING)


@cache
def tls() -> ssl.SSLContext:
    """The authorities that are trusted: reading them takes longer than anything else about a client."""
    return httpx.create_ssl_context(trust_env=False)


def make_client(timeout: float, *, transport: httpx.AsyncBaseTransport | None, **settings: Any) -> httpx.AsyncClient:
    """`timeout` in seconds; `transport` replaces the network; `settings` are httpx's own."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
        transport=transport,
        verify=tls(),
        # A proxy that some shell names is no setting of ours.
        trust_env=False,
        **settings,
    )


async def ask(client: httpx.AsyncClient, method: str, url: str, *, budget: float, **request: Any) -> httpx.Response:
    """Whatever the gateway answered within `budget` seconds in all, refusals included."""
    try:
        async with asyncio.timeout(budget):
            response = await client.request(method, url, **request)
    except UNSENT:
        raise Temporary("connect", "The gateway cannot be reached.") from None
    except (httpx.HTTPError, TimeoutError):
        raise Ambiguous("lost", "The gateway took the request and did not answer.") from None
    if response.status_code in LOST_ANSWER:
        raise Ambiguous(response.status_code, "The gateway's answer was lost on the way.")
    return response

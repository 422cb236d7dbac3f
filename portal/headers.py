"""The headers of every answer, errors and static files included."""

import base64
import hashlib
from collections.abc import Awaitable, Callable

from litestar.types import Message, Scope

from db.config import Config
from portal.styles import STYLES

Hook = Callable[[Message, Scope], Awaitable[None]]

# The styles stand in the page itself, so their hash is what lets them in; a script comes from our own files only.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLES.encode()).digest()).decode()}'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TRANSPORT_SECURITY = "max-age=31536000"


def secure_headers(config: Config) -> Hook:
    """A `before_send` hook: Litestar's own `response_headers` are missing on 403, 404, 405 and 500."""
    named = dict(ALWAYS)
    if config.base_url.startswith("https://"):
        named["Strict-Transport-Security"] = TRANSPORT_SECURITY
    always = [(name.lower().encode(), value.encode()) for name, value in named.items()]
    no_store = (b"cache-control", b"no-store")

    async def add_headers(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], *always]
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append(no_store)
            message["headers"] = headers
        elif message["type"] == "http.response.body" and scope.get("method") == "HEAD":
            message["body"] = b""

    return add_headers

"""The headers of every answer, errors and static files included."""

import base64
import hashlib
from collections.abc import Awaitable, Callable

from litestar.types import Message, Scope

from db.config import Config
from portal.styles import STYLES

Hook = Callable[[Message, Scope], Awaitable[None]]

# The patients' styles stand in the page itself, so their hash is what lets them in.
INLINE_STYLES = f"'sha256-{base64.b64encode(hashlib.sha256(STYLES.encode()).digest()).decode()}'"


def _policy(*more: str) -> str:
    """A script comes from our own files only."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "img-src data:",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            *more,
        )
    )


CONTENT_SECURITY_POLICY = _policy(f"style-src {INLINE_STYLES}")
# Staff pages have a style sheet of their own, may frame a preview of ours, and show the calm page of an address that
# does not exist.
STAFF_POLICY = _policy(f"style-src 'self' {INLINE_STYLES}", "frame-src 'self'")
STAFF = "/staff"
POLICY = b"content-security-policy"
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
# By this static/js/staff.js knows our own refusals from what a proxy says in our place.
OURS = (b"x-reprise", b"1")


def is_staffs(path: str) -> bool:
    return path == STAFF or path.startswith(f"{STAFF}/")


def policy_of(path: str) -> str:
    return STAFF_POLICY if is_staffs(path) else CONTENT_SECURITY_POLICY


def secure_headers(config: Config) -> Hook:
    """A `before_send` hook: Litestar's own `response_headers` are missing on 403, 404, 405 and 500."""
    named = dict(ALWAYS)
    if config.base_url.startswith("https://"):
        named["Strict-Transport-Security"] = TRANSPORT_SECURITY
    always = [(name.lower().encode(), value.encode()) for name, value in named.items()]
    of_staff = [(name, STAFF_POLICY.encode() if name == POLICY else value) for name, value in always]
    of_staff.append(OURS)
    no_store = (b"cache-control", b"no-store")

    async def add_headers(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            given = list(message["headers"])
            names = {name for name, _ in given}
            wanted = of_staff if is_staffs(scope["path"]) else always
            # A page may set its own: a preview that another of our pages frames.
            headers = [*given, *((name, value) for name, value in wanted if name not in names)]
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append(no_store)
            message["headers"] = headers
        elif message["type"] == "http.response.body" and scope.get("method") == "HEAD":
            message["body"] = b""

    return add_headers

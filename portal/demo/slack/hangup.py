"""Resetting a connection instead of answering: an ASGI application cannot, so its server lends it a hand."""

import socket
import struct
from collections.abc import Callable
from typing import Any

from litestar import Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "reprise.reset"
_AT_ONCE = struct.pack("ii", 1, 0)


class ResettingProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=ResettingProtocol)`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"reset": self._reset}}

    def _reset(self) -> None:
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            # Closed with nothing lingering, the other end gets a reset and no end of stream.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()


async def hang_up(request: Request[Any, Any, Any]) -> bool:
    """False where the server knows no such thing."""
    extensions: dict[str, dict[str, Callable[[], None]]] = request.scope.get("extensions") or {}  # type: ignore[assignment]
    found = extensions.get(EXTENSION)
    if found is None:
        return False
    found["reset"]()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return True

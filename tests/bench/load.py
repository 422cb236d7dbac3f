"""Asks for one page again and again over open connections: `python -m tests.bench.load PORT PATH ENCODING SECONDS`.

Prints how many answers came in a second, and how long one answer was on the wire.
"""

import asyncio
import re
import sys
import time
from typing import cast

import uvloop

CONNECTIONS = 32
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class Visitor(asyncio.Protocol):
    """One connection, one request at a time; `answers` and `size` count whole answers and the bytes of the last."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._buffer = b""
        self.answers = 0
        self.size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not say what they are.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        length = LENGTH.search(head + b"\r\n")
        if length is None or not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"The page does not answer as it should: {head.splitlines()[0]!r}")
        if len(body) == int(length[1]):
            self.answers += 1
            self.size = len(self._buffer)
            self._buffer = b""
            self._transport.write(self._request)


async def load(port: int, path: str, encoding: str, seconds: float) -> tuple[float, int]:
    request = f"GET {path} HTTP/1.1\r\nHost: rdv.example\r\nAccept-Encoding: {encoding}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Visitor(request), "127.0.0.1", port) for _ in range(CONNECTIONS)]
    visitors = [visitor for _, visitor in made]
    # What is compiled and cached at the first requests is no part of the pace.
    await asyncio.sleep(seconds / 4)
    before, started = sum(visitor.answers for visitor in visitors), time.perf_counter()
    await asyncio.sleep(seconds)
    answers = sum(visitor.answers for visitor in visitors) - before
    pace = answers / (time.perf_counter() - started)
    for transport, _ in made:
        transport.abort()
    return pace, visitors[0].size


if __name__ == "__main__":
    print(*uvloop.run(load(int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4]))))

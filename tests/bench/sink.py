"""The quickest mail server that still speaks SMTP: it takes every message and keeps none but the first.

`python -m tests.bench.sink READY FIRST`
"""

import asyncio
import sys
from pathlib import Path
from typing import cast

import uvloop

from tests.chaos.stack import say_ready

END = b"\r\n.\r\n"


class Conversation(asyncio.Protocol):
    def __init__(self, first: Path) -> None:
        self._first = first
        self._buffer = b""
        self._in_body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not say what they are.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 sink.invalid\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._take_one():
            pass

    def _take_one(self) -> bool:
        message, end, rest = self._buffer.partition(END if self._in_body else b"\r\n")
        if not end:
            return False
        self._buffer = rest
        if self._in_body:
            self._in_body = False
            if not self._first.exists():
                self._first.write_bytes(message + b"\r\n")
            self._transport.write(b"250 2.0.0 Ok\r\n")
        else:
            self._answer(message[:4].upper())
        return True

    def _answer(self, command: bytes) -> None:
        if command == b"DATA":
            self._in_body = True
            self._transport.write(b"354 Go ahead\r\n")
        elif command == b"QUIT":
            self._transport.write(b"221 2.0.0 Bye\r\n")
            self._transport.close()
        elif command == b"EHLO":
            self._transport.write(b"250-sink.invalid\r\n250-8BITMIME\r\n250 SIZE 10485760\r\n")
        else:
            self._transport.write(b"250 2.0.0 Ok\r\n")


async def serve(ready: Path, first: Path) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(first), "127.0.0.1", 0)
    say_ready(ready, str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), Path(sys.argv[2])))

"""The quickest mail server that still speaks SMTP: it takes every message and keeps none but the first.

`python -m tests.bench.sink READY FIRST [LEDGER]`: a ledger gets a line for each arrival, as `tests.chaos.sink` does it,
without waiting for the disk.
"""

import asyncio
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

import uvloop

from tests.chaos.sink import MESSAGE_ID, MailServer
from tests.chaos.stack import Stack, say_ready

END = b"\r\n.\r\n"


def start_sink(stack: Stack) -> MailServer:
    """With a ledger."""
    ready, ledger = stack.data / "sink.port", stack.data / "sink.ledger"
    stack.start("sink", "tests.bench.sink", str(ready), str(stack.data / "sink.first"), str(ledger))
    return MailServer(int(stack.wait_for(ready)), ledger)


class Conversation(asyncio.Protocol):
    def __init__(self, first: Path, ledger: BinaryIO | None) -> None:
        self._first = first
        self._ledger = ledger
        self._recipient = b""
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
            if self._ledger is not None:
                self._write_down(message, self._ledger)
            elif not self._first.exists():
                self._first.write_bytes(message + b"\r\n")
            self._transport.write(b"250 2.0.0 Ok\r\n")
        else:
            self._answer(message[:4].upper())
            if message[:4].upper() == b"RCPT":
                self._recipient = message.partition(b"<")[2].partition(b">")[0]
        return True

    def _write_down(self, message: bytes, ledger: BinaryIO) -> None:
        found = MESSAGE_ID.search(message)
        assert found is not None
        ledger.write(b"%.6f %b %b\n" % (time.monotonic(), found.group(1), self._recipient))

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


async def serve(ready: Path, first: Path, ledger: BinaryIO | None) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(first, ledger), "127.0.0.1", 0)
    say_ready(ready, str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


def main(ready: str, first: str, ledger: str = "") -> None:
    with ExitStack() as opened:
        # Unbuffered: a line can be read as soon as the sender is told that its message has arrived.
        lines = opened.enter_context(Path(ledger).open("ab", buffering=0)) if ledger else None
        uvloop.run(serve(Path(ready), Path(first), lines))


if __name__ == "__main__":
    main(*sys.argv[1:])

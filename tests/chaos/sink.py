"""A real mail server in a process of its own that remembers, in a file, every message it has accepted.

A line is written and forced to disk before the server answers 250: what the sender believes delivered is there. It
holds the moment at which the whole body had arrived, by the machine's monotonic clock, which processes share.
"""

import asyncio
import os
import re
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.chaos.stack import Stack, say_ready

MESSAGE_ID = re.compile(rb"^Message-ID: *(<[^>]+>)", re.IGNORECASE | re.MULTILINE)


class Ledger:
    """The handler of the server."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        received_at = time.monotonic()
        assert isinstance(envelope.content, bytes)
        found = MESSAGE_ID.search(envelope.content)
        if found is None:
            return "550 5.6.0 A message without a Message-ID"
        line = f"{received_at:.6f} {found.group(1).decode('ascii')} {envelope.rcpt_tos[0]}\n"
        os.write(self._file, line.encode())
        os.fsync(self._file)
        return "250 2.0.0 Ok: written down"


@dataclass(frozen=True)
class Arrival:
    at: float
    message_id: str
    recipient: str


@dataclass
class MailServer:
    """The server as the test sees it: a port, and the lines of its file so far."""

    port: int
    file: Path
    _read: int = 0
    arrivals: list[Arrival] = field(default_factory=list)

    def look(self) -> list[Arrival]:
        """Every arrival so far, in order; only whole lines are read, and each once."""
        with self.file.open("rb") as lines:
            lines.seek(self._read)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                at, message_id, recipient = line.decode("ascii").split()
                self.arrivals.append(Arrival(float(at), message_id, recipient))
        return self.arrivals

    def by_message(self) -> Mapping[str, list[Arrival]]:
        found: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in self.look():
            found[arrival.message_id].append(arrival)
        return found


def start_mail_server(stack: Stack) -> MailServer:
    ready, ledger = stack.data / "sink.port", stack.data / "sink.ledger"
    stack.start("sink", "tests.chaos.sink", str(ready), str(ledger))
    return MailServer(int(stack.wait_for(ready)), ledger)


async def serve(ready: Path, file: Path) -> None:
    loop, ledger = asyncio.get_running_loop(), Ledger(file)
    server = await loop.create_server(lambda: SMTP(ledger, hostname="sink.invalid", loop=loop), "127.0.0.1", 0)
    say_ready(ready, str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2])))

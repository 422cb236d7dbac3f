"""A real Kannel with its fake SMS centre, in processes of its own, from Debian's packages kannel and kannel-extras."""

import asyncio
import re
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

BEARERBOX, SMSBOX = Path("/usr/sbin/bearerbox"), Path("/usr/sbin/smsbox")
CENTRE = Path("/usr/lib/kannel/test/fakesmsc")
USERNAME, PASSWORD = "reprise", "password-of-the-tests"
PATIENCE_S = 8.0
STEP_S = 0.02

CONFIGURATION = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
box-deny-ip = "*.*.*.*"

group = smsc
smsc = fake
smsc-id = centre
port = {centre}
connect-allow-ip = 127.0.0.1
denied-prefix = "+44"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
http-request-retry = 5
http-queue-delay = 1

group = sendsms-user
username = {username}
password = {password}
max-messages = 3
concatenation = true

group = sms-service
keyword = default
catch-all = true
post-url = "{inbound}"
send-sender = true
max-messages = 0
"""

_GOT = re.compile(r"Got message \d+: <(.*)>$", re.MULTILINE)
_FIRST_LINE = re.compile(r"(\S+) (\S+) text (.*)")


@dataclass
class RealKannel:
    """`url` is the address of its web server, without the path."""

    url: str
    centre_port: int
    folder: Path
    _processes: ExitStack
    _centre: subprocess.Popen[bytes] | None = field(default=None)
    _calls: int = 0

    def connect_centre(self, *messages: str) -> None:
        """Open the centre's line; it sends these at once: "from to text words" each."""
        self.disconnect_centre()
        self._calls += 1
        given = [str(CENTRE), "-H", "127.0.0.1", "-r", str(self.centre_port), "-m", str(len(messages)), "-i", "0.01"]
        self._centre = start([*given, *(messages or ("1 2 text none",))], self.folder / f"centre{self._calls}.log")
        self._processes.callback(end, self._centre)

    def disconnect_centre(self) -> None:
        if self._centre is not None:
            end(self._centre)

    def received(self) -> list[tuple[str, str, str]]:
        """Sender, recipient and text of every message that reached the centre.

        Its protocol is one line a message, so the further lines of a text come as if they were messages.
        """
        found: list[tuple[str, str, str]] = []
        for call in range(self._calls):
            log = (self.folder / f"centre{call + 1}.log").read_text(encoding="utf-8")
            for line in _GOT.findall(log):
                if (first := _FIRST_LINE.fullmatch(line)) is not None:
                    found.append((first[1], first[2], first[3]))
                else:
                    sender, to, text = found.pop()
                    found.append((sender, to, f"{text}\n{line}"))
        return found


@asynccontextmanager
async def real_kannel(folder: Path, *, inbound: str) -> AsyncIterator[RealKannel]:
    """`inbound`: the whole address that answers are posted to."""
    missing = [path.name for path in (BEARERBOX, SMSBOX, CENTRE) if not path.is_file()]
    assert not missing, f"No {', '.join(missing)}: install Kannel (Debian: apt install kannel kannel-extras)."
    admin, boxes, centre, sendsms = free_ports(4)
    settings = folder / "kannel.conf"
    settings.write_text(
        CONFIGURATION.format(
            admin=admin,
            boxes=boxes,
            centre=centre,
            sendsms=sendsms,
            username=USERNAME,
            password=PASSWORD,
            inbound=inbound,
        ),
        encoding="utf-8",
    )
    with ExitStack() as processes:
        for program, port in ((BEARERBOX, boxes), (SMSBOX, sendsms)):
            log = folder / f"{program.name}.log"
            process = start([str(program), "-v", "2", str(settings)], log)
            # Asked to stop it would take seconds, and it holds nothing that anybody wants.
            processes.callback(end, process)
            await until(partial(listens, port), partial(log.read_text, errors="replace"))
        yield RealKannel(f"http://127.0.0.1:{sendsms}", centre, folder, processes)


def start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


async def until(true: Callable[[], bool], story: Callable[[], object] = str) -> None:
    """Wait for what another process does; `story` tells what there was instead."""
    for _ in range(int(PATIENCE_S / STEP_S)):
        if true():
            return
        await asyncio.sleep(STEP_S)
    raise AssertionError(f"It did not happen within {PATIENCE_S:g} s: {story()}")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> list[int]:
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]

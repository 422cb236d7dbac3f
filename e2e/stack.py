"""A whole demo stack in processes of its own, driven from outside as a person would: commands, pages, the inbox."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.terminal import command

FRONT_DOOR = Path(__file__).parents[1] / "reprise.py"
START_S = 60.0
STOP_S = 40.0
# A Monday morning on which nothing is closed; the absences of the journeys are of 10:00 that day.
MONDAY = "2026-11-16T10:10"


@dataclass
class Stack:
    data: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def portal(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def inbox_page(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    def reprise(self, *words: str | Path, code: int = 0) -> str:
        """Run a command against this stack; returns its standard output."""
        done = command("--data", *map(str, (self.data, *words)))
        assert done.code == code, f"reprise {words} ended with {done.code}: {done.err[-2000:]}"
        return done.out

    def json(self, *words: str | Path, code: int = 0) -> Any:
        return json.loads(self.reprise(*words, "--json", code=code))

    def advance(self, duration: str) -> None:
        self.reprise("demo", "advance", duration)

    def messages(self, *, to: str, channel: str | None = None) -> list[dict[str, Any]]:
        """What arrived for this number or mailbox, oldest first."""
        every: list[dict[str, Any]] = self.json("inbox")
        return [one for one in every if one["to"] == to and channel in (None, one["channel"])]

    def until(self, what: str, condition: Any, *, seconds: float = 20.0) -> Any:
        """Wait for something that another process does; returns what `condition` gave."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
            time.sleep(0.1)
        return found


@contextmanager
def running(data: Path, *, clock: str = MONDAY) -> Iterator[Stack]:
    port = free_ports()
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "REDIS_URL") and not name.startswith("REPRISE_")
    }
    log = (data.parent / f"{data.name}.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, FRONT_DOOR, "--data", data, "run", "--port", str(port), "--clock", clock],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    stack = Stack(data, port, process)
    try:
        wait_until_ready(stack, Path(log.name))
        yield stack
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            log.close()
    assert code == 0, Path(log.name).read_text(encoding="utf-8")[-2000:]


def wait_until_ready(stack: Stack, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if stack.process.poll() is not None:
            break
        # The tour is printed last: only then has everything started.
        if is_ready(stack.portal) and stack.portal in log.read_text(encoding="utf-8", errors="replace"):
            return
        time.sleep(0.1)
    raise AssertionError(f"The stack did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def is_ready(portal: str) -> bool:
    try:
        with urllib.request.urlopen(f"{portal}/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_ports() -> int:
    """A port with free successors for the demo's inbox and mail server, below those that the system hands out to every
    program that calls another."""
    for port in random.sample(range(20_000, 32_000, 4), 200):
        with contextlib.suppress(OSError):
            for one in range(port, port + 4):
                socket.create_server(("127.0.0.1", one)).close()
            return port
    raise AssertionError("No four free ports in a row on this machine.")

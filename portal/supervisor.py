"""Keeps engines and child processes running, and stops them in order.

One thread, no event loop: Linux ends a child when the thread that started it ends, so even `kill -9` of the
supervisor leaves nothing behind.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from db.config import write_private
from db.embedded import Engine
from db.errors import ConfigurationError
from db.processes import dying_with_parent, open_log
from portal import forking

LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
HOPELESS = 4
PROCESSES_FILE = "processes.json"


@dataclass(frozen=True)
class Child:
    """A process to keep running.

    `descriptors` are the open sockets that it inherits. `inside` does what `command` does, in a process forked
    from this one; it returns the exit code, and is preferred where forking is possible.
    """

    name: str
    command: list[str]
    descriptors: tuple[int, ...] = ()
    inside: Callable[[], int] | None = None


Process = subprocess.Popen[bytes] | forking.Forked


@dataclass
class _Running:
    child: Child
    process: Process
    since: float
    failures: int = 0
    again_at: float | None = None


@dataclass
class Supervisor:
    data: Path
    say: Callable[[str], None]
    shortest_pause: float = 0.5
    grace: float = 20.0
    """Seconds between asking a child to end and making it."""
    _engines: dict[Callable[[Path], Engine], Engine] = field(default_factory=dict)
    _running: list[_Running] = field(default_factory=list)
    _passing: list[Process] = field(default_factory=list)

    def start_engine(self, start: Callable[[Path], Engine]) -> Engine:
        engine = start(self.data)
        self._engines[start] = engine
        return engine

    def start(self, child: Child) -> None:
        self._running.append(_Running(child, self._spawn(child), time.monotonic()))
        self._list_processes()

    def check(self) -> None:
        """One look: start again what has died, each time after a longer pause."""
        for start, engine in self._engines.items():
            if not engine.is_alive():
                self.say(f"{engine.name} stopped by itself; starting it again.")
                self._engines[start] = start(self.data)
        now = time.monotonic()
        for running in self._running:
            if running.again_at is not None and now >= running.again_at:
                running.process, running.since = self._spawn(running.child), now
                running.again_at = None
                self._list_processes()
            elif running.again_at is None and running.process.poll() is not None:
                self._plan_restart(running, now)

    def hopeless(self) -> str | None:
        """The name of a child that dies again and again."""
        return next((one.child.name for one in self._running if one.failures >= HOPELESS), None)

    def start_once(self, child: Child) -> Callable[[], None]:
        """Run a process to its end; the answer waits for it, and raises with its last line if it failed."""
        process = self._spawn(child)
        self._passing.append(process)

        def wait() -> None:
            if process.wait() != 0:
                raise ConfigurationError(f"{child.name} failed: {self.last_line(child.name)}")

        return wait

    def last_line(self, name: str) -> str:
        log = self.data / "logs" / f"{name}.log"
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it says nothing'} (in {log})"

    def stop(self) -> None:
        """Children first, all at once; then the engines, the last started first."""
        _end([*self._passing, *(running.process for running in self._running)], self.grace)
        self._running.clear()
        for engine in reversed(self._engines.values()):
            engine.stop()
        self._engines.clear()
        (self.data / PROCESSES_FILE).unlink(missing_ok=True)

    def _spawn(self, child: Child) -> Process:
        with open_log(self.data, child.name) as log:
            if child.inside is not None and forking.POSSIBLE:
                return forking.fork(child.name, child.inside, log, child.descriptors)
            return subprocess.Popen(  # noqa: S603
                child.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is ours alone to hear.
                process_group=0,
                pass_fds=child.descriptors,
                # This process has one thread, so nothing can hold a lock across the fork.
                preexec_fn=dying_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )

    def _list_processes(self) -> None:
        numbers = {running.child.name: running.process.pid for running in self._running}
        write_private(self.data / PROCESSES_FILE, json.dumps(numbers))

    def _plan_restart(self, running: _Running, now: float) -> None:
        steady = now - running.since > STEADY_SECONDS
        running.failures = 1 if steady else running.failures + 1
        wait = pause(running.failures, self.shortest_pause)
        running.again_at = now + wait
        name, code = running.child.name, running.process.returncode
        self.say(f"{name} ended by itself (exit code {code}, see logs/{name}.log); again in {wait:g} s.")


def pause(failures: int, shortest: float = 0.5) -> float:
    """Seconds before the next try: doubling from the shortest, at most half a minute."""
    return min(LONGEST_PAUSE, shortest * 2.0 ** min(failures - 1, 16))


def _end(processes: list[Process], grace: float) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + grace
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in processes:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

"""PostgreSQL and Redis on this machine, started from the binaries that two wheels carry.

Both engines listen on Unix sockets in a directory that only they (and root) may enter. The caller makes sure
that one process at a time starts engines for a data directory, and starts them from a thread that lives as
long as they should: they go when it goes.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from db.embedded_places import (
    CLUSTER,
    MAJOR_VERSION,
    POINTER,
    Command,
    Place,
    place_of,
    postgres_binaries,
    redis_server,
)
from db.errors import ConfigurationError
from db.processes import open_log, soon

STOP_SECONDS = 20.0

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log must not repeat what a failing statement carried.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


@dataclass
class Engine:
    """A running engine; `url` is what DATABASE_URL or REDIS_URL would say."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    sockets: Path
    ways_to_stop: tuple[signal.Signals, ...]

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Ask, then insist; returns when the process has gone."""
        for way in self.ways_to_stop:
            if not self.is_alive():
                break
            self.process.send_signal(way)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        # The last engine to stop leaves the directory empty.
        with contextlib.suppress(OSError):
            self.sockets.rmdir()


def start_postgres(data: Path, *, durable: bool = True) -> Engine:
    """PostgreSQL with its database `reprise`, made at the first start; `durable=False` is for tests."""
    with _told("PostgreSQL"):
        place = place_of(data)
        binaries = postgres_binaries(place.account)
        cluster = _cluster(place, binaries, durable)
        _end_leftover_postgres(cluster)
        settings = SETTINGS | {"unix_socket_directories": str(place.sockets)}
        if not durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        process = _launch_postgres(place, cluster, [binaries / "postgres", "-D", cluster, *options])
        return Engine(
            "PostgreSQL",
            f"postgresql://reprise@/reprise?host={quote(str(place.sockets), safe='')}",
            process,
            place.sockets,
            # Fast (disconnect everybody), then immediate (recovery at the next start), then the axe.
            (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL),
        )


def start_redis(data: Path) -> Engine:
    """Redis, in memory only: it wakes workers and holds nothing that matters."""
    with _told("Redis"):
        place = place_of(data)
        address = place.sockets / "redis.sock"
        _end_leftover_redis(address)
        options = {
            "port": "0",
            "unixsocket": str(address),
            "unixsocketperm": "700",
            "dir": str(place.sockets),
        }
        options |= {"save": "", "appendonly": "no", "daemonize": "no"}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with open_log(place.data, "redis") as log:
            process = place.account.start([redis_server(place.account), *words], log, signal.SIGTERM)
        engine = Engine("Redis", f"unix://{address}", process, place.sockets, (signal.SIGTERM, signal.SIGKILL))
        if not soon(lambda: not engine.is_alive() or _redis_says(address, b"PING") == b"+PONG"):
            engine.stop()
        if not engine.is_alive():
            raise ConfigurationError(f"Redis did not start: {_last_line(place.data, 'redis')}")
        return engine


def forget(data: Path) -> None:
    """Remove what stopped engines keep for a data directory, wherever they keep it."""
    place = place_of(data)
    shutil.rmtree(place.home / CLUSTER, ignore_errors=True)
    shutil.rmtree(place.sockets, ignore_errors=True)
    if place.home != place.data:
        shutil.rmtree(place.home, ignore_errors=True)
        (place.data / POINTER).unlink(missing_ok=True)


# PostgreSQL


def _cluster(place: Place, binaries: Path, durable: bool) -> Path:
    """The cluster's directory; a new one appears whole or not at all."""
    cluster = place.home / CLUSTER
    if cluster.exists():
        version = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != MAJOR_VERSION:
            raise ConfigurationError(
                f"The database in {cluster} belongs to PostgreSQL {version}, and this is {MAJOR_VERSION}: "
                "dump it with the former release and restore it into a new DATA."
            )
        return cluster
    fresh = place.home / f"{CLUSTER}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    place.account.own(fresh)
    initialise: Command = [
        *(binaries / "initdb", "--pgdata", fresh, "--username", "reprise", "--auth", "trust"),
        *(
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--locale-provider",
            "builtin",
            "--builtin-locale",
            "C.UTF-8",
        ),
        *("--no-instructions", *([] if durable else ["--no-sync"])),
    ]
    _insist(place.account.run(initialise))
    create: Command = [binaries / "postgres", "--single", "-j", "-D", fresh, "template1"]
    _insist(place.account.run(create, "CREATE DATABASE reprise\n"))
    fresh.rename(cluster)
    return cluster


def _insist(done: subprocess.CompletedProcess[str]) -> None:
    wrong = [line for line in done.stdout.splitlines() if re.search("error|fatal|panic", line, re.IGNORECASE)]
    if done.returncode or wrong:
        reason = (wrong or done.stdout.splitlines()[-1:] or [f"exit code {done.returncode}"])[0]
        raise ConfigurationError(f"PostgreSQL's new database could not be made: {reason}")


def _launch_postgres(place: Place, cluster: Path, command: Command) -> subprocess.Popen[bytes]:
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        with open_log(place.data, "postgres") as log:
            process = place.account.start(command, log, signal.SIGINT)
        if _comes_up(process, cluster):
            return process
        process.kill()
        process.wait()
        reason = _last_line(place.data, "postgres")
        # Servers of a postmaster that was killed need a moment to notice; everything else is final.
        if "shared memory block" not in reason or time.monotonic() > deadline:
            raise ConfigurationError(f"PostgreSQL did not start: {reason}")
        time.sleep(0.2)


def _comes_up(process: subprocess.Popen[bytes], cluster: Path) -> bool:
    soon(lambda: process.poll() is not None or _is_ready(cluster, process.pid))
    return process.poll() is None and _is_ready(cluster, process.pid)


def _is_ready(cluster: Path, pid: int) -> bool:
    """What pg_ctl waits for: the postmaster's file names this process, and says `ready`."""
    lines = _postmaster_file(cluster)
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _postmaster_file(cluster: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return (cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    return []


def _end_leftover_postgres(cluster: Path) -> None:
    """After a killed supervisor: stop what still runs, and let nothing stale stand in the way."""
    file = cluster / "postmaster.pid"
    lines = _postmaster_file(cluster)
    if not lines or not lines[0].isdigit():
        file.unlink(missing_ok=True)
        return
    pid = int(lines[0])
    for way in (signal.SIGINT, signal.SIGQUIT):
        if str(cluster).encode() in _command_of(pid):
            os.kill(pid, way)
            soon(lambda: not _command_of(pid), STOP_SECONDS)
    if file.exists():
        # The number may by now be a stranger's. PostgreSQL ignores its own parent's number, and still checks
        # that nobody uses the cluster's shared memory, which it could not do without the file.
        file.write_text("\n".join([str(os.getpid()), *lines[1:], ""]), encoding="utf-8")


def _command_of(pid: int) -> bytes:
    """The command line of a process; empty if it has ended."""
    if not Path("/proc/self/cmdline").exists():
        ask = ["/bin/ps", "-o", "command=", "-p", str(pid)]
        return subprocess.run(ask, capture_output=True, check=False).stdout  # noqa: S603
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


# Redis


def _end_leftover_redis(address: Path) -> None:
    if _redis_says(address, b"PING"):
        _redis_says(address, b"SHUTDOWN NOSAVE")
        soon(lambda: not _redis_says(address, b"PING"))


def _redis_says(address: Path, request: bytes) -> bytes:
    """One inline command and its reply; empty when nobody answers."""
    with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):
        line.settimeout(1.0)
        line.connect(str(address))
        line.sendall(request + b"\r\n")
        return line.recv(100).strip()
    return b""


# Small things


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Say in one sentence what the system refused."""
    try:
        yield
    except OSError as problem:
        place = f" ({problem.filename})" if problem.filename else ""
        raise ConfigurationError(f"{what} could not be started: {problem.strerror}{place}.") from None


def _last_line(data: Path, name: str) -> str:
    log = data / "logs" / f"{name}.log"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-6:]
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    return f"{(fatal or lines or ['it says nothing'])[-1]} (in {log})"

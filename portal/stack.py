"""What `reprise run` settles before anything starts: data directory, keys, mode, clock, ports, settings."""

import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from db.clock import clock
from db.config import CLOCK_FILE, KEYS_FILE, STACK_FILE, Config, load, write_keys_once, write_private
from db.errors import ConfigurationError

LOCK_FILE = "stack.lock"
# A supervisor that was killed leaves its port to children that the kernel is just ending.
PORT_PATIENCE = 0.5
SMTP_PORTS = range(2, 50)


@contextlib.contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold a data directory, made if need be, for one stack at a time."""
    if os.path.isfile(data):
        raise ConfigurationError(f"The data directory {data} cannot be used: it is a file.")
    try:
        # As root, the account of the engines must be able to pass; what is inside has modes of its own.
        data.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        descriptor = os.open(data / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as problem:
        raise ConfigurationError(f"The data directory {data} cannot be used: {problem.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigurationError(
            f"A stack already runs on the data directory {data} ({load(data).base_url}): stop it first, "
            "or choose another DATA."
        ) from None
    else:
        yield
    finally:
        os.close(descriptor)


def first_settings(data: Path, mode: str | None) -> Config:
    """Keys and mode of the installation, made at its first start and kept."""
    (data / STACK_FILE).unlink(missing_ok=True)
    write_keys_once(data)
    config = load(data)
    if "mode" not in config.model_fields_set:
        keys = data / KEYS_FILE
        write_private(keys, f"{keys.read_text(encoding='utf-8')}REPRISE_MODE={mode or config.mode}\n")
        config = load(data)
    if mode is not None and mode != config.mode:
        raise ConfigurationError(
            f"The data directory {data} was set up for {config.mode}: choose another DATA for {mode}."
        )
    return config


def set_clock(config: Config, moment: datetime | None) -> None:
    if moment is None:
        return
    if not config.is_demo:
        raise ConfigurationError("Only a demo's clock can be moved: leave --clock out.")
    clock.follow(config.data / CLOCK_FILE)
    clock.move_to(moment)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, held from before the portal starts until after it has ended."""
    deadline = time.monotonic() + PORT_PATIENCE
    while True:
        try:
            return socket.create_server((host, port), family=_family(host), backlog=2048)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise ConfigurationError(_refused(host, port, problem)) from None
        except OverflowError:
            raise ConfigurationError(f"Port {port} does not exist: choose one from 1 to 65535.") from None
        time.sleep(0.05)


def demo_ports(host: str, port: int) -> tuple[int, int]:
    """The inbox is next to the portal; the mail server takes the first free port after it."""
    inbox = port + 1
    listen(host, inbox).close()
    for number in SMTP_PORTS:
        with contextlib.suppress(OSError, OverflowError), socket.create_server(("127.0.0.1", port + number)):
            return inbox, port + number
    raise ConfigurationError(f"No port from {port + 2} on is free for the demo's mail server: choose another PORT.")


def publish(config: Config, settings: dict[str, object]) -> Config:
    """Write what this start has chosen where every command of the stack looks for it."""
    lines = [f"{name}={_quoted(str(value))}" for name, value in settings.items()]
    header = "# Written by `reprise run` at each start, removed at its end."
    write_private(config.data / STACK_FILE, "\n".join([header, *lines, ""]))
    seen = load(config.data)
    if seen.port != settings["REPRISE_PORT"]:
        raise ConfigurationError(
            f"REPRISE_PORT is {seen.port} in the environment, and the command line says "
            f"{settings['REPRISE_PORT']}: choose one."
        )
    return seen


def withdraw(data: Path) -> None:
    (data / STACK_FILE).unlink(missing_ok=True)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _refused(host: str, port: int, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return f"Port {port} is taken: choose another one (make run PORT={port + 10})."
    if problem.errno == errno.EACCES:
        return f"Port {port} may not be opened by this account: choose one above 1023."
    return f"{host}:{port} cannot be opened: {problem.strerror}."


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

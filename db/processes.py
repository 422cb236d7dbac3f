"""Child processes: their end, their logs, and waiting for them."""

import ctypes
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

LARGEST_LOG = 5_000_000
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15


def dying_with_parent(with_signal: int) -> Callable[[], None] | None:
    """A `preexec_fn`: Linux sends `with_signal` to the process when the thread that started it ends."""
    if not sys.platform.startswith("linux"):
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, with_signal, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def end_with_parent(with_signal: int) -> None:
    """Ask the same for this process, whose parent (make, say) would otherwise leave it behind."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, with_signal, 0, 0, 0)


def name_process(name: str) -> None:
    """What `ps` and `top` show for this process."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def open_log(data: Path, name: str) -> IO[bytes]:
    """A log in the data directory, for appending; a large one is put aside first (one is kept)."""
    directory = data / "logs"
    directory.mkdir(mode=0o700, exist_ok=True)
    log = directory / f"{name}.log"
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(directory / f"{name}.log.1")
    return log.open("ab")


def soon(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait until `condition` holds; false when it did not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True

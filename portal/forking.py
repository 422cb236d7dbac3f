"""A child process that starts from what this one has already imported.

The libraries take two seconds to import, and `reprise run` starts half a dozen processes that all need them: forked
children share that work and the memory it fills. Only for a process with one thread, and only on Linux.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from typing import IO, TextIO

from db.processes import dying_with_parent, name_process

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POSSIBLE = sys.platform == "linux"


class Forked:
    """As much of `subprocess.Popen` as a supervisor needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            try:
                ended, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                ended, status = self.pid, 0
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(0.01)
        return code

    def terminate(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


def fork(name: str, work: Callable[[], int], log: IO[bytes], descriptors: tuple[int, ...] = ()) -> Forked:
    """Run `work` in a child of its own process group, whose exit code is what it returns.

    The child writes to `log` and keeps no other open file of ours but `descriptors`. It ends when we do.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    prepare = dying_with_parent(signal.SIGKILL)
    # Our own handlers must not run in the child, nor a signal part us from a child just made.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            name_process(name)
            _live(work, log, descriptors, prepare)
        return Forked(pid)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _live(
    work: Callable[[], int], log: IO[bytes], descriptors: tuple[int, ...], prepare: Callable[[], None] | None
) -> None:
    """The child's whole life: it never returns into the frames that it shares with its parent."""
    code = 1
    try:
        os.setpgid(0, 0)
        if prepare is not None:
            prepare()
        _redirect(log, descriptors)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        code = work()
    except SystemExit as leaving:
        code = _exit_code(leaving)
    finally:
        if (problem := sys.exception()) is not None:
            traceback.print_exception(problem)
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _exit_code(leaving: SystemExit) -> int:
    if leaving.code is None or isinstance(leaving.code, int):
        return leaving.code or 0
    print(leaving.code, file=sys.stderr)
    return 1


def _redirect(log: IO[bytes], descriptors: tuple[int, ...]) -> None:
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for number, source in enumerate((nowhere, log.fileno(), log.fileno())):
        os.dup2(source, number)
    for number in [int(name) for name in os.listdir("/proc/self/fd")]:
        if number > 2 and number not in descriptors:
            with contextlib.suppress(OSError):
                os.close(number)
    # Whatever stood for the parent's output may have written to a file that is closed now.
    sys.stdout, sys.stderr = _text(1), _text(2)


def _text(number: int) -> TextIO:
    return open(number, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)

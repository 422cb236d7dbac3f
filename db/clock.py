"""The one place that reads the machine's clock.

A demo stack moves time by writing an offset, in seconds, to a file that every process of the stack watches; tests
call `move_to`. Everything else receives `now` as an argument.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path


class Clock:
    """Aware UTC time: the machine's, plus an offset that may change while the process runs."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._file: Path | None = None
        self._seen: tuple[int, int] | None = None

    def now(self) -> datetime:
        self._follow_file()
        return datetime.now(UTC) + self._offset

    def move_to(self, moment: datetime) -> None:
        """Shift the clock so that `moment` (aware) is now; it runs on from there."""
        self._set(moment - datetime.now(UTC))

    def move_by(self, step: timedelta) -> None:
        self._follow_file()
        self._set(self._offset + step)

    def reset(self) -> None:
        self._offset = timedelta()

    def follow(self, path: Path | None) -> None:
        """Share the offset with every process that follows the same file; a missing file means no offset."""
        self._file, self._seen = path, None
        self._offset = timedelta()

    def _set(self, offset: timedelta) -> None:
        self._offset = offset
        if self._file is not None:
            fresh = self._file.with_suffix(f".{os.getpid()}")
            fresh.write_text(f"{offset.total_seconds():.6f}", encoding="ascii")
            fresh.replace(self._file)

    def _follow_file(self) -> None:
        if self._file is None:
            return
        try:
            stat = self._file.stat()
        except FileNotFoundError:
            return
        mark = (stat.st_mtime_ns, stat.st_ino)
        if mark != self._seen:
            self._offset = timedelta(seconds=float(self._file.read_text(encoding="ascii")))
            self._seen = mark


clock = Clock()


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return clock.now()

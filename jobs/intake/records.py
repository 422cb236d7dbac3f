"""Records out of lines, with the physical line each starts on; one broken quote costs one line, not the file."""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MAX_LINE = 1 << 18
# A quoted cell may hold line breaks; one that runs on for longer is a quote that somebody forgot to close.
MAX_LINES = 500
MAX_RECORD = 1 << 20
csv.field_size_limit(MAX_RECORD + MAX_LINE)


class Text(Protocol):
    """What is needed of an open text file; `newline=""` keeps the line ends as they are."""

    def readline(self, limit: int = ..., /) -> str: ...


class Fault(StrEnum):
    UNCLOSED_QUOTE = "unclosed_quote"
    TOO_LONG = "too_long"
    NUL = "nul"


@dataclass(frozen=True, slots=True)
class Record:
    line: int
    cells: list[str]
    fault: Fault | None = None


class _Unclosed(Exception):
    """Raised through the csv reader when a quoted cell does not end."""


class Lines:
    """Physical lines; those handed out since `begin` can be put back, but for the first."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._ahead: deque[str] = deque()
        self._taken: list[str] = []
        self._size = 0
        self.number = 0  # of the line handed out last

    def begin(self) -> str:
        """The first line of a record; '' at the end of the file."""
        line = self._pull()
        self._taken = [line]
        self._size = len(line)
        return line

    def continued(self) -> Iterator[str]:
        """The first line, then as many more as an open quote asks for."""
        yield self._taken[0]
        while True:
            if len(self._taken) >= MAX_LINES or self._size >= MAX_RECORD:
                raise _Unclosed
            line = self._pull()
            if not line:
                raise _Unclosed
            self._taken.append(line)
            if _is_cut(line):
                raise _Unclosed
            self._size += len(line)
            yield line

    @property
    def several(self) -> bool:
        return len(self._taken) > 1

    def put_back(self) -> None:
        rest = self._taken[1:]
        self._ahead.extendleft(reversed(rest))
        self.number -= len(rest)
        self._taken = self._taken[:1]

    def skip_rest_of_line(self) -> None:
        while (piece := self._text.readline(MAX_LINE)) and piece[-1] not in "\r\n":
            pass

    def _pull(self) -> str:
        line = self._ahead.popleft() if self._ahead else self._text.readline(MAX_LINE)
        if line:
            self.number += 1
        return line


def records(text: Text, delimiter: str, width: int | None = None) -> Iterator[Record]:
    """Every record that is not blank. `width` is the header's; a record of several lines must have it."""
    lines = Lines(text)
    while first := lines.begin():
        if _is_cut(first):
            lines.skip_rest_of_line()
            yield Record(lines.number, [], Fault.TOO_LONG)
            continue
        if '"' not in first:
            record = Record(lines.number, first.rstrip("\r\n\x1a").split(delimiter))
        else:
            record = _quoted(lines, first, delimiter, width)
        if any("\0" in cell for cell in record.cells):
            yield Record(record.line, [], Fault.NUL)
        elif record.fault or any(map(str.strip, record.cells)):
            yield record


def _is_cut(line: str) -> bool:
    return len(line) >= MAX_LINE and line[-1] not in "\r\n"


def _quoted(lines: Lines, first: str, delimiter: str, width: int | None) -> Record:
    """Strict while a record runs over several lines: a stray quote must not weld two patients into one."""
    start = lines.number
    try:
        # Exports made by hand put a space after the delimiter, before the quote.
        cells = next(csv.reader(lines.continued(), delimiter=delimiter, strict=True, skipinitialspace=True))
    except _Unclosed:
        lines.put_back()
        return Record(start, [], Fault.UNCLOSED_QUOTE)
    except csv.Error:
        several = lines.several
        lines.put_back()
        return Record(start, [], Fault.UNCLOSED_QUOTE) if several else _lenient(start, first, delimiter)
    if lines.several and width is not None and not _filled(cells) <= width <= len(cells):
        lines.put_back()
        return Record(start, [], Fault.UNCLOSED_QUOTE)
    return Record(start, cells)


def _filled(cells: list[str]) -> int:
    """How many cells there are once the empty ones at the end are left out."""
    count = len(cells)
    while count and not cells[count - 1].strip():
        count -= 1
    return count


def _lenient(start: int, line: str, delimiter: str) -> Record:
    """One line with quotes where none should be: taken as spreadsheets take it."""
    try:
        return Record(start, next(csv.reader([line], delimiter=delimiter, skipinitialspace=True)))
    except (csv.Error, StopIteration):
        return Record(start, [], Fault.UNCLOSED_QUOTE)

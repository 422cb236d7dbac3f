"""Reads a TOML file key by key, and collects every problem instead of stopping at the first.

Each problem is one line that names the key and says what to write. A value that cannot be used is answered with a
harmless one, so that reading goes on; the caller looks at `problems` before it uses anything.
"""

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, TypeVar

from db.errors import RepriseError

T = TypeVar("T")


class Wrong(Exception):
    """What to write instead, without the key."""


@dataclass
class Section:
    """One table of the file; `place` is how it is called there: `[practice]`, `[[staff]] 2`."""

    place: str
    values: Mapping[str, Any]
    problems: list[str]
    _asked: list[str] = field(default_factory=list)

    def complain(self, key: str, what: str) -> None:
        self.problems.append(f"{self.place} {key}: {what}".strip())

    def read(self, key: str, convert: Callable[[Any], T], otherwise: T) -> T:
        """`convert` raises `Wrong`, or a `RepriseError` whose text says what to write."""
        self._asked.append(key)
        if key not in self.values:
            return otherwise
        try:
            return convert(self.values[key])
        except (Wrong, RepriseError) as problem:
            self.complain(key, str(problem))
            return otherwise

    def required(self, key: str, convert: Callable[[Any], T], otherwise: T, example: str) -> T:
        if key not in self.values:
            self._asked.append(key)
            self.complain(key, f"is missing: write {key} = {example}.")
            return otherwise
        return self.read(key, convert, otherwise)

    def section(self, key: str, place: str) -> "Section":
        return Section(place, self.read(key, _table, {}), self.problems)

    def sections(self, key: str) -> list["Section"]:
        """The tables of `[[key]]`."""
        found: list[Mapping[str, Any]] = self.read(key, _tables, [])
        return [Section(f"[[{key}]] {number}", table, self.problems) for number, table in enumerate(found, start=1)]

    def refuse_unknown(self) -> None:
        """Call it when every key has been asked for."""
        for key in self.values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(self._asked)}."
                self.complain(key, f"is not known; {hint}")


def text(longest: int) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise Wrong('write a text in quotes, such as "...".')
        if len(value.strip()) > longest:
            raise Wrong(f"write at most {longest} characters; it has {len(value.strip())}.")
        if not value.strip().isprintable():
            raise Wrong("write it on one line, without invisible characters.")
        return value.strip()

    return convert


def whole(least: int, most: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Wrong(f"write a whole number from {least} to {most}.")
        return value

    return convert


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("write true or false, without quotes.")
    return value


def one_of(allowed: Collection[str]) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if value not in allowed:
            raise Wrong(f"write one of {', '.join(allowed)}.")
        return str(value)

    return convert


def clock_time(value: Any) -> time:
    """`"09:00"`, or TOML's own `09:00:00`."""
    if isinstance(value, time):
        return value
    try:
        hour, minute = str(value).split(":")
        return time(int(hour), int(minute))
    except ValueError:
        raise Wrong('write a time of day in quotes, such as "09:00".') from None


def day(value: Any) -> date:
    """`2026-12-24`, with or without quotes."""
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Wrong("write a day such as 2026-12-24.") from None


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Wrong("is a section: write its name in square brackets on a line of its own.")
    return value


def _tables(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Wrong("is a list of sections: write its name in double square brackets before each of them.")
    return value

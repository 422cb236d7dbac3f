"""Everything that was ever sent to the double, so that a test can look at all of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from portal.demo.slack.blocks import sent_problems
from portal.demo.slack.shapes import JSON

Way = Literal["api", "response_url", "ack"]


@dataclass(frozen=True, slots=True)
class Call:
    """`method`: the API's method, or what the app answered: the type of an interaction, the name of a command.

    `error` is Slack's code, the HTTP status, or what became of the connection; None: all went well.
    """

    way: Way
    method: str
    payload: JSON
    at: datetime
    error: str | None = None

    def strings(self) -> Iterator[str]:
        """Every piece of text in it, names of fields aside."""
        yield from _strings(self.payload)


class Record:
    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __len__(self) -> int:
        return len(self.calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self.calls)

    def append(self, call: Call) -> None:
        self.calls.append(call)

    def of(self, *methods: str) -> list[Call]:
        return [call for call in self.calls if call.method in methods]

    def strings(self) -> Iterator[str]:
        for call in self.calls:
            yield from call.strings()

    def problems(self) -> list[str]:
        """Where anything that was sent breaks a published limit, refused or not; empty when all is well."""
        return [f"{call.method}: {problem}" for call in self.calls for problem in sent_problems(call.payload)]

    def clear(self) -> None:
        self.calls.clear()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)

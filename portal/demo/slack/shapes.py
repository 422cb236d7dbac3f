"""The grammar in which Slack's published limits are written down: checks that yield problems in Slack's own words."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """`pointer` says where, as Slack does: `/blocks/0/text/text`."""

    pointer: str
    text: str

    def __str__(self) -> str:
        return f"{self.text} [json-pointer:{self.pointer}]"


Check = Callable[[Any, str], Iterator[Problem]]


def measured(text: str) -> int:
    """In UTF-16 units: never less than what Slack counts, however it counts an emoji."""
    return len(text.encode("utf-16-le")) // 2


def string(most: int, *, least: int = 1, pattern: str | None = None) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem(at, "must be a string")
        elif measured(value) > most:
            yield Problem(at, f"must be less than {most + 1} characters")
        elif len(value) < least:
            yield Problem(at, f"must be more than {least - 1} characters")
        elif pattern is not None and not re.fullmatch(pattern, value):
            yield Problem(at, "invalid format")

    return check


def number(least: int, most: int) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield Problem(at, "must be an integer")
        elif not least <= value <= most:
            yield Problem(at, f"must be between {least} and {most}")

    return check


def flag(value: Any, at: str) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem(at, "must be a boolean")


def one_of(*allowed: str) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        if value not in allowed:
            yield Problem(at, f"must be one of: {', '.join(allowed)}")

    return check


def listing(check_each: Check, most: int, *, least: int = 1) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(at, "must be an array")
            return
        if len(value) > most:
            yield Problem(at, f"no more than {most} items allowed")
        if len(value) < least:
            yield Problem(at, f"must have at least {least} items")
        for place, each in enumerate(value):
            yield from check_each(each, f"{at}/{place}")

    return check


def shape(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None, *also: Check) -> Check:
    """An object with these fields and no other; `also` looks at the whole, once every field is sound."""
    known = {**required, **(optional or {})}

    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(at, "must provide an object")
            return
        found = [Problem(at, f"missing required field: {name}") for name in required if name not in value]
        found += [Problem(f"{at}/{name}", f"invalid additional property: {name}") for name in value.keys() - known]
        for name, check_field in known.items():
            if name in value:
                found += check_field(value[name], f"{at}/{name}")
        yield from found
        if not found:
            for check_whole in also:
                yield from check_whole(value, at)

    return check


def typed(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` chooses the check."""

    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(at, "must provide an object")
        elif "type" not in value:
            yield Problem(at, "missing required field: type")
        elif value["type"] not in kinds:
            yield Problem(f"{at}/type", f"unsupported type: {value['type']}")
        else:
            yield from kinds[value["type"]](value, at)

    return check


def text(most: int, *, kinds: tuple[str, ...] = ("plain_text", "mrkdwn"), least: int = 1) -> Check:
    """A text object."""
    only = {"plain_text": "emoji", "mrkdwn": "verbatim"}
    checks = {
        kind: shape({"type": one_of(kind), "text": string(most, least=least)}, {only[kind]: flag}) for kind in kinds
    }
    return typed(checks)


def plain(most: int) -> Check:
    return text(most, kinds=("plain_text",))

"""What a request brought: JSON values, or the strings of a form, in which blocks and views are JSON once more."""

import json
from collections.abc import Mapping
from typing import Any

from portal.demo.slack.errors import SlackError, invalid_arguments
from portal.demo.slack.shapes import JSON

STRUCTURES = ("blocks", "view", "attachments", "metadata")


class Args:
    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def require(self, *names: str) -> None:
        missing = [name for name in names if not self._given.get(name)]
        if missing:
            raise invalid_arguments(*(f"missing required field: {name}" for name in missing))

    def need(self, name: str) -> str:
        self.require(name)
        return self.text(name) or ""

    def text(self, name: str) -> str | None:
        value = self._given.get(name)
        if value is None:
            return None
        if isinstance(value, list | dict | bool):
            raise invalid_arguments(f"must be a string [json-pointer:/{name}]")
        return str(value)

    def flag(self, name: str) -> bool:
        return self._given.get(name) in (True, "true", "1", 1)

    def number(self, name: str, default: int, most: int) -> int:
        try:
            return min(max(int(self._given.get(name) or default), 1), most)
        except (TypeError, ValueError):
            raise invalid_arguments(f"must be an integer [json-pointer:/{name}]") from None

    def has(self, name: str) -> bool:
        return self._given.get(name) is not None

    def structure(self, name: str) -> Any:
        return self._given.get(name)


def decoded(given: Mapping[str, Any]) -> JSON:
    """With the JSON inside of a form unfolded; what cannot be read stays a string, for the method to refuse."""
    return {name: _unfolded(value) if name in STRUCTURES else value for name, value in given.items()}


def _unfolded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def blocks_of(args: Args) -> list[JSON] | None:
    """None where the request names none."""
    blocks = args.structure("blocks")
    if blocks is not None and not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    return blocks

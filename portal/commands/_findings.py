"""What `reprise doctor` found of one thing that it looked at."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "red bold"}


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and, where it is not well, what to do."""

    name: str
    state: State
    text: str


def ok(name: str, text: str) -> Finding:
    return Finding(name, State.OK, text)


def failed(name: str, text: str) -> Finding:
    return Finding(name, State.FAILED, text)


def warning(name: str, text: str) -> Finding:
    return Finding(name, State.WARNING, text)

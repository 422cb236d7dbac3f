"""What can go wrong with words.

RepriseError
├── MissingValues    a text needs values that are blank; all of them are listed
└── TextRefused      a text that cannot be sent as it stands
    └── BrokenSource a source whose placeholders cannot be read; every fault is listed with its place
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from db.errors import RepriseError


class MissingValues(RepriseError):
    """Values that the text or its channel needs are blank."""

    def __init__(self, what: str, names: Sequence[str]) -> None:
        super().__init__(f"{what} lacks {', '.join(names)}: nothing was written.")
        self.names = tuple(names)


class TextRefused(RepriseError):
    """The text cannot be sent as it stands."""


@dataclass(frozen=True)
class Fault:
    """One place in a source that cannot be read."""

    kind: Literal["unknown", "broken"]
    start: int
    end: int
    found: str


class BrokenSource(TextRefused):
    """A source with unknown or broken placeholders."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        places = "; ".join(f"{fault.found!r} at {fault.start} is {fault.kind}" for fault in faults)
        super().__init__(f"The text has placeholders that cannot be read: {places}.")
        self.faults = tuple(faults)

"""What the linter says of a text."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from jobs.messages.languages import LAST_RESORT

Kind = Literal["sms", "subject", "email", "sender"]
Severity = Literal["error", "warning"]

SENTENCES = Path(__file__).parent / "sentences"


@dataclass(frozen=True, order=True)
class Finding:
    """A place in the text, from `start` up to `end`, and a sentence that says what to write instead."""

    start: int
    end: int
    rule: str
    severity: Severity
    message: str


def finding(rule: str, start: int, end: int, reader: str, *, severity: Severity = "error", **facts: object) -> Finding:
    """`reader` is the language of the person who reads the sentence, not of the text; the words that it quotes for the
    text (`instead`) are facts, in the text's own language."""
    return Finding(start, end, rule, severity, _sentences(reader)[rule].format(**facts))


@cache
def _sentences(reader: str) -> dict[str, str]:
    """A language without its own sentences reads the French ones."""
    sentences: dict[str, str] = {}
    for code in (LAST_RESORT, reader):
        file = SENTENCES / f"{code}.toml"
        if file.is_file():
            sentences |= tomllib.loads(file.read_text(encoding="utf-8"))
    return sentences

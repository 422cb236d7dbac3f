"""The planted faults and the harmless near-misses, read from their files."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from jobs.messages.lint.findings import Kind

FOLDER = Path(__file__).parent / "corpus"
# What a text of this kind must say besides; kept apart so that the corpus reads like prose.
REQUIRED = {"sms": "\n{{ link }} {{ opt_out }}", "email": "\n{{ link }} {{ phone }} {{ opt_out }}"}


@dataclass(frozen=True)
class Sample:
    language: str
    rule: str
    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.language}-{self.rule}-{self.text}"

    @property
    def whole(self) -> str:
        return self.text + REQUIRED.get(self.kind, "")


def faults() -> list[Sample]:
    return [
        Sample(language, rule, cast(Kind, kind), text)
        for language, line in _lines("faults")
        for rule, kind, text in [line.split("|", 2)]
    ]


def harmless() -> list[Sample]:
    return [
        Sample(language, "", cast(Kind, kind), text)
        for language, line in _lines("harmless")
        for kind, text in [line.split("|", 1)]
    ]


def _lines(name: str) -> list[tuple[str, str]]:
    return [
        (file.suffixes[0][1:], line)
        for file in sorted(FOLDER.glob(f"{name}.*.txt"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]

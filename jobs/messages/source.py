"""The source of a text: plain words, `{{ placeholders }}` and `{% if slots_soon %} ... {% endif %}`.

Admins edit these sources, so they are read and never run: a small part of Jinja's syntax, whose faults have places
that the editor can show. Composing puts one private character where each value goes; the structure of a text is
settled on that, so that no value, however hostile, can change it.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from jobs.messages.errors import BrokenSource, Fault

PLACEHOLDERS = ("first_name", "link", "phone", "practice", "missed_on", "opt_out")
CONDITIONS = ("slots_soon",)
SERVICE_PLACEHOLDERS = ("when", "place", "numbers")
NOTICE_PLACEHOLDERS = ("reference", "practitioner", "when", "previous")
CASE_PLACEHOLDERS = ("reference", "asked", "deadline", "holder", "why", "slack", "practice")

# A whole placeholder, a whole condition, or any braces left over: those are broken.
_TAG = re.compile(
    r"\{\{[ \t]*([^{}\n]*?)[ \t]*\}\}(?!\})|\{%[ \t]*([^{}%\n]*?)[ \t]*%\}"
    r"|\{+[ \t]*[%#]?[ \t]*\w*[ \t]*[%#]?\}*|[%#]?\}+"
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_ALL = tuple(dict.fromkeys(PLACEHOLDERS + SERVICE_PLACEHOLDERS + NOTICE_PLACEHOLDERS + CASE_PLACEHOLDERS))
_FIRST_MARK = 0xE000
_PRIVATE = re.compile("[\ue000-\uf8ff]")


@dataclass(frozen=True)
class Piece:
    """Words, or the placeholder that stands for a value; `only_if` names the condition around it."""

    text: str
    is_placeholder: bool
    only_if: str | None
    start: int
    end: int


@dataclass(frozen=True)
class Source:
    pieces: tuple[Piece, ...]
    faults: tuple[Fault, ...]

    @property
    def names(self) -> frozenset[str]:
        """Placeholders that the text uses, in a condition or not."""
        return frozenset(piece.text for piece in self.pieces if piece.is_placeholder)


@lru_cache(maxsize=4096)
def scan(source: str, names: tuple[str, ...] = PLACEHOLDERS) -> Source:
    """Read a source; faults are listed, not raised, for the editor's sake."""
    reader = _Reader(source, names)
    return Source(tuple(reader.pieces), tuple(reader.faults))


def parse(source: str, names: tuple[str, ...] = PLACEHOLDERS) -> Source:
    """Read a source that is to be sent; raises `BrokenSource` with every fault."""
    read = scan(source, names)
    if read.faults:
        raise BrokenSource(read.faults)
    return read


class _Reader:
    def __init__(self, source: str, names: tuple[str, ...]) -> None:
        self.pieces: list[Piece] = []
        self.faults: list[Fault] = []
        self._names, self._source = names, source
        self._condition: str | None = None
        self._opened: re.Match[str] | None = None
        self._read()

    def _read(self) -> None:
        at = 0
        for tag in _TAG.finditer(self._source):
            self._words(at, tag.start())
            self._tag(tag)
            at = tag.end()
        self._words(at, len(self._source))
        if self._opened is not None:
            self._fault("broken", self._opened)

    def _words(self, start: int, end: int) -> None:
        if end > start:
            words = _PRIVATE.sub("", self._source[start:end])
            self.pieces.append(Piece(words, False, self._condition, start, end))

    def _tag(self, tag: re.Match[str]) -> None:
        name, statement = tag.group(1), tag.group(2)
        if name is not None:
            self._placeholder(tag, name)
        elif statement is not None:
            self._statement(tag, statement.split())
        else:
            self._fault("broken", tag)

    def _placeholder(self, tag: re.Match[str], name: str) -> None:
        if name in self._names:
            self.pieces.append(Piece(name, True, self._condition, tag.start(), tag.end()))
        else:
            self._fault("unknown" if _NAME.fullmatch(name) else "broken", tag)

    def _statement(self, tag: re.Match[str], words: list[str]) -> None:
        if len(words) == 2 and words[0] == "if" and self._opened is None:
            self._opened, self._condition = tag, words[1]
            if words[1] not in CONDITIONS:
                self._fault("unknown", tag)
        elif words == ["endif"] and self._opened is not None:
            self._opened = self._condition = None
        else:
            self._fault("broken", tag)

    def _fault(self, kind: str, tag: re.Match[str]) -> None:
        self.faults.append(Fault("unknown" if kind == "unknown" else "broken", tag.start(), tag.end(), tag.group()))


@cache
def mark(name: str) -> str:
    """The private character that stands for a value until it is filled in."""
    return chr(_FIRST_MARK + _ALL.index(name))


def fill(marked: str, values: Mapping[str, str]) -> str:
    """Put values, by placeholder name, where their marks are."""
    return "".join(values[piece] if is_mark else piece for piece, is_mark in split(marked))


def split(marked: str) -> Iterator[tuple[str, bool]]:
    """The parts of a marked text in order: words, or the name of a placeholder and True."""
    at = 0
    for found in _PRIVATE.finditer(marked):
        yield marked[at : found.start()], False
        yield _ALL[ord(found.group()) - _FIRST_MARK], True
        at = found.end()
    yield marked[at:], False


def marks_in(text: str) -> Iterator[str]:
    return (name for name in _ALL if mark(name) in text)


def compose(source: Source, true: Collection[str] = ()) -> str:
    """The text with marks for its values, conditions settled, blank space tidied."""
    kept = (piece for piece in source.pieces if piece.only_if is None or piece.only_if in true)
    text = "".join(mark(piece.text) if piece.is_placeholder else piece.text for piece in kept)
    text = unicodedata.normalize("NFC", text)
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def without(text: str, name: str) -> str:
    """A marked text without one of its values, as a person would have written it: 'Bonjour, ...'."""
    sign = re.escape(mark(name))
    text = re.sub(rf"(?:^|\n)[ ]*{sign}[ ]*(?=\n|$)", "", text)
    text = re.sub(rf"(?m)^{sign}[\s,:]*(\w)", lambda found: found.group(1).upper(), text)
    return re.sub(r"\n{3,}", "\n\n", re.sub(rf"[ \u00a0]*{sign}", "", text)).strip()


def without_line(text: str, name: str) -> str:
    """A marked text without the lines that hold one of its values."""
    kept = "\n".join(line for line in text.split("\n") if mark(name) not in line)
    return re.sub(r"\n{3,}", "\n\n", kept).strip()

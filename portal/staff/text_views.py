"""What the pages of the texts show: the grid, the findings at their place, two texts side by side."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from db.queries.tones import TextKey
from db.rules.plans import MESSAGE_CHANNELS
from db.states import Channel, ToneState
from jobs.messages.catalogue import GENERAL, Key, Wording, shipped
from jobs.messages.editing import Looked
from jobs.messages.lint.findings import Finding, Severity
from jobs.messages.parts import MESSAGE_PARTS, Parts, parts_of

# What is said around an appointment that stands. The one automatic answer to an emergency is no matter of tone.
AROUND_APPOINTMENTS = ("confirmation", "reminder", "agreed_booked", "agreed_later")
CHANNELS = (Channel.SMS.value, Channel.EMAIL.value)
MOST_SHOWN = 60
State = Literal["shipped", "general", "changed", "draft", "changed_draft", "held", "held_draft"]


def address(key: TextKey) -> str:
    return "/staff/texts/" + "/".join(key)


@cache
def specialities() -> tuple[str, ...]:
    """The general words first."""
    return tuple(sorted({key.speciality for key in shipped().shipped}, key=lambda name: (name != GENERAL, name)))


@cache
def text_languages() -> tuple[str, ...]:
    """French first."""
    return tuple(sorted({key.language for key in shipped().shipped}, key=lambda code: (code != "fr", code)))


@cache
def editable() -> frozenset[TextKey]:
    """Every text that a practice may word itself; a speciality that has none of its own says the general one."""
    return frozenset(
        TextKey(message, channel, speciality, language)
        for messages in groups().values()
        for message, channel in messages
        for speciality in specialities()
        for language in text_languages()
    )


@cache
def groups() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """The messages of a sequence, and those around an appointment, each with its channels."""
    around = {message: frozenset(map(str, MESSAGE_PARTS[message])) for message in AROUND_APPOINTMENTS}
    sequence = {message: frozenset(map(str, channels)) for message, channels in MESSAGE_CHANNELS.items()}
    return {name: _rows(messages) for name, messages in (("sequence", sequence), ("around", around))}


def _rows(messages: Mapping[str, frozenset[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((message, channel) for message, has in messages.items() for channel in CHANNELS if channel in has)


@dataclass(frozen=True, slots=True)
class Cell:
    href: str
    language: str
    state: State


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` by speciality, each with one text per language."""

    message: str
    channel: str
    cells: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    rows: tuple[Row, ...]


def grid(live: Mapping[TextKey, frozenset[ToneState]], *, strict: bool) -> tuple[Group, ...]:
    return tuple(
        Group(name, tuple(_row(message, channel, live, strict) for message, channel in messages))
        for name, messages in groups().items()
    )


def _row(message: str, channel: str, live: Mapping[TextKey, frozenset[ToneState]], strict: bool) -> Row:
    def cells(speciality: str) -> tuple[Cell, ...]:
        keys = [TextKey(message, channel, speciality, language) for language in text_languages()]
        return tuple(
            Cell(address(key), key.language, state_of(key, live.get(key, frozenset()), strict=strict)) for key in keys
        )

    return Row(message, channel, tuple((name, cells(name)) for name in specialities()))


def state_of(key: TextKey, states: frozenset[ToneState], *, strict: bool) -> State:
    """In strict discretion a speciality's words leave for nobody, whoever wrote them."""
    is_held = strict and key.speciality != GENERAL
    if ToneState.PUBLISHED in states:
        if is_held:
            return "held_draft" if ToneState.DRAFT in states else "held"
        return "changed_draft" if ToneState.DRAFT in states else "changed"
    if ToneState.DRAFT in states:
        return "draft"
    return "shipped" if Key(*key) in shipped().shipped and not is_held else "general"


def standing(key: TextKey, edited: Mapping[Key, Wording]) -> Wording:
    """What leaves today under this key: the practice's own words, the shipped ones, or the general ones."""
    for speciality in (key.speciality, GENERAL):
        one = Key(key.message, key.channel, speciality, key.language)
        wording = edited.get(one) or shipped().shipped.get(one)
        if wording is not None:
            return wording
    return Wording("")


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding where it stands: `before`, `words` and `after` are of its line. `line` is 0 for what concerns the
    text as a whole or is missing from it."""

    part: Literal["subject", "body"]
    severity: Severity
    message: str
    line: int
    before: str = ""
    words: str = ""
    after: str = ""


def remarks(looked: Looked, *, subject: str, body: str) -> tuple[Remark, ...]:
    return (
        *(_remark("subject", subject, one) for one in looked.subject),
        *(_remark("body", body, one) for one in looked.body),
    )


def _remark(part: Literal["subject", "body"], text: str, one: Finding) -> Remark:
    if one.start == one.end or (one.start == 0 and one.end == len(text) and "\n" in text):
        return Remark(part, one.severity, one.message, 0)
    begins = text.rfind("\n", 0, one.start) + 1
    ends = text.find("\n", one.start)
    line = text[begins : ends if ends >= 0 else len(text)]
    start, end = one.start - begins, min(one.end - begins, len(line))
    return Remark(
        part,
        one.severity,
        one.message,
        text.count("\n", 0, one.start) + 1,
        _last(line[:start]),
        line[start:end],
        _first(line[end:]),
    )


def _last(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"…{text[-MOST_SHOWN:]}"


def _first(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of a comparison: what both say, what was taken out, what was put in."""

    kind: Literal["same", "out", "in"]
    text: str


_WORD = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\w+|\n|[^\S\n]+|.")


def compare(old: str, new: str) -> tuple[Change, ...]:
    """Word by word."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    found: list[Change] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after).get_opcodes():
        if tag == "equal":
            found.append(Change("same", "".join(before[a:b])))
            continue
        found += [Change("out", "".join(before[a:b]))] if b > a else []
        found += [Change("in", "".join(after[c:d]))] if d > c else []
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Placeholder:
    written: str
    name: str
    required: bool


def placeholders(key: TextKey) -> tuple[Placeholder, ...]:
    """What the body of this text may say, and what it must."""
    parts: Parts = parts_of(key.channel, key.message)
    return tuple(Placeholder(f"{{{{ {name} }}}}", name, name in parts.required) for name in parts.may)


def pieces(text: str, links: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """The words of an SMS, and the links in them, which a telephone underlines."""
    pattern = "|".join(re.escape(link) for link in links if link)
    if not pattern:
        yield text, False
        return
    at = 0
    for found in re.finditer(pattern, text):
        yield text[at : found.start()], False
        yield found.group(), True
        at = found.end()
    yield text[at:], False

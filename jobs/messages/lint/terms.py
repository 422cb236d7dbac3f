"""The word lists: one file per language, in a small notation over folded text (no accents, no capitals).

`~` is the rest of a word; a space is any space or light punctuation; `'` and `-` may be missing; `<gap>` is up to
four words of the same sentence; `<name>` is a class of the file; anything else is a regular expression. A term in
`flag` is harmless when a negation stands right before it, a term in `always` is not; what overlaps a match of
`allow` is harmless in either. `instead` holds what to write in this language in its place.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jobs.messages.languages import LAST_RESORT
from jobs.messages.lint.findings import Severity

FOLDER = Path(__file__).parent / "terms"

_SPACE = r"(?:[^\w.!?;]{1,4})"
_GAP = r"(?:(?:[^\w.!?;]{1,4}[\w']+){0,4}?[^\w.!?;]{1,4})"
_NOTATION = re.compile(r" ?<gap> ?|<(\w+)>|~|\(\?[:=!<]|\\.|[ '\-]")


@dataclass(frozen=True)
class Patterns:
    """`any_of` is all of them in one, so that a text without any is done with at once."""

    each: tuple[re.Pattern[str], ...]
    any_of: re.Pattern[str] | None

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        if self.any_of is not None and self.any_of.search(text):
            for pattern in self.each:
                yield from pattern.finditer(text)


@dataclass(frozen=True)
class Rule:
    name: str
    severity: Severity
    kinds: frozenset[str]
    specialities: frozenset[str]
    flag: Patterns
    always: Patterns
    allow: Patterns
    instead: tuple[str, ...]

    def concerns(self, kind: str, speciality: str) -> bool:
        return kind in self.kinds and (not self.specialities or speciality in self.specialities)


@dataclass(frozen=True)
class Negation:
    """'aucune pénalité', 'sans frais ni pénalité'; around a verb, 'ne facturons pas'; and around some words of a
    longer term, 'vos progrès ne sont pas perdus'."""

    before: re.Pattern[str]
    opens: re.Pattern[str]
    closes: re.Pattern[str]
    inside: re.Pattern[str]

    def covers(self, text: str, start: int, end: int) -> bool:
        if self.before.search(text, 0, start):
            return True
        if self.opens.search(text, 0, start):
            return bool(self.closes.match(text, end) or self.closes.search(text, start, end))
        return bool(self.inside.search(text, start, end))


@dataclass(frozen=True)
class Terms:
    rules: tuple[Rule, ...]
    negation: Negation
    reply: Patterns
    sender_fragments: re.Pattern[str]
    sender_harmless: re.Pattern[str]


@cache
def terms(language: str) -> Terms | None:
    file = FOLDER / f"{language}.toml"
    return _read(tomllib.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def known_languages() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


@cache
def words_instead(rule: str, language: str) -> tuple[str, ...]:
    """What somebody who writes in this language may write instead of what the rule finds; French words where the
    language has none."""
    lists = [one.rules for code in (language, LAST_RESORT) if (one := terms(code)) is not None]
    return next((one.instead for rules in lists for one in rules if one.name == rule and one.instead), ())


def _read(data: dict[str, Any]) -> Terms:
    classes = {name: "|".join(words) for name, words in data["classes"].items()}
    rules = tuple(_rule(name, table, classes) for name, table in data["rules"].items())
    sender = data["sender"]
    return Terms(
        rules,
        _negation(data["negation"], classes),
        _patterns(data["reply"]["flag"], classes),
        re.compile("|".join(sender["fragments"])),
        re.compile("|".join(sender["harmless"])),
    )


def _rule(name: str, table: dict[str, Any], classes: dict[str, str]) -> Rule:
    def patterns(part: str) -> Patterns:
        return _patterns(table.get(part, []), classes)

    return Rule(
        name,
        table.get("severity", "error"),
        frozenset(table["kinds"]),
        frozenset(table.get("specialities", ())),
        patterns("flag"),
        patterns("always"),
        patterns("allow"),
        tuple(table.get("instead", ())),
    )


def _patterns(notations: list[str], classes: dict[str, str]) -> Patterns:
    each = tuple(_compile(one, classes) for one in notations)
    return Patterns(each, _compile("|".join(notations), classes) if notations else None)


def _negation(data: dict[str, list[str]], classes: dict[str, str]) -> Negation:
    one_of = {name: "|".join(_translate(word, classes) for word in words) for name, words in data.items()}
    carried = (
        rf"(?:[\s'\-]+(?:{one_of['fillers']}|{one_of['nouns']})|\s*,\s*(?:{one_of['links']}\s+)?(?:{one_of['nouns']}))*"
    )
    return Negation(
        re.compile(rf"(?<!\w)(?:{one_of['negators']}){carried}(?:[\s'\-]+|\s*,\s*)\Z"),
        re.compile(rf"(?<!\w)(?:{one_of['opens']})(?:[\s']+(?:{one_of['between']}))*[\s']+\Z"),
        re.compile(rf"[\s]+(?:{one_of['closes']})(?!\w)"),
        re.compile(rf"(?<!\w)(?:{one_of['opens']})[\s'](?:[\w']+[\s']){{0,3}}(?:{one_of['closes']})(?!\w)"),
    )


def _compile(notation: str, classes: dict[str, str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{_translate(notation, classes)})(?!\w)")


def _translate(notation: str, classes: dict[str, str]) -> str:
    return _NOTATION.sub(lambda found: _sign(found, classes), notation)


def _sign(found: re.Match[str], classes: dict[str, str]) -> str:
    sign, name = found.group(), found.group(1)
    if sign.strip() == "<gap>":
        return _GAP
    if name:
        return f"(?:{_translate(classes[name], classes)})"
    return {"~": r"\w*", " ": _SPACE, "'": r"['\s]{0,2}", "-": r"[-\s]{0,2}"}.get(sign, sign)

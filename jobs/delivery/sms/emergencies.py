"""Whether an answer by SMS holds words that a person should read before anything else.

This puts a text on top and assesses nothing: a person reads it and decides. So where the two cannot both be had, a
false alarm costs a look, and a text that was missed may cost much more. For the same reason a negation changes nothing
("je ne veux plus mourir"), and every language's list is tried: people write in the language they are desperate in.

The phrases are data, a file per language, in a small notation over folded text (no accents, no capitals, a letter
typed twice or ten times counts once, in the notation too): `~` is the rest of a word; a space is any space or
punctuation; `'` may be missing, or a space; `<gap>` is up to three words of the same sentence; `<name>` is a class of
the file; `^` and `$` are the ends of the whole text; anything else is a regular expression.

A file holds `flag`, the phrases; `allow`, figures of speech that are taken out first; `joined`, what is also looked
for with all spaces and punctuation left out; `near`, words that one wrong letter leaves recognisable, but for those
in `never`; and `spellings`, what else a word is written as in messages.
"""

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "emergencies"

FULL_STOP = "."
# No phrase reaches across it, and nothing is joined over it.
TAKEN_OUT = " | "

_NOTATION = re.compile(r" ?<gap> ?|<(\w+)>|[~ ']")
_SIGNS = {"~": r"\w*", " ": r"(?: \.)? ", "'": " ?"}
_GAP = r"(?: \.)?(?: \w+){0,3}?(?: \.)? "
_REPEATED = re.compile(r"([^\W\d_])\1+")
_TOKEN = re.compile(r"[^\W_]+|[.!?;…]+")
_WORD = re.compile(r"[\w@$]+")
# Typed one by one: "m o u r i r".
_LETTERS = re.compile(r"\b[^\W\d_](?: (?:\. )?[^\W\d_]){3,}\b")
_DIGITS_AS_LETTERS = str.maketrans("013457@$", "oieastas")


@dataclass(frozen=True)
class Phrases:
    flag: re.Pattern[str]
    allow: re.Pattern[str] | None
    joined: re.Pattern[str] | None
    near: frozenset[str]
    never: frozenset[str]
    spellings: dict[str, str]

    def found_in(self, folded: str, harmless: Sequence[re.Pattern[str]]) -> bool:
        """`folded` comes from `fold`; `harmless` are the figures of speech of all languages, which share words."""
        text = " ".join(self._spelt(word) for word in folded.split())
        for figure in harmless:
            text = figure.sub(TAKEN_OUT, text)
        if self.flag.search(" ".join(text.split())):
            return True
        return self.joined is not None and self.joined.search(_once(re.sub(r"[ .]", "", text))) is not None

    def _spelt(self, word: str) -> str:
        if word in self.spellings:
            return self.spellings[word]
        if word in self.never or word in self.near:
            return word
        return next((meant for meant in self.near if is_one_slip_away(word, meant)), word)


def is_emergency(text: str) -> bool:
    folded = fold(text)
    lists = [phrases(language) for language in known_languages()]
    harmless = [one.allow for one in lists if one.allow is not None]
    return any(one.found_in(folded, harmless) for one in lists)


def fold(text: str) -> str:
    """Words apart by one space, the end of a sentence as a word of its own."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in plain if unicodedata.category(letter) not in ("Mn", "Cf"))
    lettered = _WORD.sub(_as_letters, bare)
    tokens = [FULL_STOP if token[0] in ".!?;…" else token for token in _TOKEN.findall(lettered)]
    return _once(_LETTERS.sub(lambda found: re.sub("[ .]", "", found.group()), " ".join(tokens)))


def is_one_slip_away(written: str, meant: str) -> bool:
    """One letter more, less, other, or changed with its neighbour; the first letter is seldom wrong."""
    if written[0] != meant[0] or abs(len(written) - len(meant)) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(written, meant, strict=False)) if a != b), None)
    if at is None:
        return True
    rest, wanted = written[at:], meant[at:]
    return (
        rest[1:] == wanted[1:]
        or rest[1:] == wanted
        or rest == wanted[1:]
        or (rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:])
    )


@cache
def known_languages() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in FOLDER.glob("*.toml")))


@cache
def phrases(language: str) -> Phrases:
    return read(tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8")))


def read(data: dict[str, Any]) -> Phrases:
    classes = {_folded_notation(name): "|".join(words) for name, words in data.get("classes", {}).items()}
    flag = _pattern(data["flag"], classes)
    assert flag is not None
    spellings = {fold(form): fold(word) for word, forms in data.get("spellings", {}).items() for form in forms}
    joined = data.get("joined", [])
    return Phrases(
        flag,
        _pattern(data.get("allow", []), classes),
        re.compile("|".join(_folded_notation(one) for one in joined)) if joined else None,
        frozenset(fold(word) for word in data.get("near", [])),
        frozenset(fold(word) for word in data.get("never", [])),
        spellings,
    )


def _pattern(notations: list[str], classes: dict[str, str]) -> re.Pattern[str] | None:
    """One expression for all: what decides is whether there is any match."""
    if not notations:
        return None
    return re.compile(rf"(?<!\S)(?:{'|'.join(_translated(one, classes) for one in notations)})(?!\S)")


def _translated(notation: str, classes: dict[str, str]) -> str:
    return _NOTATION.sub(lambda found: _sign(found, classes), _folded_notation(notation))


def _sign(found: re.Match[str], classes: dict[str, str]) -> str:
    if found.group().strip() == "<gap>":
        return _GAP
    if found.group(1):
        return f"(?:{_translated(classes[found.group(1)], classes)})"
    return _SIGNS[found.group()]


def _folded_notation(notation: str) -> str:
    plain = unicodedata.normalize("NFKD", notation.casefold())
    return _once("".join(letter for letter in plain if not unicodedata.combining(letter)))


def _once(text: str) -> str:
    return _REPEATED.sub(r"\1", text)


def _as_letters(found: re.Match[str]) -> str:
    """ "su1cide"; a number with its unit ("10h", "2e") comes out changed too, and means nothing either way."""
    word = found.group()
    return word if word.isalpha() or word.isdigit() else word.translate(_DIGITS_AS_LETTERS)

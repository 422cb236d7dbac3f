"""What the staff pages say, by language: data files in `templates/staff/_words`.

`fr.toml` holds what all pages share; a page with many words has a file of its own beside it, `<page>.fr.toml`. A text
stands under a section and a name (`words.account.heading`). A test compares the languages.

The files have ordinary spaces; those at which French may not break a line are put in as the words are read.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

from db.queries.words import Words as CodeWords
from db.queries.words import words as code_words
from jobs.messages.languages import LAST_RESORT, Language, language_for
from portal.staff.typeset import typeset

FOLDER = Path(__file__).resolve().parents[2] / "templates" / "staff" / "_words"


class Words(SimpleNamespace):
    """The texts of one language, and how it writes dates."""

    code: str
    dates: Language


class Section(SimpleNamespace):
    """Texts by name, whether the name is written or looked up: `words.roles.admin`, `words.roles[role]`. A table
    within a section stays a mapping."""

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


def words_for(language: str) -> Words:
    """The texts in that language, whatever its region; French where it has none."""
    known = all_words()
    return known.get(language.replace("_", "-").split("-")[0].lower()) or known[LAST_RESORT]


@cache
def codes_for(language: str) -> CodeWords:
    """The words for what the database holds as a code, from `db/words`."""
    known = code_words(language)
    return replace(known, groups=_typeset(known.groups, known.language))


def languages() -> list[str]:
    return sorted(all_words())


@cache
def all_words() -> Mapping[str, Words]:
    return MappingProxyType({code: _words(code, table) for code, table in tables().items()})


def tables() -> dict[str, dict[str, dict[str, Any]]]:
    """The files of each language as one table; `notices` is a section that every file may add to."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for file in sorted(FOLDER.glob("*.toml")):
        code = file.stem.rpartition(".")[2]
        table = found.setdefault(code, {})
        for name, section in tomllib.loads(file.read_text("utf-8")).items():
            table.setdefault(name, {}).update(section)
    return found


def _words(code: str, table: Mapping[str, Mapping[str, Any]]) -> Words:
    sections = {name: Section(**_typeset(texts, code)) for name, texts in table.items()}
    return Words(code=code, dates=language_for(code), **sections)


def _typeset(texts: Mapping[str, Any], language: str) -> dict[str, Any]:
    return {
        name: _typeset(text, language) if isinstance(text, Mapping) else typeset(text, language)
        for name, text in texts.items()
    }

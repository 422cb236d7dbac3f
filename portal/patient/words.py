"""What the pages say, by language: one file each in `templates/patient/_words`; a language exists once its file does.

A text stands under a section and a name (`words.slots.heading`); every language must have exactly the keys of French.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

from db.errors import ConfigurationError
from jobs.messages.languages import LAST_RESORT, Language, language_for

FOLDER = Path(__file__).resolve().parents[2] / "templates" / "patient" / "_words"


class Words(SimpleNamespace):
    """The texts of one language, and how it writes dates."""

    code: str
    title: str
    dates: Language


def words_for(language: str) -> Words:
    """The texts in that language, whatever its region; French where it has none."""
    known = all_words()
    return known.get(language.replace("_", "-").split("-")[0].lower()) or known[LAST_RESORT]


@cache
def all_words() -> Mapping[str, Words]:
    texts = {file.stem: tomllib.loads(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.toml"))}
    wanted = _keys(texts[LAST_RESORT])
    for code, table in texts.items():
        if wrong := wanted ^ _keys(table):
            raise ConfigurationError(
                f"{code}.toml and {LAST_RESORT}.toml must have the same keys: {', '.join(sorted(wrong))}."
            )
    return MappingProxyType({code: _words(code, table) for code, table in texts.items()})


def _keys(table: Mapping[str, Any]) -> set[str]:
    return {
        f"{name}.{inner}" if inner else name
        for name, value in table.items()
        for inner in (value if isinstance(value, dict) else ("",))
    }


def _words(code: str, table: Mapping[str, Any]) -> Words:
    sections = {name: SimpleNamespace(**value) if isinstance(value, dict) else value for name, value in table.items()}
    return Words(code=code, dates=language_for(code), **sections)

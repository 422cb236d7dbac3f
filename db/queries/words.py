"""The words for the codes that the database holds, in each language: data files in `db/words/`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "words"
FIRST_LANGUAGE = "fr"


@dataclass(frozen=True)
class Words:
    """`date`, `day` and `day_and_time` are patterns of Unicode's CLDR."""

    language: str
    date: str
    day: str
    day_and_time: str
    groups: Mapping[str, Mapping[str, str]]

    def of(self, group: str, code: str | None) -> str:
        """The word for a code; the code itself where an older version wrote one that has no word any more."""
        return "" if code is None else self.groups[group].get(code, code)

    def label(self, name: str) -> str:
        return self.groups["labels"][name]


def languages() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@lru_cache(maxsize=16)
def words(language: str) -> Words:
    """The words of a language, or of French where there are none in it."""
    known = language if (FOLDER / f"{language}.toml").is_file() else FIRST_LANGUAGE
    stored = tomllib.loads((FOLDER / f"{known}.toml").read_text(encoding="utf-8"))
    return Words(
        language=known,
        date=stored["date"],
        day=stored["day"],
        day_and_time=stored["day_and_time"],
        groups={name: value for name, value in stored.items() if isinstance(value, dict)},
    )

"""What a language brings beside the texts: how it writes a date, and the few words the machinery adds.

One file per language in `templates/messages/_languages`; a language exists once its file does.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

from babel.dates import format_date, format_time

MESSAGES = Path(__file__).resolve().parents[2] / "templates" / "messages"
LAST_RESORT = "fr"


@dataclass(frozen=True)
class Language:
    code: str
    date_pattern: str
    first_of_month: str
    short_date_pattern: str
    short_first_of_month: str
    time_pattern: str
    stop_by_reply: str
    stop_on_page: str
    not_watched: str
    appointment: str
    at: str
    emergency_call: str
    emergency_or: str
    emergency_write: str
    emergency_talk: str
    rehearsal: str
    rehearsal_note: str

    def say_date(self, day: date) -> str:
        return _written(day, self.first_of_month if day.day == 1 else self.date_pattern, self.code)

    def say_moment(self, moment: datetime) -> str:
        """The moment as its own zone's clocks show it."""
        return f"{self.say_date(moment.date())} {self.at} {self._clock(moment)}"

    def say_moment_briefly(self, moment: datetime) -> str:
        """As `say_moment`, for an SMS."""
        pattern = self.short_first_of_month if moment.day == 1 else self.short_date_pattern
        return f"{_written(moment.date(), pattern, self.code)} {self.at} {self._clock(moment)}"

    def _clock(self, moment: datetime) -> str:
        return format_time(moment.timetz(), self.time_pattern, locale=self.code)


@lru_cache(maxsize=1024)
def _written(day: date, pattern: str, code: str) -> str:
    return format_date(day, pattern, locale=code)


@cache
def languages() -> Mapping[str, Language]:
    files = sorted((MESSAGES / "_languages").glob("*.toml"))
    return MappingProxyType({file.stem: _read(file) for file in files})


def _read(file: Path) -> Language:
    return Language(code=file.stem, **tomllib.loads(file.read_text(encoding="utf-8")))


def preferred(*codes: str) -> list[str]:
    """Known languages among the codes, in order, without their region, and French at the end."""
    bases = (code.replace("_", "-").split("-")[0].lower() for code in (*codes, LAST_RESORT))
    return list(dict.fromkeys(base for base in bases if base in languages()))


def language_for(*codes: str) -> Language:
    return languages()[preferred(*codes)[0]]


def opt_out_text(language: str, can_receive: bool, *fallbacks: str) -> str:
    """The way out that an SMS names: an answer where the sender can receive one, else the link's page.

    `fallbacks` are the languages that the catalogue would try next: the practice's default.
    """
    words = language_for(language, *fallbacks)
    return words.stop_by_reply if can_receive else words.stop_on_page

"""The day that somebody types, in whichever language: `2026-12-01`, `1/12`, `1er décembre`, `vendredi`, `demain`."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache

from babel.dates import get_day_names, get_month_names

from db.queries.words import languages

DAY = timedelta(days=1)
_NAMED = {"aujourd hui": 0, "today": 0, "demain": 1, "tomorrow": 1}
_NUMBERS = re.compile(r"(?P<day>\d{1,2})[./-](?P<month>\d{1,2})(?:[./-](?P<year>\d{4}|\d{2}))?")
_WRITTEN = re.compile(r"(?P<day>\d{1,2})(?:er|st|nd|rd|th)? (?P<month>[a-z]+)(?: (?P<year>\d{4}))?")
_MONTH_FIRST = re.compile(r"(?P<month>[a-z]+) (?P<day>\d{1,2})(?:st|nd|rd|th)?(?: (?P<year>\d{4}))?")
_NEEDLESS = re.compile(r"^(?:le|next|the) | (?:prochaine?|inclus|included)$|,")


def folded(text: str) -> str:
    """Without case, accents, apostrophes and marks."""
    plain = unicodedata.normalize("NFKD", text.casefold()).replace("’", "'").encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"['`*_]", " ", plain).split())


def read_day(text: str, today: date) -> date | None:
    """`text` is folded. A weekday is the next one, a day without its year the next of that name; None for no day."""
    text = _NEEDLESS.sub("", text).strip()
    if text in _NAMED:
        return today + _NAMED[text] * DAY
    weekday, _, rest = text.partition(" ")
    if weekday in _weekdays():
        # With a date beside it, the date says which.
        return read_day(rest, today) if rest else today + ((_weekdays()[weekday] - today.weekday() - 1) % 7 + 1) * DAY
    try:
        return date.fromisoformat(text)
    except ValueError:
        return _read_parts(text, today)


def _read_parts(text: str, today: date) -> date | None:
    parts = _NUMBERS.fullmatch(text) or _WRITTEN.fullmatch(text) or _MONTH_FIRST.fullmatch(text)
    if parts is None:
        return None
    month = int(parts["month"]) if parts["month"].isdigit() else _months().get(parts["month"], 0)
    if parts["year"] is not None:
        year = int(parts["year"])
        return _day(year if year > 99 else 2000 + year, month, int(parts["day"]))
    coming = (_day(today.year + years, month, int(parts["day"])) for years in (0, 1))
    return next((day for day in coming if day is not None and day >= today), None)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


@cache
def _weekdays() -> Mapping[str, int]:
    """Monday is 0."""
    return {folded(name): number for one in languages() for number, name in get_day_names(locale=one).items()}


@cache
def _months() -> Mapping[str, int]:
    return {folded(name): number for one in languages() for number, name in get_month_names(locale=one).items()}

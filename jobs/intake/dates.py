"""Days and times of day as exports write them. Nothing is guessed: what has two readings has one rule, or none."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jobs.intake.folding import plain

FIRST_YEAR = 1990
_EXCEL_EPOCH = date(1899, 12, 30)
LAST_YEAR = 2100
_MONTHS = (
    "jan gen ene",
    "fev feb fevr",
    "mar mars maerz marz maa mrt",
    "avr apr",
    "mai may mag mei",
    "juin jun giu",
    "juil jul lug juillet",
    "aou aug ago aout",
    "sep set sept",
    "oct okt ott",
    "nov",
    "dec dez dic",
)
_MONTH = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}

_WEEKDAY = re.compile(
    r"^(?:lun|mar|mer|jeu|ven|sam|dim|mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so)[a-z]{0,7}\.?,? +(?=\d)"
)
_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?=t|$| |\d{4}(?:\d\d)?$)")
_NUMERIC = re.compile(r"(\d{1,2})([-/.]) ?(\d{1,2})\2 ?(\d{4}|\d{2})(?!\d)")
_NAMED = re.compile(r"(\d{1,2})(?:(?:er|st|nd|rd|th)?[ -]|\. ?)(?:of )?([a-z]{3,9})\.?,?[ -](\d{4}|\d{2})(?!\d)")
_NAMED_FIRST = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?!\d)")
_SLASH = re.compile(r" ?/ ?")
_SERIAL = re.compile(r"(\d{5})(?:[.,](\d+))?")
_FRACTION = re.compile(r"0?[.,]\d+")
_BETWEEN = re.compile(r"^(?:t(?=\d)|,? +(?:a|at|um|alle|om|de|-|–|@|\||h) ?|[ ,;@-]+)")
_TIME = re.compile(
    r"(?:de |from |von |dalle |van )?(\d{1,2})"
    r"(?: ?(?:h|:|uhr|heures?) ?(\d{2})(?!\d)| ?(h|uhr|heures?)\b|\.(\d{2})(?!\d)| ?(?=[ap]\.?m))"
    r"(?:[: ]?(\d{2})(?!\d)(?:[.,]\d+)?)?(?: ?(?:min|mn|m|s)\b)? ?(?:([ap])\.?m\.?|uhr|h)?"
)
_FOUR_DIGITS = re.compile(r"([01]?\d|2[0-3])([0-5]\d)(?:[0-5]\d)?")
_OFFSET = re.compile(r" ?(?:(z|utc|gmt)|([+-])(\d\d):?(\d\d)?)$")
_CLOCK = re.compile(r"\d:?\d\d(?:[.,]\d+)? ?$")
_UNTIL = re.compile(r"^ ?(?:-|–|—|à|a|au|to|until|bis|/|tot|alle|>|->|→) ?(?=\d)")


class Moment(NamedTuple):
    """A day, and what the cell adds: a time of day, an end, an offset from UTC."""

    day: date
    at: time | None = None
    end: time | None = None
    offset: timedelta | None = None


class Problem(NamedTuple):
    """Why a cell is no date; `month_first` when it would be one the American way round."""

    month_first: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """How a file writes its dates: the map's word on it."""

    day_first: bool = True
    format: str | None = None


@lru_cache(maxsize=65536)
def read_moment(text: str, order: Order, since: int = FIRST_YEAR) -> Moment | Problem:
    """The day in a cell, with its time of day where there is one. Years before `since` are a mistake."""
    if order.format is not None:
        return _by_format(text, order.format)
    cell = _SLASH.sub("/", " ".join(plain(text).casefold().split()))
    # The day of the week goes second: "Mar 3, 2026" is in March, "mar. 03/03/2026" a Tuesday.
    found = _serial(cell) or _day_at_start(cell, order) or _day_at_start(_WEEKDAY.sub("", cell), order)
    if found is None:
        return Problem()
    if isinstance(found, Problem):
        return found
    moment, rest = found
    if not since <= moment.day.year <= LAST_YEAR:
        return Problem()
    return moment if not rest else _with_time(moment.day, rest)


@lru_cache(maxsize=8192)
def read_span(text: str) -> tuple[time, time | None] | None:
    """A time of day, or two: `14h30`, `14:30:00`, `14h30 - 15h15`. Four digits count: `1430`."""
    cell = " ".join(plain(text).casefold().split())
    if _FRACTION.fullmatch(cell):
        return _fraction(float(cell.replace(",", "."))), None
    whole = _FOUR_DIGITS.fullmatch(cell)
    if whole and len(cell) != 5:
        return time(int(whole[1]), int(whole[2])), None
    match = _TIME.match(cell)
    if match is None or (start := _time_of(match)) is None:
        return None
    rest = cell[match.end() :].strip()
    if not rest:
        return start, None
    until = _UNTIL.match(rest)
    second = _TIME.fullmatch(rest, until.end()) if until else None
    end = _time_of(second) if second else None
    return (start, end) if end is not None else None


def proves_order(text: str) -> bool | None:
    """True where a numeric date can only be day first, False where only month first, None where it is either."""
    match = _NUMERIC.match(" ".join(text.split()))
    if match is None:
        return None
    first, second = int(match[1]), int(match[3])
    if first > 12 >= second:
        return True
    return False if second > 12 >= first and second <= 31 else None


def in_utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The moment of a local time. One that the clocks skip in spring is taken an hour later, as a clock that was not
    yet set would show it; of two in autumn, the first."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def _serial(cell: str) -> tuple[Moment, str] | None:
    """The number of a day in Excel, five digits in this century."""
    match = _SERIAL.fullmatch(cell)
    if match is None:
        return None
    at = _fraction(float(f"0.{match[2]}")) if match[2] else None
    return Moment(_EXCEL_EPOCH + timedelta(days=int(match[1])), at), ""


def _fraction(part: float) -> time:
    minutes = round(part * 24 * 60) % (24 * 60)
    return time(minutes // 60, minutes % 60)


def _day_at_start(cell: str, order: Order) -> tuple[Moment, str] | Problem | None:
    if match := _ISO.match(cell):
        return _day(match[1], match[3], match[4], cell[match.end() :])
    if match := _COMPACT.match(cell):
        return _day(match[1], match[2], match[3], cell[match.end() :])
    if match := _NUMERIC.match(cell):
        return _numeric(match, cell, order)
    if (match := _NAMED.match(cell)) and (month := _month(match[2])):
        return _day(_year(match[3]), month, match[1], cell[match.end() :])
    if (match := _NAMED_FIRST.match(cell)) and (month := _month(match[1])):
        return _day(match[3], month, match[2], cell[match.end() :])
    return None


def _numeric(match: re.Match[str], cell: str, order: Order) -> tuple[Moment, str] | Problem | None:
    first, second, year = int(match[1]), int(match[3]), _year(match[4])
    rest = cell[match.end() :]
    # Dots are never American.
    if order.day_first or match[2] == ".":
        swapped = match[2] != "." and second > 12 >= first and _day(year, first, second, "") is not None
        return Problem(month_first=True) if swapped else _day(year, second, first, rest)
    return _day(year, first, second, rest)


def _day(year: str | int, month: str | int, day: str | int, rest: str) -> tuple[Moment, str] | None:
    try:
        return Moment(date(int(year), int(month), int(day))), rest
    except ValueError:
        return None


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _month(word: str) -> int | None:
    return _MONTH.get(word) or _MONTH.get(word[:4]) or _MONTH.get(word[:3])


def _with_time(day: date, rest: str) -> Moment | Problem:
    between = _BETWEEN.match(rest)
    if between is None and not rest.isdigit():
        return Problem()
    text = rest[between.end() :] if between else rest
    offset, text = _offset(text, iso=rest[0] == "t")
    if not text:
        return Moment(day, offset=offset)
    span = read_span(text)
    return Problem() if span is None else Moment(day, span[0], span[1], offset)


def _offset(text: str, *, iso: bool) -> tuple[timedelta | None, str]:
    match = _OFFSET.search(text)
    if match is None or (match[2] and not _CLOCK.search(text, 0, match.start())):
        return None, text
    # "09:30-10:15" is a span; a minus is an offset where the notation is ISO or the time has seconds.
    if match[2] == "-" and not iso and text.count(":", 0, match.start()) < 2:
        return None, text
    sign = -1 if match[2] == "-" else 1
    offset = sign * timedelta(hours=int(match[3] or 0), minutes=int(match[4] or 0))
    return (offset, text[: match.start()]) if abs(offset) < timedelta(hours=24) else (None, text)


def _time_of(match: re.Match[str]) -> time | None:
    hour, minute, second = int(match[1]), int(match[2] or match[4] or 0), int(match[5] or 0)
    if match[6]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[6] == "p" else 0)
    try:
        return time(hour, minute, min(second, 59))
    except ValueError:
        return None


def _by_format(text: str, form: str) -> Moment | Problem:
    try:
        read = datetime.strptime(" ".join(text.split()), form)  # noqa: DTZ007 - a wall clock; the zone comes later
    except ValueError:
        return Problem()
    if not FIRST_YEAR <= read.year <= LAST_YEAR:
        return Problem()
    has_time = any(part in form for part in ("%H", "%I", "%c", "%X"))
    offset = read.utcoffset() if isinstance(read.tzinfo, timezone) else None
    return Moment(read.date(), read.time() if has_time else None, None, offset)

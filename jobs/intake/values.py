"""Single cells: cleaned, and read into the values that an appointment needs."""

import re
from datetime import date
from functools import lru_cache

from db.rules import emails, telephones
from db.rules.telephones import Telephone
from jobs.intake.dates import Moment, Order, read_moment
from jobs.intake.folding import fold
from jobs.intake.words import is_nothing

LONGEST_TEXT = 120
ADULT = 18
FIRST_BIRTH = 1890
_SPACES = re.compile(r"[\s\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff]+")
_EXCEL_TEXT = re.compile(r'^="(.*)"$', re.DOTALL)
_WHOLE_FLOAT = re.compile(r"(\d+)\.0+")

_NO_NAME = frozenset(
    ["n/a", "#n/a", "null", "nan", "inconnu", "inconnue", "unknown", "non renseigné", "non renseigne", "#ref!"]
)

read_telephone = lru_cache(maxsize=32768)(telephones.read)
read_email = lru_cache(maxsize=32768)(emails.read)


def clean(cell: str) -> str:
    """Trimmed, one space between words, without what spreadsheets wrap around text: `="0012"`, `'+33...`."""
    text = cell.strip()
    # The plain case, by far the commonest; no-break and invisible characters are not printable.
    if text.isprintable() and "  " not in text and text[:1] not in ("'", "="):
        return text
    text = _SPACES.sub(" ", text).strip()
    wrapped = _EXCEL_TEXT.match(text)
    if wrapped:
        return wrapped[1].strip()
    return text[1:] if text[:1] == "'" and text[1:2] and text[1] in "=+-@0123456789" else text


@lru_cache(maxsize=16384)
def given(cell: str) -> str:
    """The cleaned cell, '' where it only says that there is nothing."""
    text = clean(cell)
    return "" if is_nothing(text) else text


@lru_cache(maxsize=16384)
def name_text(cell: str) -> str:
    """A name; there are people called Na, Sans and None."""
    text = clean(cell)
    return "" if text.casefold() in _NO_NAME or not any(map(str.isalpha, text)) else text[:LONGEST_TEXT]


def number_text(cell: str) -> str:
    """A practice's own number, kept as text to the letter but for the `.0` that spreadsheets add.

    Zeroes alone stand for "no number": they would make one patient of all who have none.
    """
    text = clean(cell)
    if is_nothing(text):
        return ""
    whole = _WHOLE_FLOAT.fullmatch(text) if text[-1] == "0" and "." in text else None
    number = whole[1] if whole else text
    return number[:LONGEST_TEXT] if number.strip("0") else ""


def best_telephone(cells: list[str], country: str) -> Telephone | None:
    """The first mobile, else the first number that is one at all."""
    found = [telephone for cell in cells if (telephone := read_telephone(cell, country)) is not None]
    return min(found, key=lambda one: one.kind is not telephones.TelephoneKind.MOBILE, default=None)


def first_email(cells: list[str]) -> str | None:
    return next(filter(None, map(read_email, cells)), None)


_LANGUAGES = {
    "fr": "fr fra fre francais francaise french franzosisch francese frans",
    "en": "en eng anglais anglaise english englisch inglese engels",
    "de": "de deu ger allemand allemande german deutsch tedesco duits",
    "it": "it ita italien italienne italian italienisch italiano italiaans",
    "nl": "nl nld dut neerlandais neerlandaise dutch niederlandisch olandese nederlands flamand",
    "es": "es spa espagnol espagnole spanish spanisch spagnolo espanol",
    "pt": "pt por portugais portugaise portuguese portugiesisch portoghese portugues",
    "ar": "ar ara arabe arabic",
    "tr": "tr tur turc turque turkish",
    "uk": "uk ukr ukrainien ukrainian",
    "ru": "ru rus russe russian",
    "ro": "ro ron roumain romanian",
    "pl": "pl pol polonais polish",
    "sq": "sq sqi albanais albanian",
}
_LANGUAGE = {word: code for code, words in _LANGUAGES.items() for word in words.split()}


def read_language(cell: str) -> str | None:
    """`fr-CH`, `FR`, `français` and `French` are all `fr`; what is unknown is left to the practice's default."""
    first, *_ = fold(cell).split() or [""]
    return _LANGUAGE.get(first)


_SPECIALITIES = (
    ("dental", r"dent|chirurgien dent|orthodon|stomato|odonto|parodon|zahn|tandarts"),
    ("nutrition", r"diet|nutri|ernahrung|dietista|voeding"),
    (
        "psychotherapy",
        r"psy(?!chomot)|(?:neuro|pedo|geronto)psy|sante mentale|mental|addicto|sexolog|hypnoth",
    ),
    (
        "physiotherapy",
        r"kine|physio|osteo|ergoth|reeducation|readaptation|masseur|chiro|fisio|rehab|posturo|mkde?\b|mk\b",
    ),
    ("general", r"general|medecin|omniprat|gp\b|hausarzt|huisarts"),
)
_SPECIALITY = tuple((code, re.compile(rf"\b(?:{stems})")) for code, stems in _SPECIALITIES)


@lru_cache(maxsize=1024)
def read_speciality(cell: str) -> str | None:
    words = fold(cell)
    return next((code for code, stems in _SPECIALITY if stems.search(words)), None)


_MINUTES = re.compile(r"(\d{1,3})(?:[.,]0+)? ?(?:min|mn|minutes?|m|'|′)?\.?", re.IGNORECASE)
_HOURS = re.compile(r"(\d{1,2}) ?(?:h|:|heures?|hrs?|hours?) ?(\d{2})?(?::\d{2})? ?(?:min|mn|m)?", re.IGNORECASE)
_LASTS = range(5, 12 * 60 + 1)


@lru_cache(maxsize=1024)
def read_duration(cell: str) -> int | None:
    """Minutes, from `45`, `45 min`, `0:45`, `1h15`; None where it cannot be the length of an appointment."""
    if hours := _HOURS.fullmatch(cell):
        minutes = int(hours[1]) * 60 + int(hours[2] or 0)
    elif plain := _MINUTES.fullmatch(cell):
        minutes = int(plain[1])
    else:
        return None
    return minutes if minutes in _LASTS else None


_AGE = re.compile(r"(\d{1,3})(?:[.,]\d+)? ?([a-z]*)")


def read_age(cell: str) -> int | None:
    """Whole years: `8`, `8 ans`, `6 mois`."""
    match = _AGE.match(fold(cell)) if cell and not cell.startswith("-") else None
    if match is None:
        return None
    return 0 if match[2].startswith(("mois", "month", "jour", "day", "sem", "week", "monat")) else int(match[1])


def read_birth_date(cell: str, order: Order, day: date) -> date | None:
    """A birth date, two-digit years included: nobody is born after the appointment."""
    found = read_moment(cell, Order(day_first=order.day_first), FIRST_BIRTH)
    if not isinstance(found, Moment):
        return None
    return found.day if found.day <= day else _in_year(found.day, found.day.year - 100)


def is_minor(birth: date, day: date) -> bool:
    return day < _in_year(birth, birth.year + ADULT)


def _in_year(birth: date, year: int) -> date:
    try:
        return birth.replace(year=year)
    except ValueError:  # born on 29 February
        return date(year, 3, 1)

"""Telephone numbers as people and practice software write them, read into E.164."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

OVERSEAS = ("GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "NC", "PF", "WF")
NEIGHBOURS = ("FR", "CH", "BE")

# As long as a number of France or Switzerland, without the leading zero.
FULL_LENGTH = 9

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
# France keeps 06 39 98 xx xx for fiction: nobody's numbers, which demonstrations and trainings need to be read.
FICTION = re.compile(r"\+3363998\d{4}")

_SCIENTIFIC = re.compile(r"\d\s*e\s*[+-]?\s*\d", re.IGNORECASE)
_WHOLE_FLOAT = re.compile(r"(\d{6,})[.,]0+")
_RUN = re.compile(r"[+(]*\d(?:[ \t\d().\-/]*\d)?")
_BETWEEN_NUMBERS = re.compile(r"/| -+ |--+|[ \t]{2,}")


class TelephoneKind(StrEnum):
    MOBILE = "mobile"
    FIXED = "fixed"
    OTHER = "other"


@dataclass(frozen=True)
class Telephone:
    e164: str
    kind: TelephoneKind


_KINDS = {
    PhoneNumberType.MOBILE: TelephoneKind.MOBILE,
    # Where a country does not tell them apart, an SMS is worth trying.
    PhoneNumberType.FIXED_LINE_OR_MOBILE: TelephoneKind.MOBILE,
    PhoneNumberType.FIXED_LINE: TelephoneKind.FIXED,
    PhoneNumberType.VOIP: TelephoneKind.FIXED,
}


def read(text: str, country: str) -> Telephone | None:
    """The number in a cell, or None; of two, the mobile. `country` is the practice's: FR, CH, BE or overseas.

    A number that is not valid at home is tried overseas, then in the neighbouring countries. There a national
    spelling counts only at full length: the short ones (Nouméa, Brussels) look like a number that lost a
    digit, or like each other, and would reach a stranger.
    """
    cell = unicodedata.normalize("NFKC", text).translate(_DASHES).strip()
    if _SCIENTIFIC.search(cell):
        return None
    whole = _WHOLE_FLOAT.fullmatch(cell)
    found = list(_numbers(whole[1] if whole else cell, country))
    return min(found, key=lambda telephone: telephone.kind is not TelephoneKind.MOBILE, default=None)


@lru_cache(maxsize=1024)
def display(e164: str, country: str) -> str:
    """As one writes it at home; with its international prefix when it belongs elsewhere."""
    try:
        number = phonenumbers.parse(e164, country)
    except phonenumbers.NumberParseException:
        return e164
    at_home = number.country_code == phonenumbers.country_code_for_region(country)
    return phonenumbers.format_number(
        number, PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    )


def country_of(e164: str) -> str | None:
    """The ISO code of a number's country, where its prefix tells."""
    try:
        code: str | None = phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return None
    return code


def _numbers(cell: str, country: str) -> Iterator[Telephone]:
    for match in _RUN.finditer(cell):
        run = match[0]
        whole = _read_one(run, country)
        # A slash may stand within a number or between two, so the pieces come second.
        yield from [whole] if whole else _each([*_BETWEEN_NUMBERS.split(run), *_halves(run)], country)


def _each(pieces: Iterable[str], country: str) -> Iterator[Telephone]:
    for piece in pieces:
        telephone = _read_one(piece, country)
        if telephone is not None:
            yield telephone


def _halves(run: str) -> list[str]:
    """Two numbers of ten digits with nothing to tell them apart."""
    digits = re.sub(r"\D", "", run)
    return [digits[:10], digits[10:]] if len(digits) == 20 and digits[0] == digits[10] == "0" else []


def _read_one(written: str, country: str) -> Telephone | None:
    for region in _regions(country):
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            continue
        telephone = _telephone(number)
        if telephone is None:
            continue
        if region == country or _is_certain(written, number):
            return telephone
    return None


def _telephone(number: PhoneNumber) -> Telephone | None:
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if FICTION.fullmatch(e164):
        return Telephone(e164, TelephoneKind.MOBILE)
    kind = phonenumbers.number_type(number)
    return None if kind == PhoneNumberType.UNKNOWN else Telephone(e164, _KINDS.get(kind, TelephoneKind.OTHER))


def _is_certain(written: str, number: PhoneNumber) -> bool:
    international = written.lstrip("(").startswith(("+", "00"))
    return international or len(phonenumbers.national_significant_number(number)) >= FULL_LENGTH


@lru_cache(maxsize=64)
def _regions(country: str) -> tuple[str, ...]:
    french = country == "FR" or country in OVERSEAS
    family = ("FR", *OVERSEAS) if french else ()
    return tuple(dict.fromkeys((country, *family, *NEIGHBOURS)))

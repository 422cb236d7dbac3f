"""Public holidays of France (Alsace-Moselle and overseas too), of each Swiss canton, and of Belgium."""

import re
from datetime import date
from functools import lru_cache

import holidays
from holidays.constants import PUBLIC
from holidays.countries.france import France
from holidays.countries.switzerland import Switzerland

from db.errors import ConfigurationError
from db.rules.folding import folded

COUNTRIES = ("FR", "CH", "BE")

_METROPOLITAN_DEPARTMENT = re.compile(r"(?:0[1-9]|[1-8]\d|9[0-5]|2[ab])")

# In the Catholic part of these two cantons, which is most of each, the law adds days that the library leaves
# out because a few communes do not keep them. Zug keeps all of them, so its calendar gives their dates.
_CATHOLIC_DAYS = {
    "FR": ("Corpus Christi", "Assumption Day", "All Saints' Day", "Immaculate Conception"),
    "SO": ("Corpus Christi", "Assumption Day", "All Saints' Day"),
}


@lru_cache(maxsize=1024)
def known_subdivision(country: str, subdivision: str | None) -> str | None:
    """The one spelling of a part of a country that has holidays of its own; None for a part that has none.

    Swiss cantons by code or name; in France, departments by number or name. Raises `ConfigurationError` for a
    country or a part that is not known, since a wrong one would send messages on holidays.
    """
    if country not in COUNTRIES:
        raise ConfigurationError(f"Country {country!r} is not known: use one of {', '.join(COUNTRIES)}.")
    # Belgium's holidays are the same everywhere; the library's parts of it only tell school holidays apart.
    if subdivision is None or not subdivision.strip() or country == "BE":
        return None
    wanted = folded(subdivision).removeprefix(f"{country.casefold()}-")
    found = _spellings(country).get(wanted)
    if found is None and not (country == "FR" and _METROPOLITAN_DEPARTMENT.fullmatch(wanted)):
        hint = "a canton's code, such as GE" if country == "CH" else "a department's number, or Alsace-Moselle"
        raise ConfigurationError(f"{subdivision!r} is not a known part of {country}: use {hint}.")
    return found


@lru_cache(maxsize=512)
def public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """Days on which nearly everything is closed by law: no optional, bank, half-day or school holidays."""
    part = known_subdivision(country, subdivision)
    days = set(_calendar(country, part, year))
    if country == "CH" and part in _CATHOLIC_DAYS:
        zug = _calendar("CH", "ZG", year)
        days.update(day for name in _CATHOLIC_DAYS[part] for day in zug.get_named(name))
    return frozenset(days)


def is_public_holiday(day: date, country: str, subdivision: str | None) -> bool:
    return day in public_holidays(country, subdivision, day.year)


def _calendar(country: str, part: str | None, year: int) -> holidays.HolidayBase:
    return holidays.country_holidays(
        country, subdiv=part, years=year, expand=False, language="en_US", categories=(PUBLIC,)
    )


@lru_cache(maxsize=len(COUNTRIES))
def _spellings(country: str) -> dict[str, str]:
    source = France if country == "FR" else Switzerland
    spellings = {folded(code): code for code in source.subdivisions if not code.startswith("Zone ")}
    spellings |= {folded(name): code for name, code in source.subdivisions_aliases.items()}
    if country == "FR":
        alsace = ("Alsace-Moselle", "Alsace", "67", "68", "Bas-Rhin", "Haut-Rhin")
        spellings |= {folded(name): spellings["alsace"] for name in alsace}
    return spellings

from datetime import date

import pytest
from holidays.countries.switzerland import Switzerland

from db.errors import ConfigurationError
from db.rules.public_holidays import known_subdivision, public_holidays

CANTONS = [code for code in Switzerland.subdivisions if len(code) == 2]

FRANCE_2026 = {
    date(2026, 1, 1),
    date(2026, 4, 6),
    date(2026, 5, 1),
    date(2026, 5, 8),
    date(2026, 5, 14),
    date(2026, 5, 25),
    date(2026, 7, 14),
    date(2026, 8, 15),
    date(2026, 11, 1),
    date(2026, 11, 11),
    date(2026, 12, 25),
}


def test_france_has_its_eleven_days_and_no_other() -> None:
    assert public_holidays("FR", None, 2026) == FRANCE_2026


@pytest.mark.parametrize(
    "part", ["57", "67", "68", "Alsace-Moselle", "alsace-moselle", "Alsace", "Moselle", "Bas-Rhin", "FR-67"]
)
def test_alsace_moselle_adds_good_friday_and_the_day_after_christmas(part: str) -> None:
    assert public_holidays("FR", part, 2026) - FRANCE_2026 == {date(2026, 4, 3), date(2026, 12, 26)}


@pytest.mark.parametrize("part", ["75", "13", "2A", "2b", "01", "", " "])
def test_other_departments_have_the_days_of_france(part: str) -> None:
    assert public_holidays("FR", part, 2026) == FRANCE_2026


@pytest.mark.parametrize("part", ["974", "RE", "La Réunion", "la reunion"])
def test_an_overseas_department_adds_its_own_day(part: str) -> None:
    assert date(2026, 12, 20) in public_holidays("FR", part, 2026)


def test_there_are_twenty_six_cantons() -> None:
    assert len(CANTONS) == 26


@pytest.mark.parametrize("canton", CANTONS)
def test_every_canton_keeps_the_four_federal_days(canton: str) -> None:
    federal = {date(2026, 1, 1), date(2026, 5, 14), date(2026, 8, 1), date(2026, 12, 25)}
    assert public_holidays("CH", None, 2026) == federal
    assert federal <= public_holidays("CH", canton, 2026)


@pytest.mark.parametrize(
    ("canton", "day", "closed"),
    [
        ("GE", date(2026, 9, 10), True),  # the Genevan Fast
        ("GE", date(2026, 12, 31), True),
        ("GE", date(2026, 5, 1), False),
        ("VD", date(2026, 9, 21), True),  # the Monday of the Federal Fast
        ("VD", date(2026, 1, 2), True),
        ("VD", date(2026, 12, 26), False),
        ("VS", date(2026, 3, 19), True),
        ("VS", date(2026, 4, 3), False),  # no Good Friday in Valais
        ("VS", date(2026, 4, 6), False),
        ("NE", date(2026, 3, 1), True),
        ("NE", date(2028, 1, 2), False),
        ("NE", date(2023, 1, 2), True),  # only when it is a Monday
        ("JU", date(2026, 6, 23), True),
        ("FR", date(2026, 6, 4), True),  # the Catholic days of Fribourg
        ("FR", date(2026, 8, 15), True),
        ("FR", date(2027, 11, 1), True),
        ("FR", date(2026, 12, 8), True),
        ("FR", date(2026, 4, 6), False),  # optional there
        ("SO", date(2026, 6, 4), True),
        ("SO", date(2026, 12, 8), False),
        ("SO", date(2026, 5, 1), False),  # half a day is not a closed day
        ("TI", date(2026, 6, 29), True),
        ("TI", date(2026, 4, 3), False),
        ("BE", date(2026, 1, 2), True),
        ("ZH", date(2026, 5, 1), True),
        ("GL", date(2026, 4, 9), True),
    ],
)
def test_a_canton_has_its_own_days(canton: str, day: date, closed: bool) -> None:
    assert (day in public_holidays("CH", canton, day.year)) is closed


@pytest.mark.parametrize("part", [None, "Bruxelles", "Flemish", "French"])
def test_belgium_has_the_same_days_everywhere(part: str | None) -> None:
    days = public_holidays("BE", part, 2026)
    assert date(2026, 7, 21) in days
    assert date(2026, 11, 11) in days
    assert date(2026, 9, 27) not in days  # the French Community's day, kept by its offices only
    assert date(2026, 5, 15) not in days  # a bank holiday


@pytest.mark.parametrize(
    ("country", "written", "code"),
    [
        ("CH", "ge", "GE"),
        ("CH", "Genève", "GE"),
        ("CH", "Geneve", "GE"),
        ("CH", "CH-VD", "VD"),
        ("FR", "57", "57"),
    ],
)
def test_a_part_is_known_by_code_or_name(country: str, written: str, code: str) -> None:
    assert known_subdivision(country, written) == code


@pytest.mark.parametrize(
    ("country", "part"),
    [
        ("CH", "XX"),
        ("CH", "75"),
        ("FR", "Genève"),
        ("FR", "Zone A"),
        ("FR", "96"),
        ("DE", None),
        ("fr", None),
    ],
)
def test_an_unknown_place_is_refused_with_a_hint(country: str, part: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"use "):
        known_subdivision(country, part)

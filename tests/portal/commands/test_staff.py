"""`reprise staff`: leave from the terminal."""

from datetime import date
from typing import Any

import pytest

from db.engine import fetch, fetch_value
from tests import factories as f
from tests.portal.commands.conftest import Terminal

SACHA, ANDREA = "sacha@tilleuls.example", "andrea@tilleuls.example"
DAYS = ("--from", "2026-11-16", "--to", "2026-11-20")


@pytest.fixture
def house(terminal: Terminal) -> Terminal:
    terminal.do(f.make_practice(staff=f.EVERY_ROLE))
    return terminal


def leave(house: Terminal) -> list[tuple[Any, ...]]:
    rows = house.do(
        fetch(
            "SELECT s.name, a.starts_on, a.ends_on, i.name AS stand_in FROM staff_absence a "
            "JOIN staff s ON s.id = a.staff LEFT JOIN staff i ON i.id = a.stand_in ORDER BY a.id"
        )
    )
    return [tuple(row.values()) for row in rows]


def test_leave_is_recorded_with_whoever_stands_in(house: Terminal) -> None:
    said = house.run("staff", "away", SACHA.upper(), *DAYS, "--stand-in", ANDREA).out
    assert "Sacha Morel is recorded as away until 2026-11-20." in said
    assert "Andrea Blanc stands in." in said
    assert leave(house) == [("Sacha Morel", date(2026, 11, 16), date(2026, 11, 20), "Andrea Blanc")]


def test_recording_it_again_changes_nothing(house: Terminal) -> None:
    ref = house.do(fetch_value("SELECT ref FROM staff WHERE name = 'Sacha Morel'"))
    told = [house.json("staff", "away", SACHA, *DAYS) for _ in range(2)]
    assert told == [
        {"staff": ref, "changed": changed, "moved": 0, "stands_in": "Dominique Petit"} for changed in (True, False)
    ]
    assert "already" in house.run("staff", "away", SACHA, *DAYS).out
    assert len(leave(house)) == 1


def test_leave_begins_today_unless_told_otherwise(house: Terminal) -> None:
    house.run("staff", "away", SACHA, "--to", "2026-11-20")
    assert leave(house)[0][1] == f.MONDAY.date()


def test_nobody_to_stand_in_is_said(house: Terminal) -> None:
    house.do(fetch("UPDATE staff SET fallback = NULL"))
    result = house.run("staff", "away", SACHA, *DAYS)
    assert "Nobody stands in" in result.err
    assert "[[staff]]" in result.err


def test_coming_back_ends_it(house: Terminal) -> None:
    assert "was not away" in house.run("staff", "back", SACHA).out
    house.run("staff", "away", SACHA, *DAYS)
    assert "Sacha Morel is back." in house.run("staff", "back", SACHA).out
    house.run("staff", "away", SACHA, "--from", "2026-12-21", "--to", "2026-12-24")
    assert house.json("staff", "back", SACHA)["changed"] is False
    assert house.json("staff", "back", SACHA, "--planned")["changed"] is True
    assert leave(house) == []


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ((SACHA,), "--to"),
        ((SACHA, "--to", "soon"), "2026-12-24"),
        (("sacha", *DAYS), "email address"),
        (("nobody@tilleuls.example", *DAYS), "Nobody who works here"),
        ((SACHA, *DAYS, "--stand-in", SACHA), "somebody else"),
        ((SACHA, *DAYS, "--stand-in", "camille@tilleuls.example"), "Camille Roux cannot be told"),
        ((SACHA, "--from", "2026-11-20", "--to", "2026-11-18"), "before it begins"),
    ],
)
def test_leave_that_cannot_be_is_refused_with_a_reason(house: Terminal, words: tuple[str, ...], hint: str) -> None:
    house.do(fetch("UPDATE staff SET alerts = 'none' WHERE name = 'Camille Roux'"))
    assert hint in house.run("staff", "away", *words, code=2).err
    assert leave(house) == []


def test_no_address_is_shown(house: Terminal) -> None:
    result = house.run("staff", "away", SACHA, *DAYS, "--stand-in", ANDREA)
    assert "@" not in result.out + result.err

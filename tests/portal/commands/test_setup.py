"""`reprise setup` and `reprise migrate`."""

from pathlib import Path

import pytest

from db.engine import fetch, fetch_one
from db.queries.practices import only_practice, sending
from tests.portal.commands.conftest import Terminal
from tests.portal.forms.test_practice_file import SECOND, write
from tests.portal.forms.test_practice_people import EVERYBODY_ELSE

MAXIME = '[[practitioners]]\nname = "Maxime Lefèvre"\nspeciality = "psychotherapy"'


@pytest.fixture
def production(terminal: Terminal) -> Terminal:
    terminal.settings(REPRISE_MODE="production", REPRISE_BASE_URL="https://rdv.example")
    return terminal


def test_a_practice_is_made_from_its_file(production: Terminal, tmp_path: Path) -> None:
    path = write(tmp_path, end=f"{SECOND}\n{EVERYBODY_ELSE}\n{MAXIME}")
    assert production.json("setup", path) == {
        "practice": "Cabinet des Tilleuls",
        "changed": True,
        "practitioners": 1,
        "staff": 5,
        "closures": 0,
        "warnings": [],
    }
    practice = production.do(only_practice())
    assert practice.discreet_name == "Les Tilleuls"
    access = production.do(sending(practice.id))
    assert (access.smtp["host"], access.sms["token"]) == ("smtp.tilleuls.example", "t")


def test_the_same_file_again_changes_nothing(production: Terminal, tmp_path: Path) -> None:
    path = write(tmp_path, end=f"{SECOND}\n{MAXIME}")
    production.run("setup", path)
    assert production.json("setup", path)["changed"] is False
    assert "nothing was changed" in production.run("setup", path).out
    assert len(production.do(fetch("SELECT 1 FROM journal WHERE event = 'practice_saved'"))) == 1


def test_an_edited_file_updates_the_same_practice(production: Terminal, tmp_path: Path) -> None:
    production.run("setup", write(tmp_path, end=MAXIME))
    path = write(tmp_path, agenda="duration = 30", end=MAXIME)
    path.write_text(path.read_text(encoding="utf-8").replace("Cabinet des", "Maison des"), encoding="utf-8")
    production.run("setup", path)
    practice = production.do(only_practice())
    assert (practice.name, practice.settings.duration_min) == ("Maison des Tilleuls", 30)
    counted = production.do(fetch_one("SELECT (SELECT count(*) FROM practice), (SELECT count(*) FROM practitioner)"))
    assert counted is not None
    assert list(counted.values()) == [1, 1]


def test_a_file_with_mistakes_changes_nothing_and_names_them(production: Terminal, tmp_path: Path) -> None:
    result = production.run("setup", write(tmp_path, agenda="duration = 0", sender=""), code=2)
    assert result.out == ""
    assert "[agenda] duration" in result.err
    assert "[sms] sender" in result.err
    assert production.do(fetch("SELECT 1 FROM practice")) == []


def test_a_missing_file_is_one_sentence(production: Terminal, tmp_path: Path) -> None:
    result = production.run("setup", tmp_path / "nowhere.toml", code=2)
    assert "cannot be read" in result.err
    assert len(result.err.splitlines()) == 1


def test_no_secret_is_shown(production: Terminal, tmp_path: Path) -> None:
    path = write(tmp_path, token='token = "very-secret"', smtp='username = "u"\npassword = "very-secret"')
    result = production.run("setup", path)
    assert "very-secret" not in result.out + result.err


def test_a_demo_keeps_its_own_mail_server_and_gateway(terminal: Terminal, tmp_path: Path) -> None:
    assert "nothing leaves this machine" in terminal.run("setup", write(tmp_path)).err
    access = terminal.do(sending(terminal.do(only_practice()).id))
    assert access.smtp["host"] == "127.0.0.1"
    assert access.smtp["from_address"] == "rdv@tilleuls.example"
    assert access.sms["base_url"].startswith("http://127.0.0.1:")


def test_migrating_again_is_harmless(terminal: Terminal) -> None:
    assert terminal.json("migrate")["done"] is True
    assert "up to date" in terminal.run("migrate").out

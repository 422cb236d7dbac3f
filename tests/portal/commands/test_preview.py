import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from db.changes.practices import save_practice
from db.engine import fetch
from db.rules.plans import PLANS, from_json
from db.rules.settings import Settings
from jobs.messages.catalogue import shipped
from jobs.messages.languages import languages
from tests import factories as f
from tests.portal.commands.conftest import Terminal
from tests.portal.conftest import everything

MISSED = ("--missed", "2026-11-16T10:00")
SPECIALITIES = sorted({key.speciality for key in shipped().every_key()})


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("speciality", SPECIALITIES)
def test_every_shipped_sequence_can_be_read_whole(shop: Terminal, speciality: str, language: str) -> None:
    for plan in PLANS:
        shown = shop.json("preview", plan, "--speciality", speciality, "--language", language, *MISSED)
        messages = [step for step in shown["steps"] if step["kind"] == "message"]
        assert len(messages) == len(PLANS[plan].messages)
        assert len(shown["steps"]) == len(PLANS[plan].steps)
        for step in messages:
            assert step["refused"] == []
            assert step["wording"].endswith(f"/{language}")
            assert "Alix" in step["text"] or step["channel"] == "sms"
            if step["channel"] == "sms":
                assert (step["segments"], step["subject"]) == (1, "")
                assert 0 < step["septets"] <= 160
            else:
                assert step["subject"]


def test_dates_are_those_that_the_patient_would_get(shop: Terminal) -> None:
    shown = shop.json("preview", "high_risk", *MISSED)
    when = [
        (step["kind"], f"{datetime.fromisoformat(step['due_at']).astimezone(f.PARIS):%a %d %H:%M}")
        for step in shown["steps"]
    ]
    assert when == [
        ("message", "Mon 16 10:30"),
        ("message", "Mon 16 10:30"),
        ("call", "Tue 17 09:00"),
        ("message", "Tue 17 10:00"),
        ("message", "Wed 18 10:00"),
        ("alert", "Thu 19 09:00"),
        ("message", "Thu 19 10:00"),
        ("escalation", "Sat 21 09:00"),
        ("message", "Sat 21 10:00"),
    ]
    alert = shown["steps"][5]
    assert (alert["assignee"], alert["fallback"], alert["unless_answered"]) == ("practitioner", "clinical_lead", True)


def test_people_read_it_in_the_practices_language(shop: Terminal) -> None:
    told = shop.run("preview", "high_risk", "--speciality", "dental", *MISSED).out
    assert "Objet : Votre rendez-vous du lundi 16 novembre" in told
    assert "appeler le patient" in told
    assert "sauf si le patient a donné suite" in told
    assert "Les Tilleuls" in told
    assert re.search(r"\d+ caractères sur 160", told)
    # The sender of the tests is a number, so an answer comes back.
    assert "STOP pour se désinscrire" in told


def test_a_preview_changes_nothing_and_sends_nothing(shop: Terminal) -> None:
    before = shop.do(everything())
    shop.run("preview", "standard")
    assert shop.do(everything()) == before


@pytest.mark.parametrize("words", [("nope",), ("standard", "--speciality", "x"), ("standard", "--language", "x")])
def test_a_name_that_is_not_known_is_answered_with_the_known_ones(shop: Terminal, words: tuple[str, ...]) -> None:
    told = shop.run("preview", *words, code=2).err
    assert "nown: " in told
    assert any(name in told for name in ("high_risk, psychotherapy, standard", "dental, general", "en, fr"))


def test_a_moment_that_cannot_be_read_says_how_to_write_it(shop: Terminal) -> None:
    assert "2026-11-16T10:00" in shop.run("preview", "standard", "--missed", "yesterday", code=2).err


def test_the_practices_own_plan_is_shown_with_the_names_of_its_people(shop: Terminal) -> None:
    ref = shop.do(fetch("SELECT ref FROM staff WHERE role = 'admin'"))[0]["ref"]
    plan = from_json(
        '{"name": "mine", "steps": [{"day": 0, "message": "first", "channel": "sms"},'
        f' {{"day": 2, "kind": "call", "assignee": "{ref}"}}]}}'
    )
    new = replace(f.new_practice(), settings=Settings(plans={"mine": plan}))
    shop.do(save_practice(new, now=f.MONDAY))
    assert "Dominique Petit" in shop.run("preview", "mine", *MISSED).out


def test_what_a_practice_has_switched_off_is_not_shown(shop: Terminal) -> None:
    shop.do(save_practice(replace(f.new_practice(), settings=Settings(worth_sms=False)), now=f.MONDAY))
    shown = shop.json("preview", "standard")
    assert ("worth", "sms") not in [(step["message"], step["channel"]) for step in shown["steps"]]


def test_a_name_that_tells_what_care_is_given_is_refused_where_strangers_read(shop: Terminal) -> None:
    shop.do(save_practice(replace(f.new_practice(), discreet_name="Cabinet Psy"), now=f.MONDAY))
    shown = shop.json("preview", "high_risk", code=1)
    brief = next(step for step in shown["steps"] if step.get("message") == "brief")
    assert [why.partition(":")[0] for why in brief["refused"]] == ["discretion"]
    assert "Cabinet Psy" in brief["text"]
    assert "Ne peut pas partir : discretion" in shop.run("preview", "high_risk", code=1).out


def test_what_the_renderer_refuses_is_shown_with_the_reason(shop: Terminal) -> None:
    shop.settings(REPRISE_BASE_URL="https://rendez-vous.maison-de-sante-des-tilleuls.example/practice")
    shown = shop.json("preview", "standard", code=1)
    first, mail = shown["steps"][:2]
    assert (first["text"], first["septets"]) == ("", None)
    assert any("too many" in why for why in first["refused"])
    assert mail["refused"] == []


def test_without_a_practice_an_example_stands_in(terminal: Terminal) -> None:
    shown = terminal.json("preview", "psychotherapy", "--speciality", "psychotherapy", *MISSED)
    assert shown["practice"] is None
    assert "Aucun cabinet" in terminal.run("preview", "standard").out


def test_without_a_stack_too(terminal: Terminal, tmp_path: Path) -> None:
    result = terminal.run("--data", tmp_path / "nothing", "preview", "standard", *MISSED)
    assert "Aucun cabinet" in result.out
    assert not (tmp_path / "nothing").exists()

"""`reprise patient`, `risk` and `objection`."""

import pytest

from db.engine import fetch_value
from tests import factories as f
from tests.portal.commands.conftest import Terminal
from tests.portal.commands.test_tasks import absent


def test_patient_is_found_by_number(shop: Terminal) -> None:
    absence = absent(shop, last_name="Durand")
    card = shop.run("patient", absence.patient_key, "--json").json
    assert (card["first_name"], card["last_name"]) == ("Alix", "Durand")
    assert (card["phone"], card["email"], card["opted_out"]) == (absence.phone, absence.email, [])
    assert "Alix Durand" in shop.run("patient", absence.patient_key).out


def test_patient_without_a_number_is_shown_and_found_by_reference(shop: Terminal) -> None:
    absent(shop, patient_key="h:" + "0" * 32, phone=None, phone_kind=None, email=None)
    (task,) = shop.run("status", "--json").json["tasks"]
    assert not task["patient"].startswith("h:")
    card = shop.run("patient", task["patient"], "--json").json
    assert card["first_name"] == "Alix"


def test_unknown_patient_is_refused(shop: Terminal) -> None:
    refused = shop.run("patient", "nobody", code=2)
    assert "no patient nobody" in refused.err


def test_labels_that_stand_are_shown_with_their_rule_and_dates(shop: Terminal) -> None:
    key = absent(shop).patient_key
    assert shop.json("patient", key)["labels"] == []
    until = ("--until", "2026-11-20")
    assert (
        "is set" in shop.run("risk", "set", key, "practitioner_label", *until, "--as", "camille@tilleuls.example").out
    )
    assert "stood like this" in shop.run("risk", "set", key, "practitioner_label", *until).out
    [label] = shop.json("patient", key)["labels"]
    assert (label["rule"], label["until"]) == ("practitioner_label", "2026-11-20")
    told = shop.run("patient", key).out
    assert "Suivi prioritaire : décision du praticien, depuis le lun. 16 nov. 2026" in told
    assert "jusqu’au 20 novembre 2026" in told
    assert shop.do(f.enrolment_of(key))["plan_name"] == "high_risk"
    shop.now_is(f.local(21, 10))
    assert shop.json("patient", key)["labels"] == []


def test_a_label_is_ended_once_and_by_whom_is_known(shop: Terminal) -> None:
    key = absent(shop).patient_key
    shop.run("risk", "set", key, "crisis")
    ended = [shop.json("risk", "end", key, "crisis", "--as", "Camille@Tilleuls.example") for _ in range(2)]
    assert [one["changed"] for one in ended] == [True, False]
    camille = shop.do(fetch_value("SELECT ref FROM staff WHERE name = 'Camille Roux'"))
    actor = shop.do(fetch_value("SELECT actor FROM journal WHERE event = 'label_ended'"))
    assert actor == f"staff:{camille}"
    assert shop.json("patient", key)["labels"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "P9", "crisis"), "no patient P9"),
        (("end", "P9", "crisis"), "no patient P9"),
        (("set", "P1", "crisis", "--until", "2026-11-15"), "cannot end in the past"),
        (("set", "P1", "repeated_absences"), "does not use the rule"),
        (("set", "P1", "unwell"), "is not one of"),
        (("set", "P1", "crisis", "--as", "x@y.example"), "Nobody who works here"),
    ],
)
def test_a_label_that_cannot_be_is_refused(shop: Terminal, words: tuple[str, ...], said: str) -> None:
    absent(shop, patient_key="P1")
    assert said in " ".join(shop.run("risk", *words, code=2).err.split())
    assert shop.json("patient", "P1")["labels"] == []


def test_an_objection_stops_messages_and_is_lifted(shop: Terminal) -> None:
    key = absent(shop).patient_key
    ref = shop.json("patient", key)["ref"]
    assert "is recorded" in shop.run("objection", "record", key).out
    assert "stood already" in shop.run("objection", "record", ref).out
    assert shop.do(f.enrolment_of(key))["reason"] == "objection"
    assert "Opposition à toute relance automatique, depuis le lun. 16 nov. 2026" in shop.run("patient", key).out
    assert [task["kind"] for task in shop.json("worklist")] == ["objection"]
    assert [shop.json("objection", "lift", key)["changed"] for _ in range(2)] == [True, False]
    assert shop.json("patient", key)["objected_at"] is None
    assert "no patient P9" in shop.run("objection", "lift", "P9", code=2).err

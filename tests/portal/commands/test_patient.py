"""`reprise patient`."""

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

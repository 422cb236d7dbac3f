import pytest

from jobs.messages.lint.check import lint


def _rules(name: str, *, language: str = "fr", can_receive: bool = False) -> set[str]:
    return {found.rule for found in lint(name, kind="sender", language=language, can_receive=can_receive)}


@pytest.mark.parametrize(
    "name", ["Tilleuls", "CABTILLEULS", "Cabinet12", "LesTilleuls", "PRESIDENT", "Occident", "DROME", "Besoin1"]
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_discreet_name_of_letters_and_digits_passes(name: str, language: str) -> None:
    assert _rules(name, language=language) == set()


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "sender.empty"),
        ("CabinetTilleuls", "sender.length"),
        ("Les Tilleuls", "sender.letters"),
        ("Évasion", "sender.letters"),
        ("Tilleuls!", "sender.letters"),
        ("12345", "sender.digits"),
        ("38000", "sender.digits"),
        ("0612345678", "sender.mobile"),
        ("07 12 34 56 78", "sender.mobile"),
        ("+33612345678", "sender.mobile"),
    ],
)
def test_the_form_of_a_name_is_checked(name: str, rule: str) -> None:
    assert rule in _rules(name)


@pytest.mark.parametrize(
    "name",
    [
        "PsyDupont", "CABPSYLYON", "KineParc", "DentLyon", "DENTISTE", "DrMartin", "DRMARTIN", "Osteo13",
        "NutriPlus", "MedicLyon", "Sante2", "THERAPIE", "Cab-Kiné", "Psychologue", "DietEtMoi", "Soins12",
    ],
)  # fmt: skip
def test_a_name_that_tells_the_care_is_found_wherever_the_word_hides(name: str) -> None:
    assert "discretion" in _rules(name)


def test_a_number_may_send_where_it_can_receive_but_for_french_mobiles() -> None:
    assert _rules("+41 21 555 00 00", can_receive=True) == set()
    assert _rules("06 12 34 56 78", can_receive=True) == {"sender.mobile"}

import pytest

from db.rules.names import LONGEST_KEY, bare_name, name_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mme  LEFÈVRE-Müller", "mme lefevre muller"),
        ("Œdipe Lætitia", "oedipe laetitia"),
        ("  d'Ormesson ", "D’ORMESSON"),
    ],
)
def test_a_name_has_one_key_however_it_is_written(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize("blank", ["", "  ", "-", "…"])
def test_a_blank_name_has_the_blank_key(blank: str) -> None:
    assert name_key(blank) == ""


@pytest.mark.parametrize("long", ["œ" * 100, "A" * 120 + " " + "B" * 120, "ﬃ" * 60])
def test_a_key_fits_its_column(long: str) -> None:
    assert 0 < len(name_key(long)) <= LONGEST_KEY


@pytest.mark.parametrize(
    "written",
    [
        "Élise Marchand",
        "Dr Élise Marchand",
        "MARCHAND Élise",
        "Mme MARCHAND Elise",
        "Docteur Elise Marchand",
        "Élise Marchand (psychologue)",
        "Marchand Élise, kinésithérapeute",
    ],
)
def test_one_person_written_in_many_ways_is_one_person(written: str) -> None:
    assert name_key(written) == name_key("Élise Marchand")


@pytest.mark.parametrize("other", ["Élise Marchal", "Éric Marchand", "Élise Marchand-Petit"])
def test_another_person_is_another(other: str) -> None:
    assert name_key(other) != name_key("Élise Marchand")


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("Maxime Lefèvre", "Maxime Lefèvre"),
        ("Dr Maxime Lefèvre", "Maxime Lefèvre"),
        ("DR. LEFÈVRE", "LEFÈVRE"),
        ("Docteur Maxime Lefèvre", "Maxime Lefèvre"),
        ("Pr Dr Maxime Lefèvre", "Maxime Lefèvre"),
        ("Mme Lefèvre", "Lefèvre"),
        ("M. Lefèvre", "Lefèvre"),
        ("Marie Lefèvre", "Marie Lefèvre"),
        ("Prosper Drouet", "Prosper Drouet"),
        ("Maxime Lefèvre, psychologue", "Maxime Lefèvre"),
        ("Maxime Lefèvre (kinésithérapeute)", "Maxime Lefèvre"),
        ("Maxime Lefèvre - dentiste", "Maxime Lefèvre"),
        ("Anne-Marie Lefèvre-Müller", "Anne-Marie Lefèvre-Müller"),
        ("Dr", "Dr"),
    ],
)
def test_a_practitioner_is_named_without_title_or_occupation(stored: str, shown: str) -> None:
    assert bare_name(stored) == shown

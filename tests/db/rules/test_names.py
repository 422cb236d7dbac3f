import pytest

from db.rules.names import LONGEST_KEY, name_key


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

import pytest

from jobs.messages.values import given_name, one_line


@pytest.mark.parametrize(
    ("held", "written"),
    [
        ("JEAN-PAUL", "Jean-Paul"),
        ("jean-paul", "Jean-Paul"),
        ("ÉLODIE", "Élodie"),
        ("marie claire", "Marie Claire"),
        ("N'GOLO", "N'Golo"),
        ("McKenzie", "McKenzie"),
        ("Léa", "Léa"),
        ("Le\u0301a", "Léa"),
        ("  Zoé\n", "Zoé"),
        ("MARIE, ANNE, LOUISE", "Marie"),
        ("J. Pierre", "J. Pierre"),
        ("Мария", "Мария"),
        ("", ""),
        ("   ", ""),
        ("<script>alert(1)</script>", ""),
        ("{{ link }}", ""),
        ("evil.example", ""),
        ("https://evil.example", ""),
        ("Ann\r\nBcc: x@y.example", ""),
        ("06 12 34 56 78", ""),
        ("x" * 41, ""),
    ],
)
def test_a_first_name_is_written_as_in_a_letter_or_not_at_all(held: str, written: str) -> None:
    assert given_name(held) == written


@pytest.mark.parametrize(
    ("held", "written"),
    [
        ("Cabinet\r\nBcc: a@b.example", "Cabinet Bcc: a@b.example"),
        ("a\u0000b\u2028c", "a b c"),
        ("a\u202eb\u200bc", "abc"),
        ("01\u00a084\u202f80", "01 84 80"),
        ("a\ue000b", "a b"),
    ],
)
def test_a_value_is_one_visible_line(held: str, written: str) -> None:
    assert one_line(held) == written

from pathlib import Path

import pytest

from portal.forms.sending_access import Around, read_smtp
from portal.forms.toml_reader import Section

AROUND = Around(Path(), "FR", "fr", "Les Tilleuls")


def read(**changes: object) -> tuple[dict[str, object], list[str]]:
    values = {"host": "smtp.tilleuls.example", "from_address": "rdv@tilleuls.example"} | changes
    problems: list[str] = []
    return read_smtp(Section("[smtp]", values, problems), AROUND), problems


@pytest.mark.parametrize("local", ["retour", "r", "a" * 31])
def test_bounce_address_with_room_for_a_token_is_taken(local: str) -> None:
    access, problems = read(bounce_address=f"{local}@tilleuls.example")
    assert access["bounce_address"] == f"{local}@tilleuls.example"
    assert problems == []


def test_bounce_address_may_be_left_out() -> None:
    access, problems = read()
    assert "bounce_address" not in access
    assert problems == []


@pytest.mark.parametrize("bad", [f"{'a' * 32}@tilleuls.example", "retour", "@tilleuls.example", "", 1])
def test_bounce_address_that_cannot_carry_a_token_is_named(bad: object) -> None:
    access, problems = read(bounce_address=bad)
    assert "bounce_address" not in access
    assert [problem.split(":")[0] for problem in problems] == ["[smtp] bounce_address"]

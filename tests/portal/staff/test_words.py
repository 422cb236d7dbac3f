"""The words of the staff pages."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from db.states import Role
from portal.staff.words import tables, words_for


def keys(table: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from keys(value, f"{before}{name}.")
        else:
            yield before + name


def test_every_language_has_the_same_texts() -> None:
    every = {code: set(keys(table)) for code, table in tables().items()}
    assert set(every) == {"fr", "en"}
    assert every["fr"] ^ every["en"] == set()


def test_no_text_is_empty_and_every_role_has_a_name() -> None:
    for code in tables():
        assert all(words_for(code).roles[role] for role in Role)


@pytest.mark.parametrize(("asked", "code"), [("fr", "fr"), ("en-GB", "en"), ("en_US", "en"), ("de", "fr"), ("", "fr")])
def test_a_language_that_is_missing_is_french(asked: str, code: str) -> None:
    assert words_for(asked).code == code


def test_french_is_written_with_its_own_signs() -> None:
    table = tables()["fr"]
    flat = [(name, text) for section in table.values() for name, text in section.items() if isinstance(text, str)]
    assert [name for name, text in flat if "'" in text and "<" not in text] == []


def every_text(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from every_text(value)
        else:
            yield name, value


def test_no_line_of_a_page_in_french_ends_before_its_punctuation() -> None:
    shown = vars(words_for("fr"))
    texts = [text for name in tables()["fr"] for _, text in every_text(vars(shown[name]))]
    assert [text for text in texts if re.search(r" [:;?!»](?:\s|$)|« ", text)] == []
    assert sum("\u00a0" in text for text in texts) > 50


def test_each_text_names_the_same_values_in_every_language() -> None:
    values = [
        sorted((name, sorted(set(re.findall(r"{(\w+)}", text)))) for name, text in every_text(table))
        for table in tables().values()
    ]
    assert all(one == values[0] for one in values)

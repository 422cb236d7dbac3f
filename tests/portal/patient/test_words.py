import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from jobs.messages.languages import languages
from portal.patient.words import Words, all_words, words_for


def texts(words: SimpleNamespace) -> Iterator[str]:
    for name, value in vars(words).items():
        if isinstance(value, SimpleNamespace):
            yield from texts(value)
        elif isinstance(value, str) and name not in ("code", "week_day", "week_day_first"):
            yield value


def placeholders(words: Words) -> list[list[str]]:
    return [re.findall(r"{(\w+)}", text) for text in texts(words)]


def test_pages_speak_every_language_that_messages_speak() -> None:
    assert set(all_words()) == set(languages())


@pytest.mark.parametrize("code", all_words())
def test_a_language_fills_in_what_french_fills_in(code: str) -> None:
    assert placeholders(all_words()[code]) == placeholders(all_words()["fr"])


@pytest.mark.parametrize(
    ("asked", "found"),
    [("fr", "fr"), ("fr-CH", "fr"), ("en_GB", "en"), ("EN", "en"), ("pt", "fr"), ("", "fr"), ("../x", "fr")],
)
def test_an_unknown_language_falls_back_to_french(asked: str, found: str) -> None:
    assert words_for(asked).code == found


@pytest.mark.parametrize("text", list(texts(words_for("fr"))))
def test_french_is_typeset_as_french_is(text: str) -> None:
    assert not re.search(r" [?!:;»]|« ", text), "a no-break space goes before double punctuation"
    assert "'" not in text
    assert not re.search(r"\(e\)|·e|\.e\b", text)


@pytest.mark.parametrize("code", all_words())
def test_no_page_presses_blames_or_names_a_price(code: str) -> None:
    every = " ".join(texts(all_words()[code])).lower()
    for word in (
        "manqué", "absen", "missed", "urgent", "vite", "dernière chance", "last chance", "facture", "frais", "€",
        "pénalit", "penalt", "devez", "must", "should", "obligat", "lapin", "faute", "fault",
    ):  # fmt: skip
        assert not re.search(rf"\b{word}", every), word

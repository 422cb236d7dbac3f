"""Which answers are read before all others. The texts stand beside this, one a line, `\\n` for a new line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.delivery.sms.emergencies import fold, is_emergency, is_one_slip_away, known_languages, phrases
from jobs.delivery.sms.words import Meaning, meaning

TEXTS = Path(__file__).parent / "texts"


def texts(name: str) -> list[str]:
    lines = (TEXTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.replace("\\n", "\n") for line in lines if line]


EMERGENCIES, ORDINARY = texts("emergencies"), texts("ordinary")
AS_TYPED: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "line breaks": lambda text: text.replace(" ", "\n"),
    "curly apostrophes": lambda text: text.replace("'", "’"),
    "spaces for apostrophes": lambda text: text.replace("'", " "),
    "no apostrophes": lambda text: text.replace("'", ""),
    "no accents": fold,
    "emoji": lambda text: f"😭😭 {text} 💔",
    "greeting": lambda text: f"Bonjour. {text}. Merci",
    "soft hyphens": lambda text: "\u00ad".join(text),
}
# What says it only as a whole text, or at its beginning.
ALONE = ("help me", "SECOURS", "kms", "ts ce")


@pytest.mark.parametrize("text", EMERGENCIES)
def test_text_that_may_not_wait_is_found(text: str) -> None:
    assert is_emergency(text)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_that_comes_close_is_not(text: str) -> None:
    assert not is_emergency(text)


@pytest.mark.parametrize("typed", AS_TYPED.values(), ids=AS_TYPED.keys())
def test_it_is_found_however_it_is_typed(typed: Callable[[str], str]) -> None:
    usual = [text for text in EMERGENCIES if not text.startswith(ALONE)]
    assert [text for text in usual if not is_emergency(typed(text))] == []


@pytest.mark.parametrize("around", ["STOP {}", "stop. {}", "START {}", "{} stop"])
def test_it_is_found_beside_a_stop(around: str) -> None:
    assert is_emergency(around.format("je veux mourir"))


def test_a_stop_beside_it_stays_a_stop() -> None:
    assert meaning("STOP je veux mourir") is Meaning.STOP


@pytest.mark.parametrize("text", ["", " ", "\n", "😭", "...", "1", "²", "|", "a" * 60_000, "je veux " * 8_000])
def test_any_text_has_an_answer(text: str) -> None:
    assert not is_emergency(text)


def test_there_are_enough_texts_of_both_kinds() -> None:
    assert min(len(set(EMERGENCIES)), len(set(ORDINARY))) >= 80


@pytest.mark.parametrize("language", ["en", "fr"])
def test_each_language_has_its_list(language: str) -> None:
    assert language in known_languages()
    assert phrases(language).near.isdisjoint(phrases(language).never)


@pytest.mark.parametrize(
    ("written", "meant", "near"),
    [
        ("mourir", "mourir", True),
        ("mouri", "mourir", True),
        ("mourirr", "mourir", True),
        ("moirir", "mourir", True),
        ("muorir", "mourir", True),
        ("nourir", "mourir", False),
        ("courir", "mourir", False),
        ("mordre", "mourir", False),
        ("mur", "mourir", False),
    ],
)
def test_one_slip_leaves_a_word_recognisable(written: str, meant: str, near: bool) -> None:
    assert is_one_slip_away(written, meant) is near

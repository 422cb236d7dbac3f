"""Where a line of French may not end, nor begin."""

import pytest

from portal.staff.typeset import typeset


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SMS « premier message » envoyé", "SMS «_premier message_» envoyé"),
        ("En pause : décidé", "En pause_: décidé"),
        ("d’elle-même ; le reste attend !", "d’elle-même_; le reste attend_!"),
        ("« traité », « rien à faire ».", "«_traité_», «_rien à faire_»."),
        ("À qui ? Dites « oui ! »", "À qui_? Dites «_oui_!_»"),
        ("à 10:40, voir https://x.example/ :)", "à 10:40, voir https://x.example/ :)"),
    ],
)
def test_french_punctuation_stays_with_its_word(text: str, shown: str) -> None:
    assert typeset(text, "fr") == shown.replace("_", "\u00a0")
    assert typeset(text, "en") == text

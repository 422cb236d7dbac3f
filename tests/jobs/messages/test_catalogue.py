from pathlib import Path

import pytest

from db.errors import ConfigurationError
from jobs.messages.catalogue import Catalogue, Key, Wording, load, shipped
from jobs.messages.errors import TextRefused
from jobs.messages.languages import languages

BRIEFS = {
    "first": {"sms", "email"},
    "flexible": {"email"},
    "worth": {"sms", "email"},
    "closing": {"email"},
    "last": {"sms", "email"},
    "brief": {"sms"},
    "confirmation": {"email"},
    "reminder": {"sms", "email"},
    "agreed_booked": {"sms", "email"},
    "agreed_later": {"sms", "email"},
    "emergency": {"sms"},
}


@pytest.mark.parametrize("message", sorted(BRIEFS))
@pytest.mark.parametrize("language", sorted(languages()))
def test_every_brief_has_its_general_texts(message: str, language: str) -> None:
    keys = shipped().shipped
    assert {channel for channel in ("sms", "email") if Key(message, channel, "general", language) in keys} == (
        BRIEFS[message]
    )


def test_no_text_is_shipped_without_a_brief() -> None:
    assert {key.message for key in shipped().every_key()} == set(BRIEFS)
    assert {message: shipped().channels(message) for message in BRIEFS} == BRIEFS


def _catalogue(*keys: tuple[str, str, str, str], edited: dict[Key, Wording] | None = None) -> Catalogue:
    return Catalogue({Key(*key): Wording("/".join(key)) for key in keys}).for_practice("fr", edited)


@pytest.mark.parametrize(
    ("keys", "strict", "expected"),
    [
        ([("dental", "en"), ("general", "en"), ("dental", "fr")], False, ("dental", "en")),
        ([("general", "en"), ("dental", "fr")], False, ("general", "en")),
        ([("dental", "fr"), ("general", "fr")], False, ("dental", "fr")),
        ([("dental", "en"), ("dental", "fr"), ("general", "fr")], True, ("general", "fr")),
        ([("dental", "en"), ("general", "en")], True, ("general", "en")),
    ],
)
def test_the_patients_language_comes_first_then_the_speciality(
    keys: list[tuple[str, str]], strict: bool, expected: tuple[str, str]
) -> None:
    catalogue = _catalogue(*[("first", "sms", *key) for key in keys])
    found = catalogue.find("first", "sms", "dental", "en-GB", strict=strict)
    assert found.key[2:] == expected


def test_an_edited_text_wins_over_the_shipped_one() -> None:
    key = Key("first", "sms", "dental", "fr")
    catalogue = _catalogue(key, edited={key: Wording("mien")})
    assert catalogue.find("first", "sms", "dental", "fr").wording == Wording("mien")


def test_an_edited_text_may_be_the_first_of_its_speciality() -> None:
    mine = Key("first", "sms", "dental", "fr")
    catalogue = _catalogue(("first", "sms", "general", "fr"), edited={mine: Wording("mien")})
    assert catalogue.find("first", "sms", "dental", "fr").key == mine
    assert catalogue.find("first", "sms", "dental", "fr", strict=True).key.speciality == "general"


def test_a_message_that_nobody_wrote_is_refused() -> None:
    with pytest.raises(TextRefused, match="thirteenth"):
        shipped().find("thirteenth", "sms", "general", "fr")


def test_a_new_speciality_or_language_is_a_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "first" / "osteopathy" / "it"
    folder.mkdir(parents=True)
    (folder / "sms.txt").write_text("Buongiorno\n", encoding="utf-8")
    assert load(tmp_path).shipped == {Key("first", "sms", "osteopathy", "it"): Wording("Buongiorno")}


def test_half_an_email_is_refused_when_loading(tmp_path: Path) -> None:
    folder = tmp_path / "first" / "general" / "fr"
    folder.mkdir(parents=True)
    (folder / "body.txt").write_text("Bonjour\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"subject\.txt"):
        load(tmp_path)

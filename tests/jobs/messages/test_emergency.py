import re

import pytest

from db.rules.emergency import NUMBERS, emergency_numbers
from jobs.messages import gsm7
from jobs.messages.emergency import longest_emergency_numbers, say_emergency_numbers
from jobs.messages.languages import language_for, languages


@pytest.mark.parametrize(
    ("country", "language", "said"),
    [
        ("FR", "fr", "appelez le 15 ou le 112, ou écrivez au 114. Pour parler, à toute heure : le 3114"),
        ("CH", "fr", "appelez le 144 ou le 112. Pour parler, à toute heure : le 143 ou le 147"),
        ("BE", "fr", "appelez le 112. Pour parler, à toute heure : le 0800 32 123"),
        ("RE", "fr", "appelez le 15 ou le 112, ou écrivez au 114. Pour parler, à toute heure : le 3114"),
        ("DE", "fr", "appelez le 112"),
        ("FR", "en", "call 15 or 112, or text 114. To talk, at any hour: 3114"),
        ("CH", "en-GB", "call 144 or 112. To talk, at any hour: 143 or 147"),
    ],
)
def test_the_numbers_are_those_of_the_country_in_the_language(country: str, language: str, said: str) -> None:
    assert say_emergency_numbers(country, language) == said


def test_an_unknown_language_gives_way_to_the_next() -> None:
    assert say_emergency_numbers("BE", "tlh", "en").startswith("call 112")


@pytest.mark.parametrize("country", sorted(NUMBERS))
@pytest.mark.parametrize("language", sorted(languages()))
def test_every_number_is_said_in_letters_that_an_sms_has(country: str, language: str) -> None:
    said = say_emergency_numbers(country, language)
    numbers = emergency_numbers(country)
    for number in (*numbers.urgent, *numbers.by_sms, *numbers.listen):
        assert re.search(rf"(?<!\d){number}(?!\d)", said)
    assert gsm7.unencodable(gsm7.to_gsm7(said)) == []
    assert len(said) <= len(longest_emergency_numbers(language_for(language)))

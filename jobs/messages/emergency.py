"""The emergency numbers of a country as an SMS says them: the one automatic answer."""

from db.rules.emergency import NUMBERS, emergency_numbers
from jobs.messages.languages import Language, language_for


def say_emergency_numbers(country: str, *languages: str) -> str:
    """What to do in an emergency, to follow 'in an emergency,'; `languages` in order of preference."""
    return _said(country, language_for(*languages))


def longest_emergency_numbers(language: Language) -> str:
    return max((_said(country, language) for country in ("", *NUMBERS)), key=len)


def _said(country: str, words: Language) -> str:
    numbers = emergency_numbers(country)
    phrases = (
        (words.emergency_call, numbers.urgent),
        (words.emergency_write, numbers.by_sms),
        (words.emergency_talk, numbers.listen),
    )
    return "".join(phrase.format(numbers=words.emergency_or.join(some)) for phrase, some in phrases if some)

"""What an answer by SMS asks for.

Losing a stop is worse than a stop too many, so STOP as the first word is a stop whatever follows ("stop
demain je viens pas"): the person can be written to by email, and `says_more` lets staff read the rest. The
other stop words are French words that a patient also needs for other things ("arrêt de travail jusqu'à
lundi"), so they count alone, or with words of politeness or of messaging ("arrêt sms svp"). Whatever is not
understood is a reply, which pauses the messages and goes to a person: no wish is ever lost. START lets
messages go again, so it counts only alone or politely.
"""

import re
import unicodedata
from enum import StrEnum

FIRST_WORD = re.compile(r"sto+p+\d*")
STOP_WORDS = frozenset(
    {
        "stop",
        "stopp",
        "arret",
        "arreter",
        "arretez",
        "desinscrire",
        "desinscription",
        "desabonner",
        "desabonnement",
        "unsubscribe",
    }
)
START_WORDS = frozenset({"start", "unstop"})
POLITE_WORDS = frozenset(
    {
        "svp",
        "stp",
        "merci",
        "bonjour",
        "bonsoir",
        "s",
        "il",
        "vous",
        "te",
        "plait",
        "de",
        "d",
        "avance",
        "beaucoup",
        "bien",
        "cordialement",
        "madame",
        "monsieur",
        "ok",
        "oui",
        "please",
        "thanks",
        "thank",
        "you",
        "hello",
        "moi",
        "me",
        "se",
        "les",
        "ces",
        "vos",
        "des",
        "aux",
        "sms",
        "message",
        "messages",
        "envoi",
        "envois",
    }
)


class Meaning(StrEnum):
    STOP = "stop"
    START = "start"
    REPLY = "reply"


def meaning(text: str) -> Meaning:
    words = _words(text)
    if not words:
        return Meaning.REPLY
    if FIRST_WORD.fullmatch(words[0]) or _is_only(words, STOP_WORDS):
        return Meaning.STOP
    if _is_only(words, START_WORDS):
        return Meaning.START
    return Meaning.REPLY


def says_more(text: str) -> bool:
    """Whether a stop carries words beyond the stop itself, which staff should read."""
    return any(word not in STOP_WORDS and word not in POLITE_WORDS for word in _words(text))


def _is_only(words: list[str], wanted: frozenset[str]) -> bool:
    return any(word in wanted for word in words) and all(word in wanted or word in POLITE_WORDS for word in words)


def _words(text: str) -> list[str]:
    """Lower case, without accents and punctuation; letters typed one by one ("S T O P") are one word."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(character for character in folded if not unicodedata.combining(character))
    words = re.findall(r"[^\W_]+", bare)
    return ["".join(words)] if len(words) > 1 and all(len(word) == 1 for word in words) else words

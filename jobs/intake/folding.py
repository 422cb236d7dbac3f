"""One spelling for words that people write in many: no case, no accents, no punctuation."""

import re
import unicodedata
from functools import lru_cache

_INCLUSIVE = re.compile(r"(?<=\w)[(\[](?:e|s|es|ne|le)[)\]]|(?<=\w)·(?:e|s|es)\b(?:·s\b)?", re.IGNORECASE)
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O"})
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
_NOT_WORD = re.compile(r"[^0-9a-z]+")


def plain(text: str) -> str:
    """Without accents and ligatures; case and punctuation kept."""
    spread = unicodedata.normalize("NFKD", text.translate(_LIGATURES))
    return "".join(sign for sign in spread if not unicodedata.combining(sign))


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Lower-case words with one space between: `Non-Venu(e)` becomes `non venu`."""
    return _NOT_WORD.sub(" ", plain(_INCLUSIVE.sub("", text)).casefold()).strip()


@lru_cache(maxsize=1024)
def fold_header(text: str) -> str:
    """As `fold`, with camel case taken apart: `AppointmentDay` becomes `appointment day`."""
    return _NOT_WORD.sub(" ", _CAMEL.sub(" ", plain(_INCLUSIVE.sub("", text))).casefold()).strip()

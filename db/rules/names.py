"""Names of people as they are compared, and as a page may show them."""

import re
from functools import lru_cache

from db.rules.folding import folded

# As long as the column that holds the key; some letters become two or three.
LONGEST_KEY = 120
_NOT_WORD = re.compile(r"[^0-9a-z]+")


_TITLES = re.compile(
    r"^(?:(?:dr|dre|docteure?|pr|prof|professeure?|doctor|professor|mme|madame|mlle|mr|mrs|ms|m|monsieur)\b[. ]*)+",
    re.IGNORECASE,
)
_ADDED = re.compile(r"\s*(?:[,;(/|]|\s[-–—]\s).*$", re.DOTALL)


@lru_cache(maxsize=4096)
def name_key(text: str) -> str:
    """The same for `Dr Élise MARCHAND`, `Marchand Elise` and `Élise Marchand (kiné)`: exports write one person in many
    ways, and two keys would be two agendas for one hour. A blank name has the key ''."""
    plain = folded(bare_name(text.strip())).replace("œ", "oe").replace("æ", "ae")
    return " ".join(sorted(_NOT_WORD.sub(" ", plain).split()))[:LONGEST_KEY].strip()


@lru_cache(maxsize=1024)
def bare_name(name: str) -> str:
    """The name without the title before it or the occupation after it."""
    return _ADDED.sub("", _TITLES.sub("", name)).strip() or name

"""Names of people as they are compared."""

import re
from functools import lru_cache

from db.rules.folding import folded

# As long as the column that holds the key; some letters become two or three.
LONGEST_KEY = 120
_NOT_WORD = re.compile(r"[^0-9a-z]+")


@lru_cache(maxsize=4096)
def name_key(text: str) -> str:
    """`Mme  LEFÈVRE-Müller` and `mme lefevre muller` have the same key; a blank name has the key ''."""
    plain = folded(text).replace("œ", "oe").replace("æ", "ae")
    return _NOT_WORD.sub(" ", plain)[:LONGEST_KEY].strip()

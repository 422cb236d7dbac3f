"""Two ways to read a text for its words, each knowing where every character came from.

The plain reading forgets case, accents, curly quotes and what cannot be seen. The close reading also undoes what
hides a word: 'p s y', 'p.s.y', 'thé-rapie', 'urg3nt'.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SAME = str.maketrans(
    {
        "œ": "oe", "æ": "ae", "ß": "ss", "ı": "i", "ø": "o", "ł": "l",
        "’": "'", "‘": "'", "ʼ": "'", "′": "'", "`": "'", "´": "'", "‛": "'",
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "·": ".", "•": ".", "…": "...",
        # Cyrillic and Greek letters that look like Latin ones.
        "а": "a", "е": "e", "о": "o", "р": "p", "с": "c", "у": "y", "х": "x", "і": "i", "ѕ": "s", "ј": "j",
        "ο": "o", "α": "a", "ν": "v", "ρ": "p", "υ": "u",
    }
)  # fmt: skip
_LOOKS_LIKE = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "@": "a", "$": "s"}
_SPELLED_OUT = re.compile(r"(?<!\w)[^\W\d_](?:[\s.\-*/]{1,2}[^\W\d_]){2,}(?![\w'])")
_INSIDE = re.compile(r"(?<=[^\W_])[.\-*/_](?=[^\W_])")
_LEET = re.compile(r"(?<=[^\W\d_])[01345@$](?=[^\W\d_])")


@dataclass(frozen=True)
class Reading:
    text: str
    origins: tuple[int, ...]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where a stretch of this reading stands in the original text."""
        return self.origins[start], self.origins[end - 1] + 1


def plain(text: str) -> Reading:
    return _reading((folded, at) for at, char in enumerate(text) for folded in _fold(char))


def close(read: Reading) -> Reading:
    """The same, with the letters of hidden words drawn together."""
    dropped = {at for found in _SPELLED_OUT.finditer(read.text) for at in _gaps(found)}
    dropped |= {found.start() for found in _INSIDE.finditer(read.text)}
    letters = _LEET.sub(lambda found: _LOOKS_LIKE[found.group()], read.text)
    return _reading(
        (char, origin) for at, (char, origin) in enumerate(zip(letters, read.origins, strict=True)) if at not in dropped
    )


def _gaps(found: re.Match[str]) -> Iterator[int]:
    return (at for at, char in enumerate(found.group(), found.start()) if not char.isalpha())


def _reading(pairs: Iterable[tuple[str, int]]) -> Reading:
    chars, origins = [], []
    for char, origin in pairs:
        chars.append(char)
        origins.append(origin)
    return Reading("".join(chars), tuple(origins))


def _fold(char: str) -> str:
    """The bare letters of one character; nothing for what cannot be seen."""
    if unicodedata.category(char) in {"Cf", "Mn"}:
        return ""
    if char.isspace():
        return "\n" if char == "\n" else " "
    bare = unicodedata.normalize("NFKD", char.casefold().translate(_SAME)).translate(_SAME)
    return "".join(one for one in bare if unicodedata.category(one) != "Mn")

"""The SMS alphabet (3GPP TS 23.038): what it holds, what stands in for the rest, what a text costs."""

import re

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# These cost two: an escape, then the character.
EXTENSION = frozenset("^{}\\[~]|€\f")

_LETTERS = {
    "a": "âáãāăą", "c": "çćč", "d": "ďđð", "e": "êëēėęě", "g": "ğģ", "h": "ħ", "i": "îïíīįı", "k": "ķ",
    "l": "łľĺļ", "n": "ńňņ", "o": "ôóõōő", "r": "řŕ", "s": "śšşș", "t": "ťţț", "u": "ûúūůűų", "w": "ŵ",
    "y": "ýÿŷ", "z": "źžż",
    "A": "ÀÂÁÃĀĂĄ", "C": "ĆČ", "D": "ĎĐÐ", "E": "ÈÊËĒĖĘĚ", "G": "ĞĢ", "I": "ÌÎÏÍĪĮİ", "K": "Ķ", "L": "ŁĽĹĻ",
    "N": "ŃŇŅ", "O": "ÒÔÓÕŌŐ", "R": "ŘŔ", "S": "ŚŠŞȘ", "T": "ŤŢȚ", "U": "ÙÛÚŪŮŰŲ", "Y": "ÝŸ", "Z": "ŹŽŻ",
}  # fmt: skip
_SIGNS = {
    "'": "’‘‚‛ʼ′", '"': "“”„‟″", "-": "—–‒―‐‑−", "...": "…", "*": "•·",
    " ": "\u00a0\u202f\u2009\u200a\u2002\u2003\t", "": "\u00ad\u200b\u200c\u200d\u2060\ufeff",
    "oe": "œ", "OE": "Œ", "no": "№", "o": "°º", "a": "ª",
}  # fmt: skip
REPLACEMENTS = {wide: narrow for table in (_LETTERS, _SIGNS) for narrow, wides in table.items() for wide in wides}
# The spaces inside French quotation marks go with them.
_QUOTED = re.compile(r"[«‹][ \u00a0\u202f]*|[ \u00a0\u202f]*[»›]")
_TABLE = str.maketrans(REPLACEMENTS)

ONE_SEGMENT = 160


def to_gsm7(text: str) -> str:
    """Replace what the table knows; what is left outside the alphabet stays, for `unencodable` to name."""
    return _QUOTED.sub('"', text).translate(_TABLE)


def unencodable(text: str) -> list[tuple[int, str]]:
    return [(at, char) for at, char in enumerate(text) if char not in BASIC and char not in EXTENSION]


def septets(text: str) -> int:
    """The length as a GSM-7 message; characters outside the alphabet count one."""
    return len(text) + sum(char in EXTENSION for char in text)


def segments(text: str) -> int:
    """What the gateway bills: 160 septets, then 153 each; outside the alphabet 70 units, then 67."""
    if unencodable(text):
        return _parts(len(text.encode("utf-16-be")) // 2, 70, 67)
    return _parts(septets(text), ONE_SEGMENT, 153)


def _parts(length: int, single: int, each: int) -> int:
    return 1 if length <= single else -(-length // each)

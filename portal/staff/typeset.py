"""French punctuation that must not stand alone at the end of a line, or at the start of one."""

import re

NO_BREAK = "\u00a0"
_BEFORE = re.compile(r" (?=»|[:;?!](?:\s|$))")
_AFTER = re.compile(r"(?<=«) ")


def typeset(text: str, language: str) -> str:
    """As a page shows it. English has no such spaces."""
    if language != "fr":
        return text
    return _AFTER.sub(NO_BREAK, _BEFORE.sub(NO_BREAK, text))

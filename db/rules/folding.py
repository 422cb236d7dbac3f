"""Text as people type it, made comparable: no accents, no case, no spaces at the ends."""

import unicodedata


def folded(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold().strip()

"""Who a row is about: the parts of a name, and a key that is the same in the next export."""

import re
from datetime import date

from db.crypto import vault
from jobs.intake.folding import plain

_CIVILITY = re.compile(
    r"^(?:m|mr|mrs|ms|mme|mlle|melle|mademoiselle|madame|monsieur|mister|miss|dr|docteur|pr|"
    r"herr|frau|signor|signora|dhr|mevr|mw)\.?(?:\s+|$)",
    re.IGNORECASE,
)
_NAMELESS = re.compile(r"[^\W\d_]+", re.UNICODE)
_BRACKETS = re.compile(r"\s*[(\[][^)\]]*[)\]]")


def without_civility(name: str) -> str:
    """`Mme Durand` is `Durand`; a lone `M` stays, for it may be all there is of a name."""
    shorter = _CIVILITY.sub("", name)
    return shorter or name


def split_name(name: str, *, last_first: bool | None) -> tuple[str, str]:
    """First and last name out of one cell.

    A comma or capital letters tell which is which. Where nothing does, `last_first` is the order that the header
    announces, if any. A first name that might be a last name is left out: a greeting without a name offends nobody.
    """
    whole = _BRACKETS.sub("", without_civility(name)).strip()
    if "," in whole:
        last, _, first = (part.strip() for part in whole.partition(","))
        return first, last
    words = whole.split()
    if len(words) < 2:
        return "", whole
    shouted = [len(word) > 1 and word.isupper() for word in words]
    if all(shouted) or whole.islower():
        return (words[-1], " ".join(words[:-1])) if last_first and len(words) == 2 else ("", whole)
    if any(shouted):
        first = " ".join(word for word, loud in zip(words, shouted, strict=True) if not loud)
        return first, " ".join(word for word, loud in zip(words, shouted, strict=True) if loud)
    if last_first is None:
        return "", whole
    if last_first:
        return (words[-1], words[0]) if len(words) == 2 else ("", whole)
    return words[0], " ".join(words[1:])


def patient_key(
    *, number: str, email: str | None, phone: str | None, first_name: str, last_name: str, born: date | None
) -> str | None:
    """The practice's own number; else a digest of what tells this person from others; None where nothing does."""
    if number:
        return number
    name = _canonical(first_name, last_name)
    if email is not None:
        # Families share mailboxes: two first names at one address are two patients.
        return _digest("email", email, name)
    if phone is not None:
        return _digest("telephone", phone, name)
    if born is not None and name:
        return _digest("born", born.isoformat(), name)
    return None


def _canonical(*names: str) -> str:
    """The same for `Jean-Luc DUPONT` and `dupont jean luc`, in any script."""
    words = [word for name in names for word in _NAMELESS.findall(plain(name).casefold())]
    return " ".join(sorted(words))


def _digest(*parts: str) -> str:
    # Keyed: telephone numbers are few enough to try all of them against a plain hash.
    return "h:" + vault().index("\x1f".join(parts), kind="patient").hex()

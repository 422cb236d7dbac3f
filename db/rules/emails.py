"""Email addresses as found in a cell, read into one canonical form."""

import re
import unicodedata

LONGEST_LOCAL = 64
LONGEST = 254

# Written to get past a mandatory field: nobody reads them, or a stranger does.
_PLACEHOLDERS = frozenset(
    {
        "aucun", "aucune", "aucunmail", "aucunemail", "inconnu", "inconnue", "neant", "nepasrepondre",
        "noemail", "nomail", "nonconnu", "noncommunique", "none", "nonrenseigne", "noreply", "null",
        "pasadresse", "pasdadresse", "pasdemail", "pasdemel", "pasdinternet", "pasemail", "pasmail",
        "sansadresse", "sansemail", "sansmail",
    }
)  # fmt: skip

_AROUND = re.compile(r"[;:<>()\[\]|/\"\r\n\t]+")
_BETWEEN = re.compile(r"[\s,]+")
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NOT_LETTERS = re.compile(r"[^a-z0-9]")


def read(text: str) -> str | None:
    """The first usable address in the text, in lower-case ASCII, or None.

    Servers hardly ever tell upper from lower case, and people mix them up: an opt-out must hold for both. A
    space or a comma inside an address is refused rather than cut at: the rest may be a stranger's. So is an
    accent before the `@`, which is a slip far more often than an address.
    """
    for chunk in _AROUND.split(_visible(text)):
        pieces = [piece.strip("'’").rstrip(".") for piece in _BETWEEN.split(chunk.strip(" ,"))]
        if all("@" in piece for piece in pieces):
            found = next(filter(None, map(_address, pieces)), None)
            if found is not None:
                return found
    return None


def _visible(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")


def _address(piece: str) -> str | None:
    local, _, written = piece.lower().rpartition("@")
    domain = _domain(written)
    if domain is None or len(local) > LONGEST_LOCAL or len(local) + len(domain) >= LONGEST:
        return None
    if not _LOCAL.fullmatch(local) or _is_placeholder(local, domain):
        return None
    return f"{local}@{domain}"


def _domain(written: str) -> str | None:
    try:
        domain = written.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    labels = domain.split(".")
    well_formed = len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
    return domain if well_formed and not labels[-1].isdigit() else None


def _is_placeholder(local: str, domain: str) -> bool:
    name = _NOT_LETTERS.sub("", local)
    # `a@a.fr`, `xx@xx.com`, `nc@nc.fr`: the quickest thing to type.
    return name in _PLACEHOLDERS or (len(name) <= 4 and name == domain.partition(".")[0])

"""What the views of several pages need."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from portal.staff.session import SignedIn
from portal.staff.words import codes_for
from portal.telling import Teller


@dataclass(frozen=True, slots=True)
class Option:
    """One of a list to choose from."""

    value: str
    text: str
    chosen: bool = False


def teller_of(me: SignedIn) -> Teller:
    """In the reader's language, and in the practice's own time."""
    return Teller(codes_for(me.language), ZoneInfo(me.practice.zone))


def capital(text: str) -> str:
    """As a line begins."""
    return text[:1].upper() + text[1:]

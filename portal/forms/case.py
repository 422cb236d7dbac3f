"""What the forms of a case may say, and what of the worklist a page asks for. What cannot be read is None."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from db.changes.outcomes import Follow
from db.rules.windows import Calendar, at_local_time
from db.states import CallOutcome, TaskKind
from portal.forms.patient import Fields, value

LONGEST_NOTE = 4000
LONGEST_TARGET = 20
MOST_PAGES = 1000
A_MINUTE = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of the worklist is shown; `case`: the page of one case instead."""

    mine: bool = False
    unclaimed: bool = False
    kind: TaskKind | None = None
    page: int = 1
    case: bool = False

    @property
    def is_narrow(self) -> bool:
        return self.mine or self.unclaimed or self.kind is not None

    def query(self, **more: str) -> str:
        """As the part of an address that leads back here, with its question mark; empty where nothing is chosen."""
        said = {
            "mine": "1" if self.mine else "",
            "unclaimed": "1" if self.unclaimed else "",
            "kind": self.kind or "",
            "page": str(self.page) if self.page > 1 else "",
            "at": "case" if self.case else "",
        }
        written = urlencode({name: text for name, text in (said | more).items() if text})
        return f"?{written}" if written else ""


def chosen(query: Mapping[str, str]) -> Chosen:
    kind, page = query.get("kind", ""), query.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and len(page) <= len(str(MOST_PAGES)) else 1
    return Chosen(
        mine=query.get("mine") == "1",
        unclaimed=query.get("unclaimed") == "1",
        kind=TaskKind(kind) if kind in tuple(TaskKind) else None,
        page=min(max(number, 1), MOST_PAGES),
        case=query.get("at") == "case",
    )


def outcome(fields: Fields) -> CallOutcome | None:
    text = value(fields, "outcome")
    return CallOutcome(text) if text in tuple(CallOutcome) else None


def follow(fields: Fields) -> Follow | None:
    text = value(fields, "follow")
    return Follow(text) if text in tuple(Follow) else None


def note(fields: Fields) -> str | None:
    """With the line ends that a browser sends made plain; None where it is too long, or not there."""
    text = value(fields, "note")
    if text is None:
        return None
    plain = text.replace("\r\n", "\n").replace("\x00", "").strip()
    return plain if len(plain) <= LONGEST_NOTE else None


def mark(fields: Fields, name: str = "mark") -> str:
    return (value(fields, name) or "")[:LONGEST_TARGET]


def target(fields: Fields) -> str | None:
    """A role or the reference of a person: whether there is such a one, the change says."""
    text = value(fields, "to") or ""
    return text if 0 < len(text) <= LONGEST_TARGET else None


def moment(fields: Fields, calendar: Calendar) -> datetime | None:
    """A local time of the practice, with or without seconds, as UTC."""
    text = value(fields, "at") or ""
    try:
        local = datetime.strptime(text[: len("2026-11-16T10:00")], A_MINUTE).replace(tzinfo=UTC)
        return at_local_time(local.date(), local.time(), calendar)
    except (ValueError, OverflowError):
        return None

"""What the practice is told of a booking, a move or a cancellation: when, with whom, whose file."""

from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from jobs.messages.email_body import Email, write_email
from jobs.messages.languages import MESSAGES, language_for, preferred
from jobs.messages.source import NOTICE_PLACEHOLDERS, compose, fill, parse
from jobs.messages.values import one_line


class NoticeKind(StrEnum):
    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"


def render_notice(
    kind: NoticeKind,
    *,
    language: str,
    reference: str,
    practitioner: str,
    starts_at: datetime,
    previous: datetime | None = None,
) -> Email:
    """`reference` is the practice's own patient number; both moments are aware and in the practice's zone."""
    words = language_for(language)
    values = {
        "reference": one_line(reference) or "-",
        "practitioner": one_line(practitioner) or "-",
        "when": words.say_moment(starts_at),
        "previous": words.say_moment(previous) if previous else "-",
    }
    subject, body = (compose(parse(source, NOTICE_PLACEHOLDERS)) for source in _sources(kind, language))
    return write_email(one_line(fill(subject, values)), body, values, words.code)


@cache
def _sources(kind: NoticeKind, language: str) -> tuple[str, str]:
    folder = next(folder for folder in _candidates(kind, language) if folder.is_dir())
    subject, body = ((folder / name).read_text(encoding="utf-8").strip() for name in ("subject.txt", "body.txt"))
    return subject, body


def _candidates(kind: NoticeKind, language: str) -> list[Path]:
    return [MESSAGES / "_notices" / kind / code for code in preferred(language)]

"""The calendar file of an appointment: a neutral title, a time, a place; never a word about care."""

from datetime import UTC, datetime

from icalendar import Calendar, Event, vCalAddress

from jobs.messages.languages import language_for
from jobs.messages.values import one_line

PRODUCT = "-//Reprise//Reprise//FR"


def calendar_uid(reference: str, base_url: str) -> str:
    """The same for one appointment in every file, whoever gets it."""
    return f"{reference}@{base_url.partition('://')[2].partition('/')[0].partition(':')[0]}"


def calendar_file(
    *,
    uid: str,
    sequence: int,
    starts_at: datetime,
    ends_at: datetime,
    stamped_at: datetime,
    cancelled: bool,
    practice: str,
    address: str,
    language: str,
    organizer: str | None,
) -> bytes:
    """RFC 5545. `uid` stays the same over moves and cancelling while `sequence` rises; every moment is aware.

    `organizer` is a mailbox of the practice. Times are written in UTC: no client needs a zone table.
    """
    event = Event()
    event.add("uid", one_line(uid))
    event.add("sequence", sequence)
    event.add("dtstamp", stamped_at.astimezone(UTC))
    event.add("dtstart", starts_at.astimezone(UTC))
    event.add("dtend", ends_at.astimezone(UTC))
    event.add("summary", language_for(language).appointment)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    if place := ", ".join(part for part in (one_line(practice), one_line(address)) if part):
        event.add("location", place)
    if organizer and (mailbox := one_line(organizer)):
        event.add("organizer", vCalAddress(f"mailto:{mailbox}", params={"CN": one_line(practice)}))
    return _wrap(event)


def _wrap(event: Event) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())

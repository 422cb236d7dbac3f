from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from jobs.messages.calendar import calendar_file

AT_TEN = datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("Europe/Paris"))


def _file(*, cancelled: bool = False, address: str = "3 rue des Tilleuls, Lyon", language: str = "fr") -> bytes:
    return calendar_file(
        uid="booking-7@rdv.tilleuls.example",
        sequence=2,
        starts_at=AT_TEN,
        ends_at=AT_TEN + timedelta(minutes=45),
        stamped_at=AT_TEN - timedelta(days=3),
        cancelled=cancelled,
        practice="Cabinet des Tilleuls",
        address=address,
        language=language,
        organizer="accueil@tilleuls.example",
    )


def test_a_calendar_file_is_read_back_as_it_was_meant() -> None:
    calendar = Calendar.from_ical(_file())
    [event] = calendar.walk("VEVENT")
    assert calendar["method"] == "PUBLISH"
    assert event["uid"] == "booking-7@rdv.tilleuls.example"
    assert event["sequence"] == 2
    assert event.decoded("dtstart") == AT_TEN
    assert event.decoded("dtend") - event.decoded("dtstart") == timedelta(minutes=45)
    assert event.decoded("dtstamp") == datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    assert event["location"] == "Cabinet des Tilleuls, 3 rue des Tilleuls, Lyon"
    assert event["organizer"] == "mailto:accueil@tilleuls.example"
    assert "description" not in event


@pytest.mark.parametrize(("language", "title"), [("fr", "Rendez-vous"), ("en", "Appointment")])
def test_the_title_is_neutral(language: str, title: str) -> None:
    [event] = Calendar.from_ical(_file(language=language)).walk("VEVENT")
    assert event["summary"] == title


@pytest.mark.parametrize(("cancelled", "status"), [(True, "CANCELLED"), (False, "CONFIRMED")])
def test_the_status_follows_the_booking(cancelled: bool, status: str) -> None:
    [event] = Calendar.from_ical(_file(cancelled=cancelled)).walk("VEVENT")
    assert event["status"] == status


def test_no_value_can_add_a_line() -> None:
    written = _file(address="Lyon\r\nATTENDEE:mailto:x@y.example")
    assert b"\r\nATTENDEE" not in written

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.rules.reminders import APART, CONFIRMATION, REMINDERS, ROOM, last_moment, service_messages
from db.rules.windows import Calendar, Hours, closing_of, is_open, local_day, next_opening
from db.states import Channel

PARIS = ZoneInfo("Europe/Paris")
FRANCE = Calendar("Europe/Paris", "FR")
CALENDARS = [
    FRANCE,
    Calendar("Europe/Paris", "FR", "Alsace-Moselle"),
    Calendar("Europe/Zurich", "CH", "GE"),
    Calendar("Europe/Brussels", "BE"),
    Calendar("Indian/Reunion", "FR", "974"),
    Calendar("Europe/Paris", "FR", hours=Hours(time(2, 15), time(2, 45), frozenset(range(7)))),
    Calendar("Europe/Paris", "FR", hours=Hours(time(0), time(23, 59), frozenset(range(7)))),
    Calendar("Europe/Paris", "FR", hours=Hours(time(14), time(16), frozenset({6}))),
]

moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
ahead = st.timedeltas(timedelta(minutes=1), timedelta(days=40))
calendars = st.sampled_from(CALENDARS)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def told(booked: str, starts: str, calendar: Calendar = FRANCE) -> dict[str, str]:
    """What is due when, in Paris: a confirmation, an email, an SMS."""
    found = service_messages(paris(starts), now=paris(booked), calendar=calendar)
    return {
        "confirmation" if one.message == CONFIRMATION else one.channel: f"{one.due_at.astimezone(PARIS):%m-%d %H:%M}"
        for one in found
    }


@pytest.mark.parametrize(
    ("booked", "starts", "expected"),
    [
        pytest.param(
            "2026-11-16 11:00",
            "2026-11-26 14:00",
            {"confirmation": "11-16 11:00", "email": "11-24 14:00", "sms": "11-25 14:00"},
            id="48 h and 24 h before, and a confirmation at once",
        ),
        pytest.param(
            "2026-11-17 02:00",
            "2026-11-26 14:00",
            {"confirmation": "11-17 09:00", "email": "11-24 14:00", "sms": "11-25 14:00"},
            id="booked at night",
        ),
        pytest.param(
            "2026-11-16 11:00",
            "2026-11-23 10:00",
            {"confirmation": "11-16 11:00", "email": "11-21 10:00", "sms": "11-21 18:30"},
            id="on a Monday: the SMS comes on Saturday",
        ),
        pytest.param(
            "2026-11-16 11:00",
            "2026-11-24 10:00",
            {"confirmation": "11-16 11:00", "email": "11-21 18:30", "sms": "11-23 10:00"},
            id="on a Tuesday: the email comes on Saturday",
        ),
        pytest.param(
            "2026-11-16 11:00",
            "2026-11-26 08:00",
            {"confirmation": "11-16 11:00", "email": "11-23 18:30", "sms": "11-24 18:30"},
            id="before the hours: the evening before",
        ),
        pytest.param(
            "2026-11-16 11:00",
            "2026-11-26 19:15",
            {"confirmation": "11-16 11:00", "email": "11-24 18:30", "sms": "11-25 18:30"},
            id="in the last hour: when it begins",
        ),
        pytest.param(
            "2026-03-23 11:00",
            "2026-04-07 10:00",
            {"confirmation": "03-23 11:00", "email": "04-04 18:30", "sms": "04-04 18:30"},
            id="after Easter: before the long weekend",
        ),
        pytest.param(
            "2026-03-23 11:00",
            "2026-03-30 10:30",
            {"confirmation": "03-23 11:00", "email": "03-28 09:30", "sms": "03-28 18:30"},
            id="over the night of 23 hours",
        ),
        pytest.param(
            "2026-10-19 11:00",
            "2026-10-26 10:30",
            {"confirmation": "10-19 11:00", "email": "10-24 11:30", "sms": "10-24 18:30"},
            id="over the night of 25 hours",
        ),
    ],
)
def test_reminders_come_before_the_appointment_and_inside_the_hours(
    booked: str, starts: str, expected: dict[str, str]
) -> None:
    assert told(booked, starts) == expected


@pytest.mark.parametrize(
    ("booked", "starts", "left"),
    [
        pytest.param("2026-11-16 10:00", "2026-11-18 11:00", {"confirmation", "sms"}, id="email an hour after"),
        pytest.param("2026-11-16 10:00", "2026-11-18 09:30", {"confirmation", "sms"}, id="email already past"),
        pytest.param("2026-11-16 10:00", "2026-11-17 15:00", {"confirmation"}, id="SMS five hours after"),
        pytest.param("2026-11-16 10:00", "2026-11-16 15:00", {"confirmation"}, id="the same day"),
        pytest.param("2026-11-16 19:00", "2026-11-18 10:00", {"confirmation", "sms"}, id="a night lies between"),
        pytest.param("2026-11-21 20:00", "2026-11-24 10:00", {"confirmation", "sms"}, id="booked in a weekend"),
        pytest.param("2026-11-21 20:00", "2026-11-25 10:00", {"confirmation", "sms"}, id="confirmed just before"),
        pytest.param("2026-11-22 12:00", "2026-11-23 10:00", {"confirmation"}, id="SMS moved into the past"),
        pytest.param("2026-11-22 12:00", "2026-11-23 09:00", set(), id="nothing opens before the appointment"),
    ],
)
def test_reminder_that_would_only_repeat_is_not_planned(booked: str, starts: str, left: set[str]) -> None:
    assert set(told(booked, starts)) == left


@given(now=moments, wait=ahead, calendar=calendars)
def test_every_service_message_is_due_inside_the_hours_and_before_the_start(
    now: datetime, wait: timedelta, calendar: Calendar
) -> None:
    found = service_messages(now + wait, now=now, calendar=calendar)
    assert all(is_open(one.due_at, calendar) and now <= one.due_at < now + wait for one in found)
    assert [one.due_at for one in found] == sorted(one.due_at for one in found)
    assert all(one.due_at.tzinfo is UTC for one in found)


@given(now=moments, wait=ahead, calendar=calendars)
def test_no_channel_has_more_than_two_in_a_day(now: datetime, wait: timedelta, calendar: Calendar) -> None:
    found = service_messages(now + wait, now=now, calendar=calendar)
    assert len({(one.message, one.channel) for one in found}) == len(found)
    days = Counter((one.channel, local_day(one.due_at, calendar)) for one in found)
    assert max(days.values(), default=0) <= 2


@given(now=moments, wait=ahead, calendar=calendars)
def test_no_reminder_comes_close_upon_what_was_just_read(now: datetime, wait: timedelta, calendar: Calendar) -> None:
    for one in service_messages(now + wait, now=now, calendar=calendar):
        if one.message != CONFIRMATION:
            read_at = now if one.channel is Channel.SMS else next_opening(now, calendar)
            assert one.due_at - read_at >= APART


@given(now=moments, calendar=calendars)
def test_appointment_far_ahead_has_a_confirmation_and_both_reminders(now: datetime, calendar: Calendar) -> None:
    found = service_messages(now + timedelta(days=30), now=now, calendar=calendar)
    assert Counter((one.message, one.channel) for one in found) == Counter(
        [(CONFIRMATION, Channel.EMAIL), *((message, channel) for message, channel, _ in REMINDERS)]
    )


@given(moment=moments, calendar=calendars)
def test_last_moment_is_the_latest_that_leaves_room_before_the_close(moment: datetime, calendar: Calendar) -> None:
    found = last_moment(moment, calendar)
    assert found <= moment
    assert is_open(found, calendar)
    closes = closing_of(local_day(found, calendar), calendar)
    whole = calendar.hours.closes.hour - calendar.hours.opens.hour > 1
    assert closes - found >= ROOM or not whole
    # Nothing later would have done: what opens next either lies after the moment, or has less room than that.
    later = next_opening(found + timedelta(minutes=1), calendar)
    assert later > moment or closing_of(local_day(later, calendar), calendar) - later < ROOM
    assert last_moment(found, calendar) == found

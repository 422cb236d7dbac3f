"""From what a link knows to what its page shows: words and times in the patient's language, nothing else.

Open slots come out the same for everybody who sees that practitioner, so they are rendered once and kept by value: all
of them for the next request, and each day for when another day's slot is taken.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import groupby

from babel.dates import format_date, format_time
from markupsafe import Markup

from db.queries.links import Booking, PatientPage
from db.rules.emergency import Emergency, emergency_numbers
from db.rules.names import bare_name
from db.rules.telephones import display
from db.rules.windows import zone_named
from portal.forms.patient import slot_value
from portal.patient.words import Words, words_for
from portal.render import templates

# As many days as a telephone shows without much scrolling; the later weeks open at a touch.
DAYS_OPEN = 3
NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True)
class WeekView:
    label: str
    count: str
    is_open: bool
    days: tuple[Markup, ...]


@dataclass(frozen=True, slots=True)
class BookingView:
    when: str
    can_change: bool
    has_time: bool
    confirmed: bool
    mark: str


@dataclass(frozen=True, slots=True)
class View:
    """What the patient's pages show; `base` is the address of the link."""

    base: str
    practice: str
    phone: str
    phone_text: str
    address: str | None
    practitioner: str
    minutes: str
    policy: str
    emergency: Emergency
    booking: BookingView | None
    was_cancelled: bool
    slots: Markup
    channels: tuple[str, ...]
    opted_out: tuple[str, ...]
    rehearsal: bool


def view_of(page: PatientPage, base: str, words: Words, *, rehearsal: bool = False) -> View:
    booking = page.booking
    return View(
        base=base,
        practice=page.practice,
        phone=page.phone,
        phone_text=_telephone(page.phone, page.country),
        address=page.address,
        practitioner=bare_name(page.practitioner),
        minutes=words.facts.minutes.format(minutes=page.duration_min),
        policy=words.facts.policy.format(hours=page.cancel_notice_hours),
        emergency=emergency_numbers(page.country),
        booking=_booking_view(booking, page.zone, words) if booking else None,
        was_cancelled=page.was_cancelled,
        slots=slots_html(tuple(slot.starts_at for slot in page.slots), page.zone, words.code),
        channels=page.channels,
        opted_out=page.opted_out,
        rehearsal=rehearsal,
    )


def _booking_view(booking: Booking, zone: str, words: Words) -> BookingView:
    """The practice's own software may know the day alone."""
    at = booking.starts_at
    return BookingView(
        when=words.dates.say_date(booking.day) if at is None else moment_text(at, zone, words),
        can_change=booking.can_change,
        has_time=at is not None,
        confirmed=booking.confirmed,
        mark=booking.mark,
    )


def moment_text(moment: datetime, zone: str, words: Words) -> str:
    date_part, _, clock = words.dates.say_moment(moment.astimezone(zone_named(zone))).rpartition(" ")
    return f"{date_part}{NO_BREAK}{clock}"


@lru_cache(maxsize=500)
def slots_html(starts: tuple[datetime, ...], zone: str, language: str) -> Markup:
    """A week each, the first ones open; nothing at all where no slot is."""
    template = templates().get_template("components/weeks.html")
    return Markup(template.render(weeks=_weeks(starts, zone, words_for(language))))  # noqa: S704 - autoescaped


def _weeks(starts: tuple[datetime, ...], zone: str, words: Words) -> tuple[WeekView, ...]:
    days = [(day, tuple(group)) for day, group in groupby(starts, key=lambda at: _local_day(at, zone))]
    weeks: list[WeekView] = []
    days_open = 0
    for monday, group in groupby(days, key=lambda pair: pair[0] - timedelta(days=pair[0].weekday())):
        week = list(group)
        weeks.append(_week(monday, week, zone, words, is_open=days_open < DAYS_OPEN))
        days_open += len(week)
    return tuple(weeks)


def _week(
    monday: date, days: list[tuple[date, tuple[datetime, ...]]], zone: str, words: Words, *, is_open: bool
) -> WeekView:
    count = sum(len(starts) for _, starts in days)
    return WeekView(
        label=_week_label(monday, words.code),
        count=words.slots.free_one if count == 1 else words.slots.free.format(count=count),
        is_open=is_open,
        days=tuple(_day_html(starts, zone, words.code) for _, starts in days),
    )


def _local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(zone_named(zone)).date()


def _week_label(monday: date, language: str) -> str:
    words = words_for(language)
    pattern = words.slots.week_day_first if monday.day == 1 else words.slots.week_day
    label: str = words.slots.week.format(day=format_date(monday, pattern, locale=language))
    return label


@lru_cache(maxsize=20_000)
def _day_html(starts: tuple[datetime, ...], zone: str, language: str) -> Markup:
    local = [moment.astimezone(zone_named(zone)) for moment in starts]
    dates = words_for(language).dates
    label = dates.say_date(local[0].date())
    times = [
        (slot_value(moment), format_time(shown.time(), dates.time_pattern, locale=dates.code))
        for moment, shown in zip(starts, local, strict=True)
    ]
    template = templates().get_template("components/day.html")
    return Markup(template.render(label=label[:1].upper() + label[1:], times=times))  # noqa: S704 - autoescaped


@lru_cache(maxsize=256)
def _telephone(e164: str, country: str) -> str:
    return display(e164, country)

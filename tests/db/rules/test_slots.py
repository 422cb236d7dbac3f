from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.errors import ConfigurationError
from db.rules.slots import Closures, Opening, Slot, Week, is_offered, open_slots

PARIS = ZoneInfo("Europe/Paris")
MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 6, 8, 7, 0, tzinfo=PARIS)  # a Monday


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def week(
    *openings: tuple[int, str, str],
    duration: int = 50,
    buffer: int = 10,
    notice: timedelta = timedelta(),
    horizon_days: int = 0,
    zone: str = "Europe/Paris",
    country: str = "FR",
    subdivision: str | None = None,
) -> Week:
    return Week(
        tuple(Opening(day, time.fromisoformat(a), time.fromisoformat(b)) for day, a, b in openings),
        duration * MINUTE,
        buffer * MINUTE,
        zone,
        country,
        subdivision,
        notice,
        horizon_days,
    )


MORNING = week((0, "09:00", "12:00"))
FULL = week(
    *((day, a, b) for day in range(5) for a, b in (("09:00", "12:30"), ("14:00", "18:30"))),
    notice=timedelta(hours=24),
    horizon_days=28,
)


def starts(slots: list[Slot]) -> list[str]:
    return [slot.starts_at.astimezone(PARIS).strftime("%d %H:%M") for slot in slots]


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (week((0, "09:00", "12:00")), ["09:00", "10:00", "11:00"]),
        (week((0, "09:00", "11:50")), ["09:00", "10:00", "11:00"]),  # the last buffer may lie outside
        (week((0, "09:00", "11:49")), ["09:00", "10:00"]),
        (week((0, "09:00", "11:00"), duration=45, buffer=15), ["09:00", "10:00"]),
        (week((0, "09:00", "11:00"), duration=45, buffer=0), ["09:00", "09:45"]),
        (week((0, "09:10", "10:00")), ["09:10"]),
        (week((0, "09:10", "09:59")), []),
        (week((0, "14:00", "15:00"), (0, "09:00", "10:00")), ["09:00", "14:00"]),
        (week((0, "09:00", "10:00"), (0, "09:00", "10:00")), ["09:00"]),
        (week((0, "09:00", "11:00"), (0, "09:30", "11:30")), ["09:00", "10:00"]),
        (week((1, "09:00", "12:00")), []),
        (week(), []),
    ],
)
def test_each_opening_has_its_grid(offered: Week, expected: list[str]) -> None:
    assert starts(open_slots(offered, (), (), NOW)) == [f"08 {start}" for start in expected]


def test_a_slot_lasts_the_duration_and_is_in_utc() -> None:
    first = open_slots(MORNING, (), (), NOW)[0]
    assert first == Slot(datetime(2026, 6, 8, 7, 0, tzinfo=UTC), datetime(2026, 6, 8, 7, 50, tzinfo=UTC))
    assert first.starts_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], ["09:00", "10:00", "11:00"]),
        ([("10:00", "10:50")], ["09:00", "11:00"]),
        ([("09:00", "09:50"), ("11:00", "11:50")], ["10:00"]),
        ([("11:00", "11:50"), ("09:00", "09:50")], ["10:00"]),  # in any order
        ([("08:00", "08:50")], ["09:00", "10:00", "11:00"]),
        ([("08:00", "08:51")], ["10:00", "11:00"]),  # its buffer reaches into the first slot
        ([("09:59", "10:00")], ["11:00"]),  # the buffer of the first, and the second itself
        ([("10:00", "10:01")], ["09:00", "11:00"]),
        ([("12:00", "13:00")], ["09:00", "10:00", "11:00"]),
        ([("11:59", "13:00")], ["09:00", "10:00"]),
        ([("08:00", "18:00")], []),
        ([("08:00", "10:30"), ("08:10", "08:20")], ["11:00"]),  # a long one outlives a short one after it
        ([("10:10", "10:20"), ("10:10", "10:20"), ("10:15", "10:40")], ["09:00", "11:00"]),
    ],
)
def test_what_is_taken_is_not_offered(taken: list[tuple[str, str]], left: list[str]) -> None:
    ranges = [(paris(f"2026-06-08 {a}"), paris(f"2026-06-08 {b}")) for a, b in taken]
    assert starts(open_slots(MORNING, (), ranges, NOW)) == [f"08 {start}" for start in left]


@pytest.mark.parametrize(
    ("notice", "first"),
    [
        (timedelta(), "08 09:00"),
        (timedelta(hours=2), "08 09:00"),
        (timedelta(hours=2, minutes=1), "08 10:00"),
        (timedelta(hours=24), "09 09:00"),
        (timedelta(hours=48), "10 09:00"),
    ],
)
def test_the_notice_is_respected_to_the_minute(notice: timedelta, first: str) -> None:
    offered = week(*((day, "09:00", "12:00") for day in range(7)), notice=notice, horizon_days=7)
    assert starts(open_slots(offered, (), (), NOW))[0] == first


@pytest.mark.parametrize(("horizon", "last"), [(0, date(2026, 6, 8)), (3, date(2026, 6, 11)), (28, date(2026, 7, 6))])
def test_the_horizon_counts_local_days_from_today(horizon: int, last: date) -> None:
    offered = week(*((day, "09:00", "10:00") for day in range(7)), horizon_days=horizon)
    assert open_slots(offered, (), (), NOW)[-1].starts_at.astimezone(PARIS).date() == last


@pytest.mark.parametrize(
    ("country", "subdivision", "zone", "closed"),
    [
        ("FR", None, "Europe/Paris", date(2026, 7, 14)),
        ("FR", "67", "Europe/Paris", date(2026, 4, 3)),
        ("CH", "GE", "Europe/Zurich", date(2026, 9, 10)),
        ("BE", None, "Europe/Brussels", date(2026, 7, 21)),
    ],
)
def test_public_holidays_offer_nothing(country: str, subdivision: str | None, zone: str, closed: date) -> None:
    offered = week(
        *((day, "09:00", "10:00") for day in range(7)),
        horizon_days=2,
        zone=zone,
        country=country,
        subdivision=subdivision,
    )
    now = datetime.combine(closed - timedelta(days=1), time(6), ZoneInfo(zone))
    days = [slot.starts_at.date() for slot in open_slots(offered, (), (), now)]
    assert days == [closed - timedelta(days=1), closed + timedelta(days=1)]


@pytest.mark.parametrize(
    ("closures", "left"),
    [
        ((), [8, 9, 10, 11]),
        (((date(2026, 6, 9), date(2026, 6, 9)),), [8, 10, 11]),
        (((date(2026, 6, 9), date(2026, 6, 10)),), [8, 11]),
        (((date(2026, 6, 1), date(2026, 6, 8)), (date(2026, 6, 11), date(2026, 7, 1))), [9, 10]),
    ],
)
def test_closures_take_whole_days_first_and_last_included(closures: Closures, left: list[int]) -> None:
    offered = week(*((day, "09:00", "10:00") for day in range(7)), horizon_days=3)
    assert [slot.starts_at.day for slot in open_slots(offered, closures, (), NOW)] == left


def test_a_skipped_hour_offers_nothing() -> None:
    night = week((6, "01:00", "05:00"))
    slots = open_slots(night, (), (), datetime(2026, 3, 29, 0, 0, tzinfo=PARIS))
    assert starts(slots) == ["29 01:00", "29 03:00", "29 04:00"]
    assert [slot.starts_at.hour for slot in slots] == [0, 1, 2]


def test_a_repeated_hour_is_offered_once_the_first_time() -> None:
    night = week((6, "01:00", "05:00"))
    slots = open_slots(night, (), (), datetime(2026, 10, 25, 0, 0, tzinfo=PARIS))
    assert [slot.starts_at for slot in slots][:3] == [
        datetime(2026, 10, 24, 23, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 2, 0, tzinfo=UTC),
    ]


def test_slots_do_not_overlap_where_the_clocks_jump() -> None:
    night = week((6, "01:30", "05:00"), duration=45, buffer=5)
    slots = open_slots(night, (), (), datetime(2026, 3, 29, 0, 0, tzinfo=PARIS))
    assert starts(slots) == ["29 01:30", "29 04:00"]


def test_the_same_hour_is_offered_before_and_after_the_clocks_change() -> None:
    offered = week(*((day, "09:00", "10:00") for day in range(5)), horizon_days=5)
    slots = open_slots(offered, (), (), datetime(2026, 3, 26, 6, 0, tzinfo=PARIS))
    assert starts(slots) == ["26 09:00", "27 09:00", "30 09:00", "31 09:00"]
    assert [slot.starts_at.hour for slot in slots] == [8, 8, 7, 7]


def test_a_slot_is_offered_only_if_the_list_holds_it() -> None:
    taken = [(paris("2026-06-09 10:00"), paris("2026-06-09 10:50"))]
    free, gone = paris("2026-06-09 11:00"), paris("2026-06-09 10:00")
    assert is_offered(FULL, (), taken, NOW, free) == Slot(free.astimezone(UTC), free.astimezone(UTC) + 50 * MINUTE)
    assert is_offered(FULL, (), taken, NOW, gone) is None
    assert is_offered(FULL, (), (), NOW, gone) is not None
    assert is_offered(FULL, (), (), NOW, gone + MINUTE) is None
    assert is_offered(FULL, (), (), NOW, paris("2026-06-08 10:00")) is None  # within the notice
    assert is_offered(FULL, (), (), NOW, paris("2026-08-10 10:00")) is None  # beyond the horizon
    assert is_offered(FULL, ((date(2026, 6, 9), date(2026, 6, 9)),), (), NOW, free) is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"duration": 0}, "longer than nothing"),
        ({"duration": -10}, "longer than nothing"),
        ({"buffer": -1}, "negative"),
        ({"horizon_days": -1}, "negative"),
        ({"notice": -MINUTE}, "negative"),
        ({"zone": "Nowhere"}, "Time zone"),
        ({"country": "XX"}, "Country"),
        ({"country": "CH", "subdivision": "75"}, "not a known part"),
    ],
)
def test_a_week_that_cannot_work_cannot_be_made(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        week((0, "09:00", "10:00"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("day", "opens", "closes"), [(7, 9, 10), (-1, 9, 10), (0, 10, 10), (0, 11, 10)])
def test_an_opening_that_cannot_be_is_refused(day: int, opens: int, closes: int) -> None:
    with pytest.raises(ConfigurationError):
        Opening(day, time(opens), time(closes))


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001
ranges = st.lists(st.tuples(st.integers(0, 28 * 24 * 60), st.integers(1, 300)), max_size=40)
weeks = st.sampled_from(
    [
        FULL,
        week(*((day, "00:15", "06:00") for day in range(7)), duration=35, buffer=5, horizon_days=28),
        week((0, "08:00", "20:00"), (0, "09:10", "21:00"), (5, "10:00", "13:00"), buffer=0, horizon_days=28),
    ]
)


@given(weeks, moments, ranges)
def test_offered_slots_are_exactly_those_that_overlap_nothing(
    offered: Week, now: datetime, minutes: list[tuple[int, int]]
) -> None:
    taken = [(now + start * MINUTE, now + (start + length) * MINUTE) for start, length in minutes]
    every = open_slots(offered, (), (), now)
    free = open_slots(offered, (), taken, now)
    assert free == [slot for slot in every if not _overlaps(slot, taken, offered.buffer)]


@given(weeks, moments, ranges)
def test_two_offered_slots_never_overlap_each_other(
    offered: Week, now: datetime, minutes: list[tuple[int, int]]
) -> None:
    taken = [(now + start * MINUTE, now + (start + length) * MINUTE) for start, length in minutes]
    slots = open_slots(offered, (), taken, now)
    for earlier, later in pairwise(slots):
        assert earlier.ends_at + offered.buffer <= later.starts_at
    for slot in slots[:5]:
        assert slot.starts_at >= now + offered.notice
        assert is_offered(offered, (), taken, now, slot.starts_at) == slot


def _overlaps(slot: Slot, taken: list[tuple[datetime, datetime]], buffer: timedelta) -> bool:
    return any(start < slot.ends_at + buffer and slot.starts_at < end + buffer for start, end in taken)

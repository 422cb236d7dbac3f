"""Any plan a practice may write, any calendar it may have."""

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import strategies as st

from db.rules.plans import MESSAGE_CHANNELS, MESSAGES, Plan, Step, StepKind
from db.rules.windows import Calendar, Hours
from db.states import Channel, Role

PLACES = (
    ("Europe/Paris", "FR", None),
    ("Europe/Paris", "FR", "67"),
    ("Europe/Zurich", "CH", "GE"),
    ("Europe/Zurich", "CH", "TI"),
    ("Europe/Brussels", "BE", None),
    ("Indian/Reunion", "FR", "974"),
    ("America/Martinique", "FR", "972"),
    ("America/Cayenne", "FR", "973"),
    ("Pacific/Noumea", "FR", "NC"),
)
# Two of its nights are longer or shorter than others; these hours lie within the hour that the clocks skip or repeat.
IN_THE_NIGHT = Hours(time(2, 15), time(2, 45), frozenset(range(7)), time(2, 30))

moments = st.datetimes(datetime(2025, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
# Around the nights on which the clocks change.
changes_of_the_clocks = st.builds(
    lambda day, minutes: datetime.combine(day, time(), UTC) + timedelta(minutes=minutes),
    st.sampled_from([date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25)]),
    st.integers(0, 24 * 60),
)
any_moment = moments | changes_of_the_clocks

days_of_the_week = st.frozensets(st.integers(0, 6), min_size=1)


@st.composite
def hours(draw: st.DrawFn) -> Hours:
    opens = draw(st.integers(0, 22 * 60))
    closes = draw(st.integers(opens + 1, 23 * 60 + 59))
    step_at = draw(st.integers(0, 23 * 60 + 59))
    return Hours(_clock(opens), _clock(closes), draw(days_of_the_week), _clock(step_at))


def _clock(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


any_hours = st.just(Hours()) | st.just(IN_THE_NIGHT) | hours()


@st.composite
def closures(draw: st.DrawFn, since: date) -> tuple[tuple[date, date], ...]:
    """Up to three stretches of days from about then on."""
    starts = draw(st.lists(st.tuples(st.integers(-3, 40), st.integers(0, 21)), max_size=3))
    return tuple((since + timedelta(days=after), since + timedelta(days=after + long)) for after, long in starts)


@st.composite
def calendars(draw: st.DrawFn, place: tuple[str, str, str | None] | None = None) -> Calendar:
    zone, country, part = place or draw(st.sampled_from(PLACES))
    return Calendar(zone, country, part, draw(any_hours))


roles = st.sampled_from(Role).map(str)
# A reference of a member of staff.
references = st.text("abcdefghijklmnop0123456789", min_size=12, max_size=12)
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))

_KINDS: tuple[Channel | StepKind, ...] = (
    Channel.SMS,
    Channel.EMAIL,
    StepKind.CALL,
    StepKind.ALERT,
    StepKind.ESCALATION,
)


def _message(day: int, channel: Channel) -> st.SearchStrategy[Step]:
    names = [name for name in MESSAGES if channel in MESSAGE_CHANNELS[name]]
    return st.builds(
        Step, st.just(day), st.sampled_from(names), st.just(channel), optional=st.booleans(), failover=st.booleans()
    )


def _human(day: int, kind: StepKind) -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        st.just(day),
        kind=st.just(kind),
        assignee=roles | references,
        fallback=st.just("") | roles | references,
        at=st.none() | times,
        hours=st.none() | st.integers(1, 72),
        unless_answered=st.booleans(),
    )


def _step(place: tuple[int, Channel | StepKind]) -> st.SearchStrategy[Step]:
    day, kind = place
    return _message(day, kind) if isinstance(kind, Channel) else _human(day, kind)


def _with_a_message(places: list[tuple[int, Channel | StepKind]]) -> bool:
    return any(isinstance(kind, Channel) for _, kind in places)


@st.composite
def plans(draw: st.DrawFn, longest: int = 90, most: int = 14) -> Plan:
    spots = st.tuples(st.integers(0, longest) | st.integers(0, 3), st.sampled_from(_KINDS))
    places = draw(st.lists(spots, min_size=1, max_size=most, unique=True).filter(_with_a_message))
    return Plan(
        draw(st.text("abcdefgh é", min_size=1, max_size=20).filter(str.strip)),
        tuple(draw(_step(one)) for one in places),
    )

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.errors import ConfigurationError
from db.rules.plans import (
    MESSAGES,
    SPACING,
    STANDARD,
    Plan,
    PlannedTouchpoint,
    Step,
    from_json,
    planned,
    pushed,
    stricter,
    to_json,
)
from db.rules.settings import Settings
from db.rules.windows import Calendar, is_open, local_day
from db.states import Channel
from tests.db.rules.strategies import any_moment, calendars
from tests.db.rules.strategies import plans as any_plan

PARIS = ZoneInfo("Europe/Paris")
FRANCE = Calendar("Europe/Paris", "FR")
SMS, EMAIL = Channel.SMS, Channel.EMAIL
STRETCHED = Plan(
    "psychotherapy",
    tuple(Step(day, name, EMAIL) for day, name in zip((0, 2, 5, 9, 14), MESSAGES[:5], strict=True)),
)
DAILY = Plan("daily", tuple(Step(day, "first", channel) for day in range(6) for channel in (SMS, EMAIL)))

moments = st.datetimes(datetime(2025, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
WITHOUT_OPTIONAL = Settings(worth_sms=False).plan_for("", high_risk=False)
plans = st.sampled_from([STANDARD, STRETCHED, DAILY, WITHOUT_OPTIONAL])


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def due_times(missed_on: str, first_due: str, plan: Plan = STANDARD) -> list[str]:
    rows = planned(plan, missed_on=date.fromisoformat(missed_on), first_due=paris(first_due), calendar=FRANCE)
    return [f"{row.step} {row.channel} {row.message} {row.due_at.astimezone(PARIS):%Y-%m-%d %H:%M}" for row in rows]


def test_the_standard_plan_is_the_one_of_the_product() -> None:
    assert [(step.day, step.message, step.channel, step.optional) for step in STANDARD.steps] == [
        (0, "first", SMS, False),
        (0, "first", EMAIL, False),
        (1, "flexible", EMAIL, False),
        (3, "worth", SMS, True),
        (3, "worth", EMAIL, False),
        (5, "closing", EMAIL, False),
        (7, "last", SMS, False),
        (7, "last", EMAIL, False),
    ]


def test_a_weekday_morning_follows_the_offsets() -> None:
    assert due_times("2026-06-10", "2026-06-10 10:00") == [
        "0 sms first 2026-06-10 10:00",
        "0 email first 2026-06-10 10:00",
        "1 email flexible 2026-06-11 10:00",
        "2 sms worth 2026-06-13 10:00",
        "2 email worth 2026-06-13 10:00",
        "3 email closing 2026-06-15 10:00",
        "4 sms last 2026-06-17 10:00",
        "4 email last 2026-06-17 10:00",
    ]


def test_an_afternoon_absence_pushes_the_email_of_the_next_day_to_twenty_hours() -> None:
    assert due_times("2026-06-10", "2026-06-10 15:00")[2] == "1 email flexible 2026-06-11 11:00"


def test_closed_days_move_a_step_and_the_rest_keeps_its_distance() -> None:
    # Missed on the Thursday before Easter: Sunday and Monday are closed, so the third day's messages wait.
    assert due_times("2026-04-02", "2026-04-02 14:00") == [
        "0 sms first 2026-04-02 14:00",
        "0 email first 2026-04-02 14:00",
        "1 email flexible 2026-04-03 10:00",
        "2 sms worth 2026-04-07 09:00",
        "2 email worth 2026-04-07 09:00",
        "3 email closing 2026-04-08 09:00",
        "4 sms last 2026-04-09 10:00",
        "4 email last 2026-04-09 10:00",
    ]


def test_a_late_entry_starts_at_once_and_keeps_the_order_across_channels() -> None:
    # Marked two days late, on a Saturday: the SMS of day 3 waits for the email of day 1.
    assert due_times("2026-06-11", "2026-06-13 15:00")[:6] == [
        "0 sms first 2026-06-13 15:00",
        "0 email first 2026-06-13 15:00",
        "1 email flexible 2026-06-15 09:00",
        "2 sms worth 2026-06-15 09:00",
        "2 email worth 2026-06-16 09:00",
        "3 email closing 2026-06-17 09:00",
    ]


@pytest.mark.parametrize(
    ("first_due", "expected"),
    [
        ("2026-06-10 19:45", "2026-06-11 09:00"),
        ("2026-06-13 20:00", "2026-06-15 09:00"),
        ("2026-06-10 06:00", "2026-06-10 09:00"),
    ],
)
def test_the_first_message_waits_for_the_opening(first_due: str, expected: str) -> None:
    assert due_times(first_due[:10], first_due)[0] == f"0 sms first {expected}"


def test_steps_stay_at_ten_over_a_change_of_the_clocks() -> None:
    assert due_times("2026-03-27", "2026-03-27 09:30")[2:4] == [
        "1 email flexible 2026-03-28 10:00",
        "2 sms worth 2026-03-30 10:00",
    ]


@given(plans, moments, st.integers(0, 3))
def test_a_sequence_keeps_its_hours_its_order_and_its_distance(plan: Plan, due: datetime, late_by: int) -> None:
    missed_on = due.astimezone(PARIS).date() - timedelta(days=late_by)
    rows = planned(plan, missed_on=missed_on, first_due=due, calendar=FRANCE)
    assert len(rows) == len(plan.steps)
    assert len({(row.step, row.channel) for row in rows}) == len(rows)
    assert all(row.due_at >= due and is_open(row.due_at, FRANCE) for row in rows)
    for channel in Channel:
        of_channel = [row.due_at for row in rows if row.channel is channel]
        assert all(later - earlier >= SPACING for earlier, later in pairwise(of_channel))
    _assert_ordered_by_moment(rows)


def _assert_ordered_by_moment(rows: tuple[PlannedTouchpoint, ...]) -> None:
    for row in rows:
        assert all(earlier.due_at <= row.due_at for earlier in rows if earlier.step < row.step)


@given(plans, moments)
def test_no_step_is_due_before_its_day(plan: Plan, due: datetime) -> None:
    missed_on = due.astimezone(PARIS).date()
    for row in planned(plan, missed_on=missed_on, first_due=due, calendar=FRANCE):
        assert row.due_at.astimezone(PARIS).date() >= missed_on + timedelta(days=plan.days[row.step])


@pytest.mark.parametrize(
    ("moved_to", "later", "expected"),
    [
        ("2026-06-10 10:00", [], []),
        ("2026-06-10 10:00", ["2026-06-11 10:00"], ["2026-06-11 10:00"]),
        ("2026-06-10 14:00", ["2026-06-11 10:00"], ["2026-06-11 10:00"]),
        ("2026-06-10 14:01", ["2026-06-11 10:00"], ["2026-06-11 10:01"]),
        ("2026-06-10 19:00", ["2026-06-11 10:00"], ["2026-06-11 15:00"]),
        # Pushed past the close of a Saturday, to the Monday; the one after that is far enough.
        (
            "2026-06-13 09:00",
            ["2026-06-13 10:00", "2026-06-16 10:00"],
            ["2026-06-15 09:00", "2026-06-16 10:00"],
        ),
        # One push pushes the next.
        (
            "2026-06-10 18:00",
            ["2026-06-11 10:00", "2026-06-12 09:00"],
            ["2026-06-11 14:00", "2026-06-12 10:00"],
        ),
    ],
)
def test_a_deferred_message_pushes_those_that_come_too_close(
    moved_to: str, later: list[str], expected: list[str]
) -> None:
    assert [*pushed(paris(moved_to), map(paris, later), FRANCE)] == [paris(text) for text in expected]


@given(moments, st.lists(moments, max_size=6).map(sorted))
def test_pushing_spaces_without_pulling_and_twice_is_once(moved_to: datetime, later: list[datetime]) -> None:
    result = pushed(moved_to, later, FRANCE)
    assert all(new >= old for new, old in zip(result, later, strict=True))
    assert all(second - first >= SPACING for first, second in pairwise([moved_to, *result]))
    assert pushed(moved_to, result, FRANCE) == result


def test_a_plan_puts_its_steps_in_order() -> None:
    plan = Plan("mixed", (Step(2, "last", SMS), Step(0, "first", EMAIL), Step(0, "first", SMS)))
    assert [(step.day, step.channel) for step in plan.steps] == [(0, SMS), (0, EMAIL), (2, SMS)]
    assert plan.days == (0, 2)


@pytest.mark.parametrize("plan", [STANDARD, STRETCHED, DAILY])
def test_a_plan_survives_storage(plan: Plan) -> None:
    assert from_json(to_json(plan)) == plan
    assert to_json(from_json(to_json(plan))) == to_json(plan)


def test_the_optional_sms_can_be_switched_off_and_the_moments_stay() -> None:
    left = [step for step in STANDARD.steps if (step.message, step.channel) != ("worth", SMS)]
    assert list(WITHOUT_OPTIONAL.steps) == left
    assert WITHOUT_OPTIONAL.days == STANDARD.days


def stored(**changes: object) -> str:
    return json.dumps({"name": "p", "steps": [{"day": 0, "message": "first", "channel": "sms"} | changes]})


def _call(**changes: object) -> str:
    message = {"day": 0, "message": "first", "channel": "sms"}
    return json.dumps({"name": "p", "steps": [message, {"day": 1, "kind": "call"} | changes]})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not readable JSON"),
        ("[]", "an object with a name"),
        ('{"name": 3, "steps": []}', "an object with a name"),
        ('{"name": "p", "steps": {}}', "an object with a name"),
        ('{"name": "p", "steps": []}', "at least one step"),
        ('{"name": " ", "steps": [{"day": 0, "message": "first", "channel": "sms"}]}', "needs a name"),
        ('{"name": "p", "steps": [3]}', "a table with a day"),
        ('{"name": "p", "steps": [{"day": 0}]}', "needs a day, a message and a channel"),
        (stored(day=-1), "whole number from 0"),
        (stored(day=91), "whole number from 0"),
        (stored(day="1"), "whole number from 0"),
        (stored(day=True), "whole number from 0"),
        (stored(day=1.5), "whole number from 0"),
        (stored(message="welcome"), "'welcome' is not known"),
        (stored(message=[]), "'message' is a text"),
        (_call(message="first"), "has no message, no channel"),
        (_call(optional=True), "is never optional"),
        (stored(assignee="admin"), "belong to what a person does"),
        (stored(at="10:00"), "belong to what a person does"),
        (stored(hours=0.5), "'hours' is a whole number"),
        (stored(failover="no"), "true or false"),
        (_call(), "needs an assignee"),
        (_call(assignee="admin", hours=0), "from 1 to 72"),
        (_call(assignee="admin", hours=73), "from 1 to 72"),
        (_call(assignee="admin", at="25:00"), "hour must be in"),
        (_call(assignee=3), "'assignee' is a text"),
        (
            '{"name": "p", "steps": [{"day": 0, "kind": "call", "assignee": "admin"}]}',
            "at least one step that is a message",
        ),
        (stored(channel="fax"), "'fax' is not a valid Channel"),
        (stored(kind="parade"), "'parade' is not a valid StepKind"),
        (stored(optional="yes"), "true or false"),
        (stored(colour="red"), "does not have colour"),
    ],
)
def test_a_plan_that_cannot_be_read_says_why(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        from_json(text)


@given(any_plan())
def test_any_plan_survives_storage(plan: Plan) -> None:
    stored_plan = to_json(plan)
    assert from_json(stored_plan) == plan
    assert to_json(from_json(stored_plan)) == stored_plan


@given(any_plan())
def test_plan_of_the_first_version_is_read_as_it_was_meant(plan: Plan) -> None:
    """Its rows stand in databases: five keys for each message, and nothing that people do."""
    steps = [
        {"day": one.day, "message": one.message, "channel": one.channel, "optional": one.optional, "kind": "message"}
        for one in plan.messages
    ]
    read = from_json(json.dumps({"name": plan.name, "steps": steps}))
    assert read.human_steps == ()
    assert read.messages == tuple(replace(one, failover=True) for one in plan.messages)


@given(any_plan(), any_plan())
def test_stricter_of_two_plans_is_the_one_in_which_people_do_more(one: Plan, other: Plan) -> None:
    found = stricter(one, other)
    assert len(found.human_steps) == max(len(one.human_steps), len(other.human_steps))
    assert stricter(found, one) == stricter(found, other) == found


@given(
    any_plan(),
    calendars(),
    any_moment,
    st.timedeltas(timedelta(), timedelta(days=3)),
    st.dictionaries(st.sampled_from(Channel), st.timedeltas(timedelta(), timedelta(days=2))),
)
def test_any_plan_keeps_its_hours_its_order_and_its_distance_anywhere(
    plan: Plan, calendar: Calendar, due: datetime, late_by: timedelta, sent_before: dict[Channel, timedelta]
) -> None:
    last_sent = {channel: due - ago for channel, ago in sent_before.items()}
    missed_on = local_day(due - late_by, calendar)
    rows = planned(plan, missed_on=missed_on, first_due=due, calendar=calendar, last_sent=last_sent)
    assert [(row.step, row.channel, row.message) for row in rows] == [
        (plan.moment(step), step.channel, step.message) for step in plan.messages
    ]
    assert all(row.due_at >= due and is_open(row.due_at, calendar) for row in rows)
    assert all(local_day(row.due_at, calendar) >= missed_on + timedelta(days=plan.days[row.step]) for row in rows)
    for channel in Channel:
        before = [last_sent[channel]] if channel in last_sent else []
        at = [*before, *(row.due_at for row in rows if row.channel is channel)]
        assert all(later - earlier >= SPACING for earlier, later in pairwise(at))
    _assert_ordered_by_moment(rows)


def test_two_messages_of_one_channel_on_one_day_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two steps of one kind"):
        Plan("twice", (Step(0, "first", SMS), Step(0, "brief", SMS)))

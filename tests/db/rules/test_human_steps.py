"""When what people do is due, for any plan, any place and any closure."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.rules.human_steps import (
    FIRST_CALL_WITHIN,
    ON_CALL,
    SHORT_DEADLINE,
    PlannedHumanStep,
    crisis_alerts,
    planned_human_steps,
    put_off,
)
from db.rules.plans import HIGH_RISK, Plan, StepKind
from db.rules.windows import Calendar, is_open, local_day
from db.states import Role, TaskKind
from tests.db.rules.strategies import PLACES, any_moment, calendars, closures, plans

PARIS = ZoneInfo("Europe/Paris")
FRANCE = Calendar("Europe/Paris", "FR")


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


class Case:
    """One absence under one plan, each role with on-call hours of its own, the practice closed now and then."""

    def __init__(self, plan: Plan, missed: datetime, late_by: timedelta, here: tuple[Calendar, ...], crisis: bool):
        self.plan, self.missed, self.crisis = plan, missed, crisis
        self.first_due = missed + late_by
        self.calendar, *self.others = here
        self.missed_on = local_day(missed, self.calendar)
        self.steps = planned_human_steps(
            plan,
            missed_on=self.missed_on,
            missed_start=missed,
            first_due=self.first_due,
            hours_of=self.hours_of,
            crisis=crisis,
        )
        self.of_plan = self.steps[2:] if crisis else self.steps

    def hours_of(self, target: str) -> Calendar:
        """The same target, the same hours."""
        everybody = [self.calendar, *self.others]
        return everybody[sum(map(ord, target)) % len(everybody)]

    @property
    def first_call(self) -> PlannedHumanStep | None:
        return next((one for one in self.of_plan if one.kind is TaskKind.CALL), None)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    place, missed = draw(st.sampled_from(PLACES)), draw(any_moment)
    closed = draw(closures(missed.date()))
    here = tuple(replace(draw(calendars(place)), closed=closed) for _ in range(draw(st.integers(1, 3))))
    late_by = draw(st.timedeltas(timedelta(minutes=5), timedelta(days=4)))
    return Case(draw(plans()), missed, late_by, here, draw(st.booleans()))


@given(cases())
def test_each_human_step_is_planned_once_with_a_deadline_after_it(case: Case) -> None:
    assert [(one.step, one.kind) for one in case.of_plan] == [
        (case.plan.moment(step), TaskKind(step.kind)) for step in case.plan.human_steps
    ]
    assert all(one.deadline_at > one.due_at >= case.first_due for one in case.steps)
    assert {one.crisis for one in case.steps} <= {case.crisis}
    assert [one.fallback for one in case.of_plan] == [step.fallback for step in case.plan.human_steps]
    assert [one.unless_answered for one in case.of_plan] == [step.unless_answered for step in case.plan.human_steps]


@given(cases())
def test_first_call_is_made_within_three_days_or_at_once(case: Case) -> None:
    call = case.first_call
    if call is None or call.due_at <= case.missed + FIRST_CALL_WITHIN:
        return
    assert (call.due_at, call.assignee) == (case.first_due, ON_CALL)


@given(cases())
def test_only_the_first_call_is_ever_due_while_nobody_is_there(case: Case) -> None:
    for one, step in zip(case.of_plan, case.plan.human_steps, strict=True):
        if one.assignee == ON_CALL:
            assert one is case.first_call
            assert one.due_at == case.first_due
            continue
        hours = case.hours_of(step.assignee)
        assert one.assignee == step.assignee
        assert is_open(one.due_at, hours)
        assert local_day(one.due_at, hours) >= case.missed_on + timedelta(days=step.day)


@given(cases())
def test_deadline_is_the_one_of_the_step_or_no_nearer_than_two_hours(case: Case) -> None:
    for one, step in zip(case.of_plan, case.plan.human_steps, strict=True):
        if step.hours is not None:
            assert one.deadline_at == one.due_at + timedelta(hours=step.hours)
        else:
            assert one.deadline_at >= one.due_at + SHORT_DEADLINE


@given(cases())
def test_crisis_alerts_two_people_at_the_end_of_the_grace_whatever_the_hour(case: Case) -> None:
    alerts = case.steps[: len(case.steps) - len(case.of_plan)]
    assert alerts == (crisis_alerts(case.first_due) if case.crisis else ())
    if case.crisis:
        assert [one.assignee for one in alerts] == [Role.PRACTITIONER, Role.CLINICAL_LEAD]
        assert {(one.kind, one.due_at, one.step) for one in alerts} == {(TaskKind.ALERT, case.first_due, 0)}


@given(cases(), st.sampled_from([TaskKind.CALL, TaskKind.ALERT, TaskKind.ESCALATION]), st.timedeltas(timedelta()))
def test_step_is_put_off_to_an_open_moment_and_a_call_never_beyond_three_days(
    case: Case, kind: TaskKind, wait: timedelta
) -> None:
    due = case.missed + wait % timedelta(days=9)
    later = put_off(due, missed_start=case.missed, kind=kind, calendar=case.calendar)
    if later is None:
        assert is_open(due, case.calendar) or kind is TaskKind.CALL
        return
    assert later > due
    assert is_open(later, case.calendar)
    assert kind is not TaskKind.CALL or later <= case.missed + FIRST_CALL_WITHIN
    again = put_off(later, missed_start=case.missed, kind=kind, calendar=case.calendar)
    assert again is None


def due_times(missed: str, closed: tuple[tuple[date, date], ...] = ()) -> list[str]:
    hours = replace(FRANCE, closed=closed)
    steps = planned_human_steps(
        HIGH_RISK,
        missed_on=paris(missed).date(),
        missed_start=paris(missed),
        first_due=paris(missed) + timedelta(minutes=30),
        hours_of=lambda _: hours,
        crisis=False,
    )
    return [
        f"{one.kind} {one.assignee} {one.due_at.astimezone(PARIS):%m-%d %H:%M} to "
        f"{one.deadline_at.astimezone(PARIS):%m-%d %H:%M}"
        for one in steps
    ]


@pytest.mark.parametrize(
    ("missed", "closed", "expected"),
    [
        (
            "2026-06-10 10:00",
            (),
            [
                "call care_coordinator 06-11 09:00 to 06-11 19:30",
                "alert practitioner 06-13 09:00 to 06-13 19:30",
                "escalation clinical_lead 06-15 09:00 to 06-15 19:30",
            ],
        ),
        # Over Christmas, then closed to the new year: the call cannot wait, the others can.
        (
            "2026-12-24 15:00",
            ((date(2026, 12, 26), date(2027, 1, 3)),),
            [
                "call on_call 12-24 15:30 to 12-24 19:30",
                "alert practitioner 01-04 09:00 to 01-04 19:30",
                "escalation clinical_lead 01-04 09:00 to 01-04 19:30",
            ],
        ),
        # Over the night that loses an hour.
        (
            "2026-03-27 18:00",
            (),
            [
                "call care_coordinator 03-28 09:00 to 03-28 19:30",
                "alert practitioner 03-30 09:00 to 03-30 19:30",
                "escalation clinical_lead 04-01 09:00 to 04-01 19:30",
            ],
        ),
    ],
    ids=["a weekday", "a closure", "the clocks change"],
)
def test_high_risk_plan_on_known_days(missed: str, closed: tuple[tuple[date, date], ...], expected: list[str]) -> None:
    assert due_times(missed, closed) == expected


def test_call_is_the_first_one_of_its_kind_only() -> None:
    """A plan with two calls over a long closure: one is made at once, the other waits."""
    closed = ((date(2026, 6, 10), date(2026, 7, 10)),)
    second = replace(HIGH_RISK.human_steps[0], day=4)
    steps = planned_human_steps(
        Plan("twice", (*HIGH_RISK.steps, second)),
        missed_on=date(2026, 6, 9),
        missed_start=paris("2026-06-09 19:00"),
        first_due=paris("2026-06-09 19:30"),
        hours_of=lambda _: replace(FRANCE, closed=closed),
        crisis=False,
    )
    calls = [(one.assignee, one.due_at) for one in steps if one.kind is TaskKind(StepKind.CALL)]
    assert calls == [
        (ON_CALL, paris("2026-06-09 19:30").astimezone(UTC)),
        (Role.CARE_COORDINATOR, paris("2026-07-11 09:00").astimezone(UTC)),
    ]

from datetime import timedelta

import pytest

from db.errors import Refused
from db.rules.plans import HIGH_RISK, PSYCHOTHERAPY, STANDARD, Plan
from db.rules.rehearsing import Speed, read_speed, rehearsed
from db.rules.telephones import country_of


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1d=10s", timedelta(seconds=10)),
        ("1d=2m", timedelta(minutes=2)),
        ("1h=1s", timedelta(seconds=24)),
        ("2d = 1m", timedelta(seconds=30)),
        ("1D=1S", timedelta(seconds=1)),
    ],
)
def test_a_speed_says_how_long_a_day_takes(text: str, day: timedelta) -> None:
    assert read_speed(text).day == day


@pytest.mark.parametrize("text", ["", "10s", "1d", "1d=", "1d=10", "1d=-1s", "1x=1s", "1d=10s,", "1d=0s", "0d=1s"])
def test_what_is_no_speed_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Refused, match="1d=10s"):
        read_speed(text)


@pytest.mark.parametrize("text", ["1s=1s", "1m=2m"])
def test_a_rehearsal_is_not_slower_than_life(text: str) -> None:
    if text == "1s=1s":
        assert read_speed(text).day == timedelta(days=1)
    else:
        with pytest.raises(Refused, match="shorten"):
            read_speed(text)


@pytest.mark.parametrize("plan", [STANDARD, PSYCHOTHERAPY, HIGH_RISK], ids=lambda plan: plan.name)
def test_day_zero_leaves_at_once_and_the_others_in_proportion(plan: Plan) -> None:
    steps = rehearsed(plan, [], Speed(timedelta(seconds=10)))
    assert [step.after for step in steps] == [timedelta(seconds=10 * step.day) for step in plan.messages]
    assert steps[0].after == timedelta(0)


def test_a_rehearsal_ends_within_the_hour() -> None:
    assert rehearsed(PSYCHOTHERAPY, [], Speed(timedelta(minutes=4)))
    with pytest.raises(Refused, match="70 minutes"):
        rehearsed(PSYCHOTHERAPY, [], Speed(timedelta(minutes=5)))


@pytest.mark.parametrize(("number", "country"), [("+33639981234", "FR"), ("+41791234567", "CH"), ("junk", None)])
def test_a_number_tells_its_country(number: str, country: str | None) -> None:
    assert country_of(number) == country

"""The guided tour that a first start prints."""

import re
from datetime import datetime

import pytest

from db.config import Config
from portal.demo.tour import tour
from tests.factories import local


def plain(markup: str) -> str:
    return re.sub(r"\[/?[a-z=:/0-9.]*\]", "", markup)


def test_while_the_practice_is_open_nobody_is_told_to_wait(config: Config) -> None:
    assert "not to wait" not in tour(config, now=local(16, 10))


@pytest.mark.parametrize(
    ("now", "opening", "hours"),
    [(local(16, 21), "Monday 09:00", "12h"), (local(22, 21), "Monday 09:00", "12h"), (local(16, 19, 27), "", "14h")],
)
def test_while_it_is_closed_the_tour_says_how_not_to_wait(
    config: Config, now: datetime, opening: str, hours: str
) -> None:
    told = plain(tour(config, now=now))
    assert f"demo advance {hours}" in told
    assert opening.replace("Monday", "") in told

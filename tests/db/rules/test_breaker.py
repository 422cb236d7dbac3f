from datetime import timedelta

import pytest

from db.rules.breaker import LONGEST_PAUSE, pause_after, trips


@pytest.mark.parametrize(
    ("errors", "messages", "stops"),
    [(4, 4, False), (5, 5, True), (5, 3, True), (5, 2, False), (50, 1, False), (0, 0, False)],
)
def test_several_errors_of_several_messages_stop_the_sending(errors: int, messages: int, stops: bool) -> None:
    assert trips(errors=errors, messages=messages) is stops


def test_each_pause_is_longer_up_to_half_an_hour() -> None:
    minutes = [pause_after(tries) / timedelta(minutes=1) for tries in range(1, 10)]
    assert minutes == [0.5, 1, 2, 5, 10, 20, 30, 30, 30]
    assert pause_after(9999) == LONGEST_PAUSE


def test_tries_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        pause_after(0)

from tests.chaos.stack import Stack
from tests.chaos.stops import race_stops


async def test_nothing_leaves_after_a_stop_was_granted(stack: Stack) -> None:
    raced = await race_stops(stack, stops=400, each_second=100, seed=20261116)
    assert raced.is_sound, raced
    assert raced.left_first, "No message was quicker than its stop: this raced nothing."
    assert raced.stopped_first, "No stop was quicker than its message: this raced nothing."

"""A small version; the figures are a matter of `make bench ARGS=alerts`, on a quiet machine."""

from tests.bench.alerts import ALERT_GOAL_S, ANSWER_GOAL_S, live_through, percentile
from tests.chaos.stack import Stack


async def test_alerts_and_presses_wait_behind_no_bulk_sending(stack: Stack) -> None:
    measured = await live_through(stack, bulk=600, alerts=20, presses=40, limit=20, spread_s=4.0)
    assert measured.waiting > 0, "Nothing waited any more."
    assert percentile(measured.alerts, 0.99) < ALERT_GOAL_S
    assert percentile(measured.answers, 0.99) < ANSWER_GOAL_S

"""A small version, without a clock; the figures are a matter of `make bench ARGS=alerts`, on a quiet machine."""

from tests.bench.alerts import live_through
from tests.chaos.stack import Stack

BULK = 600


async def test_alerts_and_presses_wait_behind_no_bulk_sending(stack: Stack) -> None:
    measured = await live_through(stack, bulk=BULK, alerts=20, presses=40, limit=20, spread_s=4.0)
    assert (len(measured.alerts), len(measured.answers)) == (20, 40)
    assert measured.waiting > BULK / 3, "The alerts were posted after most of what was sent in bulk."

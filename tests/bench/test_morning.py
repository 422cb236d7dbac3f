"""A small morning. How late the last message may be is a matter of `make bench`, on a quiet machine."""

from tests.bench.morning import live_through, under_way_at_most
from tests.chaos.stack import Stack


async def test_a_flood_at_nine_leaves_in_order_at_the_server_s_pace_and_stops_hold(stack: Stack) -> None:
    morning = await live_through(stack, messages=2_000, limit=400)
    assert morning.sent + len(morning.stops) - morning.left_first == 2_000
    assert morning.inversion <= under_way_at_most()
    assert morning.memory_mb < 200
    assert morning.stops
    assert max(stop.took for stop in morning.stops) < 1
    assert morning.lateness_s > (morning.sent / morning.limit) * 0.9, "Quicker than the server's limit."
    assert morning.lateness_s < (morning.sent / morning.limit) * 3

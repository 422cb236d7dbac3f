"""A small morning: what must hold on any machine. How late, how orderly and how quick is a matter of `make bench`."""

from tests.bench.morning import live_through, under_way_at_most
from tests.chaos.stack import Stack


async def test_a_flood_at_nine_leaves_in_order_at_the_server_s_pace_and_stops_hold(stack: Stack) -> None:
    morning = await live_through(stack, messages=1_200, limit=400)
    assert morning.sent + len(morning.stops) - morning.left_first == 1_200
    # A worker that gets no processor for a while is overtaken by what the others have under way meanwhile.
    assert morning.inversion <= 5 * under_way_at_most()
    assert morning.memory_mb < 200
    assert morning.stops
    assert morning.lateness_s > (morning.sent / morning.limit) * 0.9, "Quicker than the server's limit."

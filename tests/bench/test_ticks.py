from datetime import timedelta

from tests.bench.ticks import DUE_AT, insist_on_index, plan_ahead
from tests.chaos.people import make_absences, make_practice


async def test_what_a_tick_asks_is_answered_by_an_index(database: None) -> None:
    practice = await make_practice(2525, now=DUE_AT - timedelta(hours=1))
    await make_absences(practice, [DUE_AT])
    await plan_ahead(2_000)
    await insist_on_index(practice)

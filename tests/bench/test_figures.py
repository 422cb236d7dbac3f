from collections.abc import Awaitable, Callable
from typing import Literal

import pytest

from tests.bench.figures import Figure, interleaved


@pytest.mark.parametrize(
    ("ours", "bound", "met"),
    [(50, "at least", True), (49, "at least", False), (50, "at most", True), (51, "at most", False)],
)
def test_a_goal_is_met_by_the_ratio_of_the_two_sides(
    ours: float, bound: Literal["at least", "at most"], met: bool
) -> None:
    figure = Figure("pace", "a second", ours, 100, 0.5, bound)
    assert figure.as_json()["met"] is met


async def test_sides_take_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []

    def side(name: str, results: list[float]) -> Callable[[], Awaitable[float]]:
        async def run() -> float:
            order.append(name)
            return results.pop(0)

        return run

    medians = await interleaved(side("a", [99, 1, 2, 9]), side("b", [0, 5, 7, 6]), rounds=3)
    assert list(medians) == [2, 6]
    assert "".join(order) == "baabbaab"

"""What a measurement says: two sides of one run, their ratio, and the goal that the project holds itself to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

Side = Callable[[], Awaitable[float]]


@dataclass(frozen=True)
class Figure:
    """`ours` and `theirs` are medians over the rounds, in `unit`; `notes` is what a reader of the figure may ask."""

    name: str
    unit: str
    ours: float
    theirs: float
    goal: float
    bound: Literal["at least", "at most"]
    notes: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def is_met(self) -> bool:
        return self.ratio >= self.goal if self.bound == "at least" else self.ratio <= self.goal

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "ratio": round(self.ratio, 3), "met": self.is_met}


async def interleaved(ours: Side, theirs: Side, *, rounds: int) -> tuple[float, float]:
    """The median of each side. The sides take turns, and take turns at going first, so that whatever else the
    machine is doing weighs on both; a round before the first is not counted."""
    results: dict[Side, list[float]] = {ours: [], theirs: []}
    for number in range(rounds + 1):
        for side in (ours, theirs) if number % 2 else (theirs, ours):
            result = await side()
            if number:
                results[side].append(result)
    return median(results[ours]), median(results[theirs])

"""What happens after an answer: a modal that opens, a whisper, a Home that is drawn."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(found: Callable[[], T | None], *, within: float = 15.0) -> T:
    """The first truth that `found` returns."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + within
    while True:
        value = found()
        if value:
            return value
        if loop.time() > ends:
            raise AssertionError("It never happened.")
        await asyncio.sleep(0.005)

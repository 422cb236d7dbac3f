"""`make chaos`: everything at full length. `python -m tests.chaos kills --seed 7` runs one part, as it ran before."""

import argparse
import random
import sys
from collections.abc import Awaitable, Callable

import uvloop
from rich.console import Console

from db import session
from db.config import Config
from db.migrate import migrate
from tests.chaos.kills import Survived, survive_kills
from tests.chaos.stack import Stack, engines, stack_on
from tests.chaos.stops import Raced, race_stops

Part = Callable[[Stack, int, Callable[[str], None]], Awaitable[Survived | Raced]]


async def _kills(stack: Stack, seed: int, say: Callable[[str], None]) -> Survived:
    return await survive_kills(stack, messages=2000, kills=20, seed=seed, say=say)


async def _stops(stack: Stack, seed: int, say: Callable[[str], None]) -> Raced:
    return await race_stops(stack, stops=10_000, each_second=60, seed=seed, say=say)


PARTS: dict[str, Part] = {"kills": _kills, "stops": _stops}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Seed {options.seed}.")
    results = []
    for name in options.parts:
        with engines(durable=True) as config:
            console.print(f"Running {name}.")
            results.append(uvloop.run(_run(config, PARTS[name], options.seed, console.print)))
    for result in results:
        console.print(f"{'Sound' if result.is_sound else 'BROKEN'}: {result}.")
    sys.exit(not all(result.is_sound for result in results))


async def _run(config: Config, part: Part, seed: int, say: Callable[[str], None]) -> Survived | Raced:
    async with session.opened(config):
        await migrate()
        with stack_on(config.data, config) as stack:
            return await part(stack, seed, say)


if __name__ == "__main__":
    main()

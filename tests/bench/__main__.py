"""`make bench`: ratios, both sides measured in this run. `--json` for one document, `--quick` for a look."""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable

import uvloop
from rich.console import Console
from rich.table import Table

from db import session
from db.config import Config
from db.migrate import migrate
from tests.bench import alerts, bookings, mail, morning, pages, ticks
from tests.bench.figures import Figure
from tests.chaos.stack import Stack, engines, stack_on

Part = Callable[[Stack, bool], Awaitable[list[Figure]]]


async def _mail(stack: Stack, quick: bool) -> list[Figure]:
    return await mail.measure(stack, messages=200 if quick else 1000, rounds=3 if quick else 9)


async def _pages(stack: Stack, quick: bool) -> list[Figure]:
    return await pages.measure(stack, seconds=1.0 if quick else 3.0, rounds=3 if quick else 7)


async def _bookings(stack: Stack, quick: bool) -> list[Figure]:
    return await bookings.measure(stack, bookings=100 if quick else 500, rounds=3 if quick else 7)


async def _ticks(stack: Stack, quick: bool) -> list[Figure]:
    return await ticks.measure(stack, many=50_000 if quick else 1_000_000, repeats=100, rounds=3 if quick else 7)


async def _morning(stack: Stack, quick: bool) -> list[Figure]:
    return await morning.measure(stack, messages=5_000 if quick else 50_000, limit=400)


async def _alerts(stack: Stack, quick: bool) -> list[Figure]:
    # So slow a server that the messages wait for as long as there are alerts.
    return await alerts.measure(
        stack, bulk=2_000 if quick else 10_000, alerts=50 if quick else 300, presses=100 if quick else 600, limit=100
    )


PARTS: dict[str, Part] = {
    "pages": _pages,
    "mail": _mail,
    "bookings": _bookings,
    "ticks": _ticks,
    "morning": _morning,
    "alerts": _alerts,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    console = Console(stderr=True, highlight=False)
    figures: list[Figure] = []
    for name in options.parts:
        console.print(f"Measuring {name}.")
        with engines(durable=True) as config:
            figures += uvloop.run(_measured(config, PARTS[name], options.quick))
    if options.json:
        json.dump([figure.as_json() for figure in figures], sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        Console().print(_table(figures))
    sys.exit(not all(figure.is_met for figure in figures))


async def _measured(config: Config, part: Part, quick: bool) -> list[Figure]:
    async with session.opened(config):
        await migrate()
        with stack_on(config.data, config) as stack:
            return await part(stack, quick)


def _table(figures: list[Figure]) -> Table:
    table = Table("", "ours", "against", "", "ratio", "goal", "", "measured on")
    for figure in figures:
        goal = f"{'>=' if figure.bound == 'at least' else '<='} {figure.goal:g}"
        verdict = "met" if figure.is_met else "missed"
        numbers = (f"{figure.ours:,.4g}", f"{figure.theirs:,.4g}", figure.unit, f"{figure.ratio:.2f}")
        table.add_row(figure.name, *numbers, goal, verdict, figure.notes)
    return table


if __name__ == "__main__":
    main()

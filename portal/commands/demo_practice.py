"""`reprise demo seed`: the demo's practice."""

from pathlib import Path

import click

from db import clock
from db.config import Config
from portal.commands._common import command, emit, out, run_connected
from portal.commands._demo import demo_only
from portal.demo.seed import Seeded, seed_demo


@click.command("seed")
@command
def seed(data: Path, as_json: bool) -> None:
    """Load the demo's practice, with absences of today; harmless when it is there already."""

    async def work(config: Config) -> Seeded:
        return await seed_demo(demo_only(config), now=clock.now())

    done = run_connected(data, work)
    if as_json:
        emit(done)
    elif done.appointments:
        out().print(
            f"The demo's practice stands: {done.appointments} appointments, {done.enrolled} follow-ups, "
            f"{done.tasks} tasks."
        )
    else:
        out().print("The demo's practice is there already.")

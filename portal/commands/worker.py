"""`reprise worker`: one process that sends what is due, for `reprise run` and for service managers."""

from pathlib import Path

import click

from jobs import worker as arq_worker
from portal.commands._common import command, configure


@click.command("worker")
@click.option("--queue", type=click.Choice(["human", "bulk"]), required=True)
@command
def worker(data: Path, as_json: bool, queue: str) -> None:
    """Send what is due, on one of the two queues."""
    arq_worker.run(configure(data), queue)

"""`reprise demo serve`, for `reprise run`."""

from pathlib import Path

import click

from portal.commands._common import command, configure, run_async
from portal.commands._demo import demo_only
from portal.demo import server


@click.command("serve", hidden=True)
@command
def serve(data: Path, as_json: bool) -> None:
    """The demo's mail server and telephone, for `reprise run`."""
    run_async(server.serve(demo_only(configure(data))))

"""`reprise demo`: the demo's practice, its clock, its mail server and telephone."""

import click

from portal.commands._common import scope
from portal.commands._lazy import Lazy


@click.group(
    "demo",
    cls=Lazy,
    places={
        "seed": "portal.commands.demo_practice:seed",
        "advance": "portal.commands.demo_clock:advance",
        "serve": "portal.commands.demo_server:serve",
    },
)
@scope
def demo() -> None:
    """What only a demo stack has."""

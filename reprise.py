"""The front door of the command line: `reprise COMMAND`, also `python -m reprise COMMAND`."""

import sys

import click

from portal.commands._common import call, scope
from portal.commands._lazy import Lazy

COMMANDS = {
    "run": "portal.commands.run:run",
    "portal": "portal.commands.portal:portal",
    "worker": "portal.commands.worker:worker",
    "migrate": "portal.commands.setup:migrate",
    "setup": "portal.commands.setup:setup",
    "import": "portal.commands.importing:import_",
    "bounce": "portal.commands.bounce:bounce",
    "status": "portal.commands.reading:status",
    "worklist": "portal.commands.worklist:worklist",
    "tasks": "portal.commands.tasks:tasks",
    "staff": "portal.commands.staff:staff",
    "slack": "portal.commands.slack:slack",
    "patient": "portal.commands.patient:patient",
    "risk": "portal.commands.patient:risk",
    "objection": "portal.commands.patient:objection",
    "journal": "portal.commands.reading:journal",
    "security-log": "portal.commands.accounts:security_log",
    "export": "portal.commands.export:export",
    "bookings": "portal.commands.reading:bookings",
    "inbox": "portal.commands.inbox:inbox",
    "demo": "portal.commands.demo:demo",
    "keys": "portal.commands.keys:keys",
    "lint": "portal.commands.linting:lint",
    "preview": "portal.commands.preview:preview",
    "rehearse": "portal.commands.rehearse:rehearse",
    "doctor": "portal.commands.doctor:doctor",
}


@click.group(cls=Lazy, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="reprise")
@scope
def reprise() -> None:
    """Brings patients back to care after a missed appointment, without guilt."""


def main() -> None:
    sys.exit(call(reprise))


if __name__ == "__main__":
    main()

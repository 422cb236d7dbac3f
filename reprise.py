"""The front door of the command line: `reprise COMMAND`, also `python -m reprise COMMAND`."""

import importlib
import sys

import click

from portal.commands._common import call, scope

# Loaded when asked for, so that a command pays for its own imports only.
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
    "inbox": "portal.commands.demo:inbox",
    "demo": "portal.commands.demo:demo",
    "keys": "portal.commands.keys:keys",
    "lint": "portal.commands.linting:lint",
    "preview": "portal.commands.preview:preview",
    "rehearse": "portal.commands.rehearse:rehearse",
    "doctor": "portal.commands.doctor:doctor",
}


class Commands(click.Group):
    """Imports a command's module the first time that the command is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(importlib.import_module(module), name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="reprise")
@scope
def reprise() -> None:
    """Brings patients back to care after a missed appointment, without guilt."""


def main() -> None:
    sys.exit(call(reprise))


if __name__ == "__main__":
    main()

"""The Slack app of a practice file."""

import re
from pathlib import Path
from typing import Any

from portal.forms.sending_access import LOCAL_HOSTS, WEB_ADDRESS, read_secret
from portal.forms.toml_reader import Section, Wrong, one_of, text

ROUTES = ("person", "channel")
USUAL_COMMAND = "/reprise"
CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{2,18}")
COMMAND = re.compile(r"/[a-z0-9_-]{1,31}")
TOKEN = "xoxb-"  # noqa: S105


def read_slack(section: Section, folder: Path) -> dict[str, Any]:
    """As `db.changes.practices.NewPractice.slack` wants it; empty where the file has no such section."""
    if not section.values:
        return {}
    access: dict[str, Any] = {
        "bot_token": read_secret(section, "bot_token", folder),
        "signing_secret": read_secret(section, "signing_secret", folder),
        "channel": section.required(
            "channel", _channel, "", '"C0123ABCD", which Slack shows below the channel\'s details'
        ),
        "command": section.read("command", _command, USUAL_COMMAND),
        "route": section.read("route", one_of(ROUTES), ROUTES[0]),
    }
    if access["bot_token"] and not access["bot_token"].startswith(TOKEN):
        section.complain("bot_token", f"is not a bot's token: it begins with {TOKEN}.")
    if (base_url := section.read("base_url", _local_address, None)) is not None:
        access["base_url"] = base_url
    section.refuse_unknown()
    return access


def _channel(value: Any) -> str:
    channel = text(20)(value)
    if CHANNEL_ID.fullmatch(channel) is None:
        raise Wrong('write the id of the channel, such as "C0123ABCD", not its name: Slack shows it in its details.')
    return channel


def _command(value: Any) -> str:
    command = text(32)(value).lower()
    if COMMAND.fullmatch(command) is None:
        raise Wrong('write it with its slash, in letters, digits, - and _: "/reprise".')
    return command


def _local_address(value: Any) -> str:
    """For a double of Slack on this machine; tokens go nowhere else."""
    address = text(200)(value)
    found = WEB_ADDRESS.fullmatch(address.rstrip("/"))
    if found is None or found["host"].strip("[]") not in LOCAL_HOSTS:
        raise Wrong("is for a double on this very machine: leave it out to speak to Slack.")
    return f"{address.rstrip('/')}/"

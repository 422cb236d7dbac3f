"""`reprise slack`: the app's manifest, and who is who at Slack."""

import json
from pathlib import Path

import click
from rich.markup import escape

from bot.access import slack_access
from bot.manifest import manifest as manifest_of
from bot.manifest import request_url
from db import clock
from db.actors import staff as by
from db.changes.slack import link_slack, unlink_slack
from db.config import Config
from db.errors import ConfigurationError
from db.queries.practices import all_practices, only_practice, sending
from db.queries.words import words
from portal.commands._common import command, emit, out, run_connected, scope
from portal.commands._hands import member
from portal.forms.slack_access import USUAL_COMMAND

ACTOR = by("terminal")


@click.group("slack")
@scope
def slack() -> None:
    """The Slack app, and who is who there."""


@slack.command("manifest")
@click.option("--command", "slash", help=f"The slash command (default: that of practice.toml, else {USUAL_COMMAND}).")
@command
def manifest(data: Path, as_json: bool, slash: str | None) -> None:
    """Print the app's manifest, to paste at api.slack.com/apps: Create New App, From a manifest, JSON."""

    async def work(config: Config) -> dict[str, object]:
        practices = await all_practices()
        practice = await only_practice()
        try:
            access = slack_access(await sending(practice.id))
        except ConfigurationError:
            access = None
        known = access.command if access is not None else USUAL_COMMAND
        url = request_url(config.base_url, practice.ref if len(practices) > 1 else None)
        return manifest_of(words(practice.language), url=url, command=slash or known)

    made = run_connected(data, work)
    if as_json:
        emit(made)
    else:
        # Not by rich, which would break long lines.
        click.echo(json.dumps(made, indent=2, ensure_ascii=False))


@slack.command("link")
@click.argument("email")
@click.argument("user_id")
@command
def link(data: Path, as_json: bool, email: str, user_id: str) -> None:
    """Say who a Slack user is: the member's profile there shows the id ("Copy member ID")."""

    async def work(_config: Config) -> tuple[str, bool]:
        practice = await only_practice()
        person = await member(practice.id, email)
        changed = await link_slack(
            person.ref, practice=practice.id, slack_user=user_id.strip(), actor=ACTOR, now=clock.now()
        )
        return person.name, changed

    name, changed = run_connected(data, work)
    if as_json:
        emit({"changed": changed})
    else:
        out().print(f"{escape(name)} {'is' if changed else 'was already'} linked to {escape(user_id)}.")


@slack.command("unlink")
@click.argument("email")
@command
def unlink(data: Path, as_json: bool, email: str) -> None:
    """End somebody's access through Slack, at once; they are told by email again."""

    async def work(_config: Config) -> tuple[str, bool]:
        practice = await only_practice()
        person = await member(practice.id, email)
        return person.name, await unlink_slack(person.ref, practice=practice.id, actor=ACTOR, now=clock.now())

    name, changed = run_connected(data, work)
    if as_json:
        emit({"changed": changed})
    else:
        out().print(f"{escape(name)} {'is not linked any more' if changed else 'was not linked'}.")

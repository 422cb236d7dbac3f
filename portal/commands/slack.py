"""`reprise slack`: the app's manifest, and who is who at Slack."""

import json
from pathlib import Path

import click
from rich.markup import escape

from bot.access import slack_access
from bot.app import Bots
from bot.listeners.home import redraw_home
from bot.manifest import manifest as manifest_of
from db import clock
from db.actors import staff as by
from db.changes.slack import link_slack, unlink_slack
from db.config import Config
from db.errors import ConfigurationError
from db.queries.practices import Profile, only_practice, practice_by_ref, sending
from db.queries.slack import slack_user_of
from db.queries.words import words
from portal.commands._common import command, emit, out, run_connected, scope
from portal.commands._hands import member
from portal.commands._slack import address_for_slack
from portal.forms.slack_access import USUAL_COMMAND

ACTOR = by("terminal")


@click.group("slack")
@scope
def slack() -> None:
    """The Slack app, and who is who there."""


@slack.command("manifest")
@click.option("--practice", "named", help="The practice's reference, where the installation has several.")
@click.option("--command", "slash", help=f"The slash command (default: that of practice.toml, else {USUAL_COMMAND}).")
@command
def manifest(data: Path, as_json: bool, named: str | None, slash: str | None) -> None:
    """Print the app's manifest, to paste at api.slack.com/apps: Create New App, From a manifest, JSON."""

    async def work(config: Config) -> dict[str, object]:
        practice = await only_practice() if named is None else await practice_by_ref(named)
        try:
            access = slack_access(await sending(practice.id))
        except ConfigurationError:
            access = None
        known = access.command if access is not None else USUAL_COMMAND
        url = await address_for_slack(practice, config.base_url)
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

    async def work(config: Config) -> tuple[str, bool]:
        practice = await only_practice()
        person = await member(practice.id, email)
        user = await slack_user_of(person.id)
        changed = await unlink_slack(person.ref, practice=practice.id, actor=ACTOR, now=clock.now())
        if user is not None:
            await _empty_home(practice, user, config.base_url)
        return person.name, changed

    name, changed = run_connected(data, work)
    if as_json:
        emit({"changed": changed})
    else:
        out().print(f"{escape(name)} {'is not linked any more' if changed else 'was not linked'}.")


async def _empty_home(practice: Profile, user: str, base_url: str) -> None:
    bots = Bots(base_url)
    try:
        bot = await bots.of(practice)
        if bot is not None:
            await redraw_home(bot.here, user)
    except ConfigurationError:
        # Whatever is amiss with the access is no reason to leave somebody linked.
        return
    finally:
        await bots.close()

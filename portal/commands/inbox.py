"""`reprise inbox`: what the demo's patients and staff received."""

from pathlib import Path

import click
from rich.markup import escape

from db.states import Channel
from portal.commands._common import command, configure, emit, out
from portal.commands._demo import demo_only
from portal.demo.inbox import Message, inbox_of


@click.command("inbox")
@command
def inbox(data: Path, as_json: bool) -> None:
    """What the demo's patients received, oldest first; works while the stack is stopped, too."""
    config = demo_only(configure(data))
    messages = inbox_of(config.data).messages()
    if as_json:
        emit([message.as_json() for message in messages])
        return
    for message in messages:
        _show(message)
    if not messages:
        out().print("Nothing has arrived yet.")


def _show(message: Message) -> None:
    kind = "SMS" if message.channel is Channel.SMS else "email"
    out().print(
        f"\n[bold]{escape(message.from_)} → {escape(message.to)}[/bold]  {kind}, {message.at:%Y-%m-%d %H:%M} UTC"
    )
    if message.subject:
        out().print(f"[bold]{escape(message.subject)}[/bold]")
    out().print(escape(message.text.strip()))

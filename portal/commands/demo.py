"""`reprise demo`: the demo's practice, its clock, its mail server and telephone; `reprise inbox` reads them."""

from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.markup import escape

from db import clock
from db.config import Config
from db.errors import ConfigurationError
from db.queries.practices import only_practice
from db.states import Channel
from portal.commands._common import command, configure, emit, notes, out, run_async, run_connected, scope
from portal.commands._periods import Duration
from portal.demo import server
from portal.demo.advance import Advanced
from portal.demo.advance import advance as advance_clock
from portal.demo.inbox import Message, inbox_of
from portal.demo.seed import Seeded, seed_demo
from portal.telling import Teller

# Every follow-up ends within weeks; further is a slip of the finger, and the clock cannot go back.
FURTHEST = timedelta(days=400)


@click.group("demo")
@scope
def demo() -> None:
    """What only a demo stack has."""


@demo.command("seed")
@command
def seed(data: Path, as_json: bool) -> None:
    """Load the demo's practice, with absences of today; harmless when it is there already."""

    async def work(config: Config) -> Seeded:
        return await seed_demo(_demo_only(config), now=clock.now())

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


@demo.command("advance")
@click.argument("duration", type=Duration())
@command
def advance(data: Path, as_json: bool, duration: timedelta) -> None:
    """Move the clock (3d, 2h, 90m, 1d12h); returns once all that fell due is settled."""
    if duration > FURTHEST:
        raise click.UsageError(f"The clock moves by at most {FURTHEST.days} days at once.")

    async def work(config: Config) -> tuple[Advanced, Teller]:
        teller = Teller.of(await only_practice())

        def settled(moment: datetime) -> None:
            notes().print(teller.moment(moment), style="dim")

        return await advance_clock(config, duration, settled=settled), teller

    done, teller = run_connected(data, work)
    if as_json:
        emit(done)
        return
    out().print(f"The clock went from {teller.moment(done.began)} to {teller.moment(done.ended)}.")
    for left in done.left:
        channel, message = (
            teller.words.of("channels", left.channel),
            teller.words.of("messages", left.message),
        )
        out().print(f"  {left.count:4} × {escape(channel)}  {escape(message)}")
    if not done.left:
        out().print("  Nothing left.")


@demo.command("serve", hidden=True)
@command
def serve(data: Path, as_json: bool) -> None:
    """The demo's mail server and telephone, for `reprise run`."""
    run_async(server.serve(_demo_only(configure(data))))


@click.command("inbox")
@command
def inbox(data: Path, as_json: bool) -> None:
    """What the demo's patients received, oldest first; works while the stack is stopped, too."""
    config = _demo_only(configure(data))
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


def _demo_only(config: Config) -> Config:
    if not config.is_demo:
        raise ConfigurationError("This is a demo's command, and the stack is in production.")
    return config

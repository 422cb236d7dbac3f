"""`reprise demo advance`: days pass."""

from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.markup import escape

from db.config import Config
from db.queries.practices import only_practice
from portal.commands._common import command, emit, notes, out, run_connected
from portal.commands._periods import Duration
from portal.demo.advance import Advanced
from portal.demo.advance import advance as advance_clock
from portal.telling import Teller

# Every follow-up ends within weeks; further is a slip of the finger, and the clock cannot go back.
FURTHEST = timedelta(days=400)


@click.command("advance")
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

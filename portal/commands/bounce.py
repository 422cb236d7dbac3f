"""`reprise bounce` takes in one mail that came to the return path: the mail server pipes it to here."""

import sys
from pathlib import Path
from typing import BinaryIO, NoReturn

import asyncpg
import click

from db import clock
from db.changes.settlements import record_bounce
from db.config import Config
from db.errors import ConfigurationError, MessageUnderWay
from db.tokens import bounces
from jobs.intake.bounces import LARGEST, Bounce, read_bounce
from portal.commands._common import command, emit, out, run_connected

# What mail servers understand (sysexits.h): keep the mail, and try again later.
TRY_AGAIN = 75
CHUNK = 65_536


@click.command("bounce")
@command
def bounce(data: Path, as_json: bool) -> None:
    """Take in a returned email from standard input; exit code 75 asks the mail server to try again."""
    raw = _read(sys.stdin.buffer)

    async def work(_config: Config) -> tuple[Bounce | None, bool]:
        found = read_bounce(raw, bounces())
        if found is None:
            return None, False
        noted = await record_bounce(
            reference=found.reference, permanent=found.permanent, code=found.status, now=clock.now()
        )
        return found, noted

    try:
        found, noted = run_connected(data, work)
        _tell(found, noted, as_json)
    except (ConfigurationError, MessageUnderWay, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as problem:
        _try_again(problem)


def _read(stream: BinaryIO) -> bytes:
    """The beginning of the mail. The rest is read and let go: a mail server may take a closed pipe for a failure."""
    kept = stream.read(LARGEST)
    while stream.read(CHUNK):
        pass
    return kept


def _tell(found: Bounce | None, noted: bool, as_json: bool) -> None:
    if as_json:
        status = None if found is None else found.status
        emit({"bounce": found is not None, "status": status, "noted": noted})
    elif found is None:
        out().print("This is no bounce of a message of ours: ignored.")
    elif noted:
        out().print(f"A message came back ({found.status}): noted.")
    else:
        out().print(f"A message came back ({found.status}): nothing new.")


def _try_again(problem: Exception) -> NoReturn:
    reason = (str(problem) or type(problem).__name__).splitlines()[0]
    click.echo(f"reprise: try again later. {reason}", err=True)
    sys.exit(TRY_AGAIN)

"""`reprise keys`: change the key that seals names, telephone numbers and addresses."""

from pathlib import Path

import click

from db import clock
from db.changes.rights import reseal_contacts
from db.config import Config
from portal.commands._common import command, emit, out, run_connected, scope


@click.group("keys")
@scope
def keys() -> None:
    """The keys of this installation."""


@keys.command("reseal")
@command
def reseal(data: Path, as_json: bool) -> None:
    """Seal every contact anew under the newest key; afterwards the older ones may go."""

    async def work(_config: Config) -> int:
        done = 0
        while batch := await reseal_contacts(now=clock.now()):
            done += batch
        return done

    count = run_connected(data, work)
    if as_json:
        emit({"resealed": count})
    else:
        out().print(f"{count} rows sealed anew. Keys older than the newest are no longer needed.")

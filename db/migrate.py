"""Bring the database to the present tables: all of it or nothing, one process at a time."""

import contextlib
import io

from piccolo.apps.migrations.commands.forwards import run_forwards

from db.engine import fetch, transaction
from db.errors import ConfigurationError

LOCK = 0x52455052  # "REPR": any constant will do, as long as nothing else in the database uses it.


async def migrate() -> str:
    """Run what has not run; the text says what was done. Pools of other processes must be restarted after it."""
    said = io.StringIO()
    async with transaction():
        # The lock and every statement share one connection; Piccolo's own transactions join this one.
        await fetch("SELECT pg_advisory_xact_lock($1)", LOCK)
        with contextlib.redirect_stdout(said):
            result = await run_forwards(app_name="reprise")
        if not result.success:
            raise ConfigurationError(f"The database could not be migrated: {result.message}.")
    return said.getvalue()

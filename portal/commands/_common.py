"""What every command of `reprise` shares.

    @click.command("status")
    @command
    def status(data: Path, as_json: bool) -> None:
        "What is open, and for whom."
        rows = run_connected(data, _open_tasks)          # async def _open_tasks(config: Config) -> list[Task]
        if as_json:
            emit(rows)
        else:
            out().print(...)

- `@command` gives the function `data` and `as_json`; `--data` and `--json` are accepted before the command,
  after it, and after any group in between (decorate a nested group with `@scope`).
- `run_connected` loads the configuration, makes the clock follow the demo's, opens the keys and the database for
  the time of one coroutine and closes them, on Ctrl-C too (it is cancelled, its transaction rolled back).
- Raise a `RepriseError` to refuse: one line on standard error, exit code 2. `raise SystemExit(1)` after a
  job done in part. Results go to standard output, all else (logs, progress: `notes()`) to standard error.
- A new command is one line in the table of `reprise.py`.
"""

import asyncio
import dataclasses
import functools
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import asyncpg
import click
import structlog
from rich.console import Console

from db import session
from db.clock import clock
from db.config import Config, load
from db.errors import ConfigurationError, RepriseError

P = ParamSpec("P")
T = TypeVar("T")

_DATA, _JSON = "reprise.data", "reprise.json"
CONNECTIONS = 2


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Whichever level of the command line names the option, the level nearest to the command wins."""
    if value:
        context.meta[_DATA if parameter.name == "data" else _JSON] = value


def scope(function: Callable[P, T]) -> Callable[P, T]:
    """Let a group take `--data` and `--json` for the commands below it."""
    data = click.option(
        "--data",
        type=click.Path(readable=False, path_type=Path),
        expose_value=False,
        callback=_remember,
        help="Data directory of the local stack (default: .data).",
    )
    as_json = click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="One JSON document, nothing else.",
    )
    return data(as_json(function))


def command(function: Callable[..., T]) -> Callable[..., T]:
    """Call `function` with `data` and `as_json`, besides its own parameters."""

    @functools.wraps(function)
    def with_scope(*args: Any, **options: Any) -> T:
        meta = click.get_current_context().meta
        data: Path = meta.get(_DATA) or load().data
        return function(*args, data=data, as_json=bool(meta.get(_JSON)), **options)

    return scope(with_scope)


def call(group: click.Group, words: list[str] | None = None) -> int:
    """Run one command line (by default this process's own); the exit code.

    0 done, 1 done in part, 2 refused (the reason is one line on standard error), 130 interrupted.
    """
    try:
        code = group.main(words, prog_name="reprise", standalone_mode=False)
    except click.ClickException as problem:
        problem.show()
        return 2
    except RepriseError as problem:
        click.echo(f"reprise: {' '.join(str(problem).split())}", err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    return code if isinstance(code, int) else 0


def configure(data: Path) -> Config:
    """The configuration of a local stack, with logs and clock set accordingly."""
    config = load(data)
    log_to_stderr(config.log_level)
    clock.follow(config.clock_file)
    return config


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; Ctrl-C cancels it and lets it clean up."""
    return asyncio.run(work)


def run_connected(data: Path, work: Callable[[Config], Awaitable[T]]) -> T:
    """Run `work(config)` with the database open."""
    return run_async(_connected(configure(data), work))


async def _connected(config: Config, work: Callable[[Config], Awaitable[T]]) -> T:
    async with AsyncExitStack() as closing:
        try:
            await closing.enter_async_context(session.opened(config, connections=2))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
            raise ConfigurationError(
                f"The database does not answer ({_first_line(problem)}): is the stack of {config.data} running?"
            ) from None
        try:
            return await work(config)
        except asyncpg.UndefinedTableError:
            raise ConfigurationError("The database lacks tables of this version: run `reprise migrate`.") from None
        except (asyncpg.PostgresConnectionError, ConnectionError) as problem:
            raise ConfigurationError(f"The database went away ({_first_line(problem)}): run it again.") from None


def out() -> Console:
    """Standard output, for people."""
    return Console(highlight=False, soft_wrap=True)


def notes() -> Console:
    """Standard error: progress and remarks, which `--json` must not mix with its document."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def emit(document: Any) -> None:
    """Print one JSON document; dataclasses, dates, durations (seconds) and enums are understood."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=_plain)
    sys.stdout.write("\n")


def log_to_stderr(level: str) -> None:
    """One line of JSON per event; never a path, a query or a body of a request."""
    logging.basicConfig(stream=sys.stderr, level=level.upper(), format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        # Asked for at each use: whoever redirects standard error redirects the log too.
        logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr),
    )


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def _first_line(problem: BaseException) -> str:
    return (str(problem) or type(problem).__name__).splitlines()[0]

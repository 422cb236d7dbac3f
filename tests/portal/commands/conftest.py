"""The command line as a person uses it: the front door, a data directory, the real database."""

import asyncio
import contextlib
import io
import json
import sys
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
import structlog

import reprise
from db import engine, session
from db.clock import clock
from db.config import CLOCK_FILE, KEYS_FILE, Config
from tests.factories import MONDAY, make_practice

T = TypeVar("T")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Terminal:
    """Runs commands to their end. Tests that use it are not coroutines: each command brings a loop of its own."""

    data: Path
    config: Config
    loop: asyncio.AbstractEventLoop

    def run(self, *words: str | Path, code: int = 0) -> Result:
        """The process has one engine, so the tests' own pool makes way for the command's."""
        self.do(engine.disconnect())
        out, err = io.StringIO(), io.StringIO()
        given = sys.argv
        sys.argv = ["reprise", "--data", str(self.data), *map(str, words)]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
                reprise.main()
        finally:
            sys.argv = given
            clock.follow(None)
            asyncio.set_event_loop(self.loop)
            self.do(self._connect())
        result = Result(int(ended.value.code or 0), out.getvalue(), err.getvalue())
        assert result.code == code, f"{words} ended with {result.code}: {result.err}{result.out}"
        return result

    def json(self, *words: str | Path, code: int = 0) -> Any:
        return self.run(*words, "--json", code=code).json

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something on the tests' own loop."""
        return self.loop.run_until_complete(work)

    def now_is(self, moment: datetime) -> None:
        """Only a demo's clock can be moved; it runs on from there."""
        offset = (moment - datetime.now(UTC)).total_seconds()
        (self.data / CLOCK_FILE).write_text(f"{offset:.6f}", encoding="ascii")

    def settings(self, **changes: str) -> None:
        config = self.config
        lines = {
            "DATABASE_URL": config.database(),
            "REDIS_URL": config.redis(),
            "REPRISE_MODE": "demo",
            "REPRISE_SIGNING_KEYS": config.signing_keys.get_secret_value(),
            "REPRISE_ENCRYPTION_KEYS": config.encryption_keys.get_secret_value(),
            "REPRISE_INDEX_KEY": config.index_key.get_secret_value(),
            "REPRISE_LOG_LEVEL": "error",
        }
        text = "".join(f"{name}='{value}'\n" for name, value in (lines | changes).items())
        (self.data / KEYS_FILE).write_text(text, encoding="utf-8")

    async def _connect(self) -> None:
        session.use_keys(self.config)
        await engine.connect(self.config.database())


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command sets up the process's logs; the tests of others want theirs."""
    yield
    structlog.reset_defaults()


@pytest.fixture
async def terminal(config: Config, database: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A demo's data directory, on a Monday morning, with an empty database."""
    # What the shell of the tests says is in the settings already; commands must read those.
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    data = tmp_path / "data"
    data.mkdir()
    one = Terminal(data, config, asyncio.get_running_loop())
    one.settings()
    one.now_is(MONDAY)
    return one


@pytest.fixture
def shop(terminal: Terminal) -> Terminal:
    """A terminal of an installation that has a practice."""
    terminal.do(make_practice())
    return terminal

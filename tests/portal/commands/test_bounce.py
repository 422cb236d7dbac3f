"""`reprise bounce` as a mail server runs it: one process, one mail on standard input, one exit code."""

import asyncio
import json
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from db.config import KEYS_FILE, Config
from db.engine import fetch_value
from db.queries.practices import Profile
from db.states import Channel
from db.tokens import bounces
from tests import factories as f
from tests.db.changes import acts

ROOT = Path(__file__).parents[3]
MAILS = ROOT / "tests" / "jobs" / "intake" / "bounces"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def data(config: Config, tmp_path: Path) -> Path:
    """The data directory of an installation that uses the database of the tests."""
    write_settings(tmp_path, config, config.database())
    return tmp_path


def write_settings(place: Path, config: Config, database_url: str) -> None:
    settings = {
        "DATABASE_URL": database_url,
        "REPRISE_MODE": "production",
        "REPRISE_SIGNING_KEYS": config.signing_keys.get_secret_value(),
        "REPRISE_ENCRYPTION_KEYS": config.encryption_keys.get_secret_value(),
        "REPRISE_INDEX_KEY": config.index_key.get_secret_value(),
    }
    lines = "".join(f"{name}='{value}'\n" for name, value in settings.items())
    (place / KEYS_FILE).write_text(lines, encoding="utf-8")


async def piped(data: Path, mail: bytes, *options: str, clear: str = "") -> Ended:
    """`clear`: a variable of the tests' own environment that the process must not see."""
    command = [sys.executable, str(ROOT / "reprise.py"), "--data", str(data), "bounce", *options]
    if clear:
        command = ["env", "-u", clear, *command]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=data,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(mail)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def a_sent_email(practice: Profile) -> str:
    await f.make_absence(practice)
    left = await acts.send(practice, acts.FIRST_DUE)
    return next(one.ref for one in left if one.channel is Channel.EMAIL)


def mail(name: str, reference: str) -> bytes:
    return (MAILS / f"{name}.eml").read_bytes().replace(b"TOKEN", bounces().sign(reference).encode())


async def test_bounce_is_noted_and_again_is_nothing_new(practice: Profile, data: Path) -> None:
    raw = mail("postfix_unknown_user", await a_sent_email(practice))
    first = await piped(data, raw)
    assert (first.code, first.out, first.err) == (0, "A message came back (5.1.1): noted.\n", "")
    assert await acts.tasks() == ["bounce"]
    again = await piped(data, raw, "--json")
    assert again.code == 0
    assert json.loads(again.out) == {"bounce": True, "status": "5.1.1", "noted": False}
    assert await acts.tasks() == ["bounce"]


@pytest.mark.parametrize("raw", [b"", b"To: someone@b.example\n\nHello", bytes(range(256)) * 10_000])
async def test_other_mail_is_ignored_with_success(practice: Profile, data: Path, raw: bytes) -> None:
    ended = await piped(data, raw, "--json")
    assert ended.code == 0
    assert json.loads(ended.out) == {"bounce": False, "status": None, "noted": False}
    assert ended.err == ""


async def test_mail_much_larger_than_a_report_is_taken_whole(practice: Profile, data: Path) -> None:
    raw = mail("postfix_unknown_user", await a_sent_email(practice)) + b"x" * 5_000_000
    assert (await piped(data, raw)).code == 0
    assert await acts.tasks() == ["bounce"]


async def test_mail_server_is_asked_to_try_again_while_the_database_is_down(
    practice: Profile, config: Config, tmp_path: Path
) -> None:
    raw = mail("postfix_unknown_user", await a_sent_email(practice))
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    write_settings(tmp_path, config, f"postgresql://nobody@127.0.0.1:{port}/none")
    ended = await piped(tmp_path, raw, clear="DATABASE_URL")
    assert ended.code == 75
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1
    assert "alix" not in ended.err.lower()


async def test_mail_server_is_asked_to_try_again_where_nothing_is_set_up(practice: Profile, tmp_path: Path) -> None:
    raw = mail("postfix_unknown_user", await a_sent_email(practice))
    assert (await piped(tmp_path, raw, clear="REPRISE_SIGNING_KEYS")).code == 75
    assert await fetch_value("SELECT count(*) FROM task") == 0

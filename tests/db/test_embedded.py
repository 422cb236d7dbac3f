"""The real binaries, under the account that really runs them here: root's dedicated one, or our own."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from db import embedded
from db.embedded import Engine, forget, start_postgres, start_redis
from db.embedded_places import CLUSTER, LONGEST_SOCKET_DIRECTORY, POINTER, SHARED, place_of
from db.errors import ConfigurationError
from db.processes import soon

AS_ROOT = os.geteuid() == 0


def make_data(mode: int, name: str = "data") -> Path:
    above = Path(tempfile.mkdtemp(prefix="reprise-test-"))
    above.chmod(mode)
    data = above / name
    data.mkdir()
    data.chmod(0o755)
    return data


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A directory that other accounts may pass through, with a database in it."""
    place = make_data(0o755)
    with running(start_postgres(place)):
        pass
    yield place
    forget(place)
    shutil.rmtree(place.parent)


@contextmanager
def running(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.stop()


@contextmanager
def a_stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        yield process
        process.kill()


async def ask(engine: Engine, question: str) -> object:
    connection = await asyncpg.connect(engine.url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def talk(engine: Engine, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(engine.url.removeprefix("unix://"))
        line.sendall(request + b"\r\n")
        return line.recv(1000).strip()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("server_encoding", "UTF8"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("listen_addresses", ""),
        ("timezone", "UTC"),
        ("data_checksums", "on"),
    ],
)
async def test_postgres_is_durable_and_off_the_network(data: Path, setting: str, value: str) -> None:
    with running(start_postgres(data)) as engine:
        assert await ask(engine, f"SHOW {setting}") == value


async def test_what_was_written_is_there_at_the_next_start(data: Path) -> None:
    with running(start_postgres(data)) as engine:
        await ask(engine, "CREATE TABLE kept AS SELECT 'é' AS word")
    with running(start_postgres(data)) as engine:
        assert await ask(engine, "SELECT word FROM kept") == "é"


async def test_a_killed_server_starts_again(data: Path) -> None:
    with running(start_postgres(data)) as engine:
        engine.process.kill()
    with running(start_postgres(data)) as engine:
        assert await ask(engine, "SELECT 1") == 1


async def test_a_server_that_still_runs_is_replaced(data: Path) -> None:
    first = start_postgres(data)
    with running(start_postgres(data)) as second:
        assert not first.is_alive()
        assert await ask(second, "SELECT 1") == 1


async def test_a_stale_number_that_now_belongs_to_a_stranger_stands_in_nobodys_way(data: Path) -> None:
    with running(start_postgres(data)) as engine:
        file = data / CLUSTER / "postmaster.pid"
        lines = file.read_text().splitlines()
        engine.process.kill()
    with a_stranger() as stranger:
        file.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        with running(start_postgres(data)) as engine:
            assert await ask(engine, "SELECT 1") == 1
        assert stranger.poll() is None


async def test_an_empty_lock_file_stands_in_nobodys_way(data: Path) -> None:
    (data / CLUSTER / "postmaster.pid").write_text("")
    with running(start_postgres(data)) as engine:
        assert await ask(engine, "SELECT 1") == 1


async def test_a_database_half_made_is_made_afresh() -> None:
    data = make_data(0o755)
    (data / f"{CLUSTER}.new" / "base").mkdir(parents=True)
    (data / f"{CLUSTER}.new" / "PG_VERSION").write_text("18\n")
    with running(start_postgres(data, durable=False)) as engine:
        assert await ask(engine, "SELECT 1") == 1
    forget(data)
    shutil.rmtree(data.parent)


async def test_a_long_path_with_spaces_and_accents_gives_short_and_plain_addresses() -> None:
    data = make_data(0o755, f"données à moi, {'x' * 120}")
    with running(start_postgres(data, durable=False)) as postgres, running(start_redis(data)) as redis:
        assert await ask(postgres, "SELECT 1") == 1
        assert talk(redis, b"PING") == b"+PONG"
        for engine in (postgres, redis):
            assert engine.url.isascii()
            assert " " not in engine.url
            assert len(str(engine.sockets)) <= LONGEST_SOCKET_DIRECTORY
            assert stat.S_IMODE(engine.sockets.stat().st_mode) == 0o700
    assert not postgres.sockets.exists()
    forget(data)
    shutil.rmtree(data.parent)


async def test_below_a_closed_directory_the_engines_move_only_if_their_account_is_shut_out() -> None:
    data = make_data(0o700)
    with running(start_postgres(data, durable=False)) as engine:
        assert await ask(engine, "SELECT 1") == 1
        home = place_of(data).home
        assert (home.parent == SHARED) == AS_ROOT
        assert (data / POINTER).exists() == AS_ROOT
        assert (data / CLUSTER).exists() != AS_ROOT
    assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(data.stat().st_mode) == 0o755
    forget(data)
    assert not (home / CLUSTER).exists()
    assert not (data / POINTER).exists()
    shutil.rmtree(data.parent)


def test_the_servers_do_not_run_as_root(data: Path) -> None:
    with running(start_redis(data)) as redis:
        owner = Path(f"/proc/{redis.process.pid}").stat().st_uid
        assert owner != 0
        assert owner == place_of(data).account.uid


def test_a_database_of_another_version_is_left_alone(data: Path) -> None:
    version = data / CLUSTER / "PG_VERSION"
    version.write_text("17\n")
    try:
        with pytest.raises(ConfigurationError, match="belongs to PostgreSQL 17"):
            start_postgres(data)
    finally:
        version.write_text("18\n")


def test_redis_keeps_nothing_on_disk(data: Path) -> None:
    with running(start_redis(data)) as engine:
        assert talk(engine, b"CONFIG GET save").endswith(b"$0")
        assert b"no" in talk(engine, b"CONFIG GET appendonly")


def test_a_redis_that_still_runs_is_replaced(data: Path) -> None:
    first = start_redis(data)
    with running(start_redis(data)) as second:
        assert soon(lambda: not first.is_alive(), 5)
        assert talk(second, b"PING") == b"+PONG"


def test_engines_end_with_the_process_that_started_them(data: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from db import embedded\n"
        "data = Path(sys.argv[1])\n"
        "engines = embedded.start_redis(data), embedded.start_postgres(data)\n"
        "print(*(engine.process.pid for engine in engines), flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(data)]
    root = Path(embedded.__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as starter:
        assert starter.stdout is not None
        pids = [int(word) for word in starter.stdout.readline().split()]
        assert len(pids) == 2
        starter.send_signal(signal.SIGKILL)
    assert soon(lambda: not any(_lives(pid) for pid in pids), 10)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"

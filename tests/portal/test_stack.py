import contextlib
import os
import socket
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db.clock import clock
from db.config import KEYS_FILE, STACK_FILE, load
from db.errors import ConfigurationError
from portal import stack


def a_taken_port() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def a_taken_port_with_free_neighbours() -> socket.socket:
    """Below the ports that the system hands out, which other programs of the machine take at any moment."""
    for port in range(20_000, 32_000, 10):
        with contextlib.suppress(OSError):
            for neighbour in range(port + 1, port + 4):
                socket.create_server(("127.0.0.1", neighbour)).close()
            return socket.create_server(("127.0.0.1", port))
    raise AssertionError("The machine has no four free ports in a row.")


def test_a_missing_data_directory_is_made_and_closed_to_others_eyes(tmp_path: Path) -> None:
    data = tmp_path / "new" / "données"
    with stack.locked(data):
        assert stat.S_IMODE(data.stat().st_mode) & 0o066 == 0


def test_a_second_stack_on_the_same_data_is_refused_in_one_line(tmp_path: Path) -> None:
    with stack.locked(tmp_path):
        with pytest.raises(ConfigurationError, match="A stack already runs") as refused, stack.locked(tmp_path):
            pass
        assert "\n" not in str(refused.value)
    with stack.locked(tmp_path):
        pass


def test_a_lock_left_behind_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / stack.LOCK_FILE).write_text("12345")
    with stack.locked(tmp_path):
        pass


@pytest.mark.parametrize("data", ["a file", "a file/below", "/proc/nowhere"])
def test_a_data_directory_that_cannot_be_is_told_in_one_line(tmp_path: Path, data: str) -> None:
    (tmp_path / "a file").touch()
    with (
        pytest.raises(ConfigurationError, match=r"^The data directory .* cannot be used: ") as refused,
        stack.locked(tmp_path / data),
    ):
        pass
    assert "\n" not in str(refused.value)


def test_keys_are_made_once_and_private(tmp_path: Path) -> None:
    stack.first_settings(tmp_path, None)
    keys = tmp_path / KEYS_FILE
    before = keys.read_text()
    stack.first_settings(tmp_path, None)
    assert keys.read_text() == before
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert len(load(tmp_path).signing_key_list()) == 1


@pytest.mark.parametrize(("first", "kept"), [(None, "demo"), ("demo", "demo"), ("production", "production")])
def test_the_mode_of_the_first_start_is_kept(tmp_path: Path, first: str | None, kept: str) -> None:
    assert stack.first_settings(tmp_path, first).mode == kept
    assert stack.first_settings(tmp_path, None).mode == kept
    assert stack.first_settings(tmp_path, kept).mode == kept


def test_a_demo_does_not_become_a_practice(tmp_path: Path) -> None:
    stack.first_settings(tmp_path, "demo")
    with pytest.raises(ConfigurationError, match="was set up for demo: choose another DATA for production"):
        stack.first_settings(tmp_path, "production")


def test_addresses_of_a_killed_stack_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / STACK_FILE).write_text("DATABASE_URL=postgresql://gone\n")
    assert stack.first_settings(tmp_path, None).database_url is None


def test_a_taken_port_is_told_in_one_line() -> None:
    with a_taken_port() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"^Port {port} is taken: ") as refused:
            stack.listen("127.0.0.1", port)
        assert "\n" not in str(refused.value)


def test_a_taken_inbox_port_is_told_too() -> None:
    with a_taken_port() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"^Port {port} is taken: "):
            stack.demo_ports("127.0.0.1", port - 1)


def test_the_demos_mail_server_takes_the_next_free_port() -> None:
    with a_taken_port_with_free_neighbours() as portal:
        port = portal.getsockname()[1]
        inbox, smtp = stack.demo_ports("127.0.0.1", port)
        assert inbox == port + 1
        with socket.create_server(("127.0.0.1", smtp)):
            assert stack.demo_ports("127.0.0.1", port)[1] > smtp


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_told(port: int) -> None:
    with pytest.raises(ConfigurationError, match=f"^Port {port} does not exist"):
        stack.listen("127.0.0.1", port)


@pytest.mark.parametrize("url", ["postgresql://a:p#'\\w d@h/é", "postgresql://reprise@/reprise?host=%2Ftmp%2Fx"])
def test_what_a_start_has_chosen_is_read_by_every_command(tmp_path: Path, url: str) -> None:
    config = stack.first_settings(tmp_path, None)
    published = stack.publish(config, {"REPRISE_PORT": 8123, "DATABASE_URL": url, "REDIS_URL": "unix:///r"})
    assert published.port == 8123
    assert load(tmp_path).database() == url
    assert stat.S_IMODE((tmp_path / STACK_FILE).stat().st_mode) == 0o600
    stack.withdraw(tmp_path)
    assert load(tmp_path).database_url is None


def test_a_port_that_the_environment_contradicts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = stack.first_settings(tmp_path, None)
    monkeypatch.setitem(os.environ, "REPRISE_PORT", "9999")
    with pytest.raises(ConfigurationError, match="REPRISE_PORT is 9999 in the environment"):
        stack.publish(config, {"REPRISE_PORT": 8123})


def test_the_demos_clock_starts_where_it_is_told(tmp_path: Path) -> None:
    config = stack.first_settings(tmp_path, "demo")
    moment = datetime(2016, 6, 6, 9, 0, tzinfo=UTC)
    stack.set_clock(config, moment)
    clock.follow(config.clock_file)
    try:
        assert moment <= clock.now() < moment + timedelta(minutes=1)
    finally:
        clock.follow(None)


def test_a_practices_clock_does_not_move(tmp_path: Path) -> None:
    config = stack.first_settings(tmp_path, "production")
    with pytest.raises(ConfigurationError, match="Only a demo's clock"):
        stack.set_clock(config, datetime(2016, 6, 6, tzinfo=UTC))

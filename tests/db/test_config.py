"""Configuration: where it comes from, what it refuses, what it never shows."""

import base64
import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from db import session
from db.config import KEYS_FILE, STACK_FILE, Config, load, write_keys_once, write_private
from db.errors import ConfigurationError
from tests.conftest import a_key


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("REPRISE_") or name in ("DATABASE_URL", "REDIS_URL"):
            monkeypatch.delenv(name)


def test_environment_is_stronger_than_the_stack_and_the_stack_than_the_installer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / KEYS_FILE).write_text("REPRISE_PORT=1\nREPRISE_HOST=installer\nREPRISE_LOG_LEVEL=debug\n")
    (tmp_path / STACK_FILE).write_text("REPRISE_PORT=2\nREPRISE_HOST=stack\n")
    monkeypatch.setenv("REPRISE_PORT", "3")
    config = load(tmp_path)
    assert (config.port, config.host, config.log_level) == (3, "stack", "debug")


@pytest.mark.parametrize(("name", "read"), [("DATABASE_URL", Config.database), ("REDIS_URL", Config.redis)])
def test_addresses_of_the_engines_carry_no_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, read: object
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read(load(tmp_path))  # type: ignore[operator]
    monkeypatch.setenv(name, "scheme://somewhere")
    assert read(load(tmp_path)) == "scheme://somewhere"  # type: ignore[operator]


def test_data_directory_comes_from_the_argument_else_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path / "elsewhere"))
    assert load().data == tmp_path / "elsewhere"
    assert load(tmp_path).data == tmp_path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REPRISE_BASE_URL", "rdv.example"),
        ("REPRISE_PORT", "http"),
        ("REPRISE_MODE", "staging"),
        ("REPRISE_LOG_LEVEL", "loud"),
        ("REPRISE_DATABASE_CONNECTIONS", "1"),
        ("REPRISE_BULK_CONNECTIONS", "0"),
    ],
)
def test_value_that_cannot_work_is_named_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"Setting {name}: ") as refused:
        load(tmp_path)
    assert "\n" not in str(refused.value)


def test_base_address_loses_its_trailing_slash() -> None:
    assert Config(base_url="https://rdv.example/").base_url == "https://rdv.example"


@pytest.mark.parametrize("shown", [repr, str, lambda config: repr(config.model_dump())])
def test_no_secret_shows(shown: object) -> None:
    secret = "very-secret"
    config = Config(
        database_url=SecretStr(secret),
        redis_url=SecretStr(secret),
        signing_keys=SecretStr(secret),
        encryption_keys=SecretStr(secret),
        index_key=SecretStr(secret),
    )
    assert secret not in shown(config)  # type: ignore[operator]


def test_only_a_demo_stack_may_move_its_clock(tmp_path: Path) -> None:
    assert Config(data=tmp_path, mode="demo").clock_file == tmp_path / "clock"
    assert Config(data=tmp_path, mode="production").clock_file is None


def test_keys_are_read_oldest_to_newest() -> None:
    config = Config(
        signing_keys=SecretStr(f"{a_key('a')}, {a_key('b')}"),
        encryption_keys=SecretStr(f"1:{a_key('a')} , 7:{a_key('b')},"),
    )
    assert config.signing_key_list() == [b"a" * 32, b"b" * 32]
    assert list(config.encryption_key_ring().items()) == [(1, b"a" * 32), (7, b"b" * 32)]


@pytest.mark.parametrize(
    "keys",
    [
        "no-number",
        f"0:{a_key('a')}",
        f"256:{a_key('a')}",
        f"x:{a_key('a')}",
        "1:short",
        "1:",
        "1:" + base64.urlsafe_b64encode(b"a" * 31).decode(),
        f"1:{a_key('a')},1:{a_key('b')}",
    ],
)
def test_encryption_keys_that_cannot_work_are_refused_without_showing_them(keys: str) -> None:
    with pytest.raises(ConfigurationError, match="REPRISE_ENCRYPTION_KEYS") as refused:
        Config(encryption_keys=SecretStr(keys)).encryption_key_ring()
    assert a_key("a") not in str(refused.value)


@pytest.mark.parametrize("key", ["", "é", "AAAA", "!" * 44])
def test_index_key_that_cannot_work_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="REPRISE_INDEX_KEY"):
        Config(index_key=SecretStr(key)).blind_index_key()


def test_installation_without_keys_says_what_makes_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="reprise run"):
        session.use_keys(load(tmp_path))


def test_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    write_keys_once(tmp_path)
    first = (tmp_path / KEYS_FILE).read_text()
    write_keys_once(tmp_path)
    assert (tmp_path / KEYS_FILE).read_text() == first
    assert (tmp_path / KEYS_FILE).stat().st_mode & 0o777 == 0o600
    config = load(tmp_path)
    keys = [*config.signing_key_list(), *config.encryption_key_ring().values(), config.blind_index_key()]
    assert len(set(keys)) == 3
    assert [path.name for path in tmp_path.iterdir()] == [KEYS_FILE]


def test_two_installations_have_different_keys(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_keys_once(tmp_path / name)
        texts.append((tmp_path / name / KEYS_FILE).read_text())
    assert texts[0] != texts[1]


def test_private_file_replaces_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("open to all")
    target.chmod(0o644)
    write_private(target, "private")
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("private", 0o600)

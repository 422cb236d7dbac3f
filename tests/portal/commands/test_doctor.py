"""`reprise doctor`: one line each, and what to do."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from db.changes.practices import NewStaff
from db.config import Config
from db.engine import fetch
from tests import factories as f
from tests.portal.commands.conftest import Terminal

FRONT_DOOR = Path(__file__).parents[3] / "reprise.py"
SLACK = ("slack token", "slack channel", "slack secret", "slack")
WORKERS = ("reprise:health:human", "reprise:health:bulk")
CAMILLE = NewStaff("Camille Roux", "camille@tilleuls.example", "front_desk", "fr", "d@tilleuls.example")
DOMINIQUE = NewStaff("Dominique Petit", "d@tilleuls.example", "admin", "fr", "camille@tilleuls.example")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def servers_of_the_demo(terminal: Terminal) -> Iterator[None]:
    """The demo's mail server and gateway, as `reprise run` starts them."""
    web, mail = free_port(), free_port()
    terminal.settings(REPRISE_DEMO_INBOX_PORT=str(web), REPRISE_DEMO_SMTP_PORT=str(mail))
    process = subprocess.Popen([sys.executable, FRONT_DOOR, "--data", terminal.data, "demo", "serve"])
    deadline = time.monotonic() + 20
    while not (is_open(web) and is_open(mail)) and time.monotonic() < deadline:
        time.sleep(0.05)
    yield
    process.terminate()
    assert process.wait(10) == 0


def is_open(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


async def heartbeats(config: Config, *keys: str) -> None:
    redis = Redis.from_url(config.redis())
    await redis.delete(*WORKERS)
    for key in keys:
        await redis.set(key, "1", ex=30)
    await redis.aclose()


def states(found: Any) -> dict[str, str]:
    return {one["name"]: one["state"] for one in found["findings"]}


def text_of(found: Any, name: str) -> str:
    return next(str(one["text"]) for one in found["findings"] if one["name"] == name)


@pytest.mark.usefixtures("servers_of_the_demo")
def test_a_whole_demo_is_well(terminal: Terminal, config: Config) -> None:
    terminal.run("demo", "seed")
    terminal.do(heartbeats(config, *WORKERS))
    found = terminal.json("doctor")
    assert found["healthy"] is True
    # No portal runs here that could answer what Slack would send.
    assert {name: state for name, state in states(found).items() if state != "ok"} == {"slack secret": "warning"}
    names = ["keys", "address", "database", "redis", "worker human", "worker bulk", "practice"]
    people = ["staff", "alerts", "roles", "practitioners", "leave", "on call", "sign-in"]
    assert list(states(found)) == [*names, "mail server", "sms gateway", *SLACK, *people]
    lines = terminal.run("doctor").out.splitlines()
    assert len(lines) == len(found["findings"])
    terminal.do(heartbeats(config))


def test_what_fails_is_said_with_what_to_do(terminal: Terminal, config: Config) -> None:
    closed = {"host": "127.0.0.1", "port": free_port(), "security": "none", "from_address": "rdv@tilleuls.example"}
    sms = {
        "provider": "twilio",
        "account": "AC1",
        "token": "t",
        "sender": "T",
        "base_url": f"http://127.0.0.1:{closed['port']}",
    }
    terminal.do(f.make_practice(smtp=closed, sms=sms))
    terminal.do(heartbeats(config, "reprise:health:human"))
    found = terminal.json("doctor", code=2)
    assert found["healthy"] is False
    failed = {name for name, state in states(found).items() if state == "failed"}
    assert failed == {"worker bulk", "mail server", "sms gateway"}
    assert "reprise worker --queue bulk" in text_of(found, "worker bulk")
    assert "practice.toml" in text_of(found, "mail server")
    assert "FAILED" in terminal.run("doctor", code=2).out
    terminal.do(heartbeats(config))


def test_no_practice_is_a_failure(terminal: Terminal) -> None:
    found = terminal.json("doctor", code=2)
    assert "reprise setup" in text_of(found, "practice")


@pytest.mark.parametrize(
    ("settings", "name", "state", "hint"),
    [
        ({"REPRISE_ENCRYPTION_KEYS": ""}, "keys", "failed", "REPRISE_ENCRYPTION_KEYS"),
        ({"REPRISE_SIGNING_KEYS": "short"}, "keys", "failed", "REPRISE_SIGNING_KEYS"),
        (
            {"REPRISE_MODE": "production", "REPRISE_BASE_URL": "http://rdv.example"},
            "address",
            "failed",
            "https",
        ),
        ({"REPRISE_BASE_URL": "https://rendez-vous.tilleuls.example"}, "address", "warning", "two segments"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}, "database", "failed", "DATABASE_URL"),
        ({"REDIS_URL": "redis://127.0.0.1:9"}, "redis", "failed", "REDIS_URL"),
    ],
)
def test_settings_that_cannot_work_are_found(
    terminal: Terminal, settings: dict[str, str], name: str, state: str, hint: str
) -> None:
    terminal.settings(**settings)
    found = terminal.json("doctor", code=2)
    assert states(found)[name] == state
    assert hint in text_of(found, name)


def test_a_database_of_another_version_is_found(terminal: Terminal) -> None:
    terminal.do(fetch("UPDATE migration SET name = 'x' || name WHERE id = 1"))
    try:
        assert "reprise migrate" in text_of(terminal.json("doctor", code=2), "database")
    finally:
        terminal.do(fetch("UPDATE migration SET name = substr(name, 2) WHERE id = 1"))


def test_people_for_whom_nobody_steps_in_are_named(terminal: Terminal) -> None:
    terminal.do(f.make_practice(staff=(CAMILLE, DOMINIQUE)))
    assert states(terminal.json("doctor", code=2))["staff"] == "ok"
    terminal.do(fetch("UPDATE staff SET fallback = NULL WHERE name = 'Camille Roux'"))
    found = terminal.json("doctor", code=2)
    assert states(found)["staff"] == "warning"
    assert "Camille Roux" in text_of(found, "staff")


@pytest.mark.parametrize(
    ("change", "name", "hints"),
    [
        (
            "UPDATE staff SET alerts = 'none' WHERE role = 'clinical_lead'",
            "alerts",
            ["Andrea Blanc", 'alerts = "none"'],
        ),
        ("UPDATE staff SET email_invalid_at = now() WHERE role = 'practitioner'", "alerts", ["Maxime", "came back"]),
        ("UPDATE staff SET role = 'admin' WHERE role = 'clinical_lead'", "roles", ["clinical_lead", "[[staff]]"]),
        ("UPDATE practitioner SET staff = NULL", "practitioners", ["Maxime Lefèvre", "[[practitioners]]"]),
        (
            "INSERT INTO staff_absence (practice, staff, starts_on, ends_on) "
            "SELECT practice, id, '2026-11-16', '2026-11-20' FROM staff WHERE role = 'care_coordinator'",
            "leave",
            ["Sacha Morel (care_coordinator)", "2026-11-20", "reprise staff away"],
        ),
        (
            "INSERT INTO closure (practice, starts_on, ends_on) SELECT id, '2026-11-23', '2026-11-27' FROM practice",
            "on call",
            ["2026-11-22", "2026-11-27", "[on_call]"],
        ),
    ],
)
def test_whoever_would_be_asked_and_cannot_be_is_named_with_what_to_do(
    terminal: Terminal, change: str, name: str, hints: list[str]
) -> None:
    terminal.do(f.make_practice(staff=f.EVERY_ROLE))
    terminal.do(fetch("UPDATE staff SET fallback = NULL WHERE role = 'care_coordinator'"))
    assert states(terminal.json("doctor", code=2))[name] == "ok"
    terminal.do(fetch(change))
    found = terminal.json("doctor", code=2)
    assert states(found)[name] == "warning"
    assert [hint for hint in hints if hint not in text_of(found, name)] == []


@pytest.mark.parametrize(
    ("change", "state", "hints"),
    [
        ("UPDATE staff SET active = false WHERE role = 'admin'", "warning", ["administrator", "reprise staff add"]),
        ("UPDATE staff SET role = 'front_desk' WHERE role = 'admin'", "warning", ["administrator", "--role admin"]),
        ("UPDATE staff SET email_invalid_at = now()", "warning", ["Dominique Petit", "reprise staff sign-in-link"]),
        ("UPDATE staff SET email = set_byte(email, 9, 255 - get_byte(email, 9))", "failed", ["nobody can sign in"]),
        ("UPDATE staff SET active = false", "failed", ["nobody can sign in", "reprise staff add"]),
    ],
)
def test_a_practice_that_nobody_can_administer_or_sign_in_to_is_told(
    terminal: Terminal, change: str, state: str, hints: list[str]
) -> None:
    terminal.do(f.make_practice(staff=f.EVERY_ROLE))
    found = terminal.json("doctor", code=2)
    assert states(found)["sign-in"] == "ok"
    assert "Dominique Petit" in text_of(found, "sign-in")
    terminal.do(fetch(change))
    found = terminal.json("doctor", code=2)
    assert states(found)["sign-in"] == state
    assert [hint for hint in hints if hint not in text_of(found, "sign-in")] == []


def test_a_server_that_refuses_the_credentials_is_told(terminal: Terminal) -> None:
    terminal.do(f.make_practice())
    terminal.do(fetch("UPDATE practice SET email_refused_until = $1, email_trips = 3", f.local(17, 9)))
    found = terminal.json("doctor", code=2)
    assert states(found)["practice"] == "warning"
    assert "email (3 in a row)" in text_of(found, "practice")


def test_no_secret_is_shown(terminal: Terminal) -> None:
    terminal.do(f.make_practice())
    result = terminal.run("doctor", "--json", code=2)
    for secret in ("token-of-the-tests", terminal.config.signing_keys.get_secret_value()):
        assert secret not in result.out + result.err

"""`reprise slack`, and what `reprise doctor` says of Slack."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from bot.manifest import SCOPES
from db.engine import fetch, fetch_value
from db.rules.settings import Settings
from portal.demo.slack.app import create_slack_app
from portal.demo.slack.double import SlackDouble
from tests import factories as f
from tests.bot.conftest import CHANNEL, access
from tests.portal.commands.conftest import Terminal

SACHA = "sacha@tilleuls.example"


@pytest.fixture
def slack() -> Iterator[SlackDouble]:
    """In a thread of its own: each command brings its own loop."""
    double = SlackDouble()
    double.workspace.scopes = set(SCOPES)
    double.workspace.add_channel("suivi", channel_id=CHANNEL)
    with served(create_slack_app(double)) as double.base_url:
        yield double


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def house(terminal: Terminal, slack: SlackDouble) -> Terminal:
    terminal.do(f.make_practice(staff=f.EVERY_ROLE, settings=Settings(slack_route="person"), slack=access(slack)))
    return terminal


def slack_of(house: Terminal) -> dict[str, tuple[str, str]]:
    findings: list[dict[str, Any]] = house.json("doctor", code=2)["findings"]
    return {one["name"]: (one["state"], one["text"]) for one in findings if one["name"].startswith("slack")}


def test_the_manifest_asks_for_what_is_needed_and_names_this_installation(house: Terminal) -> None:
    made = json.loads(house.run("slack", "manifest", "--command", "/suivi").out)
    url = "http://127.0.0.1:8000/slack/events"
    assert made["oauth_config"]["scopes"]["bot"] == list(SCOPES)
    assert made["settings"]["event_subscriptions"] == {"request_url": url, "bot_events": ["app_home_opened"]}
    assert made["settings"]["interactivity"]["request_url"] == url
    assert made["features"]["slash_commands"][0]["command"] == "/suivi"
    assert made == house.json("slack", "manifest", "--command", "/suivi")
    assert "history" not in json.dumps(made)


def test_an_admin_links_and_unlinks_somebody(house: Terminal, slack: SlackDouble) -> None:
    linked = "SELECT slack_user FROM staff WHERE name = 'Sacha Morel'"
    assert "is linked to U0SACHA1" in house.run("slack", "link", SACHA, "U0SACHA1").out
    assert house.do(fetch_value(linked)) == "U0SACHA1"
    assert house.json("slack", "link", SACHA, "U0SACHA1") == {"changed": False}
    assert "Sacha Morel" in house.run("slack", "link", "andrea@tilleuls.example", "U0SACHA1", code=2).err
    slack.workspace.add_user("Sacha Morel", SACHA, user_id="U0SACHA1")
    assert house.json("slack", "unlink", SACHA) == {"changed": True}
    assert house.do(fetch_value(linked)) is None
    # What stood in their App Home is gone with it.
    assert "Relier mon compte" in str(slack.workspace.homes["U0SACHA1"].blocks)
    assert house.json("slack", "unlink", SACHA) == {"changed": False}
    assert "begins with U" in house.run("slack", "link", SACHA, "sacha", code=2).err


def test_doctor_finds_a_slack_that_is_well(house: Terminal) -> None:
    found = slack_of(house)
    assert found["slack token"][0] == found["slack channel"][0] == "ok"
    # Nothing serves pages here.
    assert found["slack secret"][0] == "warning"
    assert found["slack"] == ("warning", "nobody is linked: each links their own account at /staff/account/slack.")


def test_unlinking_waits_for_no_slack(house: Terminal, slack: SlackDouble) -> None:
    house.run("slack", "link", SACHA, "U0SACHA1")
    slack.control.fail()
    assert house.json("slack", "unlink", SACHA) == {"changed": True}


class Portal:
    """Answers the challenge as the portal would, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(f"{scope['path']}?{scope['query_string'].decode()}")
        told = json.loads((await receive())["body"])["challenge"].encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(told))]})
        await send({"type": "http.response.body", "body": told})


def test_where_there_are_several_practices_each_is_named_in_its_own_address(house: Terminal) -> None:
    ref, portal = house.do(fetch_value("SELECT ref FROM practice")), Portal()
    with served(portal) as url:
        house.settings(REPRISE_BASE_URL=url)
        assert slack_of(house)["slack secret"] == ("ok", f"{url}/slack/events answers what is signed with it.")
        house.do(
            fetch(
                "INSERT INTO practice SELECT r.* FROM practice p, jsonb_populate_record(p, jsonb_build_object("
                "'id', 99, 'ref', 'elsewhere', 'key', 'elsewhere', 'settings', jsonb_build_object())) r"
            )
        )
        assert slack_of(house)["slack secret"][0] == "ok"
        assert portal.asked == ["/slack/events?", f"/slack/events?practice={ref}"]
        made = house.json("slack", "manifest", "--practice", ref)
        assert made["settings"]["interactivity"]["request_url"] == f"{url}/slack/events?practice={ref}"


BROKEN: dict[str, tuple[Callable[[SlackDouble], object], str, str]] = {
    "token": (lambda slack: slack.control.revoke_token(), "slack token", "token_revoked"),
    "app": (lambda slack: slack.control.remove_app(), "slack token", "install the app"),
    "scope": (lambda slack: slack.control.take_scope("im:write"), "slack token", "im:write"),
    "archived": (lambda slack: slack.control.archive(CHANNEL), "slack channel", "archived"),
    "kicked": (lambda slack: slack.control.kick(CHANNEL), "slack channel", "/invite @Reprise"),
    "down": (lambda slack: slack.control.fail(), "slack token", "http_500"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_doctor_says_what_is_wrong_and_what_to_do(house: Terminal, slack: SlackDouble, what: str) -> None:
    broken, name, said = BROKEN[what]
    broken(slack)
    state, text = slack_of(house)[name]
    assert state == "failed"
    assert said in text
    assert "xoxb" not in text


def test_doctor_says_nothing_of_slack_where_there_is_none(terminal: Terminal) -> None:
    terminal.do(f.make_practice(staff=f.EVERY_ROLE))
    assert slack_of(terminal) == {}

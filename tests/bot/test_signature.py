"""Nobody but Slack is heard, and only a practice with Slack has the address at all."""

import asyncio
import json
import time
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import pytest
from litestar import Litestar

from bot.app import Bots
from db.changes.practices import change_access, save_practice
from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.practices import Profile, sending
from portal.demo.slack.accounts import SIGNING_SECRET
from portal.demo.slack.person import verify_url
from portal.demo.slack.signing import headers
from tests import factories as f
from tests.bot.conftest import House, access

EVENTS = "/slack/events"
FORM = "application/x-www-form-urlencoded"


def slack_says(app: Litestar) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="https://rdv.example")


def a_press(ref: str, user: str) -> str:
    action = {"action_id": "case_mine", "block_id": "case", "type": "button", "value": ref}
    told = {
        "type": "block_actions",
        "user": {"id": user, "team_id": "T1"},
        "team": {"id": "T1"},
        "actions": [action],
        "trigger_id": "1.2.3",
        "container": {"type": "message"},
    }
    return urlencode({"payload": json.dumps(told)})


@pytest.mark.parametrize(
    ("secret", "age", "status"),
    [(SIGNING_SECRET, 0, 200), ("another-secret", 0, 401), (SIGNING_SECRET, 360, 401), (SIGNING_SECRET, -600, 401)],
)
async def test_signature_and_timestamp_are_checked(
    house: House, app: Litestar, secret: str, age: int, status: int
) -> None:
    ref = await house.a_call()
    body = a_press(ref, house.users["Sacha Morel"])
    signed = headers(secret, str(int(time.time()) - age), body)
    async with slack_says(app) as web:
        answer = await web.post(EVENTS, content=body, headers={"content-type": FORM, **signed})
    assert answer.status_code == status
    claimed = await fetch_value("SELECT count(*) FROM task WHERE status = 'claimed'")
    assert claimed == (1 if status == 200 else 0)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Slack-Request-Timestamp", b"9" * 400),
        ("X-Slack-Request-Timestamp", b"nan"),
        ("X-Slack-Request-Timestamp", "²".encode("latin-1")),
        ("X-Slack-Signature", b"v0=\xe9"),
    ],
)
async def test_a_signature_that_can_be_none_is_refused_like_a_wrong_one(
    house: House, app: Litestar, name: str, value: bytes
) -> None:
    body = a_press(await house.a_call(), house.users["Sacha Morel"])
    usual = {"content-type": FORM, **headers(SIGNING_SECRET, str(int(time.time())), body)}
    given = {key.lower().encode(): told.encode() for key, told in usual.items()} | {name.lower().encode(): value}
    async with slack_says(app) as web:
        assert (await web.post(EVENTS, content=body, headers=given)).status_code == 401
    assert await fetch_value("SELECT count(*) FROM task WHERE status = 'claimed'") == 0


async def test_a_request_without_a_signature_is_refused(house: House, app: Litestar) -> None:
    body = a_press(await house.a_call(), house.users["Sacha Morel"])
    async with slack_says(app) as web:
        assert (await web.post(EVENTS, content=body, headers={"content-type": FORM})).status_code == 401
        assert (await web.get(EVENTS)).status_code == 401


@pytest.mark.parametrize("kind", [FORM, "application/json", "text/plain"])
@pytest.mark.parametrize("body", [b"{", b"payload=%7B", b"\xff\xfe", b"", b"[]", b"null"])
async def test_what_is_not_signed_is_not_even_read(house: House, app: Litestar, body: bytes, kind: str) -> None:
    for signed in ({}, headers("x", "soon", ""), headers(SIGNING_SECRET, "١٢٣", "")):
        async with slack_says(app) as web:
            sent = [(name.encode(), value.encode()) for name, value in {"content-type": kind, **signed}.items()]
            answer = await web.post(EVENTS, content=body, headers=sent)
        assert answer.status_code == 401


async def test_a_body_that_is_longer_than_any_of_slacks_is_refused(house: House, app: Litestar) -> None:
    async with slack_says(app) as web:
        answer = await web.post(EVENTS, content=b"x" * 1_000_001, headers={"content-type": FORM})
    assert answer.status_code == 413


async def test_slack_may_verify_the_address(house: House) -> None:
    assert await verify_url(house.slack)


async def test_without_slack_there_is_no_such_address(app: Litestar, practice: Profile) -> None:
    body = a_press("abc", "U1")
    signed = headers(SIGNING_SECRET, str(int(time.time())), body)
    async with slack_says(app) as web:
        answer = await web.post(EVENTS, content=body, headers={"content-type": FORM, **signed})
    assert answer.status_code == 404


async def test_a_practice_that_leaves_slack_closes_the_address_at_once(house: House) -> None:
    ref = await house.a_call()
    sacha, message = house.person("Sacha Morel"), await house.message(ref)
    await save_practice(f.new_practice(staff=f.EVERY_ROLE), now=clock.now())
    assert (await sacha.press(message, "case_mine")).status == 404
    assert await fetch_value("SELECT count(*) FROM task WHERE status = 'claimed'") == 0
    assert await house.tick() == 0


async def test_what_nobody_listens_to_is_acknowledged(house: House) -> None:
    sacha = house.person("Sacha Morel")
    assert (await sacha.tell({"type": "member_joined_channel", "user": "U1", "channel": "C1"})).ok
    assert (await sacha.tell({"type": "message", "user": "U1", "channel": "C1", "text": "x", "ts": "1.1"})).ok


async def test_what_is_signed_and_makes_no_sense_changes_nothing_and_breaks_nothing(
    house: House, app: Litestar
) -> None:
    ref, sacha = await house.a_call(), house.users["Sacha Morel"]
    entries = await fetch_value("SELECT count(*) FROM journal")
    bodies = {
        "payload=%7B": 400,
        "payload=[]": 400,
        a_press(ref, sacha).replace("case_mine", "unknown"): 200,
        a_press(ref + "%00", sacha): 200,
        a_press(ref, sacha + "\x00"): 200,
        a_press(ref, sacha).replace("%22T1%22%7D%2C+%22actions", "%22T2%22%7D%2C+%22actions"): 200,
        urlencode({"command": "/reprise", "text": "\x00", "user_id": "\x00"}): 200,
    }
    async with slack_says(app) as web:
        for body, status in bodies.items():
            signed = headers(SIGNING_SECRET, str(int(time.time())), body)
            answer = await web.post(EVENTS, content=body, headers={"content-type": FORM, **signed})
            assert answer.status_code == status, body
    assert await fetch_value("SELECT count(*) FROM journal") == entries


async def test_of_two_practices_each_believes_its_own_slack_and_acts_on_its_own_cases(
    house: House, app: Litestar
) -> None:
    ref, sacha = await house.a_call(), house.users["Sacha Morel"]
    await fetch(
        "INSERT INTO practice SELECT r.* FROM practice p, jsonb_populate_record(p, jsonb_build_object('id', 99, "
        "'ref', 'elsewhere', 'key', 'elsewhere', 'sending', NULL)) r"
    )
    await fetch(
        "INSERT INTO staff SELECT r.* FROM staff s, jsonb_populate_record(s, jsonb_build_object('id', 900 + s.id, "
        "'ref', 'x' || s.id, 'practice', 99)) r"
    )
    own = access(house.slack, signing_secret="the-other-secret")
    await change_access(99, smtp={"host": "localhost"}, sms={}, slack=own, now=clock.now())

    async def says(practice: str, secret: str) -> int:
        body = a_press(ref, sacha)
        signed = headers(secret, str(int(time.time())), body)
        async with slack_says(app) as web:
            answer = await web.post(
                f"{EVENTS}?practice={practice}", content=body, headers={"content-type": FORM, **signed}
            )
        return answer.status_code

    claimed = "SELECT count(*) FROM task WHERE status = 'claimed'"
    assert await says("elsewhere", SIGNING_SECRET) == 401
    # The other practice has nobody's case of this name, though the same person works there.
    assert await says("elsewhere", "the-other-secret") == 200
    assert await fetch_value(claimed) == 0
    assert await says(house.practice.ref, "the-other-secret") == 401
    assert await says("nowhere", SIGNING_SECRET) == 404
    assert await says(house.practice.ref, SIGNING_SECRET) == 200
    assert await fetch_value(claimed) == 1


async def test_new_access_keeps_no_request_waiting_for_the_old_one(house: House) -> None:
    bots = Bots("https://rdv.example")
    old = await bots.of(house.practice)
    assert old is not None
    old.here.begin(asyncio.sleep(0.6))
    saved = await sending(house.practice.id)
    new = access(house.slack, signing_secret="a-new-secret")
    await change_access(house.practice.id, smtp=saved.smtp, sms=saved.sms, slack=new, now=clock.now())
    began = time.monotonic()
    assert await bots.of(house.practice) not in (None, old)
    assert time.monotonic() - began < 0.4
    # What was under way is finished all the same.
    await bots.close()
    assert time.monotonic() - began > 0.5

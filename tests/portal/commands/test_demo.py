"""`reprise demo seed`, `demo advance` and `inbox`, with a worker's work done by hand where no worker runs."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from db.changes.deliveries import claim_due
from db.changes.enrolments import review_enrolments
from db.changes.human_steps import open_due_steps
from db.changes.settlements import Outcome, Settlement, settle
from db.changes.watching import look_again
from db.clock import clock
from db.config import Config, load
from db.crypto import vault
from db.engine import fetch, fetch_value
from db.errors import ConfigurationError
from db.queries.practices import Profile, only_practice, sending
from db.states import Channel
from db.tables.deliveries import BULK, HUMAN
from portal.demo import advance as advancing
from portal.demo.advance import advance
from portal.demo.inbox import Message, inbox_of
from portal.demo.seed import seed_demo
from tests import factories as f
from tests.portal.commands.conftest import Terminal

EVERY_TABLE = (
    "practice",
    "staff",
    "practitioner",
    "patient",
    "appointment",
    "enrolment",
    "delivery",
    "task",
    "journal",
)


def counts(terminal: Terminal) -> dict[str, int]:
    return {name: terminal.do(fetch_value(f"SELECT count(*) FROM {name}")) for name in EVERY_TABLE}


def test_the_demo_s_practice_has_absences_whose_first_messages_leave_within_minutes(terminal: Terminal) -> None:
    done = terminal.json("demo", "seed")
    assert (done["practice"], done["enrolled"], done["tasks"]) == (True, 8, 2)
    first: datetime = terminal.do(fetch_value("SELECT min(due_at) FROM delivery"))
    assert f.MONDAY < first <= f.MONDAY + timedelta(minutes=6)
    days = terminal.do(fetch("SELECT DISTINCT day FROM appointment WHERE status = 'no_show'"))
    assert [row["day"] for row in days] == [f.MONDAY.date()]
    specialities = terminal.do(fetch("SELECT DISTINCT speciality FROM practitioner ORDER BY 1"))
    assert [row["speciality"] for row in specialities] == ["dental", "nutrition", "physiotherapy", "psychotherapy"]
    roles = terminal.do(fetch_value("SELECT count(DISTINCT role) FROM staff"))
    assert roles == 5
    assert counts(terminal)["patient"] >= 25


def test_the_agenda_ahead_is_neither_empty_nor_on_closed_days(terminal: Terminal) -> None:
    terminal.run("demo", "seed")
    ahead = terminal.do(fetch("SELECT starts_at FROM appointment WHERE status = 'booked'"))
    assert len(ahead) >= 10
    assert all(row["starts_at"] > f.MONDAY and row["starts_at"].weekday() < 5 for row in ahead)


def test_an_absence_with_an_appointment_ahead_shows_its_reason(terminal: Terminal) -> None:
    terminal.run("demo", "seed")
    reasons = terminal.do(fetch("SELECT reason FROM journal WHERE event = 'absence_not_followed'"))
    assert {row["reason"] for row in reasons} == {"future_appointment", "was_not_brought", "unreachable"}


def test_seeding_again_doubles_nothing_on_whatever_day(terminal: Terminal) -> None:
    terminal.run("demo", "seed")
    stored = counts(terminal)
    terminal.now_is(f.MONDAY + timedelta(days=3))
    assert terminal.json("demo", "seed") == {"practice": False, "appointments": 0, "enrolled": 0, "tasks": 0}
    assert counts(terminal) == stored


def test_a_later_start_follows_the_ports_that_it_chose(terminal: Terminal) -> None:
    terminal.run("demo", "seed")
    terminal.settings(REPRISE_DEMO_SMTP_PORT="9025", REPRISE_DEMO_INBOX_PORT="9001")
    terminal.run("demo", "seed")
    access = terminal.do(sending(terminal.do(only_practice()).id))
    assert access.smtp["port"] == 9025
    assert access.sms["base_url"] == "http://127.0.0.1:9001"


@pytest.mark.parametrize(
    "when", [f.local(15, 3), f.local(16, 0, 30), f.local(16, 23, 59), f.local(25, 2, 30, month=10)]
)
def test_the_demo_can_begin_at_any_hour(terminal: Terminal, when: datetime) -> None:
    terminal.now_is(when)
    assert terminal.json("demo", "seed")["enrolled"] == 8


def test_every_contact_is_of_nobody(terminal: Terminal) -> None:
    terminal.run("demo", "seed")
    for row in terminal.do(fetch("SELECT ref, phone, email FROM patient")):
        contacts = {
            name: vault().open(row[name], owner=row["ref"], field=f"patient.{name}")
            for name in ("phone", "email")
            if row[name] is not None
        }
        assert contacts.get("email", ".example").endswith(".example")
        assert contacts.get("phone", "+3363998").startswith(("+3363998", "+3319900"))


@pytest.mark.parametrize("words", [("demo", "seed"), ("demo", "advance", "1d"), ("demo", "serve"), ("inbox",)])
def test_production_has_no_demo(terminal: Terminal, words: tuple[str, ...]) -> None:
    terminal.settings(REPRISE_MODE="production")
    terminal.do(f.make_practice())
    assert "production" in terminal.run(*words, code=2).err


def test_the_inbox_can_be_read_while_nothing_runs(terminal: Terminal) -> None:
    assert terminal.json("inbox") == []
    assert "Nothing has arrived" in terminal.run("inbox").out
    message = Message("SM1", Channel.SMS, "+33639980001", "38180", "Bonjour [Léa] https://x.example/r/abc", f.MONDAY)
    inbox_of(terminal.data).append(message)
    [read] = terminal.json("inbox")
    expected = {"channel", "to", "subject", "text", "html", "headers", "links", "at"}
    assert expected <= read.keys()
    assert (read["channel"], read["links"]) == ("sms", ["https://x.example/r/abc"])
    assert "Bonjour [Léa]" in terminal.run("inbox").out


@pytest.mark.parametrize("text", ["soon", "3", "-1d"])
def test_advance_wants_a_duration(terminal: Terminal, text: str) -> None:
    terminal.run("demo", "advance", "--", text, code=2)


def test_advance_says_when_nobody_is_at_work(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.run("demo", "seed")
    monkeypatch.setattr(advancing, "PATIENCE_S", 0.2)
    result = terminal.run("demo", "advance", "1h", code=2)
    assert "worker human" in result.err
    assert "Is the stack running?" in result.err


@pytest.fixture
async def demo(terminal: Terminal) -> Config:
    """A seeded demo whose clock is at Monday morning."""
    config = load(terminal.data)
    clock.follow(config.clock_file)
    await seed_demo(config, now=clock.now())
    # No worker of these tests speaks to Slack.
    await fetch("""UPDATE practice SET settings = settings || '{"slack_route": ""}'""")
    return config


@contextlib.asynccontextmanager
async def at_work(practice: Profile, times: list[datetime]) -> AsyncIterator[None]:
    """What the two workers do, each few milliseconds instead of each second; `times` gets the clock of each sending to
    a patient."""

    async def tick() -> None:
        while True:
            while await open_due_steps(now=clock.now()):
                pass
            await look_again(now=clock.now())
            for lane, channel in itertools.product((BULK, HUMAN), Channel):
                now = clock.now()
                claim = await claim_due(
                    practice, lane=lane, channel=channel, limit=50, mail_domain="x.example", now=now
                )
                sent = [Settlement(one.id, one.attempts, Outcome.SENT, now, None, "250") for one in claim.going]
                times.extend(now for one in claim.going if one.task is None)
                await settle(sent, practice=practice.id, now=now)
            await review_enrolments(now=clock.now())
            await asyncio.sleep(0.01)

    worker = asyncio.create_task(tick())
    try:
        yield
    finally:
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
        clock.follow(None)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No receipts come from a worker without a gateway."""
    monkeypatch.setattr(advancing, "RECEIPT_S", 0.0)
    monkeypatch.setattr(advancing, "LOOK_EVERY_S", 0.01)


async def test_advance_stops_at_each_due_time_and_returns_when_all_is_settled(demo: Config) -> None:
    practice, times, seen = await only_practice(), list[datetime](), list[datetime]()
    async with at_work(practice, times):
        done = await advance(demo, timedelta(days=15), settled=seen.append)
        assert clock.now() >= f.MONDAY + timedelta(days=15)
    assert (
        await fetch_value(
            "SELECT count(*) FROM delivery WHERE patient IS NOT NULL AND status IN ('planned', 'claimed')"
        )
        == 0
    )
    assert await fetch_value("SELECT count(*) FROM enrolment WHERE status <> 'completed'") == 0
    days = sorted({moment.date().day for moment in times})
    # The standard plan's days, and those of psychotherapy.
    assert days == sorted({16, 17, 19, 21, 23} | {16, 18, 21, 25, 30})
    late = await fetch("SELECT max(sent_at - due_at) AS late FROM delivery WHERE sent_at IS NOT NULL AND staff IS NULL")
    assert late[0]["late"] < timedelta(minutes=2)
    # Of eight patients one has no mailbox, and one no telephone.
    assert {(left.message, left.channel): left.count for left in done.left if not left.message.startswith("case_")} == {
        ("first", "sms"): 7,
        ("first", "email"): 7,
        ("flexible", "email"): 7,
        ("worth", "sms"): 7,
        ("worth", "email"): 7,
        ("closing", "email"): 7,
        ("last", "sms"): 7,
        ("last", "email"): 7,
    }
    assert done.steps == len(seen) <= 30


async def test_advance_goes_no_further_than_told(demo: Config) -> None:
    practice, times = await only_practice(), list[datetime]()
    async with at_work(practice, times):
        done = await advance(demo, timedelta(days=2))
        assert timedelta(days=2) <= clock.now() - done.began < timedelta(days=2, minutes=1)
    assert max(times).date().day == 18


async def test_a_channel_that_is_held_back_is_not_waited_for(demo: Config) -> None:
    practice, times = await only_practice(), list[datetime]()
    until = f.MONDAY + timedelta(days=30)
    await fetch("UPDATE practice SET sms_refused_until = $1", until)
    await fetch("DELETE FROM delivery WHERE channel = 'email'")
    done = await advance(demo, timedelta(hours=1))
    assert done.left == ()
    assert times == []
    assert practice.id
    clock.follow(None)


async def test_workers_that_are_alive_but_stuck_are_told_from_dead_ones(
    demo: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advancing, "PATIENCE_S", 0.1)
    redis = Redis.from_url(demo.redis())
    for queue in ("human", "bulk"):
        await redis.set(f"reprise:health:{queue}", "1", ex=5)
    with pytest.raises(ConfigurationError, match="see the logs"):
        await advance(demo, timedelta(hours=1))
    await redis.delete("reprise:health:human", "reprise:health:bulk")
    await redis.aclose()
    clock.follow(None)


def test_the_clock_s_file_is_shared(terminal: Terminal, tmp_path: Path) -> None:
    terminal.now_is(f.MONDAY + timedelta(days=1))
    terminal.do(f.make_practice())
    began = terminal.json("demo", "advance", "2h")["began"]
    assert datetime.fromisoformat(began) - (f.MONDAY + timedelta(days=1)) < timedelta(minutes=1)

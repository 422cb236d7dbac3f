"""Alerts that fall due while ten thousand messages of other kinds wait, and presses at the same time.

Real workers and a real portal, with a double of Slack in this process: from the moment at which a case is due to the
moment at which its message stands at Slack, and from a signed press to its answer.
"""

import asyncio
import os
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from db import actors
from db.changes.practices import NewPractitioner
from db.changes.slack import link_slack
from db.clock import clock
from db.engine import fetch, fetch_value
from db.processes import soon
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.rules.risk import RiskRule
from db.rules.settings import Settings
from portal.demo.slack.accounts import SIGNING_SECRET, TOKEN
from portal.demo.slack.app import create_slack_app
from portal.demo.slack.double import SlackDouble
from portal.demo.slack.person import Person
from portal.demo.slack.record import Call
from tests import factories
from tests.bench.figures import Figure
from tests.bench.sink import start_sink
from tests.chaos.people import BATCH, practitioner
from tests.chaos.stack import Stack
from tests.factories import local
from tests.fakes.slack import serving

MISSED_AT, MARKED_AT, DUE_AT = local(16, 19, 0), local(16, 19, 45), local(17, 9, 0)
HEAD_START = timedelta(seconds=2)
CHANNEL = "C0SUIVI"
PATIENCE_S = 60.0
ALERT_GOAL_S, ANSWER_GOAL_S = 2.0, 0.3


@dataclass(frozen=True)
class Measured:
    """Seconds each: `alerts` from due to posted, `answers` from a press to its answer; `waiting` is how many messages
    of other kinds still waited when the last alert was posted."""

    alerts: Sequence[float]
    answers: Sequence[float]
    bulk: int
    waiting: int

    def figures(self) -> list[Figure]:
        notes = f"{len(self.alerts)} alerts, {self.bulk:,} messages waiting, of which {self.waiting:,} at the end"
        presses = f"{len(self.answers)} presses meanwhile, median {percentile(self.answers, 0.5) * 1000:.0f} ms"
        alert, answer = percentile(self.alerts, 0.99), percentile(self.answers, 0.99)
        return [
            Figure("alert, due to posted (p99)", "s", alert, ALERT_GOAL_S, 1.0, "at most", notes),
            Figure("press to answer (p99)", "s", answer, ANSWER_GOAL_S, 1.0, "at most", presses),
        ]


def percentile(values: Sequence[float], share: float) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]


async def measure(stack: Stack, *, bulk: int, alerts: int, presses: int, limit: float) -> list[Figure]:
    return (await live_through(stack, bulk=bulk, alerts=alerts, presses=presses, limit=limit)).figures()


async def live_through(
    stack: Stack, *, bulk: int, alerts: int, presses: int, limit: float, spread_s: float = 15.0, seed: int = 7
) -> Measured:
    """The alerts fall due one after the other over `spread_s`, from a second after the bulk does."""
    sink = start_sink(stack)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        clock.move_to(DUE_AT - timedelta(minutes=5))
        slack = SlackDouble(base_url=base_url)
        practice = await _prepare(slack, sink.port, bulk, limit)
        users = await _link(slack, practice)
        dues = await _alerts(practice, alerts, spread_s)
        async with serving(create_slack_app(slack), on=listener):
            slack.sender.url = f"{stack.portal()}/slack/events"
            workers = {queue: stack.worker(queue) for queue in ("human", "bulk")}
            up = asyncio.to_thread(
                soon, lambda: all("worker_started" in stack.log(f"worker-{queue}") for queue in workers), 30
            )
            assert await up
            nice = {queue: os.getpriority(os.PRIO_PROCESS, worker.pid) for queue, worker in workers.items()}
            assert nice["bulk"] > nice["human"], "Bulk sending has the processor as soon as alerts have."
            clock.move_to(DUE_AT - HEAD_START)
            pressing = asyncio.create_task(_press(slack, users, presses, spread_s, random.Random(seed)))
            waiting = await _until_posted(slack, alerts)
            await pressing
            await slack.sender.close()
    posted = {call.payload["text"].split("réf. ")[1][:12]: call.at for call in _cards(slack)}
    answers = [answer.took for _, answer in slack.sender.sent]
    assert all(answer.ok for _, answer in slack.sender.sent), "A press was not answered."
    return Measured([(posted[ref] - due).total_seconds() for ref, due in dues.items()], answers, bulk, waiting)


def _cards(slack: SlackDouble) -> list[Call]:
    return [call for call in slack.record.of("chat.postMessage") if "thread_ts" not in call.payload and not call.error]


async def _prepare(slack: SlackDouble, smtp_port: int, bulk: int, limit: float) -> Profile:
    """The practice, and the messages that wait at its opening."""
    practice = await factories.make_practice(
        now=MARKED_AT,
        staff=factories.EVERY_ROLE,
        practitioners=(NewPractitioner(practitioner(0), "general", 50, 10),),
        smtp={**factories.new_practice().smtp, "port": smtp_port, "per_second": limit},
        settings=Settings(slack_route="channel"),
        slack={
            "bot_token": TOKEN,
            "signing_secret": SIGNING_SECRET,
            "channel": CHANNEL,
            "command": "/reprise",
            "route": "channel",
            "base_url": slack.api_url,
        },
    )
    for start in range(0, bulk, BATCH):
        rows = [_absence() for _ in range(min(BATCH, bulk - start))]
        await factories.intake(rows, practice, now=MARKED_AT)
    return practice


def _absence(**changes: Any) -> IntakeRow:
    usual: dict[str, Any] = {"phone": None, "phone_kind": None, "phone_given": False, "practitioner": practitioner(0)}
    return factories.row(**{**usual, "starts_at": MISSED_AT, **changes})


async def _link(slack: SlackDouble, practice: Profile) -> list[str]:
    users = []
    for number, one in enumerate(factories.EVERY_ROLE):
        user = slack.workspace.add_user(one.name, one.email, user_id=f"U0STAFF{number}")
        ref = await fetch_value("SELECT ref FROM staff WHERE name = $1", one.name)
        await link_slack(ref, practice=practice.id, slack_user=user.id, actor=actors.SYSTEM, now=MARKED_AT)
        users.append(user.id)
    slack.workspace.add_channel("suivi", users, channel_id=CHANNEL)
    return users


async def _alerts(practice: Profile, count: int, spread_s: float) -> dict[str, datetime]:
    """Calls that fall due one after the other; reference -> when."""
    rows = [_absence(risk_rules=frozenset({RiskRule.CHRONIC_CONDITIONS})) for _ in range(count)]
    await factories.intake(rows, practice, now=MARKED_AT)
    calls = await fetch("SELECT ref FROM task WHERE kind = 'call' AND status = 'planned' ORDER BY id")
    assert len(calls) == count
    dues = {row["ref"]: DUE_AT + timedelta(seconds=1 + spread_s * place / count) for place, row in enumerate(calls)}
    await fetch(
        "UPDATE task t SET due_at = x.due FROM unnest($1::text[], $2::timestamptz[]) AS x(ref, due) "
        "WHERE t.ref = x.ref",
        list(dues),
        list(dues.values()),
    )
    await fetch("VACUUM ANALYZE")
    return dues


async def _until_posted(slack: SlackDouble, alerts: int) -> int:
    """How many messages of other kinds wait once the last alert is posted."""
    ends = asyncio.get_running_loop().time() + PATIENCE_S
    while len(_cards(slack)) < alerts:
        assert asyncio.get_running_loop().time() < ends, f"{len(_cards(slack))} of {alerts} alerts were posted."
        await asyncio.sleep(0.05)
    left: int = await fetch_value(
        "SELECT count(*) FROM delivery WHERE lane = 'bulk' AND channel = 'email' AND status = 'planned' "
        "AND due_at = $1",
        DUE_AT,
    )
    return left


async def _press(slack: SlackDouble, users: Sequence[str], presses: int, spread_s: float, rng: random.Random) -> None:
    """People press while alerts come in, each on some message that stands."""
    made = 0
    while made < presses:
        messages = [one for one in slack.workspace.timeline(CHANNEL) if one.ephemeral_to is None]
        if messages:
            person = Person(slack, rng.choice(users))
            action = rng.choice(("case_seen", "case_mine"))
            await person.press(rng.choice(messages), action, version=0)
            made += 1
        await asyncio.sleep(spread_s / presses * rng.uniform(0.5, 1.5))

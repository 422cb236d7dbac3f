"""A channel that fails for good: the other one says it, or a person is told. And how much one person gets in a day."""

from dataclasses import replace
from typing import Any

import pytest

from db.changes.settlements import Outcome, record_bounce
from db.changes.watching import look_again
from db.engine import fetch, fetch_one
from db.queries.practices import Profile
from db.rules.plans import Plan, Step
from db.rules.settings import Settings
from db.states import Channel
from db.tables.deliveries import HUMAN
from tests import factories as f
from tests.db.changes.acts import FIRST_DUE, claim, claim_one, minutes, sequence, settled
from tests.db.changes.people import RISK, make_house, open_steps

SMS, EMAIL = Channel.SMS, Channel.EMAIL


async def one_step(**changes: Any) -> Profile:
    """A practice whose only plan is one SMS, and a later email that leaves the sequence running."""
    first = replace(Step(0, "first", SMS), **changes)
    plan = Plan("standard", (first, Step(7, "closing", EMAIL)))
    return await f.make_practice(settings=Settings(plans={"standard": plan}))


async def rows() -> list[tuple[str, str, str, str | None]]:
    found = await fetch("SELECT message, channel, status, reason FROM delivery WHERE step = 0 ORDER BY id")
    return [(row["message"], row["channel"], row["status"], row["reason"]) for row in found]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.ADDRESS_INVALID])
async def test_the_other_channel_says_what_the_first_could_not(database: None, outcome: Outcome) -> None:
    practice = await one_step()
    absence = await f.make_absence(practice)
    await settled(practice, await claim_one(practice, SMS, FIRST_DUE), outcome, FIRST_DUE + minutes(1))
    assert await rows() == [
        ("first", "sms", "failed", "permanent_failure"),
        ("first", "email", "planned", "failover"),
    ]
    (instead,) = await claim(practice, EMAIL, FIRST_DUE + minutes(2))
    assert (instead.message, instead.link_id is not None) == ("first", True)
    assert await sequence(absence.patient_key) == ("active", None)
    # A failed SMS is a task all the same.
    assert [row["kind"] for row in await fetch("SELECT kind FROM task")] == ["delivery_failed"]


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [(Outcome.FAILED, {"failover": False}), (Outcome.BLOCKED, {}), (Outcome.TEXT_REFUSED, {})],
    ids=["the plan forbids it", "the patient opted out", "the words cannot go"],
)
async def test_where_the_other_channel_must_not_say_it_nothing_is_added(
    database: None, outcome: Outcome, changes: dict[str, Any]
) -> None:
    practice = await one_step(**changes)
    await f.make_absence(practice)
    await settled(practice, await claim_one(practice, SMS, FIRST_DUE), outcome, FIRST_DUE + minutes(1))
    assert [row[1] for row in await rows()] == ["sms"]


async def test_a_moment_that_has_both_channels_already_gets_no_second_message(practice: Profile) -> None:
    await f.make_absence(practice)
    one = await claim_one(practice, SMS, FIRST_DUE)
    await settled(practice, one, Outcome.FAILED, FIRST_DUE + minutes(1))
    await settled(practice, one, Outcome.FAILED, FIRST_DUE + minutes(2))
    assert [row[:2] for row in await rows()] == [("first", "sms"), ("first", "email")]


async def test_nobody_gets_more_than_two_messages_a_day_on_one_channel(practice: Profile) -> None:
    absence = await f.make_absence(practice)
    row = await fetch_one("SELECT id, patient, enrolment FROM delivery WHERE channel = 'email' AND step = 0")
    assert row is not None
    for number in range(2):
        await fetch(
            "INSERT INTO delivery (practice, ref, lane, message, channel, patient, enrolment, due_at, attempt_at, "
            "status, created_at, sent_at) "
            "VALUES ($1, $2, 'human', 'agreed_later', 'email', $3, $4, $5, $5, 'sent', $5, $5)",
            practice.id,
            f"agreed-{number}",
            row["patient"],
            row["enrolment"],
            f.MONDAY,
        )
    assert await claim(practice, EMAIL, FIRST_DUE) == []
    waits = await fetch_one("SELECT status, reason, due_at FROM delivery WHERE id = $1", row["id"])
    assert waits is not None
    assert (waits["status"], waits["reason"], waits["due_at"]) == ("planned", "daily_limit", f.local(17, 9))
    assert [one.message for one in await claim(practice, EMAIL, f.local(17, 9))] == ["first"]
    assert await sequence(absence.patient_key) == ("active", None)


async def test_member_of_staff_whose_mailbox_is_dead_is_gone_round(database: None) -> None:
    house = await make_house()
    await f.make_absence(house, risk_rules=RISK)
    await open_steps(f.local(17, 9))
    (notice,) = await claim(house, EMAIL, f.local(17, 9), lane=HUMAN)
    assert notice.address == "sacha@tilleuls.example"
    await settled(house, notice, Outcome.SENT, f.local(17, 9))
    assert await record_bounce(reference=notice.ref, permanent=True, code="5.1.1", now=f.local(17, 9, 5))
    found = await fetch("SELECT kind, status FROM task WHERE step IS NULL")
    assert [tuple(row) for row in found] == [("staff_unreachable", "open")]
    await look_again(now=f.local(17, 9, 5))
    call = await fetch_one("SELECT s.name FROM task t JOIN staff s ON s.id = t.assignee WHERE t.kind = 'call'")
    assert call is not None
    assert call["name"] != "Sacha Morel"

"""What stands between a claim and its settlement, with senders that do as they are told."""

from collections.abc import Callable
from functools import partial

import pytest

from db import clock
from db.changes.deliveries import Claim, Claimed, claim_due
from db.changes.settlements import Outcome, Settlement
from db.engine import fetch
from db.queries.practices import Profile
from db.states import Channel
from jobs.delivery.belt import FRESH_S, Belt
from tests import factories

MESSAGES = 6


def settled(one: Claimed, outcome: Outcome) -> Settlement:
    return Settlement(one.id, one.attempts, outcome, clock.now(), None, "250")


@pytest.fixture
async def due(practice: Profile) -> Profile:
    """Six emails are due."""
    await factories.intake([factories.row() for _ in range(MESSAGES)], practice)
    clock.clock.move_to(factories.local(16, 11))
    return practice


async def claim_emails(practice: Profile, limit: int) -> Claim:
    return await claim_due(
        practice, lane="bulk", channel=Channel.EMAIL, limit=limit, mail_domain="tilleuls.example", now=clock.now()
    )


def make_belt(practice: Profile, answers: Callable[[Claimed], Outcome], *, fresh_s: float = FRESH_S) -> Belt:
    async def send(one: Claimed) -> Settlement:
        return settled(one, answers(one))

    return Belt(practice.id, partial(claim_emails, practice), [send, send], 4, lambda: True, fresh_s=fresh_s)


async def first_emails() -> list[tuple[str, int]]:
    rows = await fetch("SELECT status, attempts FROM delivery WHERE step = 0 AND channel = 'email' ORDER BY id")
    return [(row["status"], row["attempts"]) for row in rows]


async def test_everything_due_is_sent_and_settled(due: Profile) -> None:
    assert await make_belt(due, lambda _: Outcome.SENT).run() == MESSAGES
    assert await first_emails() == [("sent", 1)] * MESSAGES


async def test_when_it_is_halted_what_waits_is_given_back_as_if_never_claimed(due: Profile) -> None:
    refused: list[int] = []

    def answers(one: Claimed) -> Outcome:
        refused.append(one.id)
        return Outcome.REFUSED

    belt = make_belt(due, answers)
    belt.is_halted = lambda: bool(refused)
    assert 1 <= await belt.run() <= 2
    assert await first_emails() == [("planned", 0)] * MESSAGES
    told = await fetch("SELECT count(*) AS told FROM journal WHERE event = 'message_retried'")
    assert told[0]["told"] <= 2, "What was not tried is no retry."


async def test_a_decision_that_has_waited_too_long_is_taken_anew(due: Profile) -> None:
    tried: list[int] = []

    def answers(one: Claimed) -> Outcome:
        tried.append(one.id)
        return Outcome.SENT

    belt = make_belt(due, answers, fresh_s=-1.0)
    belt.keep_going = iter([True, False]).__next__
    assert await belt.run() == 0
    assert not tried
    assert await first_emails() == [("planned", 0)] * MESSAGES


async def test_a_sender_that_breaks_leaves_the_others_to_finish_and_to_settle(due: Profile) -> None:
    broken: list[int] = []

    def answers(one: Claimed) -> Outcome:
        if not broken:
            broken.append(one.id)
            raise ZeroDivisionError
        return Outcome.SENT

    with pytest.raises(ZeroDivisionError):
        await make_belt(due, answers).run()
    rows = await first_emails()
    assert sorted(rows) == [("claimed", 1)] + [("sent", 1)] * (MESSAGES - 1)


async def test_a_settlement_that_breaks_ends_the_turn_and_is_told(due: Profile) -> None:
    async def send(one: Claimed) -> Settlement:
        return Settlement(one.id, one.attempts, Outcome.SENT, clock.now(), provider_id="x" * 81)

    belt = Belt(due.id, partial(claim_emails, due), [send, send], 1, lambda: True)
    with pytest.raises(Exception, match="too long"):
        await belt.run()

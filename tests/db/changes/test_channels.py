"""What a server that takes nothing does to its channel, and to what waits for it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.changes.channels import (
    TRIAL,
    Failed,
    Gate,
    enter_channel,
    hold_channel,
    leave_channel,
    reopen_channel,
)
from db.changes.deliveries import Claimed, claim_due
from db.changes.practices import save_practice
from db.changes.settlements import Outcome, Settlement, settle
from db.engine import fetch, fetch_one
from db.queries.deliveries import channel_is_held, due_desks
from db.queries.practices import Profile
from db.states import Channel
from tests import factories as f

EMAIL = Channel.EMAIL
DUE = f.local(16, 11)


async def hold(practice: Profile, now: datetime, *, failed: tuple[Failed, ...] = (), trial: bool = False) -> datetime:
    """Until when."""
    await hold_channel(practice, EMAIL, until=now, code="451", failed=failed, trial=trial, now=now)
    row = await fetch_one("SELECT email_refused_until AS until FROM practice")
    assert row is not None
    until: datetime = row["until"]
    return until


async def enter(practice: Profile, now: datetime) -> Gate:
    return await enter_channel(practice.id, channel=EMAIL, now=now)


async def claim(practice: Profile, now: datetime, limit: int = 9) -> list[Claimed]:
    return (await claim_due(practice, lane="bulk", channel=EMAIL, limit=limit, mail_domain="t.example", now=now)).going


async def fail(practice: Profile, one: Claimed, outcome: Outcome, now: datetime) -> None:
    await settle([Settlement(one.id, one.attempts, outcome, now, code="451")], practice=practice.id, now=now)


async def first_emails() -> list[Any]:
    return list(
        await fetch(
            "SELECT id, due_at, attempt_at, attempts, status, reason, ambiguous FROM delivery "
            "WHERE step = 0 AND channel = 'email' ORDER BY id"
        )
    )


async def test_each_hold_in_a_row_is_longer_and_a_success_ends_the_row(practice: Profile) -> None:
    now, pauses = f.MONDAY, []
    for _ in range(8):
        until = await hold(practice, now, trial=await enter(practice, now) is Gate.TRIAL)
        pauses.append((until - now).total_seconds() / 60)
        now = until
    assert pauses == [0.5, 1, 2, 5, 10, 20, 30, 30]
    assert await reopen_channel(practice.id, channel=EMAIL, now=now)
    assert await enter(practice, now) is Gate.OPEN
    assert await hold(practice, now) == now + timedelta(seconds=30)


async def test_two_workers_that_meet_the_same_trouble_make_one_hold(practice: Profile) -> None:
    first = await hold(practice, f.MONDAY)
    assert await hold(practice, f.MONDAY + timedelta(seconds=1)) == first + timedelta(seconds=1)
    row = await fetch_one("SELECT email_trips FROM practice")
    assert row is not None
    assert row["email_trips"] == 1
    assert [event for event, _ in await f.events()].count("channel_held") == 1


async def test_of_all_workers_one_alone_tries_a_server_that_was_down(practice: Profile) -> None:
    until = await hold(practice, f.MONDAY)
    assert await enter(practice, until - timedelta(seconds=1)) is Gate.HELD
    gates = await asyncio.gather(*(enter(practice, until) for _ in range(8)))
    assert sorted(gates) == sorted([Gate.TRIAL] + [Gate.HELD] * 7)
    assert await channel_is_held(practice.id, EMAIL, now=until)


async def test_when_the_one_who_tries_dies_another_tries(practice: Profile) -> None:
    until = await hold(practice, f.MONDAY)
    assert await enter(practice, until) is Gate.TRIAL
    assert await enter(practice, until + TRIAL - timedelta(seconds=1)) is Gate.HELD
    assert await enter(practice, until + TRIAL) is Gate.TRIAL


async def test_a_trial_without_a_message_leaves_the_next_one_free_to_try(practice: Profile) -> None:
    until = await hold(practice, f.MONDAY)
    assert await enter(practice, until) is Gate.TRIAL
    await leave_channel(practice.id, channel=EMAIL, now=until)
    assert await enter(practice, until) is Gate.TRIAL
    assert not await channel_is_held(practice.id, Channel.SMS, now=until)


async def test_new_access_is_tried_at_once_and_with_one_message(practice: Profile) -> None:
    await hold(practice, f.MONDAY)
    await save_practice(f.new_practice(name="Autre nom"), now=f.MONDAY)
    assert await enter(practice, f.MONDAY) is Gate.TRIAL


@pytest.mark.parametrize(
    ("outcome", "uncounted", "attempts"),
    [(Outcome.TEMPORARY, 1, 0), (Outcome.AMBIGUOUS, 0, 1)],
    ids=["not left for certain", "may have left"],
)
async def test_what_failed_goes_back_to_its_place(
    practice: Profile, outcome: Outcome, uncounted: int, attempts: int
) -> None:
    await f.make_absence(practice)
    (one,) = await claim(practice, DUE)
    await fail(practice, one, outcome, DUE)
    (row,) = await first_emails()
    assert row["attempt_at"] > DUE
    await hold(practice, DUE, failed=(Failed(one.id, 1, uncounted),))
    (row,) = await first_emails()
    assert (row["attempt_at"], row["attempts"], row["status"]) == (row["due_at"], attempts, "planned")
    assert row["reason"] == "channel_held"
    assert row["ambiguous"] is (outcome is Outcome.AMBIGUOUS)


async def test_what_somebody_else_has_settled_meanwhile_is_left_alone(practice: Profile) -> None:
    await f.make_absence(practice)
    (one,) = await claim(practice, DUE)
    await fail(practice, one, Outcome.FAILED, DUE)
    await hold(practice, DUE, failed=(Failed(one.id, 1, 1),))
    (row,) = await first_emails()
    assert (row["status"], row["attempts"]) == ("failed", 1)


async def test_after_a_failed_trial_another_message_is_tried_and_in_the_end_the_order_is_the_old_one(
    practice: Profile,
) -> None:
    for _ in range(3):
        await f.make_absence(practice)
    order = [row["id"] for row in await first_emails()]
    now, tried = await hold(practice, DUE), []
    for _ in range(3):
        assert await enter(practice, now) is Gate.TRIAL
        (one,) = await claim(practice, now, limit=1)
        tried.append(one.id)
        await fail(practice, one, Outcome.TEMPORARY, now)
        now = await hold(practice, now, failed=(Failed(one.id, one.attempts, 1),), trial=True)
    assert tried == order
    assert [row["attempts"] for row in await first_emails()] == [0, 0, 0]
    await reopen_channel(practice.id, channel=EMAIL, now=now)
    assert [one.id for one in await claim(practice, now)] == order


async def test_reopening_is_written_once(practice: Profile) -> None:
    assert not await reopen_channel(practice.id, channel=EMAIL, now=f.MONDAY)
    until = await hold(practice, f.MONDAY)
    assert await reopen_channel(practice.id, channel=EMAIL, now=until)
    assert not await reopen_channel(practice.id, channel=EMAIL, now=until)
    assert [event for event, _ in await f.events()].count("channel_reopened") == 1


async def test_staff_hear_once_a_day_of_messages_that_wait_for_long(practice: Profile) -> None:
    await f.make_absence(practice)
    for day, minutes in ((16, 5), (16, 90), (16, 120), (17, 0)):
        await hold(practice, f.local(day, 10, 40) + timedelta(minutes=minutes), trial=True)
    tasks = await fetch("SELECT kind, urgent FROM task")
    assert [(row["kind"], row["urgent"]) for row in tasks] == [("sending_refused", True)] * 2


async def test_a_held_channel_has_nothing_due_and_the_other_goes_on(practice: Profile) -> None:
    await f.make_absence(practice)
    until = await hold(practice, DUE)
    assert {desk.channel for desk in await due_desks("bulk", now=DUE)} == {Channel.SMS}
    assert {desk.channel for desk in await due_desks("bulk", now=until)} == {Channel.SMS, EMAIL}

"""A mail server or a gateway that is down, over the wire: how soon sending stops, and how it goes on."""

from datetime import datetime, timedelta

import pytest

from db.clock import clock
from db.config import Config
from db.engine import fetch, fetch_one, fetch_value
from db.rules.breaker import ERRORS
from jobs.delivery.breaker import Breaker
from jobs.delivery.errors import Ambiguous, DeliveryError, Permanent, SendingRefused, Temporary
from jobs.ticks import Post
from tests import factories as f
from tests.jobs.delivery.conftest import Wired

FIRST_DUE = f.local(16, 10, 40)
DOWN = "451 4.3.2 system not accepting network messages"
SECOND = timedelta(seconds=1)


async def make_due(wired: Wired, count: int) -> list[str]:
    """So many patients with a mailbox alone, one due after the other; their mailboxes."""
    rows = [f.row(phone=None, phone_kind=None, starts_at=f.MISSED_AT + number * SECOND / 10) for number in range(count)]
    await f.intake(rows, wired.practice)
    clock.move_to(FIRST_DUE + count * SECOND / 10 + SECOND)
    return [str(row.email) for row in rows]


async def held_until() -> datetime | None:
    until: datetime | None = await fetch_value("SELECT email_refused_until FROM practice")
    return until


async def tries() -> int:
    return int(await fetch_value("SELECT email_trips FROM practice"))


async def first_emails() -> list[tuple[str, int]]:
    rows = await fetch("SELECT status, attempts FROM delivery WHERE step = 0 AND channel = 'email' ORDER BY id")
    return [(row["status"], row["attempts"]) for row in rows]


async def wait_out(wired: Wired) -> int:
    """Until the hold ends, and one tick more."""
    until = await held_until()
    assert until is not None
    clock.move_to(until + SECOND)
    return await wired.tick()


async def test_errors_in_a_row_stop_the_sending_and_cost_no_message_an_attempt(wired: Wired) -> None:
    await make_due(wired, 60)
    wired.smtp.script.answers["RCPT"] = [DOWN] * 1000
    assert ERRORS <= await wired.tick() <= ERRORS + 8
    assert await first_emails() == [("planned", 0)] * 60
    assert await wired.tick() == 0
    assert await tries() == 1
    assert ("channel_held", None) in await f.events()


async def test_after_the_hold_one_message_goes_first_then_all_the_others_in_their_order(wired: Wired) -> None:
    mailboxes = await make_due(wired, 60)
    script = wired.smtp.script
    script.answers["RCPT"] = [DOWN] * 1000
    await wired.tick()
    script.answers["RCPT"] = [DOWN]
    assert await wait_out(wired) == 1, "One message shows that the server is still down."
    assert await tries() == 2
    assert (wired.smtp.received, await first_emails()) == ([], [("planned", 0)] * 60)
    assert await wait_out(wired) == 60
    arrived = [mail.rcpt_tos[0] for mail in wired.smtp.received]
    assert sorted(arrived) == sorted(mailboxes)
    # The one that shows that the server is back is the oldest that has not just failed; eight leave side by side.
    assert max(abs(arrived.index(mailbox) - place) for place, mailbox in enumerate(mailboxes)) <= 8
    assert (await tries(), await held_until()) == (0, None)
    assert [event for event, _ in await f.events()].count("channel_reopened") == 1


async def test_a_message_that_alone_fails_holds_up_nobody(wired: Wired) -> None:
    poisoned, *others = await make_due(wired, 40)
    wired.smtp.script.mailboxes[poisoned] = DOWN
    for minutes in (0, 2, 8, 30):
        clock.move_to(FIRST_DUE + timedelta(minutes=minutes) + 10 * SECOND)
        await wired.tick()
    assert sorted(mail.rcpt_tos[0] for mail in wired.smtp.received) == sorted(others)
    assert (await first_emails())[0] == ("planned", 4), "Its own attempts count."
    assert await tries() == 0


async def test_unknown_mailboxes_are_no_sign_of_a_server_that_is_down(wired: Wired) -> None:
    wired.smtp.script.answers["RCPT"] = ["550 5.1.1 no such user"] * 100
    await make_due(wired, 20)
    assert await wired.tick() == 20
    assert await tries() == 0


async def test_a_trial_that_says_nothing_of_the_server_leaves_the_question_to_the_next(wired: Wired) -> None:
    mailboxes = await make_due(wired, 20)
    script = wired.smtp.script
    script.answers["RCPT"] = [DOWN] * 1000
    await wired.tick()
    script.answers.clear()
    script.mailboxes[mailboxes[0]] = "550 5.1.1 no such user"
    assert await wait_out(wired) == 20
    assert (len(wired.smtp.received), await tries()) == (19, 0)


async def test_a_server_that_ends_every_conversation_counts_as_down(wired: Wired) -> None:
    await make_due(wired, 30)
    wired.smtp.script.drops["MAIL"] = 1000
    await wired.tick()
    assert (await tries(), await first_emails()) == (1, [("planned", 0)] * 30)


async def test_what_may_have_left_counts_and_is_marked(wired: Wired) -> None:
    await make_due(wired, 30)
    wired.smtp.script.drops["BODY"] = 1000
    await wired.tick()
    rows = await fetch("SELECT attempts, ambiguous, attempt_at = due_at AS in_place FROM delivery WHERE attempts > 0")
    assert len(rows) >= ERRORS
    assert all(row["attempts"] == 1 and row["ambiguous"] and row["in_place"] for row in rows)


async def test_another_worker_and_a_restarted_one_keep_the_hold(wired: Wired, config: Config) -> None:
    await make_due(wired, 30)
    wired.smtp.script.answers["RCPT"] = [DOWN] * 1000
    await wired.tick()
    wired.smtp.script.answers.clear()
    other = Post(config, "bulk")
    assert await other.send_due() == 0
    until = await held_until()
    assert until is not None
    clock.move_to(until + SECOND)
    assert await other.send_due() == 30
    assert await wired.tick() == 0
    await other.close()


async def test_a_gateway_is_held_like_a_mail_server_and_alone(wired: Wired) -> None:
    await f.intake([f.row() for _ in range(12)], wired.practice)
    wired.twilio.answers = [(503, 20503)] * 1000
    clock.move_to(FIRST_DUE + 5 * SECOND)
    await wired.tick()
    row = await fetch_one("SELECT sms_trips, email_trips FROM practice")
    assert row is not None
    assert (row["sms_trips"], row["email_trips"]) == (1, 0)
    assert (len(wired.twilio.sent), len(wired.smtp.received)) == (0, 12)
    wired.twilio.answers = []
    clock.move_by(timedelta(seconds=31))
    assert await wired.tick() == 12
    assert len(wired.twilio.sent) == 12


async def test_a_server_that_grants_fewer_connections_is_used_over_those(wired: Wired) -> None:
    await make_due(wired, 20)
    wired.smtp.script.answers["CONNECT"] = ["421 4.7.0 too many connections"] * 5
    assert await wired.tick() == 20
    assert await tries() == 0


async def test_after_an_outage_of_days_what_has_become_needless_is_skipped(wired: Wired) -> None:
    absences = [await f.make_absence(wired.practice, phone=None, phone_kind=None) for _ in range(8)]
    await wired.smtp.stop()
    moment = FIRST_DUE + SECOND
    planned = [one for one in await f.deliveries_of(absences[0].patient_key) if one["channel"] == "email"]
    back_at = planned[2]["due_at"] + timedelta(hours=3)
    while moment < back_at:
        clock.move_to(moment)
        await wired.tick()
        moment += timedelta(minutes=45)
    await wired.smtp.start()
    clock.move_to(back_at + timedelta(minutes=31))
    await wired.tick()
    for absence in absences:
        emails = [one for one in await f.deliveries_of(absence.patient_key) if one["channel"] == "email"]
        told = [(one["status"], one["reason"], one["attempts"]) for one in emails[:4]]
        assert told == [
            ("skipped", "successor_due", 0),
            ("skipped", "successor_due", 0),
            ("sent", "on_time", 1),
            ("planned", None, 0),
        ]
    days = await fetch("SELECT created_at::date AS day FROM task WHERE kind = 'sending_refused'")
    assert len(days) == len({row["day"] for row in days}) >= 2
    assert len(wired.smtp.received) == len(absences)


@pytest.mark.parametrize(
    ("problem", "counts"),
    [
        (Temporary(451, "4.3.2 not now"), True),
        (Temporary("connect", "The mail server cannot be reached."), True),
        (Ambiguous("lost", "No answer."), True),
        (Temporary(450, "4.2.0 greylisted"), False),
        (Temporary(452, "4.2.2 mailbox full"), False),
        (Permanent(550, "5.7.1 refused"), False),
    ],
)
def test_only_the_server_s_own_errors_count(problem: DeliveryError, counts: bool) -> None:
    breaker = Breaker()
    for message in range(ERRORS):
        breaker.note_error(message, 1, problem)
    assert breaker.has_tripped is counts
    assert len(breaker.failed) == (ERRORS if counts else 0)


def test_a_success_ends_the_row_also_after_a_refusal() -> None:
    breaker = Breaker()
    breaker.note_error(1, 1, SendingRefused(550, "relaying denied"))
    assert breaker.has_tripped
    breaker.note_sent()
    assert not breaker.has_tripped


def test_a_server_s_wish_to_wait_is_kept_until_the_hold() -> None:
    breaker = Breaker()
    breaker.note_error(1, 1, Temporary(429, "too many", retry_after=90.0))
    breaker.note_error(2, 1, Temporary(429, "too many", retry_after=20.0))
    assert breaker.wait_s == 90.0

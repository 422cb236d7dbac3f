"""What a mail server or a gateway takes in a second, over the wire."""

import time
from datetime import timedelta
from typing import Any

import pytest

from db.changes.bookings import book, cancel, move
from db.clock import clock
from db.engine import fetch
from db.queries.links import patient_page
from db.queries.practices import Sending
from db.states import Channel
from jobs.delivery.access import SMS_PER_SECOND, messages_per_second
from tests import factories as f
from tests.jobs.delivery.conftest import Wired

FIRST_DUE = f.local(16, 10, 40)


async def limit_email(wired: Wired, per_second: float) -> None:
    smtp = {**f.new_practice().smtp, "port": wired.smtp.port, "per_second": per_second}
    await f.make_practice(smtp=smtp)


async def make_due(wired: Wired, count: int) -> None:
    await f.intake([f.row(phone=None, phone_kind=None) for _ in range(count)], wired.practice)
    clock.move_to(FIRST_DUE + timedelta(seconds=1))


async def test_no_more_leave_in_a_second_than_the_server_takes(wired: Wired) -> None:
    await limit_email(wired, 20)
    await make_due(wired, 30)
    began = time.monotonic()
    assert await wired.tick() == 30
    # Four at once, then one after the other.
    assert 26 / 20 <= time.monotonic() - began < 2.5
    rows = await fetch("SELECT sent_at - claimed_at AS held FROM delivery WHERE status = 'sent'")
    assert max(row["held"] for row in rows) < timedelta(seconds=0.5), "Nothing waits between its claim and its leaving."


async def test_a_slow_server_gets_its_next_message_at_a_later_tick(wired: Wired) -> None:
    await limit_email(wired, 0.1)
    await make_due(wired, 3)
    assert [await wired.tick(), await wired.tick()] == [1, 0]
    clock.move_by(timedelta(seconds=11))
    assert [await wired.tick(), await wired.tick()] == [1, 0]


async def test_what_people_wait_for_is_not_held_back_but_counts(wired: Wired) -> None:
    await limit_email(wired, 0.5)
    absence = await f.make_absence(wired.practice, phone=None, phone_kind=None)
    link = (await f.link_ids(absence.patient_key))[0]
    await make_due(wired, 2)
    assert await wired.tick() == 1
    now = clock.now()
    page = await patient_page(link, now=now)
    assert page is not None
    await book(link, starts_at=page.slots[0].starts_at, now=now)
    await move(link, starts_at=page.slots[1].starts_at, now=now)
    await cancel(link, now=now)
    gone = await wired.human.send_due()
    assert gone >= 3
    for _ in range(gone):
        clock.move_by(timedelta(seconds=1.9))
        assert await wired.tick() == 0
    clock.move_by(timedelta(seconds=4))
    assert await wired.tick() == 1


@pytest.mark.parametrize(
    ("channel", "access", "limit"),
    [
        (Channel.EMAIL, {}, None),
        (Channel.EMAIL, {"per_second": 5.0}, 5.0),
        (Channel.SMS, {}, SMS_PER_SECOND),
        (Channel.SMS, {"per_second": 0.5}, 0.5),
    ],
)
def test_without_a_word_mail_has_no_limit_and_a_gateway_the_usual_one(
    channel: Channel, access: dict[str, Any], limit: float | None
) -> None:
    assert messages_per_second(Sending(smtp=access, sms=access), channel) == limit

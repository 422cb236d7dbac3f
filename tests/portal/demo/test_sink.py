import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from db.clock import clock
from jobs.delivery.email import Mailer, SmtpSettings
from portal.demo.inbox import Inbox
from portal.demo.sink import conversation, received
from tests.jobs.delivery.samples import CALENDAR, an_email
from tests.portal.demo.samples import MORNING


@pytest.fixture
async def mailer(inbox: Inbox) -> AsyncIterator[Mailer]:
    server = await asyncio.get_running_loop().create_server(lambda: conversation(inbox), "127.0.0.1", 0)
    sender = Mailer(SmtpSettings("127.0.0.1", server.sockets[0].getsockname()[1], "none"))
    yield sender
    await sender.close()
    server.close()


async def test_an_email_lands_in_the_inbox_as_it_was_written(inbox: Inbox, mailer: Mailer) -> None:
    sent = an_email(attachments=(CALENDAR,))
    answer = await mailer.send(sent)
    [message] = inbox.messages()
    assert message.id in answer
    assert (message.to, message.subject, message.text) == (sent.to, sent.subject, sent.text)
    assert message.html == sent.html + "\n"
    assert message.links == ("https://practice.example/r/abc",)
    assert [(item.name, item.content) for item in message.attachments] == [(CALENDAR.name, CALENDAR.content)]


async def test_headers_are_kept_readable(inbox: Inbox, mailer: Mailer) -> None:
    await mailer.send(an_email())
    [message] = inbox.messages()
    assert message.headers["List-Unsubscribe"] == "<https://practice.example/unsubscribe/abc>"
    assert message.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.headers["Return-Path"] == "<bounces+k3n2@practice.example>"
    assert message.from_ == "Cabinet du Lac Léman <contact@practice.example>"


async def test_the_moment_is_that_of_the_demos_clock(inbox: Inbox, mailer: Mailer) -> None:
    moved = datetime(2031, 1, 1, 12, tzinfo=UTC)
    clock.move_to(moved)
    try:
        await mailer.send(an_email())
    finally:
        clock.reset()
    assert (inbox.messages()[0].at - moved).total_seconds() < 60


@pytest.mark.parametrize(
    "raw",
    [b"", b"Subject: x\r\n\r\nplain", b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff", b"\x00\xff no header"],
)
def test_mail_from_elsewhere_is_taken_as_it_comes(raw: bytes) -> None:
    message = received(raw, message_id="m", mail_from="a@b.example", to="c@d.example", at=MORNING)
    assert message.html is None
    assert message.from_ == "a@b.example"

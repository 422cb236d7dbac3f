"""A script in the name of everybody and everything, and in a text of the practice: in every email that leaves."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from db.changes.accounts import request_link
from db.clock import clock
from db.config import Config
from db.engine import fetch_value
from jobs.ticks import Post
from tests.db.changes import people
from tests.fakes.smtp import smtp_server
from tests.fakes.twilio import twilio_server
from tests.hostile import NASTY, injected, parsed
from tests.portal.staff.house import full_house

LINE = "\r\nBcc: stranger@mail.example\r\n\r\n"
ADMIN = "dominique@tilleuls.example"


@pytest.mark.parametrize("mark", [NASTY, f"x{LINE}"], ids=["script", "header"])
async def test_what_somebody_wrote_stays_text_in_every_email(database: None, config: Config, mark: str) -> None:
    async with smtp_server() as smtp, twilio_server() as twilio:
        mail = {"host": "127.0.0.1", "port": smtp.port, "security": "none", "from_address": "rdv@tilleuls.example"}
        sms = {"provider": "twilio", "account": "AC0", "token": "t", "sender": "+33644600000", "base_url": twilio.url}
        await full_house(mark, smtp={**mail, "from_name": mark}, sms=sms)
        posts = [Post(config, "bulk"), Post(config, "human")]
        for _ in range(8):
            await people.open_steps(clock.now())
            await request_link(ADMIN, now=clock.now())
            for post in posts:
                while await post.send_due():
                    pass
            clock.move_by(timedelta(days=1))
        for post in posts:
            await post.close()
        assert await fetch_value("SELECT count(DISTINCT message) FROM delivery WHERE channel = 'email'") > 3
        assert len(smtp.received) > 10
        for received in smtp.received:
            assert len(received.rcpt_tos) == 1
            assert "stranger" not in received.rcpt_tos[0]
            letter = message_from_bytes(received.content, policy=policy.default)
            assert (letter["Bcc"], letter["Cc"]) == (None, None)
            html = letter.get_body(("html",))
            assert html is not None
            assert injected(parsed(html.get_content())) == [], letter["Subject"]

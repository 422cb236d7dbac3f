"""One practice whose mail server and gateway are doubles on real ports."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from db.config import Config
from db.queries.practices import Profile
from jobs.ticks import Post
from tests import factories
from tests.fakes.smtp import SmtpServer, smtp_server
from tests.fakes.twilio import TwilioServer, twilio_server


@dataclass
class Wired:
    practice: Profile
    smtp: SmtpServer
    twilio: TwilioServer
    post: Post
    human: Post

    async def tick(self) -> int:
        return await self.post.send_due()


@pytest.fixture
async def wired(database: None, config: Config) -> AsyncIterator[Wired]:
    async with smtp_server() as smtp, twilio_server() as twilio:
        usual = factories.new_practice()
        practice = await factories.make_practice(
            smtp={**usual.smtp, "port": smtp.port}, sms={**usual.sms, "base_url": twilio.url}
        )
        post, human = Post(config, "bulk"), Post(config, "human")
        yield Wired(practice, smtp, twilio, post, human)
        await post.close()
        await human.close()

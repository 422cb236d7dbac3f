import asyncio
import os
import signal
import socket
from pathlib import Path

import httpx
import pytest

from db.config import Config
from db.errors import ConfigurationError
from jobs.delivery.email import Mailer, SmtpSettings
from portal.demo.inbox import inbox_of
from portal.demo.server import serve
from tests.jobs.delivery.samples import an_email


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path, demo_inbox_port=free_port(), demo_smtp_port=free_port())


async def started(config: Config) -> asyncio.Task[None]:
    task = asyncio.create_task(serve(config))
    async with httpx.AsyncClient() as browser:
        for _ in range(200):
            await asyncio.sleep(0.02)
            assert not task.done()
            try:
                await browser.get(f"http://127.0.0.1:{config.demo_inbox_port}/")
            except httpx.ConnectError:
                continue
            return task
    raise AssertionError("The demo did not start.")


async def test_mail_and_page_are_served_until_cancelled(config: Config) -> None:
    task = await started(config)
    mailer = Mailer(SmtpSettings("127.0.0.1", config.demo_smtp_port, "none"))
    await mailer.send(an_email())
    async with httpx.AsyncClient() as browser:
        page = await browser.get(f"http://127.0.0.1:{config.demo_inbox_port}/")
    assert "Votre rendez-vous" in page.text
    assert len(inbox_of(config.data).messages()) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for port in (config.demo_inbox_port, config.demo_smtp_port):
        socket.create_server(("127.0.0.1", port)).close()
    await mailer.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_quietly(config: Config, number: signal.Signals) -> None:
    task = await started(config)
    os.kill(os.getpid(), number)
    await task


@pytest.mark.parametrize("name", ["demo_inbox_port", "demo_smtp_port"])
async def test_a_taken_port_is_said_in_a_sentence(config: Config, name: str) -> None:
    with (
        socket.create_server(("127.0.0.1", getattr(config, name))),
        pytest.raises(ConfigurationError, match=str(getattr(config, name))),
    ):
        await serve(config)

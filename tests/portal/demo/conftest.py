from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from portal.demo.app import create_app
from portal.demo.caller import Caller
from portal.demo.inbox import Inbox
from portal.demo.slack.double import SlackDouble
from tests.fakes.wire import Wire

PORTAL = "http://127.0.0.1:8000"


@dataclass
class Demo:
    """The demo's application, with the portal at the far end of a wire."""

    inbox: Inbox
    browser: httpx.AsyncClient
    transport: httpx.ASGITransport
    caller: Caller
    portal: Wire


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "demo" / "inbox.jsonl")


@pytest.fixture
async def demo(inbox: Inbox) -> AsyncIterator[Demo]:
    portal = Wire(httpx.Response(204))
    caller = Caller(transport=portal, patience=(0.0, 0.0))
    app = create_app(inbox, caller, SlackDouble(), base_url=PORTAL)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8001") as browser:
        yield Demo(inbox, browser, transport, caller, portal)
    await caller.close()

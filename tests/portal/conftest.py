"""One application for all tests of the portal, and a visitor without script and cookies."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast
from xml.etree.ElementTree import Element

import httpx
import pytest
from litestar import Litestar

from db.clock import clock
from db.config import Config
from db.engine import fetch, fetch_value
from db.queries.practices import Profile
from portal.app import create_app
from portal.services import Services
from tests import factories
from tests.portal.checker import check_page

# As a browser sends a form from one of our own pages, whose referrer policy makes the origin null.
FORM = {"sec-fetch-site": "same-origin", "origin": "null"}


class Site:
    """Fetches pages, checks every one of them, and never follows by itself."""

    def __init__(self, client: httpx.AsyncClient, app: Litestar) -> None:
        self.client, self.app = client, app

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return self.checked(await self.client.get(path, **options))

    async def post(
        self, path: str, data: dict[str, str] | None = None, *, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self.checked(await self.client.post(path, data=data, headers=FORM if headers is None else headers))

    async def page(self, path: str) -> Element:
        return check_page(await self.client.get(path), self.app)

    async def offered(self, token: str) -> list[str]:
        """The values of the slots that the page offers."""
        tree = await self.page(f"/r/{token}")
        return [button.attrib["value"] for button in tree.iter("button") if button.get("name") == "slot"]

    async def book_first(self, token: str) -> str:
        slot = (await self.offered(token))[0]
        booked = await self.post(f"/r/{token}/book", {"slot": slot})
        assert booked.status_code == 303
        return slot

    def checked(self, response: httpx.Response) -> httpx.Response:
        assert "set-cookie" not in response.headers
        if response.headers.get("content-type", "").startswith("text/html") and response.content:
            check_page(response, self.app)
        return response


def visitor(app: Litestar, address: str = "192.0.2.7") -> httpx.AsyncClient:
    """A client that comes from that address."""
    # The two libraries write the same ASGI types down differently.
    transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="https://rdv.example")


@pytest.fixture(scope="session")
async def app(config: Config, migrated: None) -> AsyncIterator[Litestar]:
    """Its pool takes the place of the session's: same database, same keys."""
    application = create_app(config)
    up, done = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with application.lifespan():
            up.set()
            await done.wait()

    # In a task of its own: a lifespan must end in the task that began it, and pytest's fixtures do not.
    life = asyncio.create_task(live())
    await asyncio.wait([life, asyncio.create_task(up.wait())], return_when=asyncio.FIRST_COMPLETED)
    yield application
    done.set()
    await life


@pytest.fixture
async def client(app: Litestar, database: None) -> AsyncIterator[httpx.AsyncClient]:
    here: Services = app.state.services
    await here.redis.flushdb()
    here.contact = None
    async with visitor(app) as opened:
        yield opened


@pytest.fixture
def site(client: httpx.AsyncClient, app: Litestar) -> Site:
    return Site(client, app)


@pytest.fixture
async def token(practice: Profile) -> str:
    """The link of a new absence, on that morning."""
    clock.move_to(factories.MONDAY)
    return await factories.make_link(practice)


async def everything() -> dict[str, str]:
    """All that the database holds, by table."""
    tables = await fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return {
        row["tablename"]: await fetch_value(
            f"SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {row['tablename']} t"
        )
        for row in tables
    }

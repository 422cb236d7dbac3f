"""The demo's double of Slack on a free port of this machine, in the test's own loop; and any other ASGI application."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from portal.demo.slack.app import create_slack_app
from portal.demo.slack.double import SlackDouble
from portal.demo.slack.hangup import ResettingProtocol


class _Server(uvicorn.Server):
    """Every test has its own, so it ends without the pauses that uvicorn's makes, as soon as `ended` is set."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ended = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: Any, *, on: socket.socket | None = None) -> AsyncIterator[str]:
    """Yields its address. `on`: a socket that listens already."""
    listening = on or socket.create_server(("127.0.0.1", 0))
    settings = uvicorn.Config(
        app,
        http=ResettingProtocol,
        access_log=False,
        log_config=None,
        lifespan="off",
    )
    server = _Server(settings)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.ended.set()
        await running


@asynccontextmanager
async def slack_double(*, app_url: str = "", **settings: Any) -> AsyncIterator[SlackDouble]:
    """`app_url`: where the app under test listens. `settings`: those of `SlackDouble`."""
    slack = SlackDouble(app_url=app_url, **settings)
    async with serving(create_slack_app(slack)) as url:
        slack.base_url = url
        try:
            yield slack
        finally:
            await slack.sender.close()

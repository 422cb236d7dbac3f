"""The demo's process: a mail server and the inbox with its gateway double, both on this machine's address only."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator

import uvicorn
from litestar import Litestar

from db.clock import clock
from db.config import Config
from db.errors import ConfigurationError
from portal.demo.app import create_app
from portal.demo.caller import Caller
from portal.demo.inbox import inbox_of
from portal.demo.seed import STAFF
from portal.demo.sink import conversation
from portal.demo.slack.furnishing import demo_slack

HOST = "127.0.0.1"
SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def serve(config: Config) -> None:
    """Run until cancelled, or until SIGTERM or SIGINT."""
    clock.follow(config.clock_file)
    # aiosmtpd writes every command, addresses included, into this log.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    inbox, caller = inbox_of(config.data), Caller()
    slack = demo_slack(config, [(one.name, one.email) for one in STAFF])
    with _listening(config.demo_smtp_port) as mail, _listening(config.demo_inbox_port) as web:
        server = await asyncio.get_running_loop().create_server(lambda: conversation(inbox), sock=mail)
        try:
            await _serve_web(create_app(inbox, caller, slack, base_url=config.base_url), web)
        finally:
            # Not waited for: Reprise keeps its connections open as long as it can.
            server.close()
            await caller.close()
            await slack.sender.close()


async def _serve_web(app: Litestar, listening: socket.socket) -> None:
    settings = uvicorn.Config(app, access_log=False, log_config=None, lifespan="off", timeout_graceful_shutdown=2)
    server = _Server(settings)
    running = asyncio.ensure_future(server.serve(sockets=[listening]))
    with _stopped_by_signals(server):
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            server.should_exit = True
            await running
            raise


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Ours to handle: uvicorn would raise the signal anew once it has stopped, before we have cleaned up.
        yield


@contextlib.contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as problem:
        raise ConfigurationError(f"The demo cannot listen on port {port}: {problem.strerror}.") from None

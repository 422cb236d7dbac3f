"""`reprise portal`: one process that serves pages, for `reprise run` and for service managers."""

import socket
import sys
from pathlib import Path

import click
import uvicorn

from portal.app import create_app
from portal.commands._common import command, configure
from portal.stack import listen

# What a request under way may still take; shorter than the supervisor's own patience.
CLOSING_SECONDS = 5


@click.command("portal")
@click.option("--fd", type=int, hidden=True, help="A listening socket to inherit.")
@command
def portal(data: Path, as_json: bool, fd: int | None) -> None:
    """Serve the patient pages."""
    config = configure(data)
    with listen(config.host, config.port) if fd is None else socket.socket(fileno=fd) as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(config),
                loop="uvloop",
                http="httptools",
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=True,
                forwarded_allow_ips=config.trusted_proxies,
                timeout_graceful_shutdown=CLOSING_SECONDS,
            )
        )
        server.run(sockets=[listener])
    if not server.started:
        sys.exit(3)

"""Sends what is due as fast as it can, without waiting for a tick: `python -m tests.chaos.drain DATA READY`."""

import asyncio
import sys
from pathlib import Path

import uvloop

from db import session
from db.config import load
from db.tables.deliveries import BULK
from jobs.ticks import Post
from tests.chaos.stack import say_ready

IDLE_S = 0.005


async def drain(data: Path, ready: Path) -> None:
    async with session.opened(load(data)) as config:
        post = Post(config, BULK)
        say_ready(ready, "drains")
        while True:
            if not await post.send_due():
                await asyncio.sleep(IDLE_S)


if __name__ == "__main__":
    uvloop.run(drain(Path(sys.argv[1]), Path(sys.argv[2])))

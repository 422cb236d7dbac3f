"""The slots page against a bare page of as many rows and bytes, and what a first view weighs."""

import asyncio
import os
import shutil
import sys
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

import httpx

from db.clock import clock
from db.tokens import links
from tests import factories
from tests.bench.figures import Figure, interleaved
from tests.chaos.people import make_practice
from tests.chaos.stack import ROOT, Stack
from tests.factories import MONDAY

GOAL = 0.6
MOST_BYTES = 14 * 1024
SERVER_CORE, CLIENT_CORE = 0, 1


async def measure(stack: Stack, *, seconds: float, rounds: int) -> list[Figure]:
    practice = await make_practice(2525, now=MONDAY)
    absence = await factories.make_absence(practice, practitioner="Praticien 0")
    token = links().sign((await factories.link_ids(absence.patient_key))[0])
    clock.move_to(MONDAY + timedelta(hours=1))
    ours = stack.portal(core=SERVER_CORE)
    path = f"/r/{token}"
    plain, rows = await _look(ours + path)
    bare = stack.listening(
        "bare", "tests.bench.bare_page", stack.config.database(), str(rows), str(plain), core=SERVER_CORE
    )
    await _look(bare + "/")
    figures = []
    for encoding, name in (("identity", "slots page"), ("gzip", "slots page, compressed for us alone")):
        sides = partial(_pace, ours, path, encoding, seconds), partial(_pace, bare, "/", encoding, seconds)
        paces = await interleaved(*sides, rounds=rounds)
        notes = f"{rows} rows, {plain} bytes, one process on one core, {rounds} rounds of {seconds:g} s"
        figures.append(Figure(name, "pages/s", *paces, GOAL, "at least", notes))
    _, size = await _load(ours, path, "gzip", 0.2)
    notes = "HTML, styles and headers of one view, as they travel"
    return [*figures, Figure("first view", "bytes", size, MOST_BYTES, 1.0, "at most", notes)]


async def _look(address: str) -> tuple[int, int]:
    """How long the page is, and how many times of day it offers; asked until the process is there."""
    async with httpx.AsyncClient(timeout=60, headers={"Accept-Encoding": "identity"}) as client:
        answer = await client.get(address)
    answer.raise_for_status()
    return len(answer.content), answer.text.count('name="slot"')


async def _pace(address: str, path: str, encoding: str, seconds: float) -> float:
    pace, _ = await _load(address, path, encoding, seconds)
    return pace


async def _load(address: str, path: str, encoding: str, seconds: float) -> tuple[float, int]:
    pinned = ["taskset", "-c", str(CLIENT_CORE)] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else []
    words = [str(urlsplit(address).port), path, encoding, str(seconds)]
    client = await asyncio.create_subprocess_exec(
        *pinned, sys.executable, "-m", "tests.bench.load", *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await client.communicate()
    assert client.returncode == 0, "The client has failed."
    pace, size = said.split()
    return float(pace), int(size)

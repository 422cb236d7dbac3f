"""Many patients, one slot, at the same moment: through HTTP, against a portal in a process of its own."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from db.clock import clock, now
from db.config import Config
from db.engine import fetch, fetch_value
from db.queries.agenda import availability
from db.queries.practices import Profile
from db.tokens import links
from tests import factories
from tests.chaos.stack import Stack, stack_on

PATIENTS = 200
SECONDS = 60.0


@pytest.fixture
def stack(database: None, config: Config, tmp_path: Path) -> Iterator[Stack]:
    with stack_on(tmp_path, config) as made:
        yield made


async def test_of_two_hundred_bookings_of_one_slot_one_succeeds(stack: Stack, practice: Profile) -> None:
    absences = [factories.row() for _ in range(PATIENTS)]
    await factories.intake(absences, practice)
    tokens = [links().sign((await factories.link_ids(absence.patient_key))[0]) for absence in absences]
    clock.move_to(factories.MONDAY + timedelta(hours=1))
    practitioner = await fetch_value("SELECT id FROM practitioner")
    offered = (await availability(practitioner, now=now(), duration=None)).open_slots(now())
    wanted, another = (slot.starts_at.strftime("%Y-%m-%dT%H:%MZ") for slot in offered[:2])

    limits = httpx.Limits(max_connections=PATIENTS)
    async with httpx.AsyncClient(base_url=stack.portal(), timeout=SECONDS, limits=limits) as client:
        answers = await asyncio.gather(*(client.post(f"/r/{token}/book", data={"slot": wanted}) for token in tokens))

    assert Counter(answer.status_code for answer in answers) == {303: 1, 409: PATIENTS - 1}
    for answer in answers:
        if answer.status_code == 409:
            assert another in answer.text, "The page offers no other slot."
            assert wanted not in answer.text, "The page offers the slot that is gone."
    booked = await fetch("SELECT starts_at FROM appointment WHERE status = 'booked'")
    assert [row["starts_at"] for row in booked] == [offered[0].starts_at]

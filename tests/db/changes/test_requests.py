"""What a patient asks for on the page without booking."""

from datetime import timedelta

import pytest

from db.actors import Hand
from db.changes.outcomes import record_outcome
from db.changes.requests import name_barrier, request_call
from db.engine import fetch_value
from db.errors import NotFound
from db.queries.practices import Profile
from db.states import Barrier, CallOutcome
from tests import factories as f
from tests.db.changes.acts import FIRST_DUE, send, sequence, story, tasks


async def test_call_asked_for_is_one_task_a_day_however_often_it_is_pressed(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    for link in (await f.link_ids(missed.patient_key))[:3]:
        await request_call(link, now=FIRST_DUE)
    assert await tasks() == ["call_request"]
    assert await story("call_requested") == [("call_requested", None)]
    await request_call(link, now=FIRST_DUE + timedelta(days=1))
    assert await tasks() == ["call_request"] * 2


async def test_asking_for_a_call_again_after_it_was_done_the_same_day_is_heard_the_next(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    await request_call(link, now=FIRST_DUE)
    ref = await fetch_value("SELECT ref FROM task")
    await record_outcome(ref, outcome=CallOutcome.HANDLED, practice=practice.id, by=Hand("staff:x"), now=FIRST_DUE)
    await request_call(link, now=FIRST_DUE + timedelta(days=1))
    assert await fetch_value("SELECT count(*) FROM task WHERE status = 'open'") == 1


@pytest.mark.parametrize("barrier", list(Barrier))
async def test_barrier_is_one_task_for_each_kind(practice: Profile, barrier: Barrier) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    for _ in range(2):
        await name_barrier(link, barrier=barrier, now=FIRST_DUE)
    assert await tasks() == ["barrier"]
    assert await story("barrier_named") == [("barrier_named", None)]


async def test_asking_stops_nothing(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    await request_call(link, now=f.MONDAY)
    await name_barrier(link, barrier=Barrier.COST, now=f.MONDAY)
    assert await sequence(missed.patient_key) == ("active", None)
    assert len(await send(practice, FIRST_DUE)) == 2


async def test_dead_link_asks_for_nothing(practice: Profile) -> None:
    with pytest.raises(NotFound):
        await request_call("Unknown0", now=FIRST_DUE)
    with pytest.raises(NotFound):
        await name_barrier("Unknown0", barrier=Barrier.OTHER, now=FIRST_DUE)
    assert await tasks() == []

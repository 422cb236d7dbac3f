"""The order and the filters of the worklist, and what one case tells."""

from datetime import timedelta
from typing import Any

import pytest

from db.changes import worklist
from db.changes.requests import name_barrier
from db.engine import fetch
from db.errors import NotFound
from db.queries.practices import Profile
from db.queries.status import status
from db.queries.worklist import OpenTask, open_tasks, task_in_full
from db.states import Barrier, TaskKind
from tests import factories as f
from tests.db.changes.people import (
    ANDREA,
    CALL_DUE,
    CAMILLE,
    CRISIS,
    MAXIME,
    SACHA,
    a_call,
    a_reply,
    hand_of,
    make_house,
    open_steps,
    ref_of,
)

NOW = CALL_DUE + timedelta(minutes=5)


@pytest.fixture
async def house(database: None) -> Profile:
    return await make_house()


async def listed(house: Profile, **filters: Any) -> list[OpenTask]:
    return await open_tasks(house.id, now=filters.pop("now", NOW), **filters)


async def test_crisis_comes_first_then_urgency_then_the_deadline(house: Profile) -> None:
    await f.make_absence(house, patient_key="calm", phone=None, phone_kind=None, email=None)
    await a_call(house, patient_key="called")
    await f.make_absence(house, patient_key="crisis", risk_rules=CRISIS)
    await open_steps(NOW)
    absence = await f.make_absence(house, patient_key="reply")
    await a_reply(house, absence, NOW)
    await fetch("UPDATE task SET urgent = true WHERE kind = 'reply'")
    found = [(task.kind, task.patient) for task in await listed(house)]
    assert {kind for kind, patient in found[:3] if patient == "crisis"} == {"alert", "call"}
    assert found[3] == ("reply", "reply")
    deadlines = [task.deadline_at for task in (await listed(house))[4:]]
    assert deadlines == sorted(deadlines, key=str)


async def test_planned_and_closed_steps_are_not_listed(house: Profile) -> None:
    await a_call(house)
    assert [task.kind for task in await listed(house)] == ["call"]
    await fetch("UPDATE task SET status = 'cancelled' WHERE kind = 'call'")
    assert await listed(house) == []


async def test_row_says_who_has_it_until_when_and_what_to_know(house: Profile) -> None:
    absence, ref = await a_call(house)
    [row] = await listed(house)
    assert (row.ref, row.patient, row.assignee, row.role, row.step) == (
        ref, absence.patient_key, SACHA, "care_coordinator", 1,
    )  # fmt: skip
    assert (row.holder, row.paused, row.nudged, row.promised_at, row.overdue) == (None, False, False, None, False)
    await worklist.acknowledge_task(ref, practice=house.id, by=await hand_of(CAMILLE), now=NOW)
    assert [(one.status, one.holder) for one in await listed(house)] == [("acknowledged", CAMILLE)]
    until = NOW + timedelta(hours=1)
    await worklist.postpone_task(ref, practice=house.id, until=until, by=await hand_of(ANDREA), now=NOW)
    [row] = await listed(house, now=f.local(17, 20))
    assert (row.holder, row.assignee, row.promised_at) == (ANDREA, ANDREA, until)
    assert (row.paused, row.overdue) == (True, True)


async def test_filters(house: Profile) -> None:
    _, call = await a_call(house)
    await f.make_absence(house, phone=None, phone_kind=None, email=None)
    people = {name: (await hand_of(name)).staff for name in (SACHA, ANDREA, CAMILLE)}
    mine = {name: [one.kind for one in await listed(house, mine=staff)] for name, staff in people.items()}
    assert mine == {SACHA: ["call"], ANDREA: [], CAMILLE: ["unreachable"]}
    await worklist.claim_task(call, practice=house.id, by=await hand_of(ANDREA), now=NOW)
    mine = {name: [one.kind for one in await listed(house, mine=staff)] for name, staff in people.items()}
    assert mine == {SACHA: [], ANDREA: ["call"], CAMILLE: ["unreachable"]}
    assert [one.kind for one in await listed(house, unclaimed=True)] == ["unreachable"]
    assert [one.kind for one in await listed(house, kinds=[TaskKind.CALL, TaskKind.REPLY])] == ["call"]
    assert await listed(house, kinds=[TaskKind.CALL], unclaimed=True) == []
    assert len(await listed(house, most=1)) == 1


async def test_list_is_one_practice_s(house: Profile) -> None:
    _, ref = await a_call(house)
    assert await open_tasks(house.id + 1, now=NOW) == []
    with pytest.raises(NotFound, match="reprise worklist"):
        await task_in_full(house.id + 1, ref)


async def test_case_tells_all_but_how_to_reach_the_patient(house: Profile) -> None:
    absence, ref = await a_call(house)
    reply = await a_reply(house, absence, NOW)
    case = await task_in_full(house.id, reply)
    assert (case.text, case.missed_on, case.enrolment_status) == ("Je rappelle", f.MONDAY.date(), "paused")
    assert (case.paused, case.paused_reason) == (True, "replied")
    call = await task_in_full(house.id, ref)
    assert (call.deadline_at, call.assignee, call.fallback) == (f.local(17, 19, 30), SACHA, ANDREA)
    assert str(absence.phone) not in repr(vars(call))
    assert str(absence.email) not in repr(vars(call))


async def test_step_to_come_shows_the_role_that_it_is_for(house: Profile) -> None:
    absence, _ = await a_call(house)
    alert = await task_in_full(house.id, await ref_of(TaskKind.ALERT, absence.patient_key))
    assert (alert.status, alert.role, alert.assignee, alert.timeline) == ("planned", "practitioner", None, ())
    await open_steps(f.local(19, 9))
    assert (await task_in_full(house.id, alert.ref)).assignee == MAXIME


async def test_barrier_is_named(house: Profile) -> None:
    absence = await f.make_absence(house)
    await name_barrier((await f.link_ids(absence.patient_key))[0], barrier=Barrier.TRANSPORT, now=NOW)
    [row] = await listed(house)
    assert row.barrier == "transport"
    assert (await task_in_full(house.id, row.ref)).barrier == "transport"


async def test_status_counts_by_urgency_and_what_is_late(house: Profile) -> None:
    await a_call(house)
    await f.make_absence(house, risk_rules=CRISIS)
    await open_steps(NOW)
    await f.make_absence(house, phone=None, phone_kind=None, email=None)
    await fetch("UPDATE task SET urgent = true WHERE kind = 'unreachable'")
    for now, late in ((f.local(17, 9, 30), 1), (f.local(17, 20), 5)):
        found = await status(house.id, now=now)
        assert (found.open_tasks, found.crisis_tasks, found.urgent_tasks) == (5, 3, 1)
        assert found.overdue_tasks == late

"""Who may act on which case: decided in the change itself, so on every face of the worklist."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest

from db.actors import Hand
from db.changes import worklist
from db.changes._tasks import NewTask, open_task
from db.changes.outcomes import record_outcome
from db.changes.staff import Leave, set_leave
from db.engine import fetch, fetch_value, transaction
from db.errors import MayNotAct
from db.queries.practices import Profile
from db.rules.acting import CLINICAL_KINDS, CLINICAL_ROLES
from db.states import CallOutcome, Role, TaskKind
from tests.db.changes.people import ANDREA, CALL_DUE, CAMILLE, MAXIME, SACHA, hand_of, make_house, ref_of, task

NOW = CALL_DUE + timedelta(minutes=5)
DOMINIQUE = "Dominique Petit"
OF_ROLE = {
    Role.ADMIN: DOMINIQUE,
    Role.CLINICAL_LEAD: ANDREA,
    Role.PRACTITIONER: MAXIME,
    Role.CARE_COORDINATOR: SACHA,
    Role.FRONT_DESK: CAMILLE,
}
TERMINAL = Hand("staff:terminal")
Move = Callable[..., Awaitable[Any]]
MOVES: dict[str, tuple[Move, dict[str, Any]]] = {
    "acknowledge": (worklist.acknowledge_task, {}),
    "note": (worklist.add_note, {"note": "Rappeler."}),
    "later": (worklist.postpone_task, {"until": NOW + timedelta(hours=2)}),
    "release": (worklist.release_task, {}),
    "claim": (worklist.claim_task, {}),
    "reassign": (worklist.reassign_task, {"to": Role.CARE_COORDINATOR}),
    "escalate": (worklist.escalate_task, {}),
    "outcome": (record_outcome, {"outcome": CallOutcome.HANDLED}),
}


@pytest.fixture
async def house(database: None) -> Profile:
    """With a case of each kind, which is nobody's in particular."""
    practice = await make_house()
    async with transaction():
        for kind in TaskKind:
            await open_task(NewTask(kind, f"x:{kind}", NOW), practice=practice.id, actor="system", now=NOW)
    await fetch("UPDATE task SET assignee = NULL, fallback = NULL")
    return practice


async def make(move: str, ref: str, practice: Profile, by: Hand) -> Any:
    change, values = MOVES[move]
    return await change(ref, practice=practice.id, by=by, now=NOW, **values)


async def entries() -> int:
    count: int = await fetch_value("SELECT count(*) FROM journal")
    return count


@pytest.mark.parametrize("role", Role)
async def test_what_is_clinical_is_for_those_who_give_care(house: Profile, role: Role) -> None:
    by = await hand_of(OF_ROLE[role])
    for kind in TaskKind:
        ref = await ref_of(kind)
        before, refused = (await entries(), await task(ref)), set()
        for move in MOVES:
            try:
                await make(move, ref, house, by)
            except MayNotAct:
                refused.add(move)
        if kind in CLINICAL_KINDS and role not in CLINICAL_ROLES:
            assert refused == set(MOVES), kind
            assert (await entries(), await task(ref)) == before, kind
        else:
            assert refused == set(), kind
            assert (await task(ref))["status"] == "done"


@pytest.mark.parametrize("given", ["assignee", "fallback", "claimed_by"])
@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.ADMIN])
async def test_whoever_was_given_a_case_may_act_on_it_until_it_goes_to_somebody_else(
    house: Profile, role: Role, given: str
) -> None:
    by, ref = await hand_of(OF_ROLE[role]), await ref_of(TaskKind.ALERT)
    await fetch(f"UPDATE task SET {given} = $1 WHERE ref = $2", by.staff, ref)
    assert await make("note", ref, house, by)
    assert await make("reassign", ref, house, by)
    await fetch("UPDATE task SET fallback = NULL WHERE ref = $1", ref)
    with pytest.raises(MayNotAct):
        await make("claim", ref, house, by)


async def test_the_terminal_may_do_anything_and_with_somebody_s_name_what_they_may(house: Profile) -> None:
    ref = await ref_of(TaskKind.ESCALATION)
    with pytest.raises(MayNotAct, match="those who give care"):
        await make("acknowledge", ref, house, await hand_of(CAMILLE))
    for move in MOVES:
        if move != "later":
            await make(move, ref, house, TERMINAL)
    assert (await task(ref))["status"] == "done"


async def test_whoever_has_left_acts_on_nothing(house: Profile) -> None:
    by = await hand_of(SACHA)
    await fetch("UPDATE staff SET active = false WHERE id = $1", by.staff)
    for kind in (TaskKind.CALL, TaskKind.ALERT):
        with pytest.raises(MayNotAct):
            await make("claim", await ref_of(kind), house, by)


async def away(name: str, practice: Profile) -> None:
    today = date(2026, 11, 17)
    ref: str = await fetch_value("SELECT ref FROM staff WHERE name = $1", name)
    await set_leave(ref, practice=practice.id, leave=Leave(today, today), actor="staff:x", now=NOW)


async def test_the_administration_frees_what_somebody_claimed_who_is_away_for_those_who_give_care(
    house: Profile,
) -> None:
    admin, ref = await hand_of(DOMINIQUE), await ref_of(TaskKind.ALERT)
    await worklist.claim_task(ref, practice=house.id, by=await hand_of(MAXIME), now=NOW)
    with pytest.raises(MayNotAct):
        await make("reassign", ref, house, admin)
    await away(MAXIME, house)
    for move in set(MOVES) - {"reassign"}:
        with pytest.raises(MayNotAct):
            await make(move, ref, house, admin)
    for to in (Role.ADMIN, Role.FRONT_DESK):
        with pytest.raises(MayNotAct, match="somebody who gives care"):
            await worklist.reassign_task(ref, practice=house.id, to=to, by=admin, now=NOW)
    with pytest.raises(MayNotAct):
        await make("reassign", ref, house, await hand_of(CAMILLE))
    assert (await task(ref))["status"] == "claimed"
    assert await make("reassign", ref, house, admin)
    row = await task(ref)
    assert (row["status"], row["assignee"], row["claimed_by"]) == ("open", (await hand_of(SACHA)).staff, None)


async def test_a_clinical_lead_frees_any_case(house: Profile) -> None:
    for kind in (TaskKind.CALL, TaskKind.ALERT, TaskKind.REPLY):
        ref = await ref_of(kind)
        await worklist.claim_task(ref, practice=house.id, by=await hand_of(MAXIME), now=NOW)
        assert await make("reassign", ref, house, await hand_of(ANDREA))
        assert (await task(ref))["status"] == "open"

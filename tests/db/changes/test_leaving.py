"""Somebody leaves: what they had is somebody else's at once."""

from datetime import timedelta
from typing import Any

import pytest

from db.changes import worklist
from db.changes.accounts import deactivate_member
from db.changes.staff import hand_over_cases
from db.changes.watching import look_again
from db.engine import fetch, fetch_value
from db.queries.practices import Profile
from db.states import CallOutcome, TaskKind
from tests import factories as f
from tests.db.changes.acts import sequence, story
from tests.db.changes.people import (
    ANDREA,
    CALL_DUE,
    CAMILLE,
    MAXIME,
    SACHA,
    a_call,
    a_reply,
    ended,
    hand_of,
    make_house,
    open_steps,
    task,
)

NOW = CALL_DUE + timedelta(minutes=5)
TERMINAL = "staff:terminal"


@pytest.fixture
async def house(database: None) -> Profile:
    return await make_house()


async def leaves(name: str, practice: Profile) -> int:
    ref: str = await fetch_value("SELECT ref FROM staff WHERE name = $1", name)
    return await deactivate_member(ref, practice=practice.id, actor=TERMINAL, now=NOW)


async def whose(ref: str) -> tuple[str, str | None, str | None]:
    """Status, who has it, and who has it otherwise."""
    row: Any = await task(ref)
    names = {one["id"]: one["name"] for one in await fetch("SELECT id, name FROM staff")}
    return row["status"], names.get(row["claimed_by"] or row["assignee"]), names.get(row["fallback"])


@pytest.mark.parametrize("had", ["open", "acknowledged", "claimed", "promised"])
async def test_what_they_had_goes_to_their_fallback_who_is_told_and_the_messages_go_on(
    house: Profile, had: str
) -> None:
    absence, ref = await a_call(house)
    by: dict[str, Any] = {"practice": house.id, "by": await hand_of(SACHA), "now": NOW}
    if had == "acknowledged":
        await worklist.acknowledge_task(ref, **by)
    elif had == "claimed":
        await worklist.claim_task(ref, **by)
    elif had == "promised":
        await worklist.postpone_task(ref, until=NOW + timedelta(hours=2), **by)
    assert await leaves(SACHA, house) == 1
    assert await whose(ref) == ("open", "Dominique Petit", ANDREA)
    assert await sequence(absence.patient_key) == ("active", None)
    assert await story("task_reassigned") == [("task_reassigned", "away")]
    told = await fetch_value("SELECT s.name FROM delivery d JOIN staff s ON s.id = d.staff ORDER BY d.id DESC LIMIT 1")
    assert told == "Dominique Petit"


async def test_what_they_have_only_seen_is_open_again_for_whoever_was_asked(house: Profile) -> None:
    _, ref = await a_call(house)
    await worklist.acknowledge_task(ref, practice=house.id, by=await hand_of(MAXIME), now=NOW)
    assert await leaves(MAXIME, house) == 1
    assert (await whose(ref))[:2] == ("open", SACHA)
    assert (await task(ref))["acknowledged_by"] is None
    assert await story("task_released") == [("task_released", "away")]


async def test_a_case_that_they_were_the_fallback_of_has_another(house: Profile) -> None:
    _, ref = await a_call(house)
    assert await whose(ref) == ("open", SACHA, ANDREA)
    await worklist.claim_task(ref, practice=house.id, by=await hand_of(SACHA), now=NOW)
    assert await leaves(ANDREA, house) == 0
    assert await whose(ref) == ("claimed", SACHA, "Dominique Petit")


async def test_what_others_have_and_what_is_over_stays_as_it_is(house: Profile) -> None:
    absence, ref = await a_call(house)
    await ended(ref, CallOutcome.NO_ANSWER, house, NOW)
    reply = await a_reply(house, absence, NOW)
    await worklist.claim_task(reply, practice=house.id, by=await hand_of(CAMILLE), now=NOW)
    assert await leaves(SACHA, house) == 0
    assert await whose(reply) == ("claimed", CAMILLE, "Dominique Petit")
    assert (await task(ref))["status"] == "done"


async def test_handing_over_again_moves_nothing_and_whoever_works_here_keeps_theirs(house: Profile) -> None:
    _, ref = await a_call(house)
    sacha: str = await fetch_value("SELECT ref FROM staff WHERE name = $1", SACHA)
    assert await hand_over_cases(sacha, practice=house.id, actor=TERMINAL, now=NOW) == 0
    assert (await whose(ref))[1] == SACHA
    assert await leaves(SACHA, house) == 1
    assert await hand_over_cases(sacha, practice=house.id, actor=TERMINAL, now=NOW) == 0
    assert await story("task_reassigned") == [("task_reassigned", "away")]


async def test_the_treating_practitioner_s_alert_does_not_wait_for_somebody_who_is_gone(house: Profile) -> None:
    await a_call(house)
    await fetch("UPDATE staff SET fallback = NULL WHERE name = $1", MAXIME)
    await open_steps(f.local(19, 12))
    alert: str = await fetch_value("SELECT ref FROM task WHERE kind = $1", TaskKind.ALERT)
    assert (await whose(alert))[1] == MAXIME
    assert await leaves(MAXIME, house) == 1
    assert (await whose(alert))[1] == SACHA, "the next rung up"


@pytest.mark.parametrize("had", ["open", "promised"])
async def test_what_they_took_in_the_moment_of_leaving_is_somebody_else_s_at_the_next_look(
    house: Profile, had: str
) -> None:
    _, ref = await a_call(house)
    if had == "promised":
        later: dict[str, Any] = {
            "until": NOW + timedelta(hours=1),
            "practice": house.id,
            "by": await hand_of(SACHA),
            "now": NOW,
        }
        await worklist.postpone_task(ref, **later)
    # As when the process ends between the two steps of leaving.
    await fetch("UPDATE staff SET active = false WHERE name = $1", SACHA)
    await look_again(now=NOW + timedelta(days=1))
    status, has_it, _ = await whose(ref)
    assert status == "open"
    assert has_it not in (SACHA, None)

"""A press that comes a second time, late, or together with another: never a second effect."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from db.actors import Hand
from db.changes import worklist
from db.changes.outcomes import record_outcome
from db.changes.watching import look_again
from db.engine import fetch, fetch_value
from db.errors import AlreadyClaimed, Outdated, Refused
from db.queries.practices import Profile
from db.queries.today import case_today
from db.queries.worklist import task_in_full
from db.states import CallOutcome
from tests.db.changes.acts import story
from tests.db.changes.people import ANDREA, CALL_DUE, CAMILLE, MAXIME, SACHA, a_call, hand_of, make_house, task

NOW = CALL_DUE + timedelta(minutes=5)
TEN, ELEVEN = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
Press = Callable[..., Awaitable[Any]]


@pytest.fixture
async def house(database: None) -> Profile:
    return await make_house()


@pytest.fixture
async def call(house: Profile) -> str:
    return (await a_call(house))[1]


async def mark(ref: str, practice: Profile) -> str:
    return (await case_today(practice.id, ref, now=NOW)).mark


async def note_mark(ref: str, practice: Profile) -> str:
    return (await case_today(practice.id, ref, now=NOW)).note_mark


async def entries() -> int:
    count: int = await fetch_value("SELECT count(*) FROM journal")
    return count


async def task_entries() -> int:
    count: int = await fetch_value("SELECT count(*) FROM journal WHERE event LIKE 'task_%'")
    return count


def press(move: Press, ref: str, practice: Profile, by: Hand, shown: str | None, **values: Any) -> Awaitable[Any]:
    return move(ref, practice=practice.id, by=by, now=values.pop("now", NOW), shown=shown, **values)


MOVES: dict[str, tuple[Press, dict[str, Any]]] = {
    "acknowledge": (worklist.acknowledge_task, {}),
    "claim": (worklist.claim_task, {}),
    "release": (worklist.release_task, {"own": True}),
    "reassign": (worklist.reassign_task, {"to": "clinical_lead"}),
    "escalate": (worklist.escalate_task, {}),
    "later": (worklist.postpone_task, {"until": TEN}),
}


@pytest.mark.parametrize("together", [False, True], ids=["one after the other", "at the same moment"])
@pytest.mark.parametrize("name", MOVES)
async def test_the_same_press_twice_has_one_effect(house: Profile, call: str, name: str, together: bool) -> None:
    by, (move, values) = await hand_of(SACHA), MOVES[name]
    if name == "release":
        await worklist.claim_task(call, practice=house.id, by=by, now=NOW)
    shown, before = await mark(call, house), await task_entries()
    twice = [press(move, call, house, by, shown, **values) for _ in range(2)]
    if together:
        results = await asyncio.gather(*twice, return_exceptions=True)
    else:
        results = [(await asyncio.gather(one, return_exceptions=True))[0] for one in twice]
    assert results.count(True) == 1
    [other] = [one for one in results if one is not True]
    assert other is False or isinstance(other, Outdated), other
    assert await task_entries() == before + 1


async def test_escalating_twice_climbs_one_rung_and_a_second_press_on_what_is_shown_now_another(
    house: Profile, call: str
) -> None:
    by, shown = await hand_of(SACHA), await mark(call, house)
    results = await asyncio.gather(
        *(press(worklist.escalate_task, call, house, by, shown) for _ in range(3)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in results) == ["Outdated", "Outdated", "bool"]
    assert (await task(call))["assignee"] == (await hand_of(ANDREA)).staff
    assert await press(worklist.escalate_task, call, house, by, await mark(call, house))
    assert (await task(call))["assignee"] != (await hand_of(ANDREA)).staff


async def test_claim_that_arrives_again_after_the_case_was_given_back_takes_nothing(house: Profile, call: str) -> None:
    """The case stands as it did when it was pressed: open, for the same person."""
    by, shown = await hand_of(SACHA), await mark(call, house)
    for move in (worklist.acknowledge_task, worklist.claim_task):
        assert await press(move, call, house, by, shown)
    await worklist.release_task(call, practice=house.id, by=by, now=NOW)
    before = await entries()
    for name in ("acknowledge", "claim", "later"):
        with pytest.raises(Outdated):
            await press(MOVES[name][0], call, house, by, shown, **MOVES[name][1])
    assert (await task(call))["status"] == "open"
    assert await entries() == before


async def test_release_that_arrives_again_leaves_what_was_claimed_anew(house: Profile, call: str) -> None:
    by = await hand_of(SACHA)
    await worklist.claim_task(call, practice=house.id, by=by, now=NOW)
    shown = await mark(call, house)
    assert await press(worklist.release_task, call, house, by, shown, own=True)
    assert await press(worklist.release_task, call, house, by, shown, own=True) is False
    await worklist.claim_task(call, practice=house.id, by=by, now=NOW)
    with pytest.raises(Outdated):
        await press(worklist.release_task, call, house, by, shown, own=True)
    assert (await task(call))["status"] == "claimed"


async def test_first_promise_that_arrives_again_takes_the_place_of_no_later_one(house: Profile, call: str) -> None:
    by, shown = await hand_of(SACHA), await mark(call, house)
    assert await press(worklist.postpone_task, call, house, by, shown, until=TEN)
    assert await press(worklist.postpone_task, call, house, by, await mark(call, house), until=ELEVEN)
    with pytest.raises(Outdated):
        await press(worklist.postpone_task, call, house, by, shown, until=TEN)
    assert (await task(call))["promised_at"] == ELEVEN


async def test_giving_that_arrives_again_takes_nothing_from_whoever_was_given_it_next(
    house: Profile, call: str
) -> None:
    by, shown = await hand_of(SACHA), await mark(call, house)
    assert await press(worklist.reassign_task, call, house, by, shown, to="clinical_lead")
    assert await press(worklist.reassign_task, call, house, by, await mark(call, house), to="practitioner")
    with pytest.raises(Outdated):
        await press(worklist.reassign_task, call, house, by, shown, to="clinical_lead")
    assert (await task(call))["assignee"] == (await hand_of(MAXIME)).staff


async def test_somebody_else_s_seen_keeps_nobody_from_claiming_or_promising(house: Profile, call: str) -> None:
    shown = await mark(call, house)
    await worklist.acknowledge_task(call, practice=house.id, by=await hand_of(CAMILLE), now=NOW)
    assert await press(worklist.claim_task, call, house, await hand_of(SACHA), shown)
    other = (await a_call(house))[1]
    shown = await mark(other, house)
    await worklist.acknowledge_task(other, practice=house.id, by=await hand_of(CAMILLE), now=NOW)
    assert await press(worklist.postpone_task, other, house, await hand_of(SACHA), shown, until=TEN)


async def test_a_nudge_and_a_note_make_no_press_stale(house: Profile, call: str) -> None:
    shown, by = await mark(call, house), await hand_of(SACHA)
    later = NOW + timedelta(hours=2)
    await fetch("UPDATE task SET look_at = $1 WHERE ref = $2", later, call)
    await look_again(now=later)
    assert await story("task_nudged") != []
    await worklist.add_note(call, practice=house.id, note="Voix lasse", by=by, now=later)
    assert await press(worklist.escalate_task, call, house, by, shown, now=later)


async def test_what_somebody_has_seen_is_not_another_s_to_give_back(house: Profile, call: str) -> None:
    await worklist.acknowledge_task(call, practice=house.id, by=await hand_of(CAMILLE), now=NOW)
    with pytest.raises(Refused, match="Somebody else has seen"):
        await press(worklist.release_task, call, house, await hand_of(SACHA), None, own=True)
    assert (await task(call))["status"] == "acknowledged"


async def test_what_was_claimed_at_the_terminal_anybody_may_give_back(house: Profile, call: str) -> None:
    await worklist.claim_task(call, practice=house.id, by=Hand("staff:terminal"), now=NOW)
    with pytest.raises(AlreadyClaimed):
        await press(worklist.claim_task, call, house, await hand_of(SACHA), None)
    assert await press(worklist.release_task, call, house, await hand_of(SACHA), None, own=True)


async def noted(ref: str, practice: Profile, note: str, who: str, shown: str | None) -> bool:
    return await worklist.add_note(ref, practice=practice.id, note=note, by=await hand_of(who), now=NOW, shown=shown)


async def test_of_two_notes_written_at_the_same_moment_one_is_kept_and_the_other_told(
    house: Profile, call: str
) -> None:
    shown = await note_mark(call, house)
    results = await asyncio.gather(
        *(noted(call, house, f"De {who}", who, shown) for who in (SACHA, ANDREA)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in results) == ["Outdated", "bool"]
    kept = (SACHA, ANDREA)[results.index(True)]
    assert (await task_in_full(house.id, call, with_note=True)).note == f"De {kept}"


async def test_the_same_note_again_is_written_once(house: Profile, call: str) -> None:
    shown = await note_mark(call, house)
    assert [await noted(call, house, "Voix lasse", SACHA, shown) for _ in range(2)] == [True, False]
    assert await story("note_added") == [("note_added", None)]


async def test_an_outcome_overwrites_no_note_that_its_form_did_not_show(house: Profile, call: str) -> None:
    async def conclude(shown: str | None) -> bool:
        usual: dict[str, Any] = {"practice": house.id, "by": await hand_of(SACHA), "now": NOW, "note": "De Sacha"}
        done = await record_outcome(call, outcome=CallOutcome.NO_ANSWER, shown_note=shown, **usual)
        return done.closed

    shown = await note_mark(call, house)
    await noted(call, house, "D’Andrea", ANDREA, None)
    with pytest.raises(Outdated):
        await conclude(shown)
    assert (await task(call))["status"] == "open"
    assert (await task_in_full(house.id, call, with_note=True)).note == "D’Andrea"
    assert [await conclude(await note_mark(call, house)) for _ in range(2)] == [True, False]
    assert (await task_in_full(house.id, call, with_note=True)).note == "De Sacha"

"""Every move on a case in every state: what a page offers, and what it says where somebody presses all the same."""

import html
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Litestar

from db.actors import Hand
from db.changes.outcomes import record_outcome
from db.changes.worklist import acknowledge_task, claim_task
from db.clock import clock
from db.engine import fetch
from db.queries.practices import Profile
from db.queries.worklist import task_in_full
from db.states import CallOutcome, TaskKind
from portal.staff.words import words_for
from tests.db.changes import people
from tests.db.changes.people import ANDREA, SACHA
from tests.portal.staff.checker import as_read
from tests.portal.staff.worklist import MOVES, NOW, CaseDesk, Desks, journal, open_desks

TAKING = {"claim", "outcome", "later"}
GIVING = {"reassign", "escalate", "note"}
HOLDERS = ("acknowledge", "claim", "release", "outcome", "later")
# State -> what its page offers to Sacha, and how it answers what it does not offer; in the words of `today`.
STATES: dict[str, tuple[set[str], dict[str, str]]] = {
    "planned": (set(), dict.fromkeys(MOVES, "no_planned")),
    "open": (TAKING | GIVING | {"acknowledge"}, {"release": "said_released_already"}),
    "seen by me": (TAKING | GIVING | {"release"}, {"acknowledge": "said_acknowledged_already"}),
    "seen by Andrea": (TAKING | GIVING, {"acknowledge": "said_acknowledged_already", "release": "no_other"}),
    "mine": (
        GIVING | {"outcome", "later", "release"},
        {"claim": "said_claimed_already", "acknowledge": "said_acknowledged_already"},
    ),
    "Andrea's": (GIVING, dict.fromkeys(HOLDERS, "no_taken")),
    "the terminal's": (GIVING | {"outcome", "release"}, dict.fromkeys(("acknowledge", "claim", "later"), "no_taken")),
    "done": ({"note"}, dict.fromkeys(set(MOVES) - {"note"}, "no_ended")),
    "skipped": ({"note"}, dict.fromkeys(set(MOVES) - {"note"}, "no_over")),
    "cancelled": ({"note"}, dict.fromkeys(set(MOVES) - {"note"}, "no_over")),
}


@pytest.fixture
async def house(database: None) -> Profile:
    clock.move_to(NOW)
    return await people.make_house()


@pytest.fixture
async def desks(app: Litestar, database: None) -> AsyncIterator[Desks]:
    async with open_desks(app) as opened:
        yield opened


async def case_that_is(state: str, practice: Profile) -> str:
    _, ref = await people.a_call(practice, patient_key="P1")
    by = {"me": SACHA, "mine": SACHA, "Andrea": ANDREA, "Andrea's": ANDREA}.get(state.rpartition(" ")[2])
    hand = await people.hand_of(by) if by else Hand("staff:terminal")
    usual: dict[str, Any] = {"practice": practice.id, "by": hand, "now": NOW}
    if state.startswith("seen"):
        await acknowledge_task(ref, **usual)
    elif state in ("mine", "Andrea's", "the terminal's"):
        await claim_task(ref, **usual)
    elif state == "done":
        await record_outcome(ref, outcome=CallOutcome.LEFT_MESSAGE, **usual)
    elif state in ("skipped", "cancelled"):
        await fetch("UPDATE task SET status = $1, look_at = NULL WHERE ref = $2", state, ref)
    return await people.ref_of(TaskKind.ALERT) if state == "planned" else ref


def offered(page: str, ref: str) -> set[str]:
    return set(re.findall(rf'action="/staff/cases/{ref}/(\w+)', page))


async def sachas(desks: Desks, language: str) -> CaseDesk:
    await fetch("UPDATE staff SET language = $1 WHERE name = $2", language, SACHA)
    return await desks.of(SACHA)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("state", STATES)
async def test_what_is_not_offered_changes_nothing_and_is_answered_in_words_that_are_true(
    state: str, language: str, desks: Desks, house: Profile
) -> None:
    desk, ref = await sachas(desks, language), await case_that_is(state, house)
    offers, answers = STATES[state]
    assert offers | set(answers) == set(MOVES), "every move is thought of"
    assert offered(await desk.text(f"/staff/cases/{ref}"), ref) == offers
    before, today = (await journal(), await people.task(ref)), words_for(language).today
    mark, note_mark = await desk.marks(ref)
    for move, name in answers.items():
        fields = MOVES[move] | {"mark": mark, "note_mark": note_mark}
        answer = await desk.send(ref, move, script=True, **fields)
        holder = ANDREA if state == "Andrea's" else today.somebody
        said = html.unescape(answer.text)
        assert getattr(today, name).format(name=holder) in said, move
        assert answer.status_code == (200 if name.startswith("said") else 409), move
        # An unfinished form is told the same: there is nothing to finish.
        empty = await desk.send(ref, move, script=True, mark=mark)
        assert empty.status_code == answer.status_code, move
    assert (await journal(), await people.task(ref)) == before


@pytest.mark.parametrize("script", [False, True])
async def test_what_was_written_with_an_outcome_that_comes_too_late_is_kept_for_a_note(
    script: bool, desks: Desks, house: Profile
) -> None:
    sacha, ref = await desks.of(SACHA), await case_that_is("open", house)
    mark, _ = await sacha.marks(ref)
    await people.ended(ref, CallOutcome.NO_ANSWER, house, NOW, who=ANDREA)
    answer = await sacha.send(
        ref, "outcome", script=script, mark=mark, outcome="left_message", note="Sa sœur rappelle."
    )
    assert answer.status_code == 409
    text = as_read(answer.text)
    assert "déjà terminée : rien n’a changé" in text
    assert "vous pouvez encore l’enregistrer comme note" in text
    assert ">Sa sœur rappelle.</textarea>" in text
    assert (await sacha.move(ref, "note", note="Sa sœur rappelle.")).status_code == 303
    case = await task_in_full(house.id, ref, with_note=True)
    assert (case.outcome, case.note) == (CallOutcome.NO_ANSWER, "Sa sœur rappelle.")


@pytest.mark.parametrize("move", ["escalate", "reassign", "claim", "later", "release"])
async def test_a_form_sent_twice_is_told_kindly_and_does_nothing_more(move: str, desks: Desks, house: Profile) -> None:
    """As somebody does who presses twice before the page has come, or who goes back to an old one."""
    sacha, ref = await desks.of(SACHA), await case_that_is("mine" if move == "release" else "open", house)
    mark, _ = await sacha.marks(ref)
    fields = MOVES[move] | {"mark": mark}
    assert (await sacha.send(ref, move, **fields)).status_code == 303
    before = (await journal(), await people.task(ref))
    again = await sacha.send(ref, move, **fields)
    assert (await journal(), await people.task(ref)) == before
    if move == "escalate":
        assert again.status_code == 409
        assert "voici où elle en est. Rien de plus n’a été enregistré." in as_read(again.text)
    else:
        assert again.headers["location"].endswith(f"_already#case-{ref}")


async def test_an_old_page_s_claim_takes_no_case_that_was_given_back_since(desks: Desks, house: Profile) -> None:
    sacha, ref = await desks.of(SACHA), await case_that_is("open", house)
    mark, _ = await sacha.marks(ref)
    await sacha.move(ref, "claim")
    await sacha.move(ref, "release")
    answer = await sacha.send(ref, "claim", mark=mark)
    assert answer.status_code == 409
    assert "a changé entre-temps" in as_read(answer.text)
    assert (await people.task(ref))["status"] == "open"


async def test_a_role_that_nobody_can_take_is_told_as_such(desks: Desks, house: Profile) -> None:
    sacha, ref = await desks.of(SACHA), await case_that_is("open", house)
    await fetch("UPDATE practitioner SET staff = NULL")
    answer = await sacha.move(ref, "reassign", to="practitioner", script=True)
    assert answer.status_code == 422
    assert "Personne n’occupe cette fonction pour le moment" in as_read(answer.text)

"""What people do with a case from a page: every move with and without script, every refusal, and what others write."""

import asyncio
import html
import re
from collections.abc import AsyncIterator

import pytest
from litestar import Litestar

from db.changes.inbound import Meaning, record_inbound
from db.changes.worklist import add_note
from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.practices import Profile
from db.queries.worklist import task_in_full
from db.rules.settings import Settings
from db.states import CallOutcome, TaskKind
from tests import factories as f
from tests.db.changes import people
from tests.db.changes.people import ANDREA, MAXIME, SACHA
from tests.portal.staff.checker import as_read
from tests.portal.staff.worklist import (
    MOVES,
    NOW,
    CaseDesk,
    Desks,
    claimed_by,
    journal,
    open_desks,
    state,
)


@pytest.fixture
async def house(database: None) -> Profile:
    clock.move_to(NOW)
    return await people.make_house()


@pytest.fixture
async def desks(app: Litestar, database: None) -> AsyncIterator[Desks]:
    async with open_desks(app) as opened:
        yield opened


@pytest.fixture
async def sacha(desks: Desks, house: Profile) -> CaseDesk:
    return await desks.of(SACHA)


@pytest.fixture
async def call(house: Profile) -> str:
    _, ref = await people.a_call(house, patient_key="P1", first_name="Alix", last_name="Martin", phone="+33612345678")
    return ref


@pytest.fixture
async def foreign(house: Profile) -> str:
    """An open call of the practice next door."""
    _, ref = await people.a_call(house, patient_key="P9")
    await fetch(
        "INSERT INTO practice (ref, key, name, discreet_name, country, zone, language, phone, reply_to, settings, "
        "email_trips, sms_trips, created_at, updated_at) SELECT 'elsewhere', 'elsewhere', name, discreet_name, "
        "country, zone, language, phone, reply_to, settings, 0, 0, created_at, updated_at FROM practice WHERE id = $1",
        house.id,
    )
    await fetch("UPDATE task SET practice = (SELECT id FROM practice WHERE key = 'elsewhere') WHERE ref = $1", ref)
    return ref


@pytest.mark.parametrize("script", [False, True])
@pytest.mark.parametrize(
    ("move", "fields", "said", "ends"),
    [
        ("acknowledge", {}, "vous l’avez vu", ("acknowledged", None)),
        ("claim", {}, "C’est à vous", ("claimed", SACHA)),
        ("later", {"at": "2026-11-18T10:00"}, "C’est promis", ("claimed", SACHA)),
        ("reassign", {"to": "clinical_lead"}, "C’est confié", ("open", None)),
        ("escalate", {}, "C’est transmis", ("open", None)),
        ("note", {"note": "Rappeler."}, "La note est enregistrée", ("open", None)),
        ("outcome", {"outcome": "no_answer"}, "La demande est terminée", ("done", None)),
        ("outcome", {"outcome": "reached_will_book"}, "reprendront dans 48 heures", ("done", None)),
        ("outcome", {"outcome": "reached_rebooked"}, "les messages s’arrêtent", ("done", None)),
    ],
)
async def test_a_move_is_made_and_said(
    script: bool, move: str, fields: dict[str, str], said: str, ends: tuple[str, str | None], sacha: CaseDesk, call: str
) -> None:
    answer = await sacha.move(call, move, script=script, **fields)
    assert await state(call) == ends
    if script:
        assert answer.status_code == 200
        text = html.unescape(answer.text)
        assert text.startswith('<article class="card case')
        assert 'id="said" role="status" data-hx-swap-oob="true"' in text
    else:
        assert answer.status_code == 303
        text = await sacha.text(answer.headers["location"].partition("#")[0])
    assert said in text


async def test_a_form_leads_back_to_where_it_was(sacha: CaseDesk, call: str) -> None:
    page = await sacha.text("/staff/today?mine=1&kind=call")
    assert f'action="/staff/cases/{call}/claim?mine=1&kind=call"' in page
    answer = await sacha.move(call, "claim", back="?mine=1&kind=call")
    assert answer.headers["location"] == f"/staff/today?mine=1&kind=call&said=claimed#case-{call}"
    answer = await sacha.move(call, "note", back="?at=case", note="Oui.")
    assert answer.headers["location"] == f"/staff/cases/{call}?said=noted#case-{call}"


@pytest.mark.parametrize(
    ("move", "fields", "said"),
    [
        ("acknowledge", {}, "déjà noté"),
        ("claim", {}, "déjà à vous"),
        ("later", {"at": "2026-11-18T10:00"}, "déjà promis"),
        ("note", {"note": "Rappeler."}, "déjà ainsi"),
        ("reassign", {"to": "care_coordinator"}, "l’a déjà"),
        ("outcome", {"outcome": "no_answer"}, "déjà terminée"),
    ],
)
async def test_the_same_again_is_harmless(
    move: str, fields: dict[str, str], said: str, sacha: CaseDesk, call: str
) -> None:
    await sacha.move(call, move, script=True, **fields)
    before = await journal()
    answer = await sacha.move(call, move, script=True, **fields)
    assert said in html.unescape(answer.text)
    assert await journal() == before


async def test_giving_back_makes_it_anybody_s(sacha: CaseDesk, call: str) -> None:
    await sacha.move(call, "claim")
    assert "rendue à l’équipe" in html.unescape((await sacha.move(call, "release", script=True)).text)
    assert await state(call) == ("open", None)
    assert "Personne ne l’avait" in html.unescape((await sacha.move(call, "release", script=True)).text)


async def test_a_case_is_given_to_a_person_by_name(sacha: CaseDesk, house: Profile, call: str) -> None:
    andrea = await fetch_value("SELECT ref FROM staff WHERE name = $1", ANDREA)
    assert f'<option value="{andrea}">Andrea Blanc (responsable clinique)</option>' in await sacha.text("/staff/today")
    await sacha.move(call, "reassign", to=andrea)
    assert (await task_in_full(house.id, call)).assignee == ANDREA


async def test_the_second_of_two_who_press_at_once_is_told_who_has_it(desks: Desks, house: Profile, call: str) -> None:
    andrea, maxime = await desks.of(ANDREA), await desks.of(MAXIME)
    answers = await asyncio.gather(andrea.send(call, "claim"), maxime.send(call, "claim"))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    _, holder = await state(call)
    told = next(answer for answer in answers if answer.status_code == 409)
    assert f"Déjà pris en charge par {holder}" in html.unescape(told.text)


@pytest.mark.parametrize("script", [False, True])
@pytest.mark.parametrize("move", ["acknowledge", "claim", "release", "outcome", "later"])
async def test_what_somebody_else_has_stays_theirs(
    move: str, script: bool, sacha: CaseDesk, house: Profile, call: str
) -> None:
    await claimed_by(ANDREA, call, house)
    before = await journal()
    answer = await sacha.send(call, move, script=script, **MOVES[move])
    assert answer.status_code == 409
    assert "Déjà pris en charge par Andrea Blanc" in html.unescape(answer.text)
    assert await state(call) == ("claimed", ANDREA)
    assert await journal() == before


@pytest.mark.parametrize("move", sorted(set(MOVES) - {"note"}))
async def test_a_form_of_a_closed_case_changes_nothing(move: str, sacha: CaseDesk, house: Profile, call: str) -> None:
    fields = MOVES[move] | {"mark": (await sacha.marks(call))[0]}
    await people.ended(call, CallOutcome.LEFT_MESSAGE, house, NOW)
    before = await journal()
    answer = await sacha.send(call, move, script=True, **fields)
    assert answer.status_code == 409
    assert "rien n’a changé" in html.unescape(answer.text)
    assert await journal() == before


@pytest.mark.parametrize("move", ["reassign", "escalate"])
async def test_a_form_older_than_the_case_takes_nothing_from_whoever_has_it(
    move: str, sacha: CaseDesk, house: Profile, call: str
) -> None:
    mark, _ = await sacha.marks(call)
    await claimed_by(ANDREA, call, house)
    answer = await sacha.send(call, move, mark=mark, **(MOVES[move] | {"to": "practitioner"}))
    assert answer.status_code == 409
    assert "a changé entre-temps" in html.unescape(answer.text)
    assert await state(call) == ("claimed", ANDREA)
    # Knowing who has it, it can be given on.
    assert (await sacha.move(call, "reassign", to="clinical_lead")).status_code == 303


async def test_nobody_s_note_is_overwritten_unseen(sacha: CaseDesk, house: Profile, call: str) -> None:
    _, mark = await sacha.marks(call)
    await add_note(call, practice=house.id, note="D’Andrea.", by=await people.hand_of(ANDREA), now=NOW)
    answer = await sacha.send(call, "note", note="De Sacha.", note_mark=mark, script=True)
    text = html.unescape(answer.text)
    assert answer.status_code == 409
    assert "D’Andrea." in text
    assert ">De Sacha.</textarea>" in text
    assert (await task_in_full(house.id, call, with_note=True)).note == "D’Andrea."
    answer = await sacha.send(call, "outcome", outcome="no_answer", note="De Sacha.", script=True)
    assert answer.status_code == 409
    assert (await state(call))[0] == "open"


async def test_an_outcome_may_bring_the_first_note(sacha: CaseDesk, house: Profile, call: str) -> None:
    await sacha.move(call, "outcome", outcome="left_message", note="Sur le répondeur.\r\nÀ rappeler.")
    assert (await task_in_full(house.id, call, with_note=True)).note == "Sur le répondeur.\nÀ rappeler."
    page = await sacha.text(f"/staff/cases/{call}")
    assert "Message laissé" in page or "message laissé" in page
    assert 'action="/staff/cases/' in page, "a note may still be added"
    assert f"/staff/cases/{call}/claim" not in page


async def test_a_note_is_removed_by_an_empty_one(sacha: CaseDesk, house: Profile, call: str) -> None:
    await sacha.move(call, "note", note="Oui.")
    assert "effacée" in html.unescape((await sacha.move(call, "note", note=" ", script=True)).text)
    assert not (await task_in_full(house.id, call)).has_note


@pytest.mark.parametrize("script", [False, True])
@pytest.mark.parametrize(
    ("move", "fields", "said", "kept"),
    [
        ("outcome", {}, "Choisissez d’abord une issue", ""),
        ("outcome", {"outcome": "cured"}, "Choisissez d’abord une issue", ""),
        ("outcome", {"outcome": "no_answer", "note": "x" * 4001}, "trop longue", "no_answer"),
        ("later", {"at": ""}, "Indiquez un jour", ""),
        ("later", {"at": "2026-11-16T10:00"}, "Indiquez un jour", "2026-11-16T10:00"),
        ("later", {"at": "2027-11-16T10:00"}, "Indiquez un jour", "2027-11-16T10:00"),
        ("later", {"at": "0001-01-01T00:00"}, "Indiquez un jour", ""),
        ("later", {"at": "<script>"}, "Indiquez un jour", ""),
        ("reassign", {}, "À qui ?", ""),
        ("reassign", {"to": "nobody"}, "ne peut pas être prévenue", ""),
        ("note", {"note": "x" * 4001}, "trop longue", "x" * 4001),
    ],
)
async def test_an_unfinished_form_comes_back_with_what_it_lacks(
    script: bool, move: str, fields: dict[str, str], said: str, kept: str, sacha: CaseDesk, call: str
) -> None:
    before = await journal()
    answer = await sacha.move(call, move, script=script, **fields)
    assert answer.status_code == 422
    text = as_read(answer.text)
    assert said in text
    assert kept in text
    assert re.search(rf'<details class="move" id="{move}-[^>]* open', text)
    assert await journal() == before


async def test_an_unfinished_form_is_shown_even_where_the_list_leaves_its_case_out(sacha: CaseDesk, call: str) -> None:
    answer = await sacha.move(call, "outcome", back="?kind=reply")
    assert answer.status_code == 422
    assert f'id="case-{call}"' in answer.text


async def test_messages_that_wait_for_a_decision_ask_for_one(sacha: CaseDesk, house: Profile) -> None:
    absence = await f.make_absence(house, patient_key="P3")
    reply = await people.a_reply(house, absence, NOW)
    asked = await sacha.move(reply, "outcome", outcome="handled")
    assert asked.status_code == 422
    assert "Dites si les messages reprennent" in html.unescape(asked.text)
    done = await sacha.move(reply, "outcome", outcome="handled", follow="resume", script=True)
    assert "les messages reprennent" in html.unescape(done.text)
    assert (await f.enrolment_of("P3"))["status"] == "active"


async def test_a_case_about_no_patient_offers_no_outcome_of_a_call(sacha: CaseDesk, house: Profile) -> None:
    await record_inbound(
        practice=house.id,
        from_e164="+33698000001",
        meaning=Meaning.REPLY,
        now=NOW,
        gateway="twilio",
        text="Qui êtes-vous ?",
        provider_id="SM9",
    )
    ref = await people.ref_of(TaskKind.UNKNOWN_SENDER)
    page = await sacha.text(f"/staff/cases/{ref}")
    assert "+33698000001\nQui êtes-vous ?" in page
    assert set(re.findall(r'name="outcome" value="(\w+)"', page)) == {"handled", "nothing_to_do"}
    assert (await sacha.move(ref, "outcome", outcome="no_answer")).status_code == 422
    assert (await sacha.move(ref, "outcome", outcome="handled")).status_code == 303


async def test_a_step_that_is_not_due_is_shown_and_moved_by_nobody(sacha: CaseDesk, house: Profile, call: str) -> None:
    ref = await people.ref_of(TaskKind.ALERT)
    page = await sacha.text(f"/staff/cases/{ref}")
    assert "Prévu pour" in page
    assert f"/staff/cases/{ref}/" not in page.replace(f"/staff/cases/{ref}/news", "")
    for move, fields in MOVES.items():
        answer = await sacha.send(ref, move, script=True, **fields)
        assert answer.status_code == 409, move
    assert (await state(ref))[0] == "planned"


@pytest.mark.parametrize("path", ["", "/news"])
async def test_a_case_of_another_practice_is_not_there(path: str, sacha: CaseDesk, foreign: str) -> None:
    answer = await sacha.get(f"/staff/cases/{foreign}{path}")
    assert answer.status_code == 404
    assert foreign not in (await sacha.get("/staff/today")).text


@pytest.mark.parametrize("script", [False, True])
@pytest.mark.parametrize("move", MOVES)
async def test_a_case_of_another_practice_is_moved_by_nobody_else(
    move: str, script: bool, sacha: CaseDesk, foreign: str
) -> None:
    before = await journal()
    answer = await sacha.send(foreign, move, script=script, **MOVES[move])
    assert answer.status_code == 404
    assert await state(foreign) == ("open", None)
    assert await journal() == before


async def test_a_person_of_another_practice_is_given_nothing(sacha: CaseDesk, call: str, foreign: str) -> None:
    await fetch("UPDATE staff SET practice = (SELECT id FROM practice WHERE key = 'elsewhere') WHERE name = $1", MAXIME)
    ref = await fetch_value("SELECT ref FROM staff WHERE name = $1", MAXIME)
    assert ref not in await sacha.text("/staff/today")
    assert (await sacha.move(call, "reassign", to=ref)).status_code == 422


@pytest.mark.parametrize("ref", ["unknown", "0", "%00", "a" * 300, "..%2f"])
async def test_a_reference_that_is_none_leads_nowhere(ref: str, sacha: CaseDesk) -> None:
    for answer in (await sacha.get(f"/staff/cases/{ref}"), await sacha.send(ref, "claim")):
        assert answer.status_code in (400, 404)
    assert (await sacha.post("/staff/cases/x/destroy")).status_code == 404


SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


async def test_nothing_that_anybody_wrote_becomes_part_of_the_page(desks: Desks, database: None) -> None:
    clock.move_to(NOW)
    house = await people.make_house(settings=Settings(welfare_check=(f"Check {SCRIPT}",)))
    await fetch("UPDATE staff SET name = $1 WHERE name = $2", f"Sacha {SCRIPT}", SACHA)
    absence, call = await people.a_call(
        house, patient_key=f"P{SCRIPT}"[:60], first_name=f"Alix{SCRIPT}", last_name=f"Martin{SCRIPT}"
    )
    await record_inbound(
        practice=house.id,
        from_e164=str(absence.phone),
        meaning=Meaning.REPLY,
        now=NOW,
        gateway="twilio",
        text=f"Bonjour {SCRIPT}",
        provider_id="SM1",
    )
    sacha, andrea = await desks.of(f"Sacha {SCRIPT}"), await desks.of(ANDREA)
    await sacha.move(call, "note", note=f"Note {SCRIPT}")
    reply = await people.ref_of(TaskKind.REPLY)
    await sacha.move(reply, "outcome", outcome="needs_clinical_lead")
    await sacha.move(call, "claim")
    pages = [
        await andrea.get("/staff/today"),
        await andrea.get(f"/staff/today?said={SCRIPT}&kind={SCRIPT}&page={SCRIPT}"),
        await andrea.get(f"/staff/cases/{call}"),
        await andrea.send(call, "claim", script=True),
        await andrea.send(call, "note", note=f"{SCRIPT}" * 200, script=True),
        await andrea.send(call, "later", back=f"?kind={SCRIPT}", at=SCRIPT),
        await andrea.get(f"/staff/cases/{await people.ref_of(TaskKind.ESCALATION)}"),
    ]
    for answer in pages:
        assert "<img" not in answer.text
        assert "<script>" not in answer.text
    assert "Alix&#34;&gt;&lt;script&gt;" in pages[0].text

"""On the pages, as in Slack: a clinical case is for those who give care, and the others are told whose it is."""

import re
from collections.abc import AsyncIterator
from datetime import date

import pytest
from litestar import Litestar

from db.changes._tasks import NewTask, open_task
from db.changes.staff import Leave, set_leave
from db.changes.worklist import add_note
from db.clock import clock
from db.engine import fetch, fetch_value, transaction
from db.queries.practices import Profile
from db.rules.acting import CLINICAL_KINDS, CLINICAL_ROLES
from db.states import Role, TaskKind
from tests import factories as f
from tests.db.changes import people
from tests.db.changes.people import ANDREA, CAMILLE, MAXIME, SACHA
from tests.portal.staff.checker import as_read
from tests.portal.staff.worklist import MOVES, NOW, Desks, claimed_by, journal, looked_up, open_desks, state

DOMINIQUE = "Dominique Petit"
OF_ROLE = {
    Role.ADMIN: DOMINIQUE,
    Role.CLINICAL_LEAD: ANDREA,
    Role.PRACTITIONER: MAXIME,
    Role.CARE_COORDINATOR: SACHA,
    Role.FRONT_DESK: CAMILLE,
}
WHOSE = "revient à l’équipe soignante (praticien, coordination des soins, responsable clinique)"


@pytest.fixture
async def desks(app: Litestar, database: None) -> AsyncIterator[Desks]:
    async with open_desks(app) as opened:
        yield opened


@pytest.fixture
async def house(database: None) -> Profile:
    """With a case of each kind about one patient, which is nobody's in particular."""
    clock.move_to(NOW)
    practice = await people.make_house()
    await f.make_absence(practice, patient_key="P1", first_name="Alix", last_name="Martin")
    patient = (await fetch("SELECT id, ref FROM patient"))[0]
    async with transaction():
        for kind in TaskKind:
            new = NewTask(kind, f"x:{kind}", NOW, patient=patient["id"], patient_ref=patient["ref"], body="Je lâche.")
            await open_task(new, practice=practice.id, actor="system", now=NOW)
    await fetch("UPDATE task SET assignee = NULL, fallback = NULL")
    return practice


async def refused() -> list[tuple[str, str]]:
    rows = await fetch(
        "SELECT data->>'role' AS role, data->>'task' AS task FROM security_log WHERE event = $1", "role_refused"
    )
    return [(row["role"], row["task"]) for row in rows]


def article(page: str, ref: str) -> str:
    found = re.search(rf'<article [^>]*id="case-{ref}".*?</article>', page, re.DOTALL)
    assert found
    return found[0]


@pytest.mark.parametrize("role", Role)
async def test_a_page_shows_each_case_with_the_forms_of_those_who_may_and_takes_no_other(
    role: Role, desks: Desks, house: Profile
) -> None:
    desk = await desks.of(OF_ROLE[role])
    page = await desk.text("/staff/today")
    for kind in TaskKind:
        ref = await people.ref_of(kind)
        shown, before = article(page, ref), (await journal(), await people.task(ref))
        answer = await desk.send(ref, "acknowledge", script=True)
        assert "Alix Martin" in shown
        if kind in CLINICAL_KINDS and role not in CLINICAL_ROLES:
            assert WHOSE in shown
            assert "<form" not in shown
            assert "Je lâche." not in shown
            assert answer.status_code == 403, kind
            assert "revient à l’équipe soignante : rien n’a changé" in as_read(answer.text)
            assert (await journal(), await people.task(ref)) == before
            assert (role, ref) in await refused()
        else:
            assert WHOSE not in shown
            assert f"/staff/cases/{ref}/claim" in shown
            assert "Je lâche." in shown
            assert answer.status_code == 200, kind
            assert (await state(ref))[0] == "acknowledged"
    assert await looked_up() == len(TaskKind)


@pytest.mark.parametrize(("script", "back"), [(False, "?at=case"), (True, "")])
async def test_every_move_is_refused_calmly_on_either_page(
    script: bool, back: str, desks: Desks, house: Profile
) -> None:
    camille, ref = await desks.of(CAMILLE), await people.ref_of(TaskKind.EMERGENCY)
    await add_note(ref, practice=house.id, note="Voix lasse.", by=await people.hand_of(SACHA), now=NOW)
    before = await journal()
    for move, fields in MOVES.items():
        answer = await camille.send(ref, move, script=script, back=back, **fields)
        text = as_read(answer.text)
        assert answer.status_code == 403, move
        assert "rien n’a changé" in text
        assert WHOSE in text
        assert "Voix lasse." not in text
        assert f"/staff/cases/{ref}/claim" not in text
    whole = await camille.send(ref, "claim")
    assert whole.status_code == 403
    assert as_read(whole.text).count("revient à l’équipe soignante : rien n’a changé") == 1
    # Nor does it matter what the form lacks.
    assert (await camille.send(ref, "outcome", script=script, back=back)).status_code == 403
    assert await journal() == before


async def test_the_page_says_in_the_reader_s_language_whom_to_tell(desks: Desks, house: Profile) -> None:
    ref = await people.ref_of(TaskKind.ALERT)
    await claimed_by(MAXIME, ref, house)
    page = await (await desks.of(CAMILLE)).text(f"/staff/cases/{ref}")
    assert "Si vous savez quelque chose d’utile, dites-le à Maxime Lefèvre." in page
    await fetch("UPDATE staff SET language = 'en' WHERE name = $1", CAMILLE)
    page = await (await desks.of(CAMILLE)).text(f"/staff/cases/{ref}")
    assert "This request is for those who give care (practitioner, care coordination, clinical lead)" in page
    assert "tell Maxime Lefèvre." in page


@pytest.mark.parametrize("name", [CAMILLE, DOMINIQUE])
async def test_whoever_was_given_a_clinical_case_has_its_forms(name: str, desks: Desks, house: Profile) -> None:
    desk, ref = await desks.of(name), await people.ref_of(TaskKind.ALERT)
    person = await fetch_value("SELECT ref FROM staff WHERE name = $1", name)
    await (await desks.of(MAXIME)).move(ref, "reassign", to=person)
    assert f"/staff/cases/{ref}/claim" in await desk.text("/staff/today")
    assert (await desk.move(ref, "claim")).status_code == 303
    assert await state(ref) == ("claimed", name)
    assert (await desk.move(ref, "outcome", outcome="handled")).status_code == 303


async def away(name: str, practice: Profile) -> None:
    ref, today = await fetch_value("SELECT ref FROM staff WHERE name = $1", name), date(2026, 11, 17)
    await set_leave(ref, practice=practice.id, leave=Leave(today, today), actor="staff:x", now=NOW)


def targets(page: str) -> set[str]:
    """Whom a form offers to give the case to."""
    found = re.search(r"<select id=\"to-.*?</select>", page, re.DOTALL)
    assert found
    return set(re.findall(r'<option value="(\w+)"', found[0]))


async def test_the_administration_frees_what_somebody_has_who_is_away(desks: Desks, house: Profile) -> None:
    admin, ref = await desks.of(DOMINIQUE), await people.ref_of(TaskKind.ALERT)
    await claimed_by(MAXIME, ref, house)
    assert "<form" not in article(await admin.text("/staff/today"), ref)
    assert (await admin.send(ref, "reassign", to="clinical_lead")).status_code == 403
    await away(MAXIME, house)
    page = await admin.text(f"/staff/cases/{ref}")
    shown = article(page, ref)
    assert "Maxime Lefèvre n’est pas là aujourd’hui" in shown
    assert set(re.findall(rf"/staff/cases/{ref}/(\w+)", shown)) == {"reassign"}
    refs = {row["name"]: row["ref"] for row in await fetch("SELECT name, ref FROM staff")}
    clinical = {refs[ANDREA], refs[MAXIME], refs[SACHA]}
    assert targets(page) == clinical | {"practitioner", "care_coordinator", "clinical_lead"}
    for forged in (refs[DOMINIQUE], refs[CAMILLE]):
        assert (await admin.move(ref, "reassign", to=forged)).status_code == 403
    assert await state(ref) == ("claimed", MAXIME)
    assert (await admin.move(ref, "reassign", to=refs[ANDREA])).status_code == 303
    assert await state(ref) == ("open", None)


@pytest.mark.parametrize("is_away", [False, True])
async def test_a_clinical_lead_frees_any_case_and_sees_who_is_away(is_away: bool, desks: Desks, house: Profile) -> None:
    lead, ref = await desks.of(ANDREA), await people.ref_of(TaskKind.REPLY)
    await claimed_by(CAMILLE, ref, house)
    if is_away:
        await away(CAMILLE, house)
    page = await lead.text(f"/staff/cases/{ref}")
    assert ("Camille Roux n’est pas là aujourd’hui" in page) is is_away
    assert (await lead.move(ref, "reassign", to="front_desk" if not is_away else "admin")).status_code == 303
    assert await state(ref) == (("claimed", CAMILLE) if not is_away else ("open", None))

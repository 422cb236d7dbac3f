"""The App Home and the slash command: what waits for me, what I may take, my leave."""

from datetime import date, timedelta

import pytest

from bot.listeners.commands import Asked, Command, read_command
from bot.listeners.days import folded, read_day
from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.words import languages, words
from db.states import CallOutcome, TaskStatus
from portal.demo.slack.person import Person
from portal.demo.slack.things import View
from tests import factories as f
from tests.bot.conftest import House
from tests.bot.waiting import eventually
from tests.db.changes.people import ANDREA, CAMILLE, RISK, SACHA, ended, open_steps

DOMINIQUE = "Dominique Petit"
TUESDAY = date(2026, 11, 17)


def texts(view: View) -> str:
    return "\n".join(str(block.get("text", block.get("elements"))) for block in view.blocks)


async def home_of(person: Person) -> View:
    before = person.home.hash if person.home is not None else None
    await person.open_home()
    return await eventually(lambda: person.home if person.home is not None and person.home.hash != before else None)


async def said(person: Person, line: str) -> str:
    before = len(person.whispers())
    assert (await person.command(line)).ok
    return (await eventually(lambda: person.whispers()[before:]))[-1].text


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", Command(Asked.HELP)),
        ("aide", Command(Asked.HELP)),
        ("  Mes   Dossiers ", Command(Asked.LIST)),
        ("mes demandes", Command(Asked.LIST)),
        ("my list", Command(Asked.LIST)),
        ("suivant", Command(Asked.NEXT)),
        ("NEXT", Command(Asked.NEXT)),
        ("absent jusqu'au 2026-12-01", Command(Asked.AWAY, date(2026, 12, 1))),
        ("absente jusqu’au 1/12/2026", Command(Asked.AWAY, date(2026, 12, 1))),
        ("absent jusqu'au 01.12.2026", Command(Asked.AWAY, date(2026, 12, 1))),
        ("away until 2026-12-01", Command(Asked.AWAY, date(2026, 12, 1))),
        ("absent", Command(Asked.AWAY)),
        ("absent jusqu'au 31/02/2026", Command(Asked.AWAY)),
        ("absent jusqu'à lundi", Command(Asked.AWAY, date(2026, 11, 23))),
        ("absent jusqu'au jour où", Command(Asked.AWAY)),
        ("de retour", Command(Asked.BACK)),
        ("appelle le patient Martin", Command(Asked.UNKNOWN)),
        ("\x00" * 3000, Command(Asked.UNKNOWN)),
    ],
)
def test_what_is_typed_is_read_kindly(text: str, command: Command) -> None:
    assert read_command(text, TUESDAY) == command


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("vendredi", date(2026, 11, 20)),
        ("Friday", date(2026, 11, 20)),
        ("lundi prochain", date(2026, 11, 23)),
        # On a Tuesday, Tuesday is the next one.
        ("mardi", date(2026, 11, 24)),
        ("vendredi 4 décembre", date(2026, 12, 4)),
        ("demain", date(2026, 11, 18)),
        ("aujourd’hui", TUESDAY),
        ("1er décembre", date(2026, 12, 1)),
        ("le 12 août 2027", date(2027, 8, 12)),
        ("December 1st", date(2026, 12, 1)),
        ("1/12", date(2026, 12, 1)),
        ("1.12.26", date(2026, 12, 1)),
        # Over this year, so next year's.
        ("16/11", date(2027, 11, 16)),
        ("31/02", None),
        ("31 février", None),
        ("99/99/9999", None),
        ("12 brumaire", None),
        ("vendredi saint", None),
        ("", None),
        ("9" * 500, None),
    ],
)
def test_a_day_is_read_as_people_write_it(text: str, day: date | None) -> None:
    assert read_day(folded(text), TUESDAY) == day


def test_the_day_given_as_an_example_is_always_one_to_come() -> None:
    for language in languages():
        known = words(language).groups["slack"]
        assert "{day}" in known["command_help"]
        assert "{day}" in known["command_day"]


async def test_home_shows_mine_what_is_to_be_taken_and_my_leave(house: House) -> None:
    mine = await house.a_call()
    await fetch("UPDATE task SET assignee = (SELECT id FROM staff WHERE name = $2) WHERE ref = $1", mine, ANDREA)
    theirs = await house.a_call()
    shown = texts(await home_of(house.person(ANDREA)))
    assert shown.index("Mes demandes") < shown.index(mine) < shown.index("À prendre au cabinet") < shown.index(theirs)
    assert "Aucune absence prévue" in shown


async def test_of_very_many_cases_home_shows_the_first_and_says_how_many_are_left(house: House) -> None:
    ref = await house.a_call()
    await fetch(
        "INSERT INTO task SELECT r.* FROM task t, generate_series(1, 200) g, jsonb_populate_record(t, "
        "jsonb_build_object('id', 1000 + g, 'ref', 'ref' || g, 'dedupe', 'd' || g, 'step', NULL, 'enrolment', NULL, "
        "'assignee', CASE WHEN g <= 150 THEN t.assignee ELSE (SELECT id FROM staff WHERE name = $2) END)) r "
        "WHERE t.ref = $1",
        ref,
        ANDREA,
    )
    view = await home_of(house.person(SACHA))
    shown = texts(view)
    # What is mine crowds out nothing of what nobody has.
    assert "Tout est pris en charge" not in shown
    assert shown.index("Il en reste 131") < shown.index("À prendre au cabinet") < shown.index("Il en reste 30")
    assert len(view.blocks) <= 100
    assert "Il en reste 131" in await said(house.person(SACHA), "/reprise mes dossiers")


async def test_a_case_can_be_taken_and_ended_in_home(house: House) -> None:
    ref = await house.a_call()
    sacha = house.person(SACHA)
    view = await home_of(sacha)
    await sacha.press_in_view(view, "case_mine", block_id=f"case_{ref}")
    assert await fetch_value("SELECT status FROM task WHERE ref = $1", ref) == TaskStatus.CLAIMED
    view = await eventually(lambda: sacha.home if sacha.home and "prise en charge" in texts(sacha.home) else None)
    await sacha.press_in_view(view, "case_outcome", block_id=f"case_{ref}")
    await eventually(lambda: sacha.modal)
    await sacha.submit({("outcome", "choice"): CallOutcome.NO_ANSWER})
    assert await fetch_value("SELECT status FROM task WHERE ref = $1", ref) == TaskStatus.DONE
    await eventually(lambda: sacha.home and ref not in texts(sacha.home))


async def test_a_stale_home_says_what_has_become_of_the_case(house: House) -> None:
    ref = await house.a_call()
    sacha = house.person(SACHA)
    view = await home_of(sacha)
    await ended(ref, CallOutcome.NO_ANSWER, house.practice, clock.now())
    await sacha.press_in_view(view, "case_mine", block_id=f"case_{ref}")
    await eventually(lambda: sacha.home and "déjà terminée" in texts(sacha.home))


async def test_home_of_somebody_who_is_not_linked_shows_the_way_and_no_case(house: House) -> None:
    ref = await house.a_call()
    shown = texts(await home_of(house.person(DOMINIQUE)))
    assert "/staff/account/slack" in shown
    assert ref not in shown


async def test_my_list_and_help(house: House) -> None:
    ref = await house.a_call()
    assert ref in await said(house.person(SACHA), "/reprise mes dossiers")
    assert await said(house.person(ANDREA), "/reprise mes dossiers") == "Rien ne vous attend."
    helped = await said(house.person(SACHA), "/reprise aide")
    assert "`/reprise suivant`" in helped
    assert helped in await said(house.person(SACHA), "/reprise nimporte quoi")
    assert "Relier mon compte" in await said(house.person(DOMINIQUE), "/reprise suivant")


async def test_the_next_one_is_what_i_am_asked_first_and_twice_is_once(house: House) -> None:
    theirs, mine = await house.a_call(), await house.a_call()
    await fetch("UPDATE task SET assignee = (SELECT id FROM staff WHERE name = $2) WHERE ref = $1", mine, ANDREA)
    house.slack.sender.copies = 2
    assert mine in await said(house.person(ANDREA), "/reprise suivant")
    assert await fetch_value("SELECT count(*) FROM task WHERE status = 'claimed'") == 1
    house.slack.sender.copies = 0
    clock.move_by(timedelta(seconds=11))
    assert theirs in await said(house.person(ANDREA), "/reprise suivant")
    clock.move_by(timedelta(seconds=11))
    assert await said(house.person(ANDREA), "/reprise suivant") == "Rien à prendre pour le moment."


async def test_the_next_one_is_never_one_that_my_role_may_not_take(house: House) -> None:
    await f.make_absence(house.practice, risk_rules=RISK)
    await open_steps(f.local(17, 9))
    await fetch("UPDATE task SET kind = 'alert', fallback = NULL WHERE status = 'open'")
    assert await said(house.person(CAMILLE), "/reprise suivant") == "Rien à prendre pour le moment."


async def test_leave_by_command_moves_what_waits_and_shows_in_home(house: House) -> None:
    ref = await house.a_call()
    told = await said(house.person(SACHA), "/reprise absent jusqu'au 2026-12-01")
    assert told == "Absence notée jusqu’au 1 décembre 2026. Demandes transmises : 1."
    shown = texts(await home_of(house.person(SACHA)))
    assert "17 novembre 2026 – 1 décembre 2026 · remplacement : Dominique Petit" in shown
    await house.tick()
    assert await house.shows_the_database(ref)
    assert await said(house.person(SACHA), "/reprise de retour") == "Votre retour est noté."
    assert await said(house.person(SACHA), "/reprise de retour") == "Aucune absence n’était en cours."


@pytest.mark.parametrize("day", ["2020-01-01", "2099-01-01"])
async def test_leave_that_cannot_be_is_told_kindly(house: House, day: str) -> None:
    assert await said(house.person(SACHA), f"/reprise absent jusqu'au {day}") == (
        "Cette date est passée, ou trop lointaine."
    )
    assert "Écrivez la date ainsi" in await said(house.person(SACHA), "/reprise absent")

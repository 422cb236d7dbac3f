"""Aujourd'hui over HTTP: what the list shows, to whom, what is news, and what the security log says of it."""

import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar

from db.actors import Hand
from db.changes.inbound import Meaning, record_inbound
from db.changes.worklist import acknowledge_task, add_note, reassign_task
from db.clock import clock
from db.engine import fetch, fetch_value, transaction
from db.queries.practices import Profile
from db.queries.today import LIST_VERSION
from db.queries.worklist import task_in_full
from db.rules.risk import RiskRule
from db.rules.settings import Settings
from db.states import CallOutcome, TaskKind, TaskStatus
from tests import factories as f
from tests.db.changes import people
from tests.db.changes.people import ANDREA, CRISIS, RISK, SACHA
from tests.portal.conftest import FORM, visitor
from tests.portal.staff.worklist import (
    EVERYBODY,
    MOVES,
    NOW,
    CaseDesk,
    Desks,
    claimed_by,
    journal,
    looked_up,
    news_of,
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


async def test_a_quiet_day_says_so_kindly(sacha: CaseDesk) -> None:
    said = await sacha.text("/staff/today")
    assert "Tout est calme" in said
    assert "<article" not in said


async def test_a_case_says_what_is_asked_by_when_of_whom_and_whose(sacha: CaseDesk, call: str) -> None:
    said = await sacha.text("/staff/today")
    for words in (
        "Appeler le patient",
        "Alix Martin",
        'href="tel:+33612345678"',
        "06 12 34 56 78",
        "patient P1",
        "À prendre en charge",
        "aujourd’hui à 19:30",
        "Sacha Morel",
        "16 novembre 2026",
        "ils continuent",
        "/staff/patients/",
    ):
        assert words in said, words


async def test_the_pressing_stand_first_then_the_nearest_deadline(sacha: CaseDesk, house: Profile, call: str) -> None:
    await f.make_absence(house, patient_key="P2", risk_rules=CRISIS)
    await people.open_steps(NOW)
    alert = await fetch_value("SELECT ref FROM task WHERE crisis AND kind = $1 ORDER BY id LIMIT 1", TaskKind.ALERT)
    said = await sacha.text("/staff/today")
    assert said.index(f"case-{alert}") < said.index(f"case-{call}")
    assert "vigilance renforcée" in said
    assert "Vigilance renforcée : " in said


async def test_a_deadline_that_has_passed_is_said(sacha: CaseDesk, call: str) -> None:
    clock.move_to(f.local(17, 20))
    assert "échéance passée" in await sacha.text("/staff/today")


@pytest.mark.parametrize(
    ("query", "refs"),
    [
        ("", {"call", "reply"}),
        ("?mine=1", {"call"}),
        ("?unclaimed=1", {"reply"}),
        ("?kind=reply", {"reply"}),
        ("?mine=1&kind=reply", set()),
        ("?kind=lapin&mine=yes&page=-1", {"call", "reply"}),
        ("?page=2", set()),
    ],
)
async def test_the_list_is_narrowed(query: str, refs: set[str], sacha: CaseDesk, house: Profile) -> None:
    absence, call = await people.a_call(house)
    found = {"call": call, "reply": await people.a_reply(house, absence, NOW)}
    await claimed_by(SACHA, call, house)
    said = await sacha.text(f"/staff/today{query}")
    assert set(re.findall(r'id="case-(\w+)"', said)) == {found[name] for name in refs}
    assert ("Aucune demande ne correspond" in said) == (not refs)


async def test_more_than_a_page_is_led_on_to(sacha: CaseDesk, house: Profile) -> None:
    for number in range(51):
        await record_inbound(
            practice=house.id,
            from_e164=f"+336980000{number:02d}",
            meaning=Meaning.REPLY,
            now=NOW,
            gateway="twilio",
            text="Bonjour",
            provider_id=f"SM{number}",
        )
    first, second = await sacha.text("/staff/today"), await sacha.text("/staff/today?page=2")
    assert first.count("<article") == 50
    assert second.count("<article") == 1
    assert "Demandes 1 à 50 sur 51" in first
    assert "/staff/today?page=2" in first


async def test_what_a_patient_wrote_and_a_note_stand_in_their_case(sacha: CaseDesk, house: Profile) -> None:
    absence, call = await people.a_call(house)
    await people.a_reply(house, absence, NOW)
    await add_note(call, practice=house.id, note="Préfère\nle matin.", by=await people.hand_of(SACHA), now=NOW)
    said = await sacha.text("/staff/today")
    assert "Je rappelle" in said
    assert "Préfère\nle matin." in said


@pytest.mark.parametrize(("rules", "carries"), [(CRISIS, True), (RISK, False)], ids=["crisis flag", "none"])
async def test_an_escalation_under_a_crisis_flag_carries_the_practice_s_own_check(
    rules: frozenset[RiskRule], carries: bool, desks: Desks, database: None
) -> None:
    clock.move_to(NOW)
    protocol = Settings(welfare_check=("Appeler le patient.", "Appeler le cabinet."))
    house = await people.make_house(settings=protocol)
    _, call = await people.a_call(house, risk_rules=rules)
    desk = await desks.of(SACHA)
    assert "Appeler le cabinet." not in await desk.text("/staff/today")
    await desk.move(call, "outcome", outcome="needs_clinical_lead")
    escalation = await people.ref_of(TaskKind.ESCALATION)
    page = await desk.text(f"/staff/cases/{escalation}")
    assert ("Appeler le cabinet." in page) is carries
    assert ("Appeler le cabinet." in await desk.text("/staff/today")) is carries
    assert 'value="needs_clinical_lead"' not in page


async def test_the_page_of_a_case_tells_its_history_by_name_and_its_title_no_name(sacha: CaseDesk, call: str) -> None:
    await sacha.move(call, "claim")
    page = await sacha.text(f"/staff/cases/{call}")
    assert re.search(r"Pris en charge : appeler le patient.*\(Sacha Morel\)", page)
    assert f"<title>Demande {call}" in page


async def test_english_for_whoever_reads_english(desks: Desks, house: Profile, call: str) -> None:
    await fetch("UPDATE staff SET language = 'en' WHERE name = $1", SACHA)
    said = await (await desks.of(SACHA)).text("/staff/today")
    assert "I will take it" in said
    assert "Je m’en charge" not in said


async def test_nothing_is_sent_while_nothing_has_changed(sacha: CaseDesk, call: str) -> None:
    for path in ("/staff/today", "/staff/today?mine=1", f"/staff/cases/{call}"):
        news = news_of((await sacha.get(path)).text)
        answer = await sacha.news(news)
        assert answer.status_code == 204
        assert not answer.content


async def _arrives(house: Profile, call: str) -> Any:
    return await people.a_call(house, patient_key="P2")


async def _seen(house: Profile, call: str) -> Any:
    return await acknowledge_task(call, practice=house.id, by=await people.hand_of(ANDREA), now=NOW)


async def _taken(house: Profile, call: str) -> Any:
    return await claimed_by(ANDREA, call, house)


async def _ended(house: Profile, call: str) -> Any:
    return await people.ended(call, CallOutcome.NO_ANSWER, house, NOW)


async def _given(house: Profile, call: str) -> Any:
    return await reassign_task(call, practice=house.id, to="clinical_lead", by=Hand("staff:terminal"), now=NOW)


async def _noted(house: Profile, call: str) -> Any:
    return await add_note(call, practice=house.id, note="Oui.", by=Hand("staff:terminal"), now=NOW)


async def _late(_house: Profile, _call: str) -> Any:
    clock.move_to(f.local(17, 20))


async def _tomorrow(_house: Profile, _call: str) -> Any:
    clock.move_to(f.local(18, 0, 5))


@pytest.mark.parametrize("change", [_arrives, _seen, _taken, _ended, _given, _noted, _late, _tomorrow])
async def test_a_change_made_elsewhere_is_shown(change: Any, sacha: CaseDesk, house: Profile, call: str) -> None:
    """Slack and the terminal make the same changes."""
    news = news_of((await sacha.get("/staff/today")).text)
    await change(house, call)
    answer = await sacha.news(news)
    assert answer.status_code == 200
    assert answer.text.startswith('<div id="worklist">')
    assert (await sacha.news(news_of(answer.text))).status_code == 204


async def test_the_page_of_a_case_shows_a_change_made_elsewhere(sacha: CaseDesk, house: Profile, call: str) -> None:
    news = news_of((await sacha.get(f"/staff/cases/{call}")).text)
    await people.a_call(house, patient_key="P2")
    assert (await sacha.news(news)).status_code == 204, "another case is none of its business"
    await claimed_by(ANDREA, call, house)
    answer = await sacha.news(news)
    assert "Pris en charge par Andrea Blanc" in html.unescape(answer.text)


async def test_what_a_page_does_shows_elsewhere_at_once(sacha: CaseDesk, house: Profile, call: str) -> None:
    await sacha.move(call, "claim")
    assert (await task_in_full(house.id, call)).holder == SACHA


async def test_asking_for_news_is_one_query_on_an_index(house: Profile, call: str) -> None:
    await fetch(
        "INSERT INTO task (practice, ref, kind, status, dedupe, due_at, urgent, crisis, rung, unless_answered, "
        "created_at) "
        "SELECT $1, 'old' || n, $2, $3, 'old' || n, $4, false, false, 0, false, $4 FROM generate_series(1, 2000) n",
        house.id,
        TaskKind.REPLY,
        TaskStatus.DONE,
        NOW,
    )
    await fetch("ANALYZE task")
    async with transaction():
        # Of the other tables there are so few rows that they are read faster without one.
        await fetch("SET LOCAL enable_seqscan = off")
        # A statement that is asked every second is planned once, for whatever values come.
        await fetch("SET LOCAL plan_cache_mode = force_generic_plan")
        await fetch(f"PREPARE asked_every_second (int, timestamptz) AS {LIST_VERSION}")
        explained = await fetch(f"EXPLAIN EXECUTE asked_every_second ({house.id}, '{NOW}')")
        await fetch("DEALLOCATE asked_every_second")
    plan = " ".join(row["QUERY PLAN"] for row in explained)
    assert "Seq Scan" not in plan
    assert "task_open" in plan


async def test_whose_names_were_shown_is_logged_once_an_hour(sacha: CaseDesk, house: Profile, call: str) -> None:
    page = await sacha.get("/staff/today")
    assert await looked_up() == 1
    row = (await fetch("SELECT * FROM security_log WHERE event = 'looked_up'"))[0]
    assert row["subject_ref"] == await fetch_value("SELECT ref FROM patient WHERE key = 'P1'")
    assert row["actor"] == (await people.hand_of(SACHA)).actor
    for _ in range(3):
        await sacha.news(news_of(page.text))
    await sacha.get(f"/staff/cases/{call}")
    await sacha.send(call, "claim", script=True)
    assert await looked_up() == 1
    clock.move_to(NOW + timedelta(minutes=61))
    await sacha.get("/staff/today")
    assert await looked_up() == 2


async def test_a_name_that_news_bring_is_logged_too_and_for_each_who_sees_it(
    desks: Desks, sacha: CaseDesk, house: Profile, call: str
) -> None:
    news = news_of((await sacha.get("/staff/today")).text)
    await people.a_call(house, patient_key="P2")
    await sacha.news(news)
    assert await looked_up() == 2
    await (await desks.of(ANDREA)).get(f"/staff/cases/{call}")
    assert await looked_up() == 3


async def test_the_page_keeps_nobody_signed_in_who_has_left(sacha: CaseDesk, call: str) -> None:
    """What asks by itself says so; a person's own forms do not inherit it."""
    page = await sacha.text("/staff/today")
    asking = re.search(r"<div hidden [^>]*></div>", page)
    assert asking
    assert "x-background" in asking[0]
    assert page.count("x-background") == 1


@pytest.mark.parametrize("name", EVERYBODY)
async def test_every_role_works_the_list(name: str, desks: Desks, house: Profile, call: str) -> None:
    desk = await desks.of(name)
    assert "Alix Martin" in await desk.text("/staff/today")
    assert (await desk.move(call, "claim")).status_code == 303
    assert await state(call) == ("claimed", name)


async def test_nobody_sees_or_moves_anything_without_a_session(app: Litestar, house: Profile, call: str) -> None:
    async with visitor(app) as stranger:
        for path in ("/staff/today", f"/staff/cases/{call}", "/staff/today/news", f"/staff/cases/{call}/news"):
            answer = await stranger.get(path)
            assert answer.status_code in (303, 302), path
            assert "Alix" not in answer.text
        for move, fields in MOVES.items():
            answer = await stranger.post(f"/staff/cases/{call}/{move}", data=fields, headers=FORM)
            assert answer.status_code >= 303, move
    assert await state(call) == ("open", None)


@pytest.mark.parametrize("move", MOVES)
async def test_a_form_without_the_session_s_token_is_refused(move: str, sacha: CaseDesk, call: str) -> None:
    before = await journal()
    for fields in (MOVES[move], MOVES[move] | {"csrf": "x" * 43}):
        answer = await sacha.client.post(f"/staff/cases/{call}/{move}", data=fields, headers=FORM)
        assert answer.status_code == 403
    foreign = {"sec-fetch-site": "cross-site", "x-csrftoken": sacha.csrf}
    answer = await sacha.client.post(f"/staff/cases/{call}/{move}", data=MOVES[move], headers=foreign)
    assert answer.status_code == 403
    assert await journal() == before

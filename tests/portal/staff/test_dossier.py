"""One patient over HTTP: found, read, and changed; by whom; and who saw whom."""

import html
from dataclasses import replace
from datetime import date

import pytest

from db.changes.inbound import Meaning, record_inbound
from db.changes.labels import set_label
from db.changes.opt_outs import opt_out_by_link
from db.changes.practices import save_practice
from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.practices import Profile, all_practices
from db.rules.intake_row import IntakeRow
from db.rules.risk import RiskRule
from db.states import Channel, Role
from tests import factories as f
from tests.db.changes.acts import FIRST_DUE, send, sequence
from tests.portal.checker import said
from tests.portal.staff.conftest import StaffClient
from tests.portal.staff.desk import Desk

SEARCH = "/staff/patients"
NASTY = "<script>alert('é')</script>\"'><img src=x>"
CRISIS = RiskRule.CRISIS


async def ref_of(row: IntakeRow) -> str:
    found: str = await fetch_value("SELECT ref FROM patient WHERE key = $1", row.patient_key)
    return found


async def at(row: IntakeRow) -> str:
    return f"{SEARCH}/{await ref_of(row)}"


async def seen(desk: Desk, path: str) -> str:
    return " ".join(html.unescape(said(await desk.page(path))).split())


async def do(desk: Desk, row: IntakeRow, what: str, fields: dict[str, str]) -> str:
    """Post a form of the page; what the page then says."""
    answer = await desk.post(f"{await at(row)}/{what}", fields)
    assert answer.status_code == 303, answer.text
    return await seen(desk, answer.headers["location"])


async def running(row: IntakeRow) -> str:
    found: str = (await f.enrolment_of(row.patient_key))["ref"]
    return found


async def looked_up() -> list[tuple[str | None, str | None]]:
    rows = await fetch("SELECT subject_ref, data::text AS data FROM security_log WHERE event = 'looked_up' ORDER BY id")
    return [(row["subject_ref"], row["data"]) for row in rows]


@pytest.mark.parametrize(
    "asked",
    [
        "  P-42 ",
        "p-42",
        "06 12 34 56 78",
        "+33612345678",
        "0612345678",
        "Alix.Martin@Mail.example",
    ],
)
async def test_patient_is_found_however_it_is_written(staff_client: StaffClient, practice: Profile, asked: str) -> None:
    row = await f.make_absence(practice, patient_key="P-42", phone="+33612345678", email="alix.martin@mail.example")
    await f.make_absence(practice)
    desk = await staff_client(Role.FRONT_DESK)
    await desk.get(SEARCH)
    assert (await desk.post(SEARCH, {"q": asked})).headers["location"] == await at(row)
    assert (await desk.get(SEARCH, params={"q": asked})).headers["location"] == await at(row)
    assert await looked_up() == [(await ref_of(row), '{"search": 1}')] * 2


async def test_patient_is_found_by_our_reference(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice)
    desk = await staff_client(Role.PRACTITIONER)
    assert (await desk.get(SEARCH, params={"q": await ref_of(row)})).headers["location"] == await at(row)


async def test_family_that_shares_a_telephone_is_shown_together(staff_client: StaffClient, practice: Profile) -> None:
    one = await f.make_absence(practice, phone="+33612345678", first_name="Noa")
    two = await f.make_absence(practice, phone="+33612345678", first_name="Sam")
    desk = await staff_client(Role.FRONT_DESK)
    text = await seen(desk, f"{SEARCH}?q=0612345678")
    assert "Plusieurs dossiers correspondent" in text
    assert "Noa Martin" in text
    assert "Sam Martin" in text
    assert {subject for subject, _ in await looked_up()} == {await ref_of(one), await ref_of(two)}
    assert "une désinscription vaut pour tous" in await seen(desk, await at(one))


async def test_name_is_not_searched_and_the_page_says_so(staff_client: StaffClient, practice: Profile) -> None:
    await f.make_absence(practice, first_name="Alix", last_name="Martin")
    desk = await staff_client(Role.FRONT_DESK)
    text = await seen(desk, f"{SEARCH}?q=Alix%20Martin")
    assert "Un nom ne peut pas être cherché" in text
    assert await looked_up() == [(None, '{"search": 0}')]
    log = await fetch_value("SELECT string_agg(t::text, ' ') FROM security_log t")
    assert "Alix" not in log


async def test_search_without_a_word_asks_nothing(staff_client: StaffClient, practice: Profile) -> None:
    desk = await staff_client(Role.FRONT_DESK)
    assert "Les noms sont chiffrés" in await seen(desk, f"{SEARCH}?q=%20")
    assert await looked_up() == []


async def test_record_tells_what_happened_what_is_to_come_and_why(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice, first_name="Alix", last_name="Martin", risk_rules=frozenset({CRISIS}))
    clock.move_to(FIRST_DUE)
    await send(practice, FIRST_DUE)
    (link, *_) = await f.link_ids(row.patient_key)
    await opt_out_by_link(link, channels=[Channel.SMS], source="page", now=FIRST_DUE)
    desk = await staff_client(Role.CARE_COORDINATOR)
    text = await seen(desk, await at(row))
    for part in (
        "Alix Martin",
        "Suivi prioritaire",
        "Vigilance renforcée",
        "SMS « premier message » envoyé — comme prévu",
        "Désinscription (SMS) — par le patient",
        "désinscription",
        "E-mail « souplesse » prévu",
        "Prévu : appeler le patient",
        "Parcours « suivi prioritaire »",
        "absence, Maxime Lefèvre",
    ):
        assert part in text, part
    assert (await looked_up())[-1] == (await ref_of(row), None)


async def test_each_case_leads_to_its_page(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice, phone=None, phone_kind=None, email=None)
    task = await fetch_value("SELECT ref FROM task")
    desk = await staff_client(Role.CARE_COORDINATOR)
    tree = await desk.page(await at(row))
    assert [a.get("href") for a in tree.iter("a")].count(f"/staff/cases/{task}") == 2


async def test_reply_stands_in_the_story_without_its_text(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice)
    await record_inbound(
        practice=practice.id,
        gateway="twilio",
        provider_id="SM1",
        from_e164=row.phone or "",
        text="Je suis chez ma sœur",
        meaning=Meaning.REPLY,
        now=f.MONDAY,
    )
    desk = await staff_client(Role.CARE_COORDINATOR)
    text = await seen(desk, await at(row))
    assert "Réponse reçue par SMS" in text
    assert "En pause : le patient a répondu" in text
    assert "sœur" not in text


async def test_front_desk_sees_that_not_why(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice, risk_rules=frozenset({RiskRule.PSYCHIATRIC_DISCHARGE}))
    ref = await ref_of(row)
    await set_label(ref, rule=RiskRule.PRACTITIONER_LABEL, practice=practice, actor="staff:x", now=f.MONDAY)
    for role, knows in ((Role.FRONT_DESK, False), (Role.ADMIN, False), (Role.PRACTITIONER, True)):
        text = await seen(await staff_client(role), await at(row))
        assert "Suivi prioritaire" in text
        assert ("hospitalisation" in text) is knows
        assert ("décision du praticien" in text.lower()) is knows


async def test_sequence_is_paused_resumed_and_stopped(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice)
    desk = await staff_client(Role.FRONT_DESK)
    await desk.get(await at(row))
    fields = {"sequence": await running(row)}
    text = await do(desk, row, "sequence", fields | {"do": "pause", "until": "2026-11-19"})
    assert "La relance est en pause." in text
    assert "En pause : décidé par l’équipe Reprise prévue : jeu. 19 nov. 2026 à 09:00" in text
    assert "La relance reprend." in await do(desk, row, "sequence", fields | {"do": "resume"})
    assert "La relance est arrêtée." in await do(desk, row, "sequence", fields | {"do": "stop"})
    assert await sequence(row.patient_key) == ("stopped", "stopped_by_staff")
    assert "Cette relance est terminée" in await do(desk, row, "sequence", fields | {"do": "resume"})
    assert "C’était déjà ainsi" in await do(desk, row, "sequence", fields | {"do": "stop"})


@pytest.mark.parametrize(
    ("fields", "notice"),
    [
        ({"do": "everything"}, "Il manque quelque chose"),
        ({}, "Il manque quelque chose"),
        ({"do": "pause", "until": "19/11"}, "Il manque quelque chose"),
        ({"do": "pause", "until": "2026-11-16"}, "la date est passée"),
    ],
)
async def test_form_that_makes_no_sense_changes_nothing(
    staff_client: StaffClient, practice: Profile, fields: dict[str, str], notice: str
) -> None:
    row = await f.make_absence(practice)
    desk = await staff_client(Role.FRONT_DESK)
    await desk.get(await at(row))
    assert notice in await do(desk, row, "sequence", {"sequence": await running(row), **fields})
    assert await sequence(row.patient_key) == ("active", None)


async def test_label_is_set_with_its_end_and_ended(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice)
    desk = await staff_client(Role.PRACTITIONER)
    await desk.get(await at(row))
    rule = {"rule": "practitioner_label"}
    text = await do(desk, row, "labels", rule | {"do": "set", "until": "2026-12-24"})
    assert "jusqu’au 24 décembre 2026 inclus" in text
    assert await fetch_value("SELECT until FROM patient_risk") == date(2026, 12, 24)
    assert (await f.enrolment_of(row.patient_key))["plan_name"] == "high_risk"
    assert "Le suivi prioritaire est levé." in await do(desk, row, "labels", rule | {"do": "end"})
    assert "la date est passée" in await do(desk, row, "labels", rule | {"do": "set", "until": "2026-11-01"})
    assert "Il manque" in await do(desk, row, "labels", {"do": "set", "rule": "anything"})


async def test_objection_is_recorded_and_lifted(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice)
    desk = await staff_client(Role.FRONT_DESK)
    await desk.get(await at(row))
    assert "Opposition à toute relance automatique, depuis" in await do(desk, row, "objection", {"do": "set"})
    assert await sequence(row.patient_key) == ("stopped", "objection")
    assert "L’opposition est levée." in await do(desk, row, "objection", {"do": "end"})


@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.ADMIN])
async def test_label_is_a_clinical_statement(staff_client: StaffClient, practice: Profile, role: Role) -> None:
    row = await f.make_absence(practice)
    desk = await staff_client(role)
    await desk.get(await at(row))
    fields = {"do": "set", "rule": "practitioner_label"}
    assert (await desk.post(f"{await at(row)}/labels", fields)).status_code == 403
    assert await fetch_value("SELECT count(*) FROM patient_risk") == 0


async def test_patient_of_another_practice_is_not_there(staff_client: StaffClient, practice: Profile) -> None:
    mine = await f.make_absence(practice)
    await save_practice(replace(f.new_practice(staff=f.EVERY_ROLE), key="chenes"), now=f.MONDAY)
    other = next(one for one in await all_practices() if one.key == "chenes")
    row = await f.make_absence(other, phone="+33612345678", email="ailleurs@mail.example")
    desk = await staff_client(Role.CLINICAL_LEAD)
    await desk.get(SEARCH)
    for asked in (row.patient_key, "0612345678", "ailleurs@mail.example", await ref_of(row)):
        assert (await desk.post(SEARCH, {"q": asked})).status_code == 200
    assert (await desk.get(await at(row))).status_code == 404
    theirs = {"sequence": await running(row), "do": "stop"}
    for whose in (mine, row):
        assert (await desk.post(f"{await at(whose)}/sequence", theirs)).status_code == 404
    label = {"do": "set", "rule": "practitioner_label"}
    assert (await desk.post(f"{await at(row)}/labels", label)).status_code == 404
    assert (await desk.post(f"{await at(row)}/objection", {"do": "set"})).status_code == 404
    assert await sequence(row.patient_key) == ("active", None)
    assert {subject for subject, _ in await looked_up()} == {None}


async def test_sequence_of_another_patient_is_not_this_one(staff_client: StaffClient, practice: Profile) -> None:
    one, two = await f.make_absence(practice), await f.make_absence(practice)
    desk = await staff_client(Role.FRONT_DESK)
    await desk.get(await at(one))
    answer = await desk.post(f"{await at(one)}/sequence", {"sequence": await running(two), "do": "stop"})
    assert answer.status_code == 404
    assert await sequence(two.patient_key) == ("active", None)


@pytest.mark.parametrize("what", ["sequence", "labels", "objection"])
async def test_form_without_its_token_is_refused(staff_client: StaffClient, practice: Profile, what: str) -> None:
    row = await f.make_absence(practice)
    desk = await staff_client(Role.CLINICAL_LEAD)
    fields = {"sequence": await running(row), "do": "stop", "rule": "practitioner_label"}
    assert (await desk.post(f"{await at(row)}/{what}", fields, csrf=False)).status_code == 403
    assert await sequence(row.patient_key) == ("active", None)


async def test_what_others_wrote_is_shown_as_it_is_written(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice, patient_key=NASTY, first_name=NASTY, last_name=NASTY, practitioner=NASTY)
    desk = await staff_client(Role.CARE_COORDINATOR)
    for path in (await at(row), f"{SEARCH}?q={NASTY.replace(' ', '%20').replace('#', '')}zz"):
        answer = await desk.get(path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text
        assert NASTY in html.unescape(answer.text)


async def test_long_story_opens_at_a_touch(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice)
    await fetch(
        "INSERT INTO journal (practice, at, actor, event, patient_ref) SELECT $1, $2, 'intake', 'patient_updated', $3 "
        "FROM generate_series(1, 80)",
        practice.id,
        f.MONDAY,
        await ref_of(row),
    )
    desk = await staff_client(Role.FRONT_DESK)
    short, whole = await seen(desk, await at(row)), await seen(desk, f"{await at(row)}?all=1")
    assert short.count("Coordonnées mises à jour") == 60
    assert "Tout l’historique" in short
    assert whole.count("Coordonnées mises à jour") == 80
    assert "Tout l’historique" not in whole


async def test_staff_read_it_in_their_language(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice)
    await fetch("UPDATE staff SET language = 'en'")
    desk = await staff_client(Role.FRONT_DESK)
    text = await seen(desk, await at(row))
    assert "No objection to automatic follow-ups." in text
    assert "Follow-up" in text

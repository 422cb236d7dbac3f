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
from db.queries.finding import MOST_FOUND
from db.queries.practices import Profile, all_practices
from db.rules.intake_row import IntakeRow
from db.rules.risk import RiskRule
from db.states import Channel, Role
from tests import factories as f
from tests.db.changes.acts import FIRST_DUE, send, sequence
from tests.portal.checker import said
from tests.portal.staff.checker import check_staff_page
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


async def find(desk: Desk, asked: str) -> str:
    """Search as the page's form does; what the page then says."""
    await desk.get(SEARCH)
    answer = await desk.post(SEARCH, {"q": asked})
    assert answer.status_code == 200, answer.text
    return " ".join(html.unescape(said(check_staff_page(answer, desk.app))).split())


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
    assert await looked_up() == [(await ref_of(row), '{"search": 1}')]


async def test_what_is_typed_stands_in_no_address(staff_client: StaffClient, practice: Profile) -> None:
    """A telephone number in an address would stay in the browser's history."""
    await f.make_absence(practice, phone="+33612345678")
    desk = await staff_client(Role.FRONT_DESK)
    tree = await desk.page(SEARCH)
    assert [form.get("method") for form in tree.iter("form") if form.get("role") == "search"] == ["post"]
    answer = await desk.get(SEARCH, params={"q": "0612345678"})
    assert answer.status_code == 200
    assert "0612345678" not in answer.text
    assert await looked_up() == []


async def test_patient_is_found_by_every_reference_that_staff_meet(
    staff_client: StaffClient, practice: Profile
) -> None:
    row = await f.make_absence(practice, phone=None, phone_kind=None, email=None, appointment_key="RDV-77")
    desk = await staff_client(Role.PRACTITIONER)
    await desk.get(SEARCH)
    case = await fetch_value("SELECT ref FROM task")
    appointment = await fetch_value("SELECT ref FROM appointment")
    for asked in (await ref_of(row), case, case.upper(), appointment, "rdv-77"):
        assert (await desk.post(SEARCH, {"q": asked})).headers["location"] == await at(row)


async def test_family_that_shares_a_telephone_is_shown_together(staff_client: StaffClient, practice: Profile) -> None:
    one = await f.make_absence(practice, phone="+33612345678", first_name="Noa")
    two = await f.make_absence(practice, phone="+33612345678", first_name="Sam")
    desk = await staff_client(Role.FRONT_DESK)
    text = await find(desk, "0612345678")
    assert "2 dossiers correspondent" in text
    assert "Noa Martin" in text
    assert "Sam Martin" in text
    assert {subject for subject, _ in await looked_up()} == {await ref_of(one), await ref_of(two)}
    assert "une désinscription vaut pour tous" in await seen(desk, await at(one))


@pytest.mark.parametrize(
    "asked",
    ["helene", "HÉLÈNE", "Saint Exupéry", "exupery hel", "  Hélène   de Saint-Exupéry ", "desaintex", "jean hélène"],
)
async def test_patient_is_found_by_a_part_of_the_name(staff_client: StaffClient, practice: Profile, asked: str) -> None:
    row = await f.make_absence(practice, first_name="Hélène-Jeanne", last_name="de Saint-Exupéry")
    await f.make_absence(practice, first_name="Alix", last_name="Martin")
    desk = await staff_client(Role.FRONT_DESK)
    await desk.get(SEARCH)
    assert (await desk.post(SEARCH, {"q": asked})).headers["location"] == await at(row)


@pytest.mark.parametrize("asked", ["zoé", "h", "Hélène Martin", "AB99", "helene@mail.example", "06 99", "%", "'; --"])
async def test_nobody_is_found_by_what_is_nobodys(staff_client: StaffClient, practice: Profile, asked: str) -> None:
    await f.make_absence(practice, first_name="Hélène", last_name="Abel", email="abel@mail.example")
    await f.make_absence(practice, first_name="Alix", last_name="Martin")
    desk = await staff_client(Role.FRONT_DESK)
    assert "Aucun dossier trouvé" in await find(desk, asked)
    assert await looked_up() == [(None, '{"search": 0}')]
    log = await fetch_value("SELECT string_agg(t::text, ' ') FROM security_log t")
    assert len(asked) < 3 or asked not in log


async def test_too_many_of_one_name_are_told_and_cut(staff_client: StaffClient, practice: Profile) -> None:
    names = [f"{chr(ord('A') + n)}lix" for n in range(MOST_FOUND + 2)]
    await f.intake([f.row(first_name=name, last_name="Durand") for name in reversed(names)], practice)
    desk = await staff_client(Role.FRONT_DESK)
    text = await find(desk, "durand")
    assert f"Plus de {MOST_FOUND} dossiers correspondent" in text
    assert "Précisez la recherche" in text
    assert [name for name in names if f"{name} Durand" in text] == names[:MOST_FOUND]
    assert len(await looked_up()) == MOST_FOUND


async def test_search_without_a_word_asks_nothing(staff_client: StaffClient, practice: Profile) -> None:
    desk = await staff_client(Role.FRONT_DESK)
    assert "Aucun dossier trouvé" not in await find(desk, "  ")
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
    assert "Le parcours de relance est en pause." in text
    assert "En pause : décidé par l’équipe Reprise prévue : jeu. 19 nov. 2026 à 09:00" in text
    assert "Le parcours de relance reprend." in await do(desk, row, "sequence", fields | {"do": "resume"})
    assert "Le parcours de relance est arrêté." in await do(desk, row, "sequence", fields | {"do": "stop"})
    assert await sequence(row.patient_key) == ("stopped", "stopped_by_staff")
    assert "Ce parcours est terminé" in await do(desk, row, "sequence", fields | {"do": "resume"})
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


async def test_follow_up_that_is_over_says_how_it_ended(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice)
    desk = await staff_client(Role.FRONT_DESK)
    await desk.get(await at(row))
    text = await do(desk, row, "sequence", {"sequence": await running(row), "do": "stop"})
    assert "Parcours de relance Arrêté" in text
    assert "Depuis le lun. 16 nov. 2026 à 10:10 : arrêté par l’équipe" in text
    assert "Rien n’est prévu." in text
    for act in ("Reprendre", "Mettre en pause", "Arrêter le parcours"):
        assert act not in text
    await fetch("UPDATE enrolment SET status = 'completed', reason = 'completed'")
    text = await seen(desk, await at(row))
    assert "Parcours de relance Terminé" in text
    assert "tous les messages prévus sont passés" in text


async def test_of_two_follow_ups_the_running_one_is_shown(staff_client: StaffClient, practice: Profile) -> None:
    row = await f.make_absence(practice, starts_at=f.local(16, 9))
    await f.intake([replace(row, appointment_key="later", starts_at=f.local(16, 9, 30))], practice)
    assert [one["reason"] for one in await fetch("SELECT reason FROM enrolment ORDER BY id")] == ["superseded", None]
    await set_label(await ref_of(row), rule=CRISIS, practice=practice, actor="staff:x", now=f.MONDAY)
    desk = await staff_client(Role.CLINICAL_LEAD)
    text = await seen(desk, await at(row))
    assert "Parcours de relance En cours" in text
    assert "Parcours « suivi prioritaire »" in text
    assert text.count("Mettre en pause") == 2
    assert "un autre parcours a pris la suite" in text
    # A page left open speaks of the one that was replaced.
    old = await fetch_value("SELECT ref FROM enrolment ORDER BY id LIMIT 1")
    assert "Un autre parcours a pris la suite" in await do(desk, row, "sequence", {"sequence": old, "do": "stop"})
    assert await sequence(row.patient_key) == ("active", None)


async def test_next_step_stands_apart_and_the_story_comes_last(staff_client: StaffClient, practice: Profile) -> None:
    """Whoever answers the telephone needs the channels before what happened."""
    row = await f.make_absence(practice)
    desk = await staff_client(Role.FRONT_DESK)
    text = await seen(desk, await at(row))
    assert "Prochaine étape lun. 16 nov. 2026 à 10:40 SMS « premier message » prévu" in text
    assert text.index("Ensuite") < text.index("Moyens de contact") < text.index("Historique")
    assert "«\u00a0premier message\u00a0»" in (await desk.get(await at(row))).text


async def test_notice_takes_the_focus_and_leaves_the_address(staff_client: StaffClient, practice: Profile) -> None:
    """With script the middle of the page is swapped: the focus would be lost, and a reload would say it again."""
    row = await f.make_absence(practice)
    desk = await staff_client(Role.FRONT_DESK)
    tree = await desk.page(f"{await at(row)}?notice=sequence_stop")
    (notice,) = [one for one in tree.iter("p") if one.get("role") == "status"]
    assert notice.get("autofocus") is not None
    assert [one.get("data-hx-replace-url") for one in tree.iter("div") if one.get("id") == "dossier"] == [await at(row)]


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
    row = await f.make_absence(other, phone="+33612345678", email="ailleurs@mail.example", last_name="Ailleurs")
    desk = await staff_client(Role.CLINICAL_LEAD)
    await desk.get(SEARCH)
    named = await fetch_value("SELECT ref FROM appointment WHERE key = $1", f"n:{row.appointment_key}")
    for asked in (row.patient_key, "0612345678", "ailleurs@mail.example", await ref_of(row), "Ailleurs", named):
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
    for answer in (await desk.get(await at(row)), await desk.post(SEARCH, {"q": f"{NASTY}zz"})):
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
    assert "No objection to automated follow-ups." in text
    assert "Follow-up" in text

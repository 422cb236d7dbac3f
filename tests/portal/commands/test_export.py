"""`reprise export`: everything about one patient, in three forms, and nothing of anybody else."""

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest

from db.engine import fetch, fetch_value
from db.queries.practices import Profile, only_practice
from db.queries.words import words
from db.rules.intake_row import IntakeRow
from db.states import TaskKind, TaskStatus
from portal.patient_file.spreadsheet import harmless
from tests import factories as f
from tests.patient_files import NOTE, a_full_file, add_task, close_by, person, rebooked, stop
from tests.portal.commands.conftest import Terminal

FORMS = ("json", "csv", "html")


def practice_of(shop: Terminal) -> Profile:
    return shop.do(only_practice())


@pytest.fixture
def absence(shop: Terminal) -> IntakeRow:
    return shop.do(a_full_file(practice_of(shop)))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))


def parsed(text: str) -> Element:
    tree: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    return tree


def exported(shop: Terminal, form: str, *words: str | Path) -> str:
    return shop.run("export", "P1", "--format", form, "--to", "-", *words).out


def of_message(file: Any, message: str, channel: str) -> Any:
    return next(one for one in file["messages"] if (one["message"], one["channel"]) == (message, channel))


def test_a_machine_reads_who_the_patient_is_and_what_they_refused(shop: Terminal, absence: IntakeRow) -> None:
    shop.do(stop(absence, practice_of(shop)))
    file = shop.json("export", "P1")
    assert (file["format"], file["version"], file["language"]) == ("reprise-patient-file", 1, "fr")
    who = file["patient"]
    assert (who["number"], who["first_name"], who["last_name"]) == ("P1", "Alix", "Martin")
    assert (who["phone"], who["email"]) == (absence.phone, absence.email)
    [refusal] = file["opt_outs"]
    assert (refusal["channel_text"], refusal["source_text"], refusal["ended_at"]) == ("SMS", "par SMS", None)
    assert refusal["since"] == "2026-11-17T12:00:00+01:00"


def test_a_priority_label_is_its_rule_and_its_dates(shop: Terminal, absence: IntakeRow) -> None:
    [label] = shop.json("export", "P1")["priority"]
    assert label == {
        "rule": "post_operative",
        "rule_text": "suite opératoire",
        "since": "2026-11-16T10:10:00+01:00",
        "until": None,
        "ended_at": None,
    }
    assert "Suivi prioritaire" in exported(shop, "html")


def test_every_message_says_when_it_was_due_and_why_it_left_or_waits(shop: Terminal, absence: IntakeRow) -> None:
    file = shop.json("export", "P1")
    sent = of_message(file, "first", "sms")
    assert (sent["status_text"], sent["reason_text"]) == ("envoyé", "comme prévu")
    assert (sent["due_at"], sent["sent_at"]) == ("2026-11-16T10:40:00+01:00", "2026-11-16T10:40:00+01:00")
    assert sent["recipient_text"] == "au patient"
    assert of_message(file, "flexible", "email")["status"] == "planned"


def test_what_people_did_says_who_and_how_it_ended(shop: Terminal, absence: IntakeRow) -> None:
    call = next(one for one in shop.json("export", "P1")["steps"] if one["kind"] == "call")
    assert (call["acknowledged_by"], call["claimed_by"], call["assignee"]) == ("Camille Roux",) * 3
    assert call["claimed_at"] == "2026-11-17T09:10:00+01:00"
    assert call["outcome_text"] == "contact établi, compte reprendre rendez-vous"
    assert call["kind_text"] == words("fr").of("tasks", "call")
    assert call["has_note"] is True


def test_who_closed_a_task_is_named(shop: Terminal, absence: IntakeRow) -> None:
    ref = shop.do(fetch_value("SELECT ref FROM task WHERE kind = 'barrier'"))
    shop.do(close_by("Dominique Petit", ref, practice_of(shop)))
    barrier = next(one for one in shop.json("export", "P1")["steps"] if one["ref"] == ref)
    assert (barrier["closed_by"], barrier["outcome_text"]) == ("Dominique Petit", "traité")


def test_a_step_to_come_names_the_role_or_the_person_of_the_plan(shop: Terminal, absence: IntakeRow) -> None:
    camille = shop.do(person())["ref"]
    shop.do(add_task("P1", TaskKind.ESCALATION, TaskStatus.PLANNED, role=camille))
    steps = {one["kind"]: one for one in shop.json("export", "P1")["steps"]}
    assert (steps["alert"]["role_text"], steps["alert"]["status_text"]) == ("praticien", "prévu")
    assert (steps["escalation"]["assignee"], steps["escalation"]["role"]) == ("Camille Roux", None)


def test_a_reply_is_given_while_its_task_holds_it_and_as_a_fact_afterwards(shop: Terminal, absence: IntakeRow) -> None:
    file = shop.json("export", "P1")
    reply = next(one for one in file["steps"] if one["kind"] == "reply")
    assert reply["reply"].endswith("Plutôt mardi</b> ?")
    shop.do(close_by("Camille Roux", reply["ref"], practice_of(shop)))
    file = shop.json("export", "P1")
    assert "Plutôt mardi" not in json.dumps(file, ensure_ascii=False)
    assert "reply_received" in [entry["event"] for entry in file["journal"]]


@pytest.mark.parametrize("form", FORMS)
def test_nothing_of_whoever_shares_the_telephone_is_in_it(shop: Terminal, absence: IntakeRow, form: str) -> None:
    """Nor what was written from it: nobody can tell which of them wrote."""
    other = f.make_absence(
        practice_of(shop), patient_key="P2", phone=absence.phone, first_name="Noa", last_name="Weber"
    )
    shop.do(other)
    told = exported(shop, form)
    for strange in ("P2", "Noa", "Weber", "Plutôt mardi"):
        assert strange not in told
    assert ('"reply_withheld": true' in told) or "il n’est pas reproduit ici" in told


@pytest.mark.parametrize("form", FORMS)
def test_no_note_no_secret_and_no_hash_is_in_it(shop: Terminal, absence: IntakeRow, form: str) -> None:
    told = exported(shop, form)
    assert NOTE not in told
    links = shop.do(fetch("SELECT link_id, message_id FROM delivery"))
    hidden = [value for row in links for value in row.values() if value]
    hidden += [row["phone_index"].hex() for row in shop.do(fetch("SELECT phone_index FROM patient"))]
    assert [value for value in hidden if value in told] == []


@pytest.mark.parametrize("form", FORMS)
def test_a_patient_whom_the_practice_gave_no_number_is_named_by_our_reference(shop: Terminal, form: str) -> None:
    shop.do(f.make_absence(practice_of(shop), patient_key="h:0123456789abcdef"))
    ref = shop.do(fetch_value("SELECT ref FROM patient"))
    told = shop.run("export", ref, "--format", form, "--to", "-").out
    assert ref in told
    assert "0123456789abcdef" not in told


def test_the_copy_is_in_the_journal_and_in_itself(shop: Terminal, absence: IntakeRow) -> None:
    last = shop.json("export", "P1")["journal"][-1]
    assert (last["event"], last["actor"], last["data"]) == ("exported", "staff", {"format": "json"})
    exported(shop, "csv")
    assert [e["event"] for e in shop.json("journal", "P1")["entries"]].count("exported") == 2


def test_appointments_and_bookings_are_all_there(shop: Terminal, absence: IntakeRow) -> None:
    shop.do(rebooked("P1"))
    file = shop.json("export", "P1")
    assert [one["status"] for one in file["appointments"]] == ["no_show", "booked"]
    assert file["appointments"][1]["source_text"] == "Reprise"
    assert file["sequences"][0]["reason_text"] == "un nouveau rendez-vous est pris"
    assert "notice_booked" in [one["message"] for one in file["messages"] if one["recipient"] == "practice"]


def test_a_spreadsheet_in_french_opens_it(shop: Terminal, absence: IntakeRow) -> None:
    text = exported(shop, "csv")
    assert text.startswith("\ufeffNature;Jour;Heure;")
    rows = rows_of(text)
    assert rows[0]["Nature"] == "identité"
    assert next(row for row in rows if row["Ce qui s’est passé"] == "Téléphone")["Précisions"].startswith("'+") is False
    kinds = {row["Nature"] for row in rows}
    assert kinds == {
        "identité",
        "suivi prioritaire",
        "rendez-vous",
        "parcours de relance",
        "message",
        "démarche",
        "journal",
    }
    timed = [row["Moment exact"] for row in rows if row["Moment exact"]]
    assert timed == sorted(timed)
    assert (rows[-1]["Jour"], rows[-1]["Heure"]) != ("", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "＝"])
def test_no_cell_is_a_formula(start: str) -> None:
    assert harmless(f"{start}1+1") == f"'{start}1+1"
    assert harmless(f"1{start}1") == f"1{start}1"
    assert harmless("") == ""


def test_names_that_are_formulas_or_markup_do_nothing(shop: Terminal) -> None:
    absence = f.make_absence(
        practice_of(shop), patient_key="P1", first_name="=1+1", last_name='<script>"&', email="@x.ch"
    )
    shop.do(absence)
    cells = [cell for row in rows_of(exported(shop, "csv")) for cell in row.values()]
    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]
    page = exported(shop, "html")
    assert "<script>" not in page
    assert '<script>"&' in "".join(parsed(page).itertext())


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_page_stands_alone_and_is_valid(terminal: Terminal, language: str) -> None:
    practice = terminal.do(f.make_practice(language=language))
    terminal.do(a_full_file(practice))
    page = exported(terminal, "html")
    tree = parsed(page)
    assert tree.get("lang") == language
    titles = [section.get("aria-labelledby") for section in tree.iter("section")]
    assert titles == ["who", "refusals", "priority", "appointments", "sequences", "messages", "steps", "journal"]
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert not [e for e in tree.iter() if e.tag in ("script", "img", "link") or e.get("src") or e.get("href")]
    assert "@page" in page
    assert "prefers-color-scheme:dark" in page
    assert "{" not in "".join("".join(main.itertext()) for main in tree.iter("main"))


def test_the_page_of_a_patient_with_nothing_says_so(shop: Terminal) -> None:
    shop.do(f.intake([f.row(patient_key="P1", status="attended")], practice_of(shop)))
    page = exported(shop, "html")
    for sentence in ("Aucun refus enregistré.", "Aucun suivi prioritaire.", "Aucun message."):
        assert sentence in page
    parsed(page)


@pytest.mark.parametrize("form", FORMS)
def test_the_file_is_for_its_owner_alone(shop: Terminal, absence: IntakeRow, tmp_path: Path, form: str) -> None:
    target = tmp_path / f"copy.{form}"
    said = shop.run("export", "P1", "--format", form, "--to", target)
    assert said.out == ""
    assert "copy" in said.err
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "Alix" in target.read_text(encoding="utf-8")


def test_a_file_that_exists_is_replaced_only_by_force(shop: Terminal, absence: IntakeRow, tmp_path: Path) -> None:
    target = tmp_path / "copy.json"
    target.write_text("before", encoding="utf-8")
    target.chmod(0o644)
    assert "--force" in shop.run("export", "P1", "--to", target, code=2).err
    assert target.read_text(encoding="utf-8") == "before"
    assert "exported" not in [event for event, _ in shop.do(f.events())]
    told = shop.json("export", "P1", "--to", target, "--force")
    assert (told["patient"], told["format"], told["file"]) == ("P1", "json", str(target))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".json")] == ["copy.json"]


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (("P404",), "P404"),
        (("P404", "--to", "{there}/copy.json"), "P404"),
        (("P1", "--format", "html"), "--to"),
        (("P1", "--format", "csv", "--json"), "--json"),
        (("P1", "--to", "{there}/nowhere/copy.json"), "cannot be written"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_leaves_no_file(
    shop: Terminal, tmp_path: Path, given: tuple[str, ...], hint: str
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    result = shop.run("export", *(word.format(there=there) for word in given), code=2)
    assert result.out == ""
    assert hint in result.err
    assert list(there.iterdir()) == []


def test_a_closed_task_status_has_its_words_everywhere(shop: Terminal, absence: IntakeRow) -> None:
    for status in TaskStatus:
        shop.do(add_task("P1", TaskKind.CALL, status))
    texts = {one["status_text"] for one in shop.json("export", "P1")["steps"]}
    assert texts == set(words("fr").groups["task_statuses"].values())

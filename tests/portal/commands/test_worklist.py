"""`reprise worklist` and the moves of `reprise tasks`: a day's list worked from a terminal."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from db.changes.human_steps import open_due_steps
from db.engine import fetch, fetch_value
from db.queries.practices import Profile, only_practice
from db.queries.words import words
from tests import factories as f
from tests.db.changes import people
from tests.portal.commands.conftest import Terminal

SACHA, ANDREA = "sacha@tilleuls.example", "Andrea@Tilleuls.example"
NOW = f.local(17, 9, 30)


@pytest.fixture
def house(terminal: Terminal) -> Terminal:
    """The terminal of a practice with somebody in every role."""
    terminal.do(people.make_house())
    return terminal


def a_call(house: Terminal, **changes: Any) -> str:
    """On Tuesday morning, the call about Monday's high-risk absence."""
    _, ref = house.do(_call(**changes))
    house.now_is(NOW)
    return str(ref)


async def _call(**changes: Any) -> tuple[Any, str]:
    return await people.a_call(await _practice(), **({"patient_key": "P1"} | changes))


async def _practice() -> Profile:
    return await only_practice()


def state(house: Terminal, ref: str) -> Any:
    return house.do(people.task(ref))


def sequence(house: Terminal) -> tuple[str, str | None]:
    row = house.do(f.enrolment_of("P1"))
    return row["status"], row["reason"]


def test_the_list_is_a_table_in_the_practice_s_language(house: Terminal) -> None:
    ref = a_call(house)
    heading, row = house.run("worklist").out.splitlines()
    assert heading.split() == ["Réf.", "Quoi", "Patient", "Pour", "État", "Avant", "le", "Remarques"]
    for word in (ref, "appeler le patient", "P1", "Sacha Morel", "à faire", "mar. 17 nov. 2026 à 19:30"):
        assert word in row
    house.now_is(f.local(17, 20))
    assert "19:30 échéance passée" in house.run("worklist").out


def test_the_list_can_be_read_by_a_machine(house: Terminal) -> None:
    ref = a_call(house)
    [row] = house.json("worklist")
    expected = {"ref": ref, "kind": "call", "what": words("fr").of("tasks", "call"), "assignee": "Sacha Morel"}
    assert {name: row[name] for name in expected} == expected


def test_an_empty_list_says_so(house: Terminal) -> None:
    assert "Rien à faire." in house.run("worklist").out
    assert house.json("worklist") == []


def test_each_may_see_their_own(house: Terminal) -> None:
    a_call(house)
    assert len(house.json("worklist", "--mine", "--as", SACHA)) == 1
    assert house.json("worklist", "--mine", "--as", ANDREA) == []
    assert house.json("worklist", "--kind", "reply", "--kind", "alert") == []
    assert len(house.json("worklist", "--unclaimed")) == 1
    assert "--mine needs --as" in house.run("worklist", "--mine", code=2).err


@pytest.mark.parametrize("email", ["nobody@tilleuls.example", "nobody", ""])
def test_an_unknown_colleague_is_one_sentence(house: Terminal, email: str) -> None:
    for line in (("worklist", "--as", email), ("tasks", "ack", "x", "--as", email)):
        told = house.run(*line, code=2).err
        assert len(told.splitlines()) == 1
        assert "address" in told


def test_a_day_s_call_from_seen_to_done(house: Terminal) -> None:
    ref = a_call(house)
    assert "Seen." in house.run("tasks", "ack", ref, "--as", SACHA).out
    assert "seen already" in house.run("tasks", "ack", ref, "--as", SACHA).out
    assert house.json("tasks", "claim", ref, "--as", SACHA) == {"task": ref, "changed": True}
    assert house.json("tasks", "claim", ref, "--as", SACHA) == {"task": ref, "changed": False}
    assert sequence(house) == ("paused", "claimed")
    assert "yours, and promised" in house.run("tasks", "later", ref, "--at", "2026-11-17 14:30", "--as", SACHA).out
    assert state(house, ref)["promised_at"] == f.local(17, 14, 30)
    assert "open again" in house.run("tasks", "release", ref, "--as", SACHA).out
    assert "Nobody had it." in house.run("tasks", "release", ref).out
    assert sequence(house) == ("active", None)
    told = house.run("tasks", "outcome", ref, "no_answer", "--as", SACHA).out
    assert told.startswith("The task is done.")
    case = house.json("tasks", "show", ref)
    assert (case["status"], case["outcome"]) == ("done", "no_answer")
    assert {one["who"] for one in case["timeline"][1:]} == {"Sacha Morel"}


def test_a_case_that_a_colleague_has_says_whose_it_is(house: Terminal) -> None:
    ref = a_call(house)
    house.run("tasks", "claim", ref, "--as", SACHA)
    for move in (("claim", ref), ("ack", ref), ("later", ref, "--at", "2026-11-18T09:00"), ("outcome", ref, "handled")):
        told = house.run("tasks", *move, "--as", ANDREA, code=1)
        assert told.err.strip() == "Sacha Morel has this case already."
    document = json.loads(house.run("tasks", "claim", ref, "--as", ANDREA, "--json", code=1).out)
    assert document == {"task": ref, "changed": False, "holder": "Sacha Morel"}


@pytest.mark.parametrize("move", [("claim",), ("later", "--at", "2026-11-17 14:30")])
def test_a_claim_is_somebody_s(house: Terminal, move: tuple[str, ...]) -> None:
    ref = a_call(house)
    assert "add --as" in house.run("tasks", move[0], ref, *move[1:], code=2).err
    assert state(house, ref)["status"] == "open"


def test_without_a_name_the_journal_says_that_it_was_the_terminal(house: Terminal) -> None:
    ref = a_call(house)
    house.run("tasks", "ack", ref)
    house.run("tasks", "done", ref)
    actors = house.do(fetch("SELECT DISTINCT actor FROM journal WHERE subject_ref = $1 AND actor <> 'system'", ref))
    assert [row["actor"] for row in actors] == ["staff:terminal"]


@pytest.mark.parametrize(("to", "who"), [(ANDREA, "Andrea Blanc"), ("practitioner", "Maxime Lefèvre")])
def test_a_case_is_given_to_a_person_or_a_role(house: Terminal, to: str, who: str) -> None:
    ref = a_call(house)
    assert "theirs now" in house.run("tasks", "assign", ref, "--to", to, "--as", SACHA).out
    assert "have it already" in house.run("tasks", "assign", ref, "--to", to).out
    assert house.json("worklist")[0]["assignee"] == who


@pytest.mark.parametrize(
    ("to", "said"),
    [("chef", "neither an email address nor a role"), ("nobody@tilleuls.example", "Nobody who works here")],
)
def test_nobody_is_not_a_target(house: Terminal, to: str, said: str) -> None:
    ref = a_call(house)
    assert said in house.run("tasks", "assign", ref, "--to", to, code=2).err


def test_a_case_goes_up_the_ladder(house: Terminal) -> None:
    ref = a_call(house)
    assert "went up" in house.run("tasks", "escalate", ref, "--as", SACHA).out
    assert house.json("worklist")[0]["assignee"] == "Andrea Blanc"
    while house.json("tasks", "escalate", ref)["changed"]:
        pass
    assert "last person" in house.run("tasks", "escalate", ref).out


@pytest.mark.parametrize(
    ("words_", "said"),
    [
        (("later", "--at", "2026-11-16 14:30", "--as", SACHA), "next 14 days"),
        (("later", "--at", "tomorrow", "--as", SACHA), "does not match"),
        (("claim", "--as", SACHA), "This task is done"),
        (("release",), "This task is done"),
        (("escalate",), "This task is done"),
        (("assign", "--to", "clinical_lead"), "This task is done"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(house: Terminal, words_: tuple[str, ...], said: str) -> None:
    ref = a_call(house)
    if "done" in said:
        house.run("tasks", "done", ref)
    assert said in house.run("tasks", words_[0], ref, *words_[1:], code=2).err


def test_outcome_confirms_what_was_agreed(house: Terminal) -> None:
    ref = a_call(house)
    assert "has ended" in house.run("tasks", "outcome", ref, "reached_rebooked", "--as", SACHA).out
    agreed = house.do(fetch_value("SELECT count(*) FROM delivery WHERE message = 'agreed_booked'"))
    assert (agreed, sequence(house)) == (1, ("stopped", "rebooked"))


def test_the_note_is_shown_where_it_is_asked_for_and_nowhere_else(
    house: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = a_call(house)
    note = tmp_path / "note.txt"
    note.write_text("Voix [lasse]\n", encoding="utf-8")
    assert "kept" in house.run("tasks", "note", ref, note, "--as", SACHA).out
    assert "Voix" not in house.run("tasks", "show", ref).out
    assert "une note interne existe" in house.run("tasks", "show", ref).out
    assert "Voix [lasse]" in house.run("tasks", "show", ref, "--note").out
    note.write_text("Voix claire", encoding="utf-8")
    house.run("tasks", "outcome", ref, "no_answer", "--note-file", note)
    assert house.json("tasks", "show", ref, "--note")["note"] == "Voix claire"
    for told in (("journal", "P1"), ("export", "P1", "--format", "json"), ("status",), ("worklist",)):
        shown = house.run(*told)
        assert "Voix" not in shown.out + shown.err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert "gone" in house.run("tasks", "note", ref, "-").out
    assert house.json("tasks", "show", ref, "--note")["note"] is None


@pytest.mark.parametrize(("raw", "said"), [(b"\xff\xfe", "not UTF-8"), (b"a" * 4001, "at most 4000")])
def test_what_is_no_note_is_refused(house: Terminal, tmp_path: Path, raw: bytes, said: str) -> None:
    ref = a_call(house)
    note = tmp_path / "note"
    note.write_bytes(raw)
    assert said in house.run("tasks", "note", ref, note, code=2).err
    assert said in house.run("tasks", "outcome", ref, "handled", "--note-file", note, code=2).err
    assert state(house, ref)["status"] == "open"


def test_a_case_shows_what_whoever_takes_it_needs_and_not_how_to_reach_the_patient(house: Terminal) -> None:
    ref = a_call(house)
    house.run("tasks", "claim", ref, "--as", SACHA)
    told = house.run("tasks", "show", ref).out
    for word in (
        "appeler le patient",
        "patient P1",
        "rendez-vous manqué du 16 novembre 2026",
        "pris en charge par Sacha Morel",
        "parcours en pause (un membre de l’équipe a pris le relais)",
        "Pris en charge : appeler le patient — par l’équipe (Sacha Morel)",
    ):
        assert word in told
    assert "+336" not in told
    assert "mail.example" not in told


def test_status_counts_what_presses(house: Terminal) -> None:
    a_call(house)
    house.do(_crisis())
    found = house.json("status")
    assert found["worklist"] == {"crisis": 3, "urgent": 0, "overdue": 0}
    assert found["open_tasks"] == len(found["tasks"]) == 4
    assert "Dont vigilance renforcée : 3, prioritaires : 0, échéance passée : 0." in house.run("status").out
    assert [one["crisis"] for one in house.json("worklist")] == [True, True, True, False]
    assert "vigilance renforcée" in house.run("worklist").out.splitlines()[1]


async def _crisis() -> None:
    await f.make_absence(await _practice(), patient_key="P2", risk_rules=people.CRISIS)
    await open_due_steps(now=NOW)

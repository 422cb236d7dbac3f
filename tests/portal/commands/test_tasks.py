"""`reprise tasks`: nothing that a reply has paused is ever stuck."""

from typing import Any

import pytest

from db.changes.inbound import Meaning, record_inbound
from db.engine import fetch_value
from db.queries.practices import Profile, only_practice
from db.rules.intake_row import IntakeRow
from tests import factories as f
from tests.portal.commands.conftest import Terminal


def reply(shop: Terminal, absence: IntakeRow, text: str, provider_id: str = "SM1") -> str:
    """The reference of the task that a patient's answer opened."""
    practice: Profile = shop.do(only_practice())
    message = record_inbound(
        practice=practice.id,
        gateway="twilio",
        provider_id=provider_id,
        from_e164=str(absence.phone),
        text=text,
        meaning=Meaning.REPLY,
        now=f.MONDAY,
    )
    shop.do(message)
    return str(shop.do(fetch_value("SELECT ref FROM task ORDER BY id DESC LIMIT 1")))


def absent(shop: Terminal, **changes: Any) -> IntakeRow:
    return shop.do(f.make_absence(shop.do(only_practice()), **changes))


def statuses(shop: Terminal) -> list[str]:
    return str(shop.do(fetch_value("SELECT string_agg(status, ' ' ORDER BY id) FROM enrolment"))).split()


def test_a_task_shows_what_the_patient_wrote(shop: Terminal) -> None:
    ref = reply(shop, absent(shop, patient_key="P1"), "Plutôt [mardi] soir ?")
    told = shop.run("tasks", "show", ref).out
    assert "Plutôt [mardi] soir ?" in told
    assert "P1" in told
    assert "parcours en pause" in told
    assert shop.json("tasks", "show", ref)["text"] == "Plutôt [mardi] soir ?"


def test_closing_the_only_task_of_a_paused_follow_up_asks_what_becomes_of_it(shop: Terminal) -> None:
    ref = reply(shop, absent(shop), "Bonjour")
    result = shop.run("tasks", "done", ref, code=2)
    assert "--resume" in result.err
    assert "--stop" in result.err
    assert statuses(shop) == ["paused"]
    assert shop.json("tasks", "show", ref)["status"] == "open"


def test_resume_lets_it_go_on(shop: Terminal) -> None:
    ref = reply(shop, absent(shop), "Bonjour")
    expected = {"task": ref, "closed": True, "messages": "resumed", "resumed": 1, "stopped": 0}
    assert shop.json("tasks", "done", ref, "--resume") == expected
    assert statuses(shop) == ["active"]
    assert shop.json("tasks", "show", ref)["text"] is None


def test_stop_ends_it(shop: Terminal) -> None:
    ref = reply(shop, absent(shop), "Je viens demain")
    assert "has ended" in shop.run("tasks", "done", ref, "--stop").out
    assert statuses(shop) == ["stopped"]
    left = "SELECT count(*) FROM delivery WHERE status = 'planned' AND patient IS NOT NULL"
    assert shop.do(fetch_value(left)) == 0


def test_those_who_share_the_telephone_have_a_task_each(shop: Terminal) -> None:
    one = absent(shop)
    absent(shop, phone=one.phone)
    second = reply(shop, one, "Bonjour")
    [first] = [task["ref"] for task in shop.json("worklist") if task["ref"] != second]
    assert statuses(shop) == ["paused", "paused"]
    shop.run("tasks", "done", first, "--stop")
    assert statuses(shop) == ["stopped", "paused"]
    shop.run("tasks", "done", second, "--resume")
    assert statuses(shop) == ["stopped", "active"]


def test_of_two_answers_the_last_task_decides(shop: Terminal) -> None:
    absence = absent(shop)
    first, second = reply(shop, absence, "Bonjour"), reply(shop, absence, "Merci", "SM2")
    shop.run("tasks", "done", first)
    shop.run("tasks", "done", second, code=2)
    assert "goes on in 48 hours" in shop.run("tasks", "done", second, "--outcome", "reached_will_book").out
    assert statuses(shop) == ["paused"]


def test_doing_it_again_is_harmless(shop: Terminal) -> None:
    ref = reply(shop, absent(shop), "Bonjour")
    shop.run("tasks", "done", ref, "--resume")
    expected = {"task": ref, "closed": False, "messages": None, "resumed": 0, "stopped": 0}
    assert shop.json("tasks", "done", ref, "--resume") == expected
    assert "done already" in shop.run("tasks", "outcome", ref, "declined").out


def test_a_task_without_a_follow_up_is_just_closed(shop: Terminal) -> None:
    absent(shop, phone=None, phone_kind=None, email=None)
    [task] = shop.json("status")["tasks"]
    assert "done." in shop.run("tasks", "done", task["ref"]).out
    assert shop.json("status")["tasks"] == []


@pytest.mark.parametrize("words", [("show", "nothing"), ("done", "nothing")])
def test_an_unknown_task_is_one_sentence(shop: Terminal, words: tuple[str, ...]) -> None:
    result = shop.run("tasks", *words, code=2)
    assert "There is no task nothing" in result.err
    assert len(result.err.splitlines()) == 1


def test_resume_and_stop_exclude_each_other(shop: Terminal) -> None:
    assert "not both" in shop.run("tasks", "done", "x", "--resume", "--stop", code=2).err


@pytest.mark.parametrize(("old", "new"), [("reached", "reached_rebooked"), ("not_reached", "no_answer")])
def test_an_outcome_of_the_first_version_says_what_to_write(shop: Terminal, old: str, new: str) -> None:
    assert new in shop.run("tasks", "done", "x", "--outcome", old, code=2).err


@pytest.mark.parametrize("flag", ["--resume", "--stop"])
def test_an_outcome_that_decides_by_itself_takes_no_other_word(shop: Terminal, flag: str) -> None:
    assert "says by itself" in shop.run("tasks", "outcome", "x", "no_answer", flag, code=2).err

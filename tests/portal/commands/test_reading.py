"""`reprise status`, `journal` and `bookings`."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from db import engine
from db.changes.bookings import book, cancel, confirm, move
from db.changes.channels import hold_channel
from db.changes.deliveries import claim_due
from db.changes.inbound import Meaning, record_inbound
from db.changes.intake import record_appointments
from db.changes.journal import seal_journal
from db.changes.settlements import Outcome, Settlement, settle
from db.engine import fetch, fetch_value
from db.queries.links import patient_page
from db.queries.practices import Profile, only_practice
from db.queries.words import words
from db.states import AppointmentStatus, Channel, TaskKind, TaskStatus
from tests import factories as f
from tests.patient_files import add_task
from tests.portal.commands.conftest import Terminal


def practice_of(shop: Terminal) -> Profile:
    return shop.do(only_practice())


async def send_first(practice: Profile, now: datetime) -> None:
    for channel in Channel:
        claim = await claim_due(practice, lane="bulk", channel=channel, limit=9, mail_domain="x.example", now=now)
        sent = [Settlement(one.id, one.attempts, Outcome.SENT, now, None, "250") for one in claim.going]
        await settle(sent, practice=practice.id, now=now)


def free_times(link: str) -> Any:
    return patient_page(link, now=f.local(16, 11))


def test_status_of_a_quiet_practice(shop: Terminal) -> None:
    assert shop.json("status") == {
        "practitioners": ["Maxime Lefèvre"],
        "open_tasks": 0,
        "worklist": {"crisis": 0, "urgent": 0, "overdue": 0},
        "tasks": [],
        "sequences": {"running": 0, "paused": 0},
        "deliveries": {"planned": 0, "overdue": 0, "failed": 0},
        "held": [],
    }
    assert "Rien à faire." in shop.run("status").out


def test_status_names_what_waits_for_whom_and_why(shop: Terminal) -> None:
    shop.do(f.make_absence(practice_of(shop), patient_key="P7", phone=None, phone_kind=None, email=None))
    [task] = shop.json("status")["tasks"]
    expected = {
        "kind": "unreachable",
        "what": words("fr").of("tasks", "unreachable"),
        "patient": "P7",
        "assignee": "Camille Roux",
        "fallback": "Dominique Petit",
        "reason": "unreachable",
        "status": "open",
        "due_at": f.MONDAY.isoformat(),
    }
    assert {name: task[name] for name in expected} == expected
    told = shop.run("status").out
    for word in (task["ref"], "P7", "pour Camille Roux", "à défaut Dominique Petit", "lun. 16 nov. 2026 à 10:10"):
        assert word in told


def test_status_counts_sequences_and_messages(shop: Terminal) -> None:
    practice = practice_of(shop)
    shop.do(f.make_absence(practice))
    answering = shop.do(f.make_absence(practice))
    text = {"text": "Je rappelle", "meaning": Meaning.REPLY, "provider_id": "SM1", "gateway": "twilio"}
    shop.do(record_inbound(practice=practice.id, from_e164=str(answering.phone), now=f.MONDAY, **text))  # type: ignore[arg-type]
    shop.now_is(f.local(16, 11))
    found = shop.json("status")
    assert found["sequences"] == {"running": 1, "paused": 1}
    assert found["deliveries"] == {"planned": 17, "overdue": 5, "failed": 0}
    assert found["tasks"][0]["paused"] is True
    assert "parcours en pause" in shop.run("status").out


def test_status_says_that_a_server_refuses_us(shop: Terminal) -> None:
    until = f.MONDAY + timedelta(minutes=5)
    shop.do(hold_channel(practice_of(shop), Channel.SMS, until=until, code="535", now=f.MONDAY))
    assert shop.json("status")["held"] == [{"channel": "sms", "until": until.isoformat(), "tries": 1}]
    assert "SMS" in (said := " ".join(shop.run("status").out.splitlines()[-2:]))
    assert "(essais de suite sans succès : 1)" in said


def test_a_patient_s_story_is_told_in_the_practice_s_language_and_time(shop: Terminal) -> None:
    practice = practice_of(shop)
    shop.do(f.make_absence(practice, patient_key="P1"))
    shop.do(send_first(practice, f.local(16, 11)))
    told = shop.run("journal", "P1").out
    lines = told.splitlines()
    assert lines[0].startswith("Patient P1")
    assert "lundi 16 novembre 2026" in lines
    assert "  10:10  Rendez-vous manqué du 16 novembre 2026 enregistré (absence) — par l’import" in lines
    assert "  11:00  E-mail « premier message » envoyé — comme prévu" in lines
    ahead = lines[lines.index("À venir") + 1 :]
    assert ahead[0] == "  mar. 17 nov. 2026 à 10:00  E-mail « souplesse » prévu"
    assert len(ahead) == 6
    for contact in ("Alix", "Martin", "mail.example", "+336"):
        assert contact not in told


def test_a_story_can_be_read_by_a_machine(shop: Terminal) -> None:
    shop.do(f.make_absence(practice_of(shop), patient_key="P1"))
    story = shop.json("journal", "P1")
    assert [entry["event"] for entry in story["entries"]] == ["patient_added", "absence_marked", "sequence_started"]
    assert story["entries"][2]["text"].startswith("Parcours de relance « standard » commencé")
    assert [(one["message"], one["channel"]) for one in story["ahead"]][:2] == [("first", "sms"), ("first", "email")]
    assert shop.json("journal", story["ref"]) == story


def test_every_touchpoint_says_why(shop: Terminal) -> None:
    practice = practice_of(shop)
    shop.do(f.make_absence(practice, patient_key="P1"))
    ahead = f.row(patient_key="P1", status=AppointmentStatus.BOOKED, starts_at=f.local(20, 14))
    shop.do(record_appointments([ahead], practice=practice, known=frozenset(), now=f.local(16, 11)))
    story = shop.json("journal", "P1")
    cancelled = [entry["text"] for entry in story["entries"] if entry["event"] == "message_cancelled"]
    assert len(cancelled) == 8
    assert all("un nouveau rendez-vous est pris" in text for text in cancelled)
    assert story["ahead"] == []
    assert "Rien n’est prévu." in shop.run("journal", "P1").out


def test_what_people_will_do_stands_among_what_is_to_come(shop: Terminal) -> None:
    shop.do(f.make_absence(practice_of(shop), patient_key="P1"))
    steps: dict[str, Any] = {"role": "care_coordinator", "due_at": f.local(17, 9), "deadline_at": f.local(17, 19, 30)}
    shop.do(add_task("P1", TaskKind.CALL, TaskStatus.PLANNED, **steps))
    shop.do(add_task("P1", TaskKind.ALERT, TaskStatus.PLANNED, due_at=f.local(19, 9), unless_answered=True))
    shop.do(add_task("P1", TaskKind.ESCALATION, TaskStatus.DONE))
    lines = shop.run("journal", "P1").out.splitlines()
    ahead = lines[lines.index("À venir") + 1 :]
    call = "Prévu : appeler le patient — à faire par : coordination des soins — avant le mar. 17 nov. 2026 à 19:30"
    assert ahead[2] == f"  mar. 17 nov. 2026 à 09:00  {call}"
    assert [line for line in ahead if line.endswith("sauf si le patient a donné suite")]
    assert not [line for line in ahead if "escalade" in line]
    story = shop.json("journal", "P1")
    assert [one["kind"] for one in story["steps_ahead"]] == ["call", "alert"]
    assert story["steps_ahead"][0]["text"] == call


def test_a_patient_without_a_number_of_the_practice_is_named_by_our_reference(shop: Terminal) -> None:
    shop.do(f.make_absence(practice_of(shop), patient_key="h:0123456789abcdef"))
    ref = shop.do(fetch_value("SELECT ref FROM patient"))
    assert shop.json("journal", ref)["patient"] == ref


def test_a_practice_that_speaks_english_reads_english(terminal: Terminal) -> None:
    practice = terminal.do(f.make_practice(language="en"))
    terminal.do(f.make_absence(practice, patient_key="P1"))
    told = terminal.run("journal", "P1").out
    assert "Missed appointment of 16 November 2026 recorded (absence) — by the import" in told
    assert "To come" in told


@pytest.mark.parametrize(("words", "hint"), [(("P404",), "P404"), ((), "--verify"), (("P1", "--verify"), "--verify")])
def test_a_journal_of_nobody_is_refused(shop: Terminal, words: tuple[str, ...], hint: str) -> None:
    result = shop.run("journal", *words, code=2)
    assert result.out == ""
    assert hint in result.err


def test_a_whole_journal_verifies(shop: Terminal) -> None:
    shop.do(f.make_absence(practice_of(shop)))
    shop.do(seal_journal(now=f.MONDAY, most=2))
    shop.do(seal_journal(now=f.MONDAY, most=1))
    found = shop.json("journal", "--verify")
    assert (found["whole"], found["seals"], found["sealed"]) == (True, 2, 3)
    assert found["waiting"] > 0
    assert "The journal is whole" in shop.run("journal", "--verify").out


async def tamper(statement: str) -> None:
    """As somebody with the database's own password might."""
    async with engine.transaction():
        await fetch("SET LOCAL session_replication_role = replica")
        await fetch(statement)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE journal SET reason = 'history' WHERE id = 3", "altered"),
        ("UPDATE journal SET at = at + interval '1 second' WHERE id = 3", "altered"),
        ("DELETE FROM journal WHERE id = 3", "missing"),
        ("UPDATE journal_seal SET entries = entries[1:1] WHERE position = 2", "altered"),
        ("DELETE FROM journal_seal WHERE position = 1", "chain"),
        ("UPDATE journal_seal SET seal = previous WHERE position = 1", "altered"),
    ],
)
def test_a_journal_that_was_tampered_with_does_not(shop: Terminal, statement: str, problem: str) -> None:
    shop.do(f.make_absence(practice_of(shop)))
    for _ in range(4):
        shop.do(seal_journal(now=f.MONDAY, most=2))
    shop.do(tamper(statement))
    found = shop.json("journal", "--verify", code=2)
    assert found["broken"][0]["problem"] == problem
    assert "The journal is broken" in shop.run("journal", "--verify", code=2).out


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("DELETE FROM journal_seal WHERE position = 2", "unaccounted"),
        ("DELETE FROM journal_unsealed", "unaccounted"),
        ("DELETE FROM journal WHERE id = (SELECT max(entry) FROM journal_unsealed)", "vanished"),
    ],
)
def test_neither_does_one_with_entries_that_nothing_accounts_for(shop: Terminal, statement: str, where: str) -> None:
    shop.do(f.make_absence(practice_of(shop)))
    for _ in range(2):
        shop.do(seal_journal(now=f.MONDAY, most=1))
    shop.do(tamper(statement))
    found = shop.json("journal", "--verify", code=2)
    assert found[where]
    assert found["broken"] == []


def test_bookings_name_the_touchpoint_they_came_through(shop: Terminal) -> None:
    practice = practice_of(shop)
    shop.do(f.make_absence(practice, patient_key="P1"))
    sms, email = shop.do(f.link_ids("P1"))[:2]
    page = shop.do(free_times(sms))
    now = f.local(16, 11)
    shop.do(book(sms, starts_at=page.slots[0].starts_at, now=now))
    shop.do(move(email, starts_at=page.slots[3].starts_at, now=now + timedelta(hours=1)))
    shop.do(cancel(email, now=now + timedelta(hours=2)))
    shop.now_is(f.local(16, 15))
    booked, moved, cancelled = shop.json("bookings", "--since", "2026-11-16")
    expected = {
        "at": now.isoformat(),
        "what": "booked",
        "starts_at": page.slots[0].starts_at.isoformat(),
        "previous": None,
        "practitioner": "Maxime Lefèvre",
        "patient": "P1",
        "through": "link",
        "message": "first",
        "channel": "sms",
        "confirmed": False,
    }
    assert booked == expected
    assert (moved["what"], moved["previous"]) == ("moved", booked["starts_at"])
    assert (cancelled["what"], cancelled["starts_at"]) == ("cancelled", moved["starts_at"])
    assert len(shop.json("bookings", "--since", "150m")) == 1
    assert "pris" in shop.run("bookings").out


def test_bookings_say_what_the_patient_has_confirmed(shop: Terminal) -> None:
    practice = practice_of(shop)
    shop.do(f.make_absence(practice, patient_key="P1"))
    (link, *_) = shop.do(f.link_ids("P1"))
    slots = shop.do(free_times(link)).slots
    shop.now_is(f.local(16, 15))
    changes = [
        (book(link, starts_at=slots[3].starts_at, now=f.local(16, 11)), [False]),
        (confirm(link, now=f.local(16, 12)), [True]),
        (move(link, starts_at=slots[4].starts_at, now=f.local(16, 13)), [False, False]),
        (confirm(link, now=f.local(16, 14)), [False, True]),
    ]
    for change, expected in changes:
        shop.do(change)
        assert [one["confirmed"] for one in shop.json("bookings")] == expected
    assert "déplacé, confirmé" in shop.run("bookings").out
    shop.do(cancel(link, now=f.local(16, 15)))
    assert not any(one["confirmed"] for one in shop.json("bookings"))


def test_a_new_appointment_that_comes_in_with_an_import_was_made_by_telephone(shop: Terminal) -> None:
    practice = practice_of(shop)
    shop.do(f.make_absence(practice, patient_key="P1"))
    ahead = f.row(patient_key="P1", status=AppointmentStatus.BOOKED, starts_at=f.local(20, 14))
    shop.do(record_appointments([ahead], practice=practice, known=frozenset(), now=f.local(16, 11)))
    shop.now_is(f.local(16, 12))
    [found] = shop.json("bookings", "--since", "1d")
    assert (found["what"], found["through"], found["channel"]) == ("booked", "telephone", None)
    assert found["starts_at"] == f.local(20, 14).isoformat()
    assert "par téléphone" in shop.run("bookings").out


def test_no_bookings_is_said(shop: Terminal) -> None:
    assert shop.json("bookings") == []
    assert "Aucun rendez-vous" in shop.run("bookings", "--since", "7d").out


def test_since_must_be_a_day_or_a_duration(shop: Terminal) -> None:
    assert "neither a day" in shop.run("bookings", "--since", "yesterday", code=2).err

"""A crisis flag: two people are alerted as soon as the grace ends, whatever the hour; the patient rebooks, which ends
the messages and nothing else; every case stays open until a person records an outcome. And an SMS that speaks of death
gets one automatic answer, and goes to the top."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from e2e.people import BASTIEN, NOEMIE, RED, Person, export, risk_map
from e2e.phone import book, write_sms
from e2e.stack import Stack, running
from e2e.staff import (
    CLINICAL_LEAD,
    COORDINATOR,
    PRACTITIONER,
    PSYCHOTHERAPIST,
    Found,
    Look,
    close_what_stands,
    hear_by_mail,
    record,
)

TUESDAY, THURSDAY, SATURDAY = "2026-11-17", "2026-11-19", "2026-11-21"
ALERT = "un dossier à regarder (prioritaire)"
CRY = "je veux mourir"


@pytest.fixture
def early(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose clock says that the practice is still closed."""
    with running(tmp_path / "data", clock=f"{TUESDAY}T08:40") as stack:
        yield stack


def test_crisis_stands_until_a_person_decides(early: Stack, patient: Callable[[bool], Page], tmp_path: Path) -> None:
    hear_by_mail(early)
    close_what_stands(early)
    file = export(
        tmp_path / "export.csv",
        [NOEMIE, BASTIEN],
        practitioner=PSYCHOTHERAPIST,
        clinical={NOEMIE.number: RED},
        at="16/11/2026;18h00",
    )
    assert early.json("import", file, "--map", risk_map(tmp_path))["enrolled"] == 2
    early.advance("6m")
    alerts = two_alerts_before_the_opening(early)
    early.advance("15m")
    page = patient(True)
    rebooked(early, page)
    tuesday(early, alerts)
    later_steps(early)
    emergency_by_sms(early, page)


def two_alerts_before_the_opening(stack: Stack) -> list[str]:
    look = Look.at(stack)
    alerts = standing(look, NOEMIE)
    assert [(one["kind"], one["crisis"], one["assignee"]) for one in alerts] == [
        ("alert", True, "Élise Marchand"),
        ("alert", True, "Bernard Lacroix"),
    ]
    refs = [one["ref"] for one in alerts]
    assert look.told(PRACTITIONER, refs[0]) == [(f"{TUESDAY} 08:40", ALERT)]
    assert look.told(CLINICAL_LEAD, refs[1]) == [(f"{TUESDAY} 08:40", ALERT)]
    for ref in refs:
        look.check_discreet(ref, NOEMIE)
    # Whoever works there is told before the opening; the patient is not.
    assert look.got(NOEMIE) == []
    return refs


def rebooked(stack: Stack, page: Page) -> None:
    (sms,) = stack.messages(to=NOEMIE.phone)
    book(page, sms["links"][0])
    stack.advance("5m")
    look = Look.at(stack, NOEMIE)
    assert [one["reason"] for one in look.entries(NOEMIE, "sequence_stopped")] == ["rebooked"]
    story = look.stories[NOEMIE.number]
    assert {one["message"] for one in story["ahead"]} == {"reminder_email", "reminder_sms"}
    assert [one["kind"] for one in story["steps_ahead"]] == ["alert", "escalation"]
    assert kinds(look, NOEMIE) == ["alert", "alert", "call"]
    # The first SMS and the first email, and the confirmation.
    assert look.got(NOEMIE) == [(TUESDAY, "email"), (TUESDAY, "email"), (TUESDAY, "sms")]


def tuesday(stack: Stack, alerts: list[str]) -> None:
    """One outcome closes one case, even one that says that the patient has an appointment."""
    record(stack, alerts[0], "reached_rebooked", by=PRACTITIONER)
    look = Look.at(stack)
    assert kinds(look, NOEMIE) == ["alert", "call"]
    record(stack, alerts[1], "handled", by=CLINICAL_LEAD)
    record(stack, look.cases(NOEMIE)["call"], "reached_rebooked", by=COORDINATOR)


def later_steps(stack: Stack) -> None:
    """Answered or not, under the flag the alert and the escalation come on their days, and wait for a person."""
    stack.advance("2d")
    look = Look.at(stack)
    alert = look.case(NOEMIE, "alert")
    assert look.told(PRACTITIONER, alert["ref"])[0] == (f"{THURSDAY} 09:00", ALERT)
    record(stack, alert["ref"], "reached_rebooked", by=PRACTITIONER)
    stack.advance("2d")
    escalation = Look.at(stack).case(NOEMIE, "escalation")
    record(stack, escalation["ref"], "handled", by=CLINICAL_LEAD)

    look = Look.at(stack, NOEMIE)
    assert kinds(look, NOEMIE) == look.stories[NOEMIE.number]["steps_ahead"] == []
    assert look.happened(NOEMIE, "task_opened", task="escalation") == [f"{SATURDAY} 09:00"]
    assert not look.entries(NOEMIE, "task_cancelled") + look.entries(NOEMIE, "task_skipped")
    sent = Counter(one["data"]["message"] for one in look.entries(NOEMIE, "message_sent"))
    # Three cases ended with the same appointment: what was agreed is confirmed once.
    assert sent == {"first": 2, "confirmation": 1, "agreed_booked": 1, "reminder_email": 1, "reminder_sms": 1}


def emergency_by_sms(stack: Stack, page: Page) -> None:
    write_sms(stack, page, BASTIEN, CRY)
    write_sms(stack, page, BASTIEN, f"{CRY} !")
    stack.advance("1m")
    look = Look.at(stack)
    received = [one["text"] for one in look.inbox if one["to"] == BASTIEN.phone]
    (answer,) = [text for text in received if text.startswith("Réponse automatique")]
    assert "personne ne lit ici dans l'instant" in answer
    assert all(number in answer for number in ("15", "112", "114", "3114"))
    tasks = standing(look, BASTIEN)
    assert [(one["kind"], one["crisis"], one["paused"]) for one in tasks] == [("emergency", True, True)] * 2
    assert look.worklist[:2] == tasks
    for task in tasks:
        for person in (PRACTITIONER, CLINICAL_LEAD):
            assert [text for _, text in look.told(person, task["ref"])] == ["un message à lire (prioritaire)"]
        look.check_discreet(task["ref"], BASTIEN)
    assert stack.json("tasks", "show", tasks[0]["ref"])["text"] == CRY
    label(stack)


def label(stack: Stack) -> None:
    """Whoever has read it sets the flag: all that the other plan asks of people is due now, and still no message
    crosses what nobody has answered."""
    assert stack.json("risk", "set", BASTIEN.number, "crisis", "--as", PRACTITIONER)["changed"]
    stack.advance("1m")
    look = Look.at(stack, BASTIEN)
    asked = ["alert", "alert", "alert", "call", "emergency", "emergency", "escalation"]
    assert kinds(look, BASTIEN) == asked
    assert all(one["paused"] and one["crisis"] for one in standing(look, BASTIEN))
    assert look.stories[BASTIEN.number]["ahead"]
    assert look.happened(BASTIEN, "sequence_resumed") == []


def standing(look: Look, person: Person) -> list[Found]:
    return [one for one in look.worklist if one["patient"] == person.number]


def kinds(look: Look, person: Person) -> list[str]:
    return sorted(one["kind"] for one in standing(look, person))

"""Entries of the journal as sentences."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from db.changes._journal import Event
from db.queries.journal import PlannedStep, StoryEntry
from db.queries.words import words
from portal.telling import Teller

AT = datetime(2026, 11, 16, 9, 10, tzinfo=UTC)
FRENCH = Teller(words("fr"), ZoneInfo("Europe/Paris"))
ENGLISH = Teller(words("en"), ZoneInfo("Europe/Paris"))


def entry(event: str, *, actor: str = "system", reason: str | None = None, **data: Any) -> StoryEntry:
    return StoryEntry(AT, event, actor, reason, None, None, data)


@pytest.mark.parametrize(
    ("told", "french", "english"),
    [
        (
            entry("message_sent", reason="on_time", message="first", channel="sms"),
            "SMS « premier message » envoyé — comme prévu",
            "SMS “first message” sent — as planned",
        ),
        (
            entry(
                "message_deferred",
                reason="outside_hours",
                message="worth",
                channel="email",
                until="2026-11-17T08:00:00+00:00",
            ),
            "E-mail « intérêt du suivi » reporté — hors des heures d’envoi — jusqu’au mar. 17 nov. 2026 à 09:00",
            "Email “what regular care is worth” deferred — outside sending hours — until Tue 17 Nov 2026 at 09:00",
        ),
        (
            entry("booked", actor="patient", starts_at="2026-11-20T13:30:00+00:00"),
            "Nouveau rendez-vous pris pour le ven. 20 nov. 2026 à 14:30 — par le patient",
            "New appointment booked for Fri 20 Nov 2026 at 14:30 — by the patient",
        ),
        (
            entry("sequence_started", actor="intake", plan="standard", late_entry=True),
            "Parcours de relance « standard » commencé — saisie tardive — par l’import",
            "Follow-up “standard” started — late entry — by the import",
        ),
        (
            entry("task_closed", actor="staff:abc", reason="reply"),
            "Terminé : lire la réponse reçue par SMS — par l’équipe",
            "Done: read the reply received by SMS — by staff",
        ),
        (
            entry("barrier_named", actor="patient", detail="transport"),
            "Obstacle signalé : le transport — par le patient",
            "Obstacle named: transport — by the patient",
        ),
        (
            entry("task_closed", actor="staff:abc", reason="call", outcome="no_answer"),
            "Terminé : appeler le patient — issue : pas de réponse — par l’équipe",
            "Done: call the patient — outcome: no answer — by staff",
        ),
        (
            entry("task_escalated", reason="not_acknowledged", task="alert"),
            "Transmis à la personne suivante : signalement : prendre des nouvelles du patient — "
            "personne ne l’a vu à temps",
            "Passed on to the next person: alert: ask how the patient is — nobody saw it in time",
        ),
        (
            entry("task_skipped", reason="answered", task="alert"),
            "Non nécessaire : signalement : prendre des nouvelles du patient — le patient a déjà donné suite",
            "Not needed: alert: ask how the patient is — the patient has already responded",
        ),
        (
            entry("task_cancelled", reason="unreachable", task="unreachable"),
            "Annulé : joindre le patient autrement : ni mobile ni e-mail utilisables — "
            "ni numéro de mobile ni adresse e-mail utilisables",
            "Cancelled: reach the patient otherwise: no usable mobile number, no usable email — "
            "no usable mobile number and no usable email address",
        ),
        (
            entry("label_set", actor="staff:abc", until="2026-12-31"),
            "Suivi prioritaire décidé — jusqu’au 31 décembre 2026 — par l’équipe",
            "Priority follow-up decided — until 31 December 2026 — by staff",
        ),
    ],
)
def test_an_entry_is_a_sentence(told: StoryEntry, french: str, english: str) -> None:
    assert FRENCH.event(told) == french
    assert ENGLISH.event(told) == english


@pytest.mark.parametrize("event", list(Event))
def test_an_entry_without_its_details_is_told_all_the_same(event: str) -> None:
    assert FRENCH.event(entry(event))
    assert ENGLISH.event(entry(event))


def test_days_are_those_of_the_practice() -> None:
    late = datetime(2026, 11, 16, 23, 30, tzinfo=UTC)
    assert FRENCH.date(late) == "mardi 17 novembre 2026"
    assert FRENCH.time(late) == "00:30"


def test_an_entry_about_a_task_that_names_no_kind_takes_it_from_the_task() -> None:
    told = StoryEntry(AT, "task_claimed", "staff:abc", None, None, "ref", {}, task="call")
    assert FRENCH.event(told) == "Pris en charge : appeler le patient — par l’équipe"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (PlannedStep(AT, "r", "call", "on_call", None, None, False, None, None), "à faire par : personne d’astreinte"),
        (PlannedStep(AT, "r", "call", None, "Camille Roux", None, False, None, None), "à faire par : Camille Roux"),
        (PlannedStep(AT, "r", "call", None, None, None, False, "closed_day", None), "le cabinet est fermé ce jour-là"),
        (PlannedStep(AT, "r", "alert", None, None, AT, True, None, None), "sauf si le patient a donné suite"),
    ],
)
def test_a_step_to_come_says_for_whom_and_what_would_make_it_needless(step: PlannedStep, said: str) -> None:
    assert FRENCH.step(step).startswith(f"Prévu : {words('fr').of('tasks', step.kind)} — ")
    assert FRENCH.step(step).endswith(said)
    assert ENGLISH.step(step).startswith("Planned: ")

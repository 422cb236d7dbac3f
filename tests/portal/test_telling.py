"""Entries of the journal as sentences."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from db.changes._journal import Event
from db.queries.journal import StoryEntry
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
            "Email “worth of regular care” deferred — outside sending hours — until Tue 17 Nov 2026 at 09:00",
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
            "Fait : lire la réponse reçue par SMS — par l’équipe",
            "Done: read the reply received by SMS — by staff",
        ),
        (
            entry("barrier_named", actor="patient", detail="transport"),
            "Obstacle signalé : le transport — par le patient",
            "Obstacle named: transport — by the patient",
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

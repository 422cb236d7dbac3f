"""Every code has its word in every language."""

import re

import pytest

from db import actors
from db.changes._journal import Event
from db.queries.words import languages, words
from db.rules.plans import MESSAGES, STANDARD
from db.rules.risk import RiskRule
from db.states import (
    AppointmentStatus,
    Barrier,
    CallOutcome,
    Channel,
    DeliveryStatus,
    EnrolmentStatus,
    Reason,
    Role,
    TaskKind,
    TaskStatus,
)

NOTICES = ("notice_booked", "notice_moved", "notice_cancelled")
SERVICE = ("confirmation", "reminder_email", "reminder_sms", "agreed_booked", "agreed_later", "emergency")
TO_STAFF = ("case_opened", "case_nudged", "case_moved", "case_released", "return_brief")
CODES = {
    "events": tuple(Event),
    "reasons": tuple(Reason),
    "tasks": tuple(TaskKind),
    "task_statuses": tuple(TaskStatus),
    "outcomes": tuple(CallOutcome),
    "delivery_statuses": tuple(DeliveryStatus),
    "enrolment_statuses": tuple(EnrolmentStatus),
    "roles": tuple(Role),
    "risk_rules": tuple(RiskRule),
    "recipients": ("patient", "practice", "staff"),
    "sources": ("import", "reprise", "sms", "page", "one_click", "provider"),
    "barriers": tuple(Barrier),
    "appointment_statuses": tuple(AppointmentStatus),
    "channels": tuple(Channel),
    "messages": (*MESSAGES, *NOTICES, *SERVICE, *TO_STAFF),
    "plans": (STANDARD.name,),
    "actors": (actors.SYSTEM, actors.PATIENT, actors.INTAKE, actors.INSTALLER, actors.GATEWAY, "staff"),
    "bookings": ("booked", "moved", "cancelled", "telephone"),
}


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(("group", "codes"), CODES.items())
def test_every_code_has_a_word(language: str, group: str, codes: tuple[str, ...]) -> None:
    known = words(language).groups[group]
    assert [code for code in codes if not known.get(code)] == []


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_same_words_as_french(language: str) -> None:
    for group, french in words("fr").groups.items():
        assert words(language).groups[group].keys() == french.keys()


def test_an_unknown_language_reads_french() -> None:
    assert words("tlh") is not None
    assert words("tlh").of("channels", "email") == words("fr").of("channels", "email")


def test_a_code_without_a_word_stands_for_itself() -> None:
    assert words("fr").of("reasons", "something_retired") == "something_retired"
    assert words("fr").of("reasons", None) == ""


@pytest.mark.parametrize("language", languages())
def test_no_word_counts_absences_or_blames(language: str) -> None:
    for text in (text for group in words(language).groups.values() for text in group.values()):
        assert "lapin" not in text.lower()


@pytest.mark.parametrize("language", languages())
def test_each_text_names_the_same_values_as_in_french(language: str) -> None:
    for group, french in words("fr").groups.items():
        for name, text in words(language).groups[group].items():
            assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", french[name])), (group, name)


# What somebody types has the apostrophe of their keyboard.
TYPED = ("command_help", "command_day", "command_hint")


@pytest.mark.parametrize("language", languages())
def test_apostrophes_are_those_of_print(language: str) -> None:
    for group, texts in words(language).groups.items():
        assert [(group, name) for name, text in texts.items() if "'" in text and name not in TYPED] == []

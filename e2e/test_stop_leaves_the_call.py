"""A patient at high risk wants no more messages, neither SMS nor email: none comes, and the call still opens and
climbs, for what stops messages stops nobody who cares."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from e2e.people import CHRONIC, NOEMIE, export, risk_map
from e2e.phone import stop_email, write_sms
from e2e.stack import Stack
from e2e.staff import (
    CLINICAL_LEAD,
    COORDINATOR,
    PRACTITIONER,
    PSYCHOTHERAPIST,
    Look,
    close_what_stands,
    hear_by_mail,
)

CALL = "un appel à passer"
TUESDAY, THURSDAY = "2026-11-17", "2026-11-19"


def test_messages_end_and_the_call_stands(stack: Stack, patient: Callable[[bool], Page], tmp_path: Path) -> None:
    hear_by_mail(stack)
    close_what_stands(stack)
    clinical = {NOEMIE.number: CHRONIC}
    file = export(tmp_path / "export.csv", [NOEMIE], practitioner=PSYCHOTHERAPIST, clinical=clinical)
    assert stack.json("import", file, "--map", risk_map(tmp_path))["enrolled"] == 1
    stack.advance("31m")
    (mail,) = stack.messages(to=NOEMIE.email)
    page = patient(True)
    write_sms(stack, page, NOEMIE, "STOP")
    stop_email(page, mail["links"][0])

    look = Look.at(stack, NOEMIE)
    assert [one["data"]["channel"] for one in look.entries(NOEMIE, "opted_out")] == ["sms", "email"]
    assert [one["reason"] for one in look.entries(NOEMIE, "sequence_stopped")] == ["opted_out"]
    cancelled = look.entries(NOEMIE, "message_cancelled")
    # The SMS ended with the first stop, the emails with the second.
    assert sorted((one["data"]["message"], one["reason"]) for one in cancelled) == [
        ("brief", "channel_opt_out"),
        ("flexible", "channel_opt_out"),
        ("last", "channel_opt_out"),
        ("worth", "channel_opt_out"),
    ]
    story = look.stories[NOEMIE.number]
    assert story["ahead"] == []
    assert [one["kind"] for one in story["steps_ahead"]] == ["call", "alert", "escalation"]

    stack.advance("2d23h")
    check_what_stands(Look.at(stack, NOEMIE))


def check_what_stands(look: Look) -> None:
    assert look.got(NOEMIE) == [("2026-11-16", "email"), ("2026-11-16", "sms")]
    refs = look.cases(NOEMIE)
    assert look.told(COORDINATOR, refs["call"]) == [
        (f"{TUESDAY} 09:00", CALL),
        (f"{TUESDAY} 09:30", f"en attente : {CALL}"),
    ]
    assert look.told(CLINICAL_LEAD, refs["call"])[0] == (f"{TUESDAY} 10:00", f"pour vous désormais : {CALL}")
    assert look.told(PRACTITIONER, refs["call"])[0] == (f"{TUESDAY} 11:00", f"pour vous désormais : {CALL}")
    # The alert comes on its day as well: a stop is no answer.
    assert look.told(PRACTITIONER, refs["alert"])[0] == (f"{THURSDAY} 09:00", "un dossier à regarder")
    assert not look.entries(NOEMIE, "task_skipped")
    assert not look.entries(NOEMIE, "task_cancelled")

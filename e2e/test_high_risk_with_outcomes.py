"""Four patients at high risk whose calls are made: what each outcome does to the messages, to the steps that people
still have to take, and to the telephone."""

from pathlib import Path

from e2e.people import BASTIEN, CHRONIC, DIANE, ISMAEL, NOEMIE, export, risk_map
from e2e.stack import Stack
from e2e.staff import (
    CLINICAL_LEAD,
    COORDINATOR,
    PRACTITIONER,
    PSYCHOTHERAPIST,
    Look,
    close_what_stands,
    hear_by_mail,
    local,
    move,
    record,
)

PEOPLE = (NOEMIE, BASTIEN, DIANE, ISMAEL)
MONDAY, TUESDAY, WEDNESDAY = "2026-11-16", "2026-11-17", "2026-11-18"
THURSDAY, SATURDAY = "2026-11-19", "2026-11-21"
FIRST = [(MONDAY, "email"), (MONDAY, "sms")]


def test_each_outcome_does_what_it_says(stack: Stack, tmp_path: Path) -> None:
    hear_by_mail(stack)
    close_what_stands(stack)
    clinical = {one.number: CHRONIC for one in PEOPLE}
    file = export(tmp_path / "export.csv", PEOPLE, practitioner=PSYCHOTHERAPIST, clinical=clinical)
    assert stack.json("import", file, "--map", risk_map(tmp_path))["enrolled"] == 4
    stack.advance("22h55m")
    look = Look.at(stack)
    calls = {one.number: look.cases(one)["call"] for one in PEOPLE}
    tuesday_calls(stack, calls)
    thursday_alerts(stack)
    stack.advance("2d30m")
    saturday(Look.at(stack, *PEOPLE))


def tuesday_calls(stack: Stack, calls: dict[str, str]) -> None:
    """Five past nine: one claims, three have called already."""
    move(stack, calls[NOEMIE.number], "claim", by=COORDINATOR)
    assert record(stack, calls[BASTIEN.number], "needs_clinical_lead", by=COORDINATOR) == "waiting"
    assert record(stack, calls[DIANE.number], "wrong_number", by=COORDINATOR) is None
    assert record(stack, calls[ISMAEL.number], "declined", by=COORDINATOR) == "stopped"
    move(stack, Look.at(stack).cases(BASTIEN)["escalation"], "claim", by=CLINICAL_LEAD)
    stack.advance("1h5m")

    look = Look.at(stack)
    # Claimed, or with the clinical lead: nothing crosses them. By email where the telephone is somebody else's.
    assert look.got(NOEMIE) == look.got(BASTIEN) == look.got(ISMAEL) == FIRST
    assert look.got(DIANE) == [*FIRST, (TUESDAY, "email")]
    assert not stack.json("patient", DIANE.number)["phone_works"]

    call, now = look.case(NOEMIE, "call"), look.case(BASTIEN, "escalation")
    assert (call["status"], call["holder"], call["paused"]) == ("claimed", "Nadia Haddad", True)
    assert (now["holder"], now["urgent"], now["paused"]) == ("Bernard Lacroix", True, True)
    assert look.told(CLINICAL_LEAD, now["ref"])[0] == (f"{TUESDAY} 09:00", "une décision à prendre (prioritaire)")
    look.check_discreet(now["ref"], BASTIEN)
    declined = look.case(ISMAEL, "declined")
    assert (declined["assignee"], declined["status"]) == ("Élise Marchand", "open")

    assert record(stack, call["ref"], "left_message", by=COORDINATOR) == "resumed"
    assert record(stack, now["ref"], "left_message", by=CLINICAL_LEAD) == "resumed"
    record(stack, declined["ref"], "handled", by=PRACTITIONER)
    stack.advance("5m")
    look = Look.at(stack)
    assert look.got(NOEMIE) == look.got(BASTIEN) == [*FIRST, (TUESDAY, "email")]


def thursday_alerts(stack: Stack) -> None:
    stack.advance("1d22h50m")
    look = Look.at(stack)
    assert look.got(NOEMIE) == look.got(BASTIEN) == [*FIRST, (TUESDAY, "email"), (WEDNESDAY, "sms")]
    assert look.got(DIANE) == [*FIRST, (TUESDAY, "email")]
    for person in (BASTIEN, DIANE):
        record(stack, look.cases(person)["alert"], "no_answer", by=PRACTITIONER)
    alert = look.cases(NOEMIE)["alert"]
    move(stack, alert, "ack", by=PRACTITIONER)
    stack.advance("2h10m")

    # Seen, and then forgotten: reminded after an hour, and after two for whoever takes it.
    look = Look.at(stack)
    assert look.case(NOEMIE, "alert")["status"] == "open"
    assert look.told(PRACTITIONER, alert) == [
        (f"{THURSDAY} 09:00", "un dossier à regarder"),
        (f"{THURSDAY} 10:00", "en attente : un dossier à regarder"),
        (f"{THURSDAY} 11:00", "de nouveau à prendre : un dossier à regarder"),
    ]
    assert (THURSDAY, "email") in look.got(NOEMIE)
    move(stack, alert, "claim", by=PRACTITIONER)
    assert record(stack, alert, "reached_will_book", by=PRACTITIONER) == "resumed_later"


def saturday(look: Look) -> None:
    """The escalation falls away for whoever was reached, came early for one, and opens for the one whom nobody could
    reach."""
    assert look.cases(NOEMIE) == look.cases(BASTIEN) == look.cases(ISMAEL) == {}
    assert look.case(DIANE, "escalation")["status"] == "open"
    assert [one["reason"] for one in look.entries(NOEMIE, "task_released")] == ["not_finished"]
    for person, skipped in ((NOEMIE, ["escalation"]), (ISMAEL, ["alert", "escalation"])):
        needless = look.entries(person, "task_skipped")
        assert [(one["task"], one["reason"]) for one in needless] == [(kind, "answered") for kind in skipped]
    assert look.happened(BASTIEN, "task_opened", task="escalation") == [f"{TUESDAY} 09:00"]
    assert look.happened(DIANE, "task_opened", task="escalation") == [f"{SATURDAY} 09:00"]

    usual = [*FIRST, (TUESDAY, "email"), (WEDNESDAY, "sms"), (THURSDAY, "email")]
    assert look.got(BASTIEN) == [*usual, (SATURDAY, "email")]
    assert look.got(DIANE) == [*FIRST, (TUESDAY, "email"), (THURSDAY, "email"), (SATURDAY, "email")]
    assert look.got(ISMAEL) == FIRST
    # What was agreed is confirmed at once, and the last message waits for the two days that were promised.
    assert look.got(NOEMIE) == [*usual, (THURSDAY, "sms"), (SATURDAY, "email")]
    (agreed,) = [one for one in look.inbox if one["to"] == NOEMIE.phone and "comme convenu" in one["text"]]
    assert agreed["text"].startswith("Bonjour Noémie, comme convenu, voici le lien")
    assert look.happened(NOEMIE, "sequence_resumed")[-1] == f"{SATURDAY} 11:10"
    last = [one for one in look.entries(NOEMIE, "message_sent") if one["data"]["message"] == "last"]
    assert [local(one["at"]) for one in last] == [f"{SATURDAY} 11:10"]

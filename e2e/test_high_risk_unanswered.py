"""A patient at high risk answers nothing, and nobody at the practice acts: the messages go out on their days; the call,
the alert and the escalation open on theirs, are nudged, climb, and all still stand at the end."""

from pathlib import Path

from e2e.people import CHRONIC, NOEMIE, export, risk_map
from e2e.stack import Stack
from e2e.staff import (
    ADMIN,
    CLINICAL_LEAD,
    COORDINATOR,
    NAMES,
    PRACTITIONER,
    PSYCHOTHERAPIST,
    Look,
    close_what_stands,
    hear_by_mail,
    local,
)

MOMENTS = [
    ("2026-11-16", "email", "first"),
    ("2026-11-16", "sms", "first"),
    ("2026-11-17", "email", "flexible"),
    ("2026-11-18", "sms", "brief"),
    ("2026-11-19", "email", "worth"),
    ("2026-11-21", "email", "last"),
]
CALL, ALERT, ESCALATION = "un appel à passer", "un dossier à regarder", "une décision à prendre (prioritaire)"
WAITS, YOURS = "en attente : ", "pour vous désormais : "
TUESDAY, THURSDAY, SATURDAY = "2026-11-17", "2026-11-19", "2026-11-21"


def test_call_alert_and_escalation_open_climb_and_stand(stack: Stack, tmp_path: Path) -> None:
    hear_by_mail(stack)
    close_what_stands(stack)
    clinical = {NOEMIE.number: CHRONIC}
    file = export(tmp_path / "export.csv", [NOEMIE], practitioner=PSYCHOTHERAPIST, clinical=clinical)
    counts = stack.json("import", file, "--map", risk_map(tmp_path))
    assert (counts["enrolled"], counts["tasks"], counts["rejected"]) == (1, 0, 0)
    ahead = stack.json("journal", NOEMIE.number)["steps_ahead"]
    assert [(one["kind"], one["role"], local(one["due_at"])) for one in ahead] == [
        ("call", "care_coordinator", f"{TUESDAY} 09:00"),
        ("alert", "practitioner", f"{THURSDAY} 09:00"),
        ("escalation", "clinical_lead", f"{SATURDAY} 09:00"),
    ]
    stack.advance("5d1h")
    look = Look.at(stack, NOEMIE)
    refs = look.cases(NOEMIE)
    assert list(refs) == ["alert", "call", "escalation"]
    check_call(look, refs["call"])
    check_alert(look, refs["alert"])
    check_escalation(look, refs["escalation"])
    for ref in refs.values():
        look.check_discreet(ref, NOEMIE)
    check_messages(look)
    check_worklist(look, stack.reprise("worklist"))
    check_journal(stack.reprise("journal", NOEMIE.number))
    stack.reprise("journal", "--verify")


def check_call(look: Look, ref: str) -> None:
    """The coordinator's first, then the clinical lead's; above stands the person whom she falls back on."""
    assert look.told(COORDINATOR, ref) == [(f"{TUESDAY} 09:00", CALL), (f"{TUESDAY} 09:30", WAITS + CALL)]
    assert look.told(CLINICAL_LEAD, ref) == [(f"{TUESDAY} 10:00", YOURS + CALL), (f"{TUESDAY} 10:30", WAITS + CALL)]
    last = look.told(PRACTITIONER, ref)
    assert last[:2] == [(f"{TUESDAY} 11:00", YOURS + CALL), (f"{TUESDAY} 11:30", WAITS + CALL)]
    # Nobody stands above: from here on one reminder a day.
    assert [(at[:10], text) for at, text in last[2:]] == [
        (f"2026-11-{day}", WAITS + CALL) for day in ("18", "19", "20")
    ]


def check_alert(look: Look, ref: str) -> None:
    opened = look.told(PRACTITIONER, ref)
    assert opened[:2] == [(f"{THURSDAY} 09:00", ALERT), (f"{THURSDAY} 09:30", WAITS + ALERT)]
    assert look.told(COORDINATOR, ref) == [(f"{THURSDAY} 10:00", YOURS + ALERT), (f"{THURSDAY} 10:30", WAITS + ALERT)]
    lead = look.told(CLINICAL_LEAD, ref)
    assert lead == [(f"{THURSDAY} 11:00", YOURS + ALERT), (f"{THURSDAY} 11:30", WAITS + ALERT)]
    climbed = look.happened(NOEMIE, "task_escalated", task="alert")
    assert climbed == [f"{THURSDAY} 10:00", f"{THURSDAY} 11:00", f"{THURSDAY} 12:00"]


def check_escalation(look: Look, ref: str) -> None:
    lead = look.told(CLINICAL_LEAD, ref)
    assert lead == [(f"{SATURDAY} 09:00", ESCALATION), (f"{SATURDAY} 09:30", WAITS + ESCALATION)]
    last = look.told(ADMIN, ref)
    assert last == [(f"{SATURDAY} 10:00", YOURS + ESCALATION), (f"{SATURDAY} 10:30", WAITS + ESCALATION)]


def check_messages(look: Look) -> None:
    """What people leave undone changes nothing of the messages."""
    assert look.got(NOEMIE) == [(day, channel) for day, channel, _ in MOMENTS]
    sent = [(local(one["at"])[:10], one["data"]) for one in look.entries(NOEMIE, "message_sent")]
    assert sorted((day, data["channel"], data["message"]) for day, data in sent) == MOMENTS
    assert look.happened(NOEMIE, "sequence_completed") == [f"{SATURDAY} 10:00"]


def check_worklist(look: Look, said: str) -> None:
    assert [(one["kind"], one["status"], one["overdue"]) for one in look.worklist] == [
        ("escalation", "open", False),
        ("call", "open", True),
        ("alert", "open", True),
    ]
    for one in look.worklist:
        assert one["ref"] in said
    for words in ("appeler le patient", "prendre des nouvelles du patient", "une décision clinique est attendue"):
        assert words in said
    assert NAMES[ADMIN] in said
    # Whom to call is a command of its own; this list may lie open on a desk.
    assert NOEMIE.first_name not in said
    assert NOEMIE.phone.removeprefix("+33") not in said.replace(" ", "")


def check_journal(said: str) -> None:
    for words in (
        "Parcours de relance « suivi prioritaire » commencé",
        "À faire : appeler le patient\n",
        "Nouvel avis envoyé : appeler le patient\n",
        "Transmis à la personne suivante : appeler le patient — personne ne l’a vu à temps\n",
        "À faire : signalement : prendre des nouvelles du patient\n",
        "À faire : escalade : une décision clinique est attendue\n",
    ):
        assert words in said
    assert NOEMIE.first_name not in said
    # In words, every one: no code of the tables.
    assert "_" not in said

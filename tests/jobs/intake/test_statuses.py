import pytest

from db.states import AppointmentStatus
from jobs.intake.folding import fold_header
from jobs.intake.words import flag_of, is_nothing, status_word, yes_or_no
from tests.jobs.intake.conftest import Export

WORDS = {
    "no_show": "absent|Absente|ABSENT|Absent(e)|Absence|non honoré|Non honorée|non_honoré|NonHonoré|"
    "RDV non honoré|non venu|"
    "Non-venu|pas venu|N'est pas venue|jamais venu|Ne s'est pas présenté|Non présenté|lapin|Lapin !|no-show|"
    "No show|noshow|"
    "NO_SHOW|NoShow|NS|DNA|Did not attend|Didn't come|manqué|RDV manqué|missed|not attended|Patient absent|"
    "a fait faux bond|"
    "Absent non excusé|absence injustifiée|Absent (non excusé)|absent sans prévenir|Non vu|1 - Absent|nicht erschienen|"
    "assente|afwezig|abwesend|unentschuldigt|not arrived|failed to attend|Défaillant",
    "attended": "présent|Présente|PRESENT|venu|Venue|honoré|RDV honoré|vu|Vue|arrivé|Arrivé en retard|terminé|Terminée|"
    "effectué|réalisé|Fait|attended|seen|done|Completed|Checked-in|fulfilled|arrived|show|en consultation|"
    "En salle d'attente|erschienen|anwesend|presente|aanwezig|Consulté|Clôturé|venu en retard",
    "cancelled": "annulé|Annulée|Annulé par le patient|annulation tardive|Late cancellation|cancelled|Canceled|excusé|"
    "Absent excusé|absence justifiée|reporté|Déplacé|décommandé|rescheduled|Absence du praticien|Praticien absent|"
    "entered-in-error|abgesagt|storniert|geannuleerd|Absent, prévenu|supprimé",
    "booked": "à venir|A venir|planifié|confirmé|Confirmé par SMS|non confirmé|à confirmer|prévu|programmé|"
    "réservé|booked|"
    "Scheduled|pending|confirmed|en attente|pas encore venu|not yet arrived|gebucht|Geplant|RDV pris|upcoming|Validé",
    "was_not_brought": "non accompagné|Non accompagnée|pas accompagné|was not brought|Not brought|WNB|non amené",
}  # fmt: skip


@pytest.mark.parametrize(("word", "status"), [(word, key) for key, words in WORDS.items() for word in words.split("|")])
def test_a_word_means_its_status(word: str, status: str) -> None:
    assert status_word(word) == status


@pytest.mark.parametrize(
    "word",
    [
        "hospitalisé", "Oui", "x", "", "?", "7", "en retard", "payé", "non absent", "pas annulé", "not missed",
        "à rappeler",
        "le patient a appelé pour dire que sa fille serait absente demain matin", "F32.1", "Dr Durand",
    ],
)  # fmt: skip
def test_a_word_that_says_nothing_sure_is_not_guessed_at(word: str) -> None:
    assert status_word(word) is None


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("No-show", "no_show"), ("NoShow", "no_show"), ("is_no_show", "no_show"), ("Absent", "no_show"),
        ("Absent(e)", "no_show"), ("Absent ?", "no_show"), ("RDV manqué", "no_show"), ("Non venu", "no_show"),
        ("Non honoré", "no_show"), ("Missed appointment", "no_show"), ("Lapin", "no_show"), ("Absence", "no_show"),
        ("Présent", "attended"), ("Présence", "attended"), ("Venu", "attended"), ("RDV honoré", "attended"),
        ("Attended", "attended"), ("showed_up", "attended"), ("Patient venu ?", "attended"), ("Annulé", "cancelled"),
        ("Excusé", "cancelled"), ("Non accompagné", "was_not_brought"), ("Statut", None), ("Absences", None),
        ("Date annulation", None), ("Motif absence", None), ("Confirmé", None),
    ],
)  # fmt: skip
def test_a_header_says_what_yes_means(header: str, status: str | None) -> None:
    assert flag_of(fold_header(header)) == status


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("Yes", True), ("oui", True), ("O", True), ("1", True), ("1.0", True), ("x", True), ("X", True), ("VRAI", True),
        ("true", True), ("✓", True), ("☑", True), ("No", False), ("NON", False), ("n", False), ("0", False),
        ("0,0", False),
        ("faux", False), ("FALSE", False), ("☐", False), ("peut-être", None), ("2", None), ("", None),
    ],
)  # fmt: skip
def test_yes_and_no(cell: str, answer: bool | None) -> None:
    assert yes_or_no(cell) is answer


@pytest.mark.parametrize(
    "cell", ["", "-", "--", "—", "N/A", "#N/A", "n.a.", "NULL", "None", "inconnu", "Néant", "?", "nan"]
)
def test_cells_that_say_there_is_nothing(cell: str) -> None:
    assert is_nothing(cell)


@pytest.mark.parametrize("cell", ["0", "Anna", "12", "Néantin", "患者", "Ж"])
def test_cells_that_say_something(cell: str) -> None:
    assert not is_nothing(cell)


PAST, TODAY, FUTURE = "02/03/2026", "11/03/2026", "20/03/2026"


@pytest.mark.parametrize(
    ("header", "cell", "day", "status"),
    [
        ("No-show", "Yes", PAST, "no_show"), ("No-show", "No", PAST, "attended"), ("No-show", "No", FUTURE, "booked"),
        ("No-show", "No", TODAY, "booked"), ("No-show", "Yes", TODAY, "no_show"), ("Absent", "oui", PAST, "no_show"),
        ("Absent", "0", PAST, "attended"), ("Absent", "x", PAST, "no_show"), ("Absent", "", FUTURE, "booked"),
        ("Absent", "excusé", PAST, "cancelled"), ("Présent", "oui", PAST, "attended"),
        ("Présent", "non", PAST, "no_show"),
        ("Présent", "non", FUTURE, "booked"), ("Présent", "FAUX", PAST, "no_show"),
        ("Présent", "Absent", PAST, "no_show"),
        ("Présence", "Absente", PAST, "no_show"), ("Venu", "1", PAST, "attended"), ("Honoré", "non", PAST, "no_show"),
        ("Statut", "", FUTURE, "booked"), ("Statut", "", TODAY, "booked"), ("Statut", "", PAST, "unreadable_status"),
        ("Statut", "oui", PAST, "unreadable_status"), ("Statut", "hospitalisé", PAST, "unreadable_status"),
        ("Statut", "-", FUTURE, "booked"), ("Présent", "", PAST, "unreadable_status"),
        ("Présent", "", FUTURE, "booked"),
        ("No-show", "peut-être", PAST, "unreadable_status"), ("Statut", "confirmé", PAST, "booked"),
    ],
)  # fmt: skip
def test_the_status_of_a_row(export: Export, header: str, cell: str, day: str, status: str) -> None:
    (row,) = export.read(f"N° patient;Date;{header}\n1;{day};{cell}\n")
    assert (row.reason if hasattr(row, "reason") else row.status) == status


@pytest.mark.parametrize(
    ("headers", "cells", "status"),
    [
        ("Présent;Absent;Excusé", "x;;", "attended"), ("Présent;Absent;Excusé", ";x;", "no_show"),
        ("Présent;Absent;Excusé", ";;x", "cancelled"), ("Présent;Absent;Excusé", ";x;x", "cancelled"),
        ("Présent;Absent;Excusé", "x;x;", "unreadable_status"), ("Présent;Absent;Excusé", ";;", "unreadable_status"),
        ("Présent;Absent", "non;oui", "no_show"), ("Présent;Absent", "non;non", "unreadable_status"),
        ("Statut;Absent", "confirmé;oui", "no_show"), ("Statut;Absent", "confirmé;non", "attended"),
        ("Statut;Annulé", "confirmé;oui", "cancelled"), ("Statut;Annulé", "absent;non", "no_show"),
        ("Statut;Absent", "terminé;oui", "unreadable_status"), ("Statut;No-show", "annulé;oui", "cancelled"),
        ("Absent;Non accompagné", "oui;oui", "was_not_brought"), ("Statut;Absent", "???;oui", "no_show"),
        ("Statut;Absent", "?!x;non", "unreadable_status"),
    ],
)  # fmt: skip
def test_columns_that_tell_the_status_together(export: Export, headers: str, cells: str, status: str) -> None:
    (row,) = export.read(f"N° patient;Date;{headers}\n1;{PAST};{cells}\n")
    assert (row.reason if hasattr(row, "reason") else row.status) == status


def test_an_empty_box_is_a_no_where_nobody_writes_no(export: Export) -> None:
    ticked = export.good(f"N° patient;Date;Absent\n1;{PAST};x\n2;{PAST};\n3;{FUTURE};\n")
    assert [row.status for row in ticked] == ["no_show", "attended", "booked"]
    answered = export.read(f"N° patient;Date;Absent\n1;{PAST};oui\n2;{PAST};\n3;{PAST};non\n")
    assert [getattr(row, "status", None) for row in answered] == ["no_show", None, "attended"]


def test_an_empty_box_never_makes_an_absence(export: Export) -> None:
    rows = export.read(f"N° patient;Date;Présent\n1;{PAST};x\n2;{PAST};\n3;{TODAY};\n")
    assert [getattr(row, "status", row) for row in rows if not hasattr(row, "reason")] == ["attended", "booked"]


def test_words_of_the_map_come_first(export: Export) -> None:
    words = {"no_show": ["NV", "3", "∅", "en retard"], "attended": ["OK", "absent"], "booked": ["-"]}
    content = "N° patient;Date;Statut\n" + "".join(
        f"{number};{PAST};{word}\n" for number, word in enumerate(["nv", "3", "∅", "En retard", "ok", "absent", "-"], 1)
    )
    assert [row.status for row in export.good(content, {"status": words})] == ["no_show"] * 4 + ["attended"] * 2 + [
        "booked"
    ]


def test_every_status_there_is_can_be_read() -> None:
    assert set(WORDS) == set(AppointmentStatus)

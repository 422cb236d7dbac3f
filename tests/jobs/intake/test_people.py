from collections.abc import Callable

import pytest

from db.rules.intake_row import IntakeRow
from jobs.intake.people import split_name
from tests.jobs.intake.conftest import Export

Cell = Callable[..., IntakeRow]


@pytest.mark.parametrize(
    ("cell", "key"),
    [
        ("12", "12"), ("0012", "0012"), ('"=""0012"""', "0012"), ("'0012", "0012"), ("12.0", "12"), (" 12 ", "12"),
        ("29872500000000.0", "29872500000000"), ("2.98725E+13", "2.98725E+13"), ("2,98725E+13", "2,98725E+13"),
        ("AB-12/3", "AB-12/3"), ("ab 12", "ab 12"), ("12.50", "12.50"), ("患者七", "患者七"), ("\u200b12\u00a0", "12"),
    ],
)  # fmt: skip
def test_the_practices_number_is_kept_as_text(export: Export, cell: str, key: str) -> None:
    assert export.one(f"N° patient;Date;Statut\n{cell};02/03/2026;absent\n").patient_key == key


def test_rounded_numbers_are_counted_for_a_warning(export: Export) -> None:
    intake = export.open("N° patient;Date;Statut\n2.98725E+13;02/03/2026;absent\n7;02/03/2026;absent\n")
    assert len(list(intake.rows())) == 2
    assert intake.rounded_numbers == 1


@pytest.mark.parametrize("number", ["", "0", "000", "-", "N/A", "null"])
def test_a_row_whose_number_is_none_falls_back_on_what_it_has(export: Export, number: str) -> None:
    headers = "N° patient;E-mail;Date;Statut\n"
    assert export.one(f"{headers}{number};zoe@example.fr;02/03/2026;absent\n").patient_key.startswith("h:")
    (bad,) = export.bad(f"{headers}{number};;02/03/2026;absent\n")
    assert bad.reason == "no_identity"


HEADERS = "Nom;Prénom;DDN;GSM;Mail;Date;Statut\n"


def key(export: Export, cells: str) -> str:
    return export.one(f"{HEADERS}{cells};02/03/2026;absent\n").patient_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Durand;Zoé;;;Zoe@Example.fr", "DURAND;Zoe;;;zoe@example.fr"),
        ("Durand;Zoé;;;zoe@example.fr", "Durand;Zoé;01/02/1980;0612345678;zoe@example.fr"),
        ("Durand;Zoé;;06 12 34 56 78;", "DURAND;zoe;;+33 6 12 34 56 78;"),
        ("Petit-Durand;Zoé;;0612345678;", "petit durand;ZOE;;0612345678;"),
        ("Durand;Zoé;01/02/1980;;", "DURAND;ZOE;1980-02-01;;"),
        ("Durand;Zoé;01/02/1980;123;x", "Durand;Zoé;01/02/1980;;"),
    ],
)
def test_the_same_person_has_the_same_key(export: Export, one: str, other: str) -> None:
    assert key(export, one) == key(export, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Durand;Zoé;;0612345678;", "Durand;Léo;;0612345678;"),
        ("Durand;Zoé;01/02/1980;;", "Durand;Zoé;02/01/1980;;"),
        ("Durand;Zoé;01/02/1980;;", "Durand;Léo;01/02/1980;;"),
        ("أحمد;محمد;01/02/1980;;", "علي;حسن;01/02/1980;;"),
        ("Durand;Zoé;;;zoe@example.fr", "Durand;Zoé;;;zoe@example.ch"),
    ],
)
def test_two_people_have_two_keys(export: Export, one: str, other: str) -> None:
    assert key(export, one) != key(export, other)


@pytest.mark.parametrize("cells", ["Durand;Zoé;01/02/1980;;", "Durand;Zoé;;0612345678;", "Durand;Zoé;;;zoe@example.fr"])
def test_a_derived_key_shows_nothing_of_the_person(export: Export, cells: str) -> None:
    derived = key(export, cells)
    assert derived.startswith("h:")
    assert len(derived) == 34
    assert not any(
        part.casefold() in derived.casefold() for part in ("durand", "zo", "1980", "0612345678", "612345678")
    )


@pytest.mark.parametrize(
    "cells", ["Durand;Zoé;;;", "Durand;Zoé;31/02/1980;;", ";;01/02/1980;;", "Durand;Zoé;;123;no-mail"]
)
def test_nobody_in_particular_is_rejected(export: Export, cells: str) -> None:
    (bad,) = export.bad(f"{HEADERS}{cells};02/03/2026;absent\n")
    assert bad.reason == "no_identity"


@pytest.mark.parametrize(
    ("header", "value", "minor"),
    [
        ("Date de naissance", "03/03/2008", True), ("Date de naissance", "02/03/2008", False), ("Age", "17", True),
        ("Age", "18", False), ("Age", "8 ans", True), ("Age", "6 mois", True), ("Âge", "62.0", False),
        ("Age", "-1", False),
        ("Age", "", False), ("Date de naissance", "", False), ("DDN", "12/05/48", False), ("DDN", "12/05/15", True),
        ("DDN", "1948-05-12", False), ("DDN", "2015-05-12T00:00:00Z", True), ("DDN", "29/02/2008", False),
        ("DDN", "29.02.2012", True),
        ("DDN", "17664", False), ("DDN", "12 mai 1948", False), ("DDN", "illisible", False),
    ],
)  # fmt: skip
def test_who_is_a_minor_on_the_day(cell: Cell, header: str, value: str, minor: bool) -> None:
    assert cell(header, value).minor is minor


def test_a_birth_date_outweighs_an_age(export: Export) -> None:
    row = export.one("N° patient;Date;Statut;Age;DDN\n1;02/03/2026;absent;40;01/01/2015\n")
    assert row.minor


@pytest.mark.parametrize(
    ("country", "value", "e164", "kind"),
    [
        ("FR", "06 12 34 56 78", "+33612345678", "mobile"), ("FR", "0033 6.12.34.56.78", "+33612345678", "mobile"),
        ("FR", "612345678", "+33612345678", "mobile"), ("FR", "'0612345678", "+33612345678", "mobile"),
        ("FR", "01 42 34 56 78", "+33142345678", "fixed"), ("FR", "0690 12 34 56", "+590690123456", "mobile"),
        ("CH", "079 123 45 67", "+41791234567", "mobile"), ("BE", "0470/12.34.56", "+32470123456", "mobile"),
    ],
)  # fmt: skip
def test_telephones_of_every_country(cell: Cell, country: str, value: str, e164: str, kind: str) -> None:
    row = cell("Téléphone", value, country=country)
    assert (row.phone, row.phone_kind, row.phone_given) == (e164, kind, True)


@pytest.mark.parametrize(
    ("value", "given"), [("", False), ("-", False), ("N/A", False), ("12", True), ("6.12E8", True), ("rouge", True)]
)
def test_a_number_that_is_none_is_told_from_no_number(cell: Cell, value: str, given: bool) -> None:
    row = cell("Téléphone", value)
    assert (row.phone, row.phone_kind, row.phone_given) == (None, None, given)


@pytest.mark.parametrize(
    ("headers", "cells"),
    [
        ("Tél. fixe;Portable", "01 42 34 56 78;06 12 34 56 78"),
        ("Portable;Tél. fixe", "06 12 34 56 78;01 42 34 56 78"),
        ("Téléphone 1;Téléphone 2", "01 42 34 56 78;06 12 34 56 78"),
        ("Portable;Téléphone", "illisible;06 12 34 56 78"),
        ("Téléphone", "01 42 34 56 78 / 06 12 34 56 78"),
    ],
)
def test_of_several_numbers_the_mobile_is_taken(export: Export, headers: str, cells: str) -> None:
    row = export.one(f"N° patient;Date;Statut;{headers}\n1;02/03/2026;absent;{cells}\n")
    assert row.phone == "+33612345678"


def test_of_several_addresses_the_first_usable_is_taken(export: Export) -> None:
    row = export.one("N° patient;Date;Statut;Mail 1;Mail 2\n1;02/03/2026;absent;aucun;zoe@example.fr\n")
    assert row.email == "zoe@example.fr"


@pytest.mark.parametrize(
    ("value", "language"),
    [
        ("fr", "fr"),
        ("Français", "fr"),
        ("fr-CH", "fr"),
        ("EN", "en"),
        ("anglais", "en"),
        ("Deutsch", "de"),
        ("klingon", None),
    ],
)
def test_languages(cell: Cell, value: str, language: str | None) -> None:
    assert cell("Langue", value).language == language


@pytest.mark.parametrize(
    ("value", "speciality"),
    [
        ("Kinésithérapie", "physiotherapy"), ("kiné", "physiotherapy"), ("Masseur-kinésithérapeute", "physiotherapy"),
        ("Ostéopathe", "physiotherapy"), ("Psychologue", "psychotherapy"), ("Psychiatrie", "psychotherapy"),
        ("pédopsychiatre", "psychotherapy"), ("Neuropsychologie", "psychotherapy"), ("Dentiste", "dental"),
        ("Chirurgien-dentiste", "dental"), ("Orthodontie", "dental"), ("Diététicienne", "nutrition"),
        ("Nutritionniste", "nutrition"), ("Médecine générale", "general"), ("Psychomotricien", None), ("", None),
        ("Orthophonie", None), ("Physiotherapy", "physiotherapy"),
    ],
)  # fmt: skip
def test_specialities(cell: Cell, value: str, speciality: str | None) -> None:
    assert cell("Spécialité", value).speciality == speciality


@pytest.mark.parametrize(
    ("name", "last_first", "parts"),
    [
        ("DURAND Zoé", False, ("Zoé", "DURAND")), ("Zoé DURAND", True, ("Zoé", "DURAND")),
        ("Durand, Zoé Anne", False, ("Zoé Anne", "Durand")), ("Durand Zoé", True, ("Zoé", "Durand")),
        ("De la Tour Zoé Anne", True, ("", "De la Tour Zoé Anne")), ("durand zoé", False, ("", "durand zoé")),
        ("Zoé Durand (née Petit)", False, ("Zoé", "Durand")), ("Mlle Zoé Durand", False, ("Zoé", "Durand")),
        ("M", False, ("", "M")), ("Zoé", False, ("", "Zoé")), ("DURAND ZOE", True, ("ZOE", "DURAND")),
        ("Durand Zoé", None, ("", "Durand Zoé")), ("Mme DURAND Zoé", None, ("Zoé", "DURAND")),
    ],
)  # fmt: skip
def test_a_whole_name_is_parted_only_where_it_is_clear(
    name: str, last_first: bool | None, parts: tuple[str, str]
) -> None:
    assert split_name(name, last_first=last_first) == parts


@pytest.mark.parametrize(
    ("header", "first_name"),
    [
        ("Patient", ""), ("Nom", ""), ("Nom du patient", ""), ("Nom et prénom", "Martin"), ("Prénom Nom", "Jean"),
        ("First name Last name", "Jean"), ("Last name, First name", "Martin"),
    ],
)  # fmt: skip
def test_a_header_that_announces_no_order_leaves_the_greeting_without_a_name(
    export: Export, header: str, first_name: str
) -> None:
    row = export.one(f'N° dossier;"{header}";Date;Statut\n1;Jean Martin;02/03/2026;absent\n')
    assert row.first_name == first_name

import tracemalloc
from datetime import date
from pathlib import Path

import pytest

from db.rules.intake_row import IntakeRow
from jobs.intake.mapping import load
from jobs.intake.reader import open_file
from jobs.intake.refusal import IntakeRefused
from jobs.intake.rejects import Rejected
from tests.jobs.intake.conftest import PARIS, Export

FULL = (
    "N° patient;N° RDV;Nom;Prénom;Date de naissance;Portable;E-mail;Langue;"
    "Praticien;Spécialité;Date;Heure;Durée;Statut;Motif\n"
    "12;900;DURAND;Zoé;01/02/1980;06 12 34 56 78;Zoe@Example.fr;Français;Anne Roy;Kiné;02/03/2026;14h30;45;"
    'Non honoré;"genou;\npuis épaule"\n'
)


def test_a_full_row_becomes_an_appointment(export: Export) -> None:
    row = export.one(FULL)
    assert row == IntakeRow(
        line=2,
        patient_key="12",
        first_name="Zoé",
        last_name="DURAND",
        phone="+33612345678",
        phone_kind=row.phone_kind,
        phone_given=True,
        email="zoe@example.fr",
        language="fr",
        minor=False,
        practitioner="Anne Roy",
        speciality="physiotherapy",
        appointment_key="900",
        day=date(2026, 3, 2),
        starts_at=row.starts_at,
        duration_min=45,
        status=row.status,
        risk_rules=frozenset(),
    )
    assert row.status == "no_show"
    assert str(row.starts_at) == "2026-03-02 13:30:00+00:00"


def test_a_row_shows_no_contact_when_it_is_printed(export: Export) -> None:
    shown = repr(export.one(FULL))
    assert not any(part in shown for part in ("Zoé", "DURAND", "+336", "zoe@", "genou", "'12'"))


ROWS = "N° patient;Nom;Date;Statut\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1;Durand;02/03/2026;absent;de trop", "ragged"),
        ("1;Durand;02/03/2026", "ragged"),
        ("1", "ragged"),
        ("1;Durand;02/03/2026;abs\0ent", "nul"),
        ('1;"Durand;02/03/2026;absent', "unclosed_quote"),
        ("1;" + "D" * 300_000 + ";02/03/2026;absent", "too_long"),
        (";Durand;02/03/2026;absent", "no_identity"),
        ("1;Durand;;absent", "no_date"),
        ("1;Durand;32/03/2026;absent", "impossible_date"),
        ("1;Durand;02/03/2026;peut-être", "unreadable_status"),
    ],
)
def test_a_bad_row_is_given_back_and_the_others_are_read(export: Export, line: str, reason: str) -> None:
    good = "2;Martin;02/03/2026;absent\n"
    first, bad, last = export.read(f"{ROWS}{good}{line}\n{good}")
    assert isinstance(bad, Rejected)
    assert (bad.line, bad.reason) == (3, reason)
    assert bad.sentence[0].isupper()
    assert bad.sentence.endswith(".")
    assert (first.line, last.line) == (2, 4)


@pytest.mark.parametrize("reason", ["ragged", "nul", "unclosed_quote", "too_long"])
def test_cells_that_may_stand_in_the_wrong_column_are_not_given_back(export: Export, reason: str) -> None:
    content = ROWS + '1;Durand;x;02/03/2026;absent\n2;\0\n3;"Durand\n' + "x" * 300_000 + "\n"
    assert {bad.reason: bad.fields for bad in export.bad(content)}[reason] == {}  # type: ignore[index]


def test_a_row_that_may_have_shifted_gives_back_nothing(export: Export) -> None:
    content = (
        f"{ROWS}1;Durand;02/03/2026;absent\n2;Martin;02/03/2026;absent\n3;x;Durand;02/03/2026;\n4;A;hier;absent;\n"
    )
    assert [bad.fields for bad in export.bad(content)] == [{}, {}]
    trailing = "N° patient;Date;Statut\n1;02/03/2026;absent;\n2;hier;absent;\n"
    assert [bad.fields["Date"] for bad in export.bad(trailing)] == ["hier"]


def test_rejected_rows_give_back_recognised_cells_only(export: Export) -> None:
    content = "N° patient;Nom;Date;Statut;Motif;Adresse\n1;Durand;31/02/2026;absent;anxiété;Lyon\n"
    (bad,) = export.bad(content)
    assert bad.fields == {"N° patient": "1", "Nom": "Durand", "Date": "31/02/2026", "Statut": "absent"}


@pytest.mark.parametrize(
    "line", ["1;Durand;02/03/2026;absent;;;", "1;Durand;02/03/2026;absent; ; ", '"1";"Durand";"02/03/2026";"absent";""']
)
def test_trailing_delimiters_do_no_harm(export: Export, line: str) -> None:
    assert export.one(f"{ROWS}{line}\n").patient_key == "1"


def test_a_header_with_trailing_delimiters_does_no_harm(export: Export) -> None:
    assert export.one("N° patient;Date;Statut;;\n1;02/03/2026;absent;;\n").patient_key == "1"


def test_empty_cells_missing_at_the_end_of_a_row_do_no_harm(export: Export) -> None:
    row = export.one("N° patient;Date;Statut;Téléphone;E-mail\n1;02/03/2026;absent\n")
    assert (row.phone, row.phone_given) == (None, False)


def test_blank_rows_and_repeated_headers_are_passed_over(export: Export) -> None:
    content = f"{ROWS}\n1;A;02/03/2026;absent\n;;;\n{ROWS}2;B;02/03/2026;absent\n   \n"
    assert [row.line for row in export.good(content)] == [3, 6]


def test_lines_are_counted_through_quoted_line_breaks(export: Export) -> None:
    content = 'N° patient;Date;Statut;Notes\n1;02/03/2026;absent;"a\nb\r\nc"\n2;31/02/2026;absent;\n'
    assert [row.line for row in export.read(content)] == [2, 5]


def test_a_file_of_headers_alone_has_no_rows(export: Export) -> None:
    assert export.read(ROWS) == []


def test_reading_twice_gives_the_same(export: Export) -> None:
    intake = export.open(FULL)
    assert list(intake.rows()) == list(intake.rows())


def test_progress_reaches_the_end_of_the_file(export: Export) -> None:
    intake = export.open(ROWS + "1;A;02/03/2026;absent\n" * 5000)
    assert (intake.bytes_read, intake.bytes_total) == (0, export.path.stat().st_size)
    seen = [intake.bytes_read for _ in intake.rows()]
    assert seen == sorted(seen)
    assert 0 < seen[0] < intake.bytes_total
    assert intake.bytes_read == intake.bytes_total


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("N° patient;Nom;Date;Statut;Notes\n")
        for number in range(20_000):
            file.write(f"{number};Durand;02/03/2026;absent;{'x' * 400}\n")
    tracemalloc.start()
    intake = open_file(path, None, country="FR", zone=PARIS, today=date(2026, 3, 11))
    count = sum(1 for _ in intake.rows())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < path.stat().st_size


def test_a_file_that_vanishes_or_changes_is_refused(export: Export) -> None:
    intake = export.open(ROWS)
    export.path.write_bytes(ROWS.encode() + b"1;\xff;02/03/2026;absent\n")
    with pytest.raises(IntakeRefused, match="changed while"):
        list(intake.rows())
    export.path.unlink()
    with pytest.raises(IntakeRefused, match="cannot be read"):
        list(intake.rows())


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    for path, says in ((tmp_path / "none.csv", "There is no file"), (tmp_path, "is not a file")):
        with pytest.raises(IntakeRefused, match=says):
            open_file(path, None, country="FR", zone=PARIS, today=date(2026, 3, 11))


PUBLIC = (
    "PatientId,AppointmentID,Gender,ScheduledDay,AppointmentDay,Age,Neighbourhood,Scholarship,Hipertension,Diabetes,"
    "Alcoholism,Handcap,SMS_received,No-show\n"
    "2.98725E+13,5642903,F,2016-04-29T18:38:08Z,2016-04-29T00:00:00Z,62,A,0,1,0,0,0,0,No\n"
    "5.58998E+14,5642503,M,2016-04-29T16:08:27Z,2016-04-29T00:00:00Z,8,B,0,1,1,0,0,0,Yes\n"
)
EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "no-show-2016.map.toml"


@pytest.mark.parametrize("mapped", [True, False])
def test_the_public_no_show_export_is_read(export: Export, mapped: bool) -> None:
    export.path.write_text(PUBLIC, encoding="utf-8")
    file_map = load(EXAMPLE) if mapped else None
    intake = open_file(export.path, file_map, country="FR", zone=PARIS, today=date(2016, 6, 1))
    first, second = (row for row in intake.rows() if isinstance(row, IntakeRow))
    assert (first.patient_key, first.appointment_key) == ("2.98725E+13", "5642903")
    assert (first.status, second.status) == ("attended", "no_show")
    assert (first.day, first.starts_at) == (date(2016, 4, 29), None)
    assert (first.minor, second.minor) == (False, True)
    assert set(second.risk_rules) == ({"chronic_conditions"} if mapped else set())
    assert first.risk_rules == frozenset()

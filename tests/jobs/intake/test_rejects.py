import csv
import stat
from pathlib import Path

import pytest

from jobs.intake.refusal import IntakeRefused
from jobs.intake.rejects import Rejected, RejectReason, RejectsFile, rejects_path, without_formula
from tests.jobs.intake.conftest import Export

HEADERS = ("N° patient", "Nom", "Portable")


def rejected(line: int = 3, **fields: str) -> Rejected:
    reason = RejectReason.NO_DATE
    return Rejected(line, reason, reason.sentence, {"N° patient": "1", **fields})


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=";"))


def test_the_file_stands_beside_the_import_and_opens_in_a_spreadsheet(tmp_path: Path) -> None:
    source = tmp_path / "agenda.csv"
    with RejectsFile(source, HEADERS) as rejects:
        rejects.add(rejected(Nom="Lefèvre"))
        kept = rejects.keep()
    assert kept == tmp_path / "agenda.csv.rejected.csv"
    assert kept.read_bytes().startswith(b"\xef\xbb\xbf")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert read(kept) == [
        ["ligne", "code", "explication", *HEADERS],
        ["3", "no_date", "La date du rendez-vous est vide.", "1", "Lefèvre", ""],
    ]
    assert list(tmp_path.iterdir()) == [kept]


def test_nothing_is_written_before_the_end(tmp_path: Path) -> None:
    source = tmp_path / "agenda.csv"
    rejects_path(source).write_text("yesterday's")

    def interrupted() -> None:
        with RejectsFile(source, HEADERS) as rejects:
            rejects.add(rejected())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["yesterday's"]


def test_an_import_without_rejects_removes_the_last_ones(tmp_path: Path) -> None:
    source = tmp_path / "agenda.csv"
    rejects_path(source).write_text("yesterday's")
    for _ in range(2):
        with RejectsFile(source, HEADERS) as rejects:
            assert rejects.keep() is None
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with RejectsFile(tmp_path / "no" / "a.csv", HEADERS) as rejects:
        rejects.add(rejected())
        with pytest.raises(IntakeRefused, match="cannot be written"):
            rejects.keep()


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+cmd|' /C calc'!A0", "'-2+cmd|' /C calc'!A0"),
        ("+cmd", "'+cmd"), ("\t=1", "'\t=1"), ("＝1+1", "'＝1+1"), ("+33 6 12 34 56 78", "+33 6 12 34 56 78"),
        ("+33612345678", "+33612345678"), ("-12", "-12"), ("Durand", "Durand"), ("", ""), ("a=b", "a=b"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_made_text(cell: str, written: str) -> None:
    assert without_formula(cell) == written


def test_every_reason_has_a_sentence() -> None:
    assert all(reason.sentence.endswith(".") for reason in RejectReason)


def test_corrected_rejects_can_be_imported(export: Export) -> None:
    intake = export.open("N° patient;Nom;Portable;Date;Statut\n1;=Durand;+33 6 12 34 56 78;31/02/2026;absent\n")
    with RejectsFile(export.path, intake.recognised) as rejects:
        for row in intake.rows():
            assert isinstance(row, Rejected)
            rejects.add(row)
        kept = rejects.keep()
    assert kept is not None
    again = export.one(kept.read_bytes().replace(b"31/02", b"02/03"))
    assert (again.patient_key, again.last_name, again.phone) == ("1", "=Durand", "+33612345678")

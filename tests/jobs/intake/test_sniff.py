from pathlib import Path

import pytest

from jobs.intake.mapping import FileMap, read_map
from jobs.intake.refusal import IntakeRefused
from jobs.intake.sniff import SAMPLE, sniff
from tests.jobs.intake.conftest import Export


def write(folder: Path, text: str) -> Path:
    path = folder / "export.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = "N° patient;Nom;Date;Statut\n1;Durand;02/03/2026;absent\n".replace(";", delimiter)
    assert sniff(write(tmp_path, text), FileMap()).delimiter == delimiter


def test_commas_in_cells_do_not_outvote_the_delimiter_of_the_header(tmp_path: Path) -> None:
    text = "N° patient;Nom;Date;Statut;Adresse\n" + "1;Durand;02/03/2026;absent;3, rue A, Lyon, France, Terre\n" * 9
    assert sniff(write(tmp_path, text), FileMap()).delimiter == ";"


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("", 1),
        ("\n\r\n", 3),
        ("sep=;\n", 2),
        ('"sep=;"\r\n', 2),
        ("Export de l'agenda\n\n", 3),
        ("Cabinet des Tilleuls;;;\nPériode du 01/03/2026 au 10/03/2026;;;\n;;;\n", 4),
        ("Rendez-vous;;;\n", 2),
        ('"Agenda\nde mars"\n', 3),
    ],
)
def test_the_header_is_found_under_titles(export: Export, before: str, line: int) -> None:
    row = export.one(before + "N° patient;Nom;Date;Statut\n1;Durand;02/03/2026;absent\n")
    assert (row.line, row.patient_key) == (line + 1, "1")


def test_excel_announces_its_delimiter(tmp_path: Path) -> None:
    text = "sep=,\nN° patient,Nom,Date,Statut\n1,Durand,02/03/2026,absent\n"
    assert sniff(write(tmp_path, text), FileMap()).delimiter == ","


def test_the_map_may_name_an_unusual_delimiter(export: Export) -> None:
    content = "N° patient^Date^Statut\n1^02/03/2026^absent\n"
    assert export.one(content, {"file": {"delimiter": "^"}}).patient_key == "1"


def test_headers_known_to_the_map_alone_are_found(tmp_path: Path) -> None:
    text = "Liste\nZ1;Z2;Z3\n1;02/03/2026;absent\n"
    file_map = read_map({"columns": {"patient_number": "Z1", "date": "Z2", "status": "Z3"}})
    assert sniff(write(tmp_path, text), file_map).header_line == 2


def test_a_file_without_a_header_line_is_refused_without_a_word_of_its_rows(tmp_path: Path) -> None:
    path = write(tmp_path, "12;Durand;Zoé;0612345678;02/03/2026;absent;dépression\n" * 3)
    with pytest.raises(IntakeRefused, match="does not seem to begin with a line of headers") as refusal:
        sniff(path, FileMap())
    assert "Durand" not in str(refusal.value)
    assert "pression" not in str(refusal.value)


def test_a_record_cut_off_by_the_sample_does_not_count(tmp_path: Path) -> None:
    row = '1;"Durand";02/03/2026;absent\n'
    shape = sniff(write(tmp_path, "N° patient;Nom;Date;Statut\n" + row * (SAMPLE // 20)), FileMap())
    assert all(len(one.cells) == 4 for one in shape.sample)


def test_a_header_with_line_breaks_is_one_line_of_headers(export: Export) -> None:
    row = export.one('"N°\npatient";"Date\ndu RDV";"Statut"\n1;02/03/2026;absent\n')
    assert (row.line, row.patient_key) == (4, "1")

import codecs
from pathlib import Path

import pytest

from jobs.intake.encodings import encoding_of
from jobs.intake.refusal import IntakeRefused
from tests.jobs.intake.conftest import Export

TEXT = "N° patient;Prénom;Nom;Date;Statut\n12;Zoé;Lefèvre;02/03/2026;non honoré\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TEXT.encode(), id="UTF-8"),
        pytest.param(TEXT.encode("utf-8-sig"), id="UTF-8 with a mark"),
        pytest.param(TEXT.encode("cp1252"), id="Windows-1252"),
        pytest.param(TEXT.encode("latin-1"), id="Latin-1"),
        pytest.param(TEXT.encode("utf-16"), id="UTF-16 with a mark"),
        pytest.param(codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), id="UTF-16 big end first"),
        pytest.param(TEXT.encode("utf-16-le"), id="UTF-16 without a mark"),
        pytest.param(TEXT.encode("utf-16-be"), id="UTF-16 big end first, without a mark"),
        pytest.param(TEXT.encode("utf-32"), id="UTF-32"),
    ],
)
def test_every_encoding_of_a_practice_reads_the_same(export: Export, content: bytes) -> None:
    row = export.one(content)
    assert (row.first_name, row.last_name, row.patient_key) == ("Zoé", "Lefèvre", "12")
    assert row.status == "no_show"


def test_windows_1252_keeps_its_own_letters(export: Export) -> None:
    row = export.one("N° patient;Prénom;Nom;Date;Statut\n1;Lœtitia;L’Hôte–Žák;02/03/2026;absent".encode("cp1252"))
    assert (row.first_name, row.last_name) == ("Lœtitia", "L’Hôte–Žák")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (TEXT.encode("cp850"), "unknown encoding"),
        (TEXT.encode("mac-roman"), "unknown encoding"),
        (TEXT.encode() + b"13;Ren\x81;X;02/03/2026;absent\n", "unknown encoding"),
        (TEXT.encode() * 200 + b"13;Ren\xe9;X;02/03/2026;absent\n", "unknown encoding"),
        (TEXT.encode("cp1252") * 9 + b"13;\x01\x02;X;02/03/2026;absent\n", "unknown encoding"),
        (TEXT.encode("utf-16")[:-1], "not valid UTF-16"),
        (codecs.BOM_UTF8 + TEXT.encode("cp1252"), "not valid UTF-8 "),
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "is empty"),
        (b"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml", "export it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "export it as CSV"),
        (b"%PDF-1.7\n%\xe2\xe3", "export it as CSV"),
        (b"\x1f\x8b\x08\x00", "export it as CSV"),
        (b"<html><body><table><tr><td>Nom", "a web page"),
        (b"  <?xml version='1.0'?><Workbook>", "an XML document"),
        (bytes(range(256)) * 20, "not a text file"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(export: Export, content: bytes, says: str) -> None:
    with pytest.raises(IntakeRefused, match=says) as refusal:
        export.open(content)
    assert "\n" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_the_whole_file_is_decoded_before_the_first_row(export: Export) -> None:
    row = "{};Zoé;Lefèvre;02/03/2026;absent\n"
    content = TEXT + "".join(row.format(number) for number in range(60_000))
    with pytest.raises(IntakeRefused, match="unknown encoding"):
        export.open(content.encode() + b"\x8f\n")


def test_a_name_that_was_garbled_long_ago_does_not_make_the_file_unknown(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes((TEXT * 3 + "13;FranÃ§ois;X;02/03/2026;absent\n").encode("cp1252"))
    assert encoding_of(path, None) == "cp1252"


def test_the_map_may_name_the_encoding(export: Export) -> None:
    assert export.one(TEXT.encode("cp850"), {"file": {"encoding": "cp850"}}).first_name == "Zoé"
    with pytest.raises(IntakeRefused, match="not valid UTF-8"):
        export.open(TEXT.encode("cp850"), {"file": {"encoding": "utf-8"}})


def test_a_missing_file_and_a_folder_are_refused(export: Export, tmp_path: Path) -> None:
    export.path = tmp_path / "none" / "agenda.csv"
    with pytest.raises(FileNotFoundError):
        export.open(TEXT)
    with pytest.raises(IntakeRefused, match="cannot be read"):
        encoding_of(tmp_path / "nothing.csv", None)
    with pytest.raises(IntakeRefused, match="cannot be read"):
        encoding_of(tmp_path, None)

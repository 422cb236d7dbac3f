from pathlib import Path
from typing import Any

import pytest

from jobs.intake.mapping import load, read_map
from jobs.intake.refusal import IntakeRefused
from tests.jobs.intake.conftest import Export

CONTENT = "A;B;C;D;E\n7;02/03/2026;3;dupond;0612345678\n"
COLUMNS = {"patient_number": "A", "date": "B", "status": "C"}
STATUS = {"no_show": ["3"]}


def test_a_map_gives_meaning_to_any_header(export: Export) -> None:
    row = export.one(CONTENT, {"columns": {**COLUMNS, "last_name": "D", "phone": ["E"]}, "status": STATUS})
    assert (row.patient_key, row.status, row.last_name, row.phone) == ("7", "no_show", "dupond", "+33612345678")


def test_mapped_headers_may_differ_in_case_and_accents(export: Export) -> None:
    row = export.one("Clé;Quand;Issue\n7;02/03/2026;absent\n", {
        "columns": {"patient_number": "CLE", "date": "quand", "status": "issue"}})  # fmt: skip
    assert row.patient_key == "7"


def test_the_map_outweighs_the_synonyms(export: Export) -> None:
    content = "N° patient;Code interne;Date;Statut\n7;8;02/03/2026;absent\n"
    assert export.one(content, {"columns": {"patient_number": "Code interne"}}).patient_key == "8"


def test_defaults_fill_what_the_file_does_not_say(export: Export) -> None:
    defaults = {"practitioner": "Anne Roy", "speciality": "dental", "country": "ch", "duration": 50, "language": "de"}
    content = "N° patient;Date;Statut;Tél;Praticien\n7;02/03/2026;absent;079 123 45 67;\n"
    row = export.one(content, {"defaults": defaults})
    assert (row.practitioner, row.speciality, row.phone) == ("Anne Roy", "dental", "+41791234567")
    assert (row.duration_min, row.language) == (50, "de")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"column": {}}, "'column' is not known in the map"),
        ({"columns": {"name": "A"}}, "'name' is not known in .columns."),
        ({"columns": {"motif": "A"}}, "'motif' is not known"),
        ({"columns": {"date": ["A", "B"]}}, "wants one header"),
        ({"columns": {"date": 3}}, "wants a header"),
        ({"columns": {"date": ""}}, "wants a header"),
        ({"columns": {"practitioner": "Motif du RDV"}}, "never read"),
        ({"columns": {"last_name": "Commentaires"}}, "never read"),
        ({"columns": {"speciality": "Diagnostic"}}, "read under .risk. only"),
        ({"columns": {"last_name": "CIM10"}}, "read under .risk. only"),
        ({"columns": "A"}, "write .columns. on a line of its own"),
        ({"status": {"absent": ["A"]}}, "'absent' is not known in .status."),
        ({"status": {"no_show": "A"}}, "wants a list of words"),
        ({"status": {"no_show": ["A"], "attended": ["a"]}}, "stands under two names"),
        ({"dates": {"day_first": "no"}}, "true or false"),
        ({"dates": {"dayfirst": False}}, "'dayfirst' is not known"),
        ({"dates": {"format": "dd/mm/yyyy"}}, "strptime"),
        ({"defaults": {"speciality": "kiné"}}, "one of psychotherapy"),
        ({"defaults": {"country": "France"}}, "two letters"),
        ({"defaults": {"duration": 0}}, "from 5 to 720"),
        ({"defaults": {"duration": "45"}}, "from 5 to 720"),
        ({"defaults": {"language": "FRA!"}}, "short code"),
        ({"file": {"encoding": "klingon"}}, "not known"),
        ({"file": {"encoding": "base64"}}, "not known"),
        ({"file": {"delimiter": "ab"}}, "one sign"),
        ({"risk": {"diagnoses": {}}}, "'diagnoses' is not known in .risk."),
        ({"risk": {"diagnosis": {"crisis": ["X"]}}}, "wants a table"),
        ({"risk": {"diagnosis": {"column": "C"}}}, "no list to look for"),
        ({"risk": {"diagnosis": {"column": "C", "mood": ["F32"]}}}, "'mood' is not a rule"),
        ({"risk": {"diagnosis": {"column": "C", "crisis": ["--"]}}}, "without letters or digits"),
        ({"risk": {"flags": {"sad": ["C"]}}}, "'sad' is not a rule"),
        ({"risk": {"flags": ["C"]}}, "wants a table"),
        ({"risk": {"chronic": [1]}}, "list of texts"),
        ({"risk": {"session": {"column": 3}}}, "wants a header"),
        ({"risk": {"label": {"column": "Motif", "crisis": ["x"]}}}, "never read"),
        ({"risk": {"chronic": ["Commentaire"]}}, "never read"),
    ],
)
def test_a_mistake_in_a_map_is_one_sentence(data: dict[str, Any], says: str) -> None:
    with pytest.raises(IntakeRefused, match=says) as refusal:
        read_map(data)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("columns", "says"),
    [({"practitioner": "Z"}, "no such column"), ({"practitioner": "E", "language": "F"}, "'F' under .columns.")],
)
def test_a_column_that_the_file_lacks_is_named_with_those_it_has(
    export: Export, columns: dict[str, str], says: str
) -> None:
    with pytest.raises(IntakeRefused, match=says) as refusal:
        export.open(CONTENT, {"columns": {**COLUMNS, **columns}, "status": STATUS})
    assert "A, B, C, D, E" in str(refusal.value)


def test_a_column_feeds_either_the_risk_rules_or_a_field(export: Export) -> None:
    with pytest.raises(IntakeRefused, match="both as last_name and under"):
        export.open(CONTENT, {"columns": {**COLUMNS, "last_name": "D"}, "risk": {"chronic": ["D"]}})


def test_a_header_that_stands_twice_cannot_be_mapped(export: Export) -> None:
    with pytest.raises(IntakeRefused, match="2 columns have that name"):
        export.open("A;A;Date;Statut\n", {"columns": {"patient_number": "A"}})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[columns", "is not valid TOML"),
        (b"\xff\xfe[\0", "is not UTF-8"),
        (b"[columns]\nmotif = 'A'\n", "cannot be used: 'motif' is not known"),
    ],
)
def test_a_map_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "cabinet.toml"
    path.write_bytes(content)
    with pytest.raises(IntakeRefused, match=says) as refusal:
        load(path)
    assert "cabinet.toml" in str(refusal.value)


def test_a_map_file_may_carry_a_mark_and_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "cabinet.toml"
    path.write_text("[defaults]\nduration = 50\n", encoding="utf-8-sig")
    assert load(path).duration_min == 50
    with pytest.raises(IntakeRefused, match="cannot be read"):
        load(tmp_path / "none.toml")


EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@pytest.mark.parametrize("name", ["no-show-2016.map.toml", "practice.map.toml"])
def test_the_maps_that_are_shipped_are_valid(name: str) -> None:
    assert load(EXAMPLES / name).columns

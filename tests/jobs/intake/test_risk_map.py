import re
import traceback
from typing import Any

import pytest

from db.rules.intake_row import IntakeRow
from jobs.intake.refusal import IntakeRefused
from jobs.intake.rejects import Rejected, RejectsFile
from tests.jobs.intake.conftest import Export

SECRET = "schizophrénie"


def rules(export: Export, risk: dict[str, Any], header: str, cells: str) -> set[str]:
    row = export.one(f"N° patient;Date;Statut;{header}\n1;02/03/2026;absent;{cells}\n", {"risk": risk})
    return set(row.risk_rules)


@pytest.mark.parametrize(
    ("cells", "met"),
    [
        ("1;1;0", True), ("1;0;0", False), ("0;0;0", False), ("oui;x;", True), ("oui;non;non", False), ("2;0;1", True),
        ("HTA;diabète;", True), (";;", False), ("1;N/A;-", False), ("VRAI;FAUX;VRAI", True), ("1;RAS;", False),
    ],
)  # fmt: skip
def test_two_chronic_conditions_among_columns(export: Export, cells: str, met: bool) -> None:
    risk = {"chronic": ["Hypertension", "Diabète", "Asthme"]}
    assert rules(export, risk, "Hypertension;Diabète;Asthme", cells) == ({"chronic_conditions"} if met else set())


DIAGNOSIS = {
    "diagnosis": {
        "column": "CIM10",
        "chronic": ["E10", "E11", "I10", "J45"],
        "psychiatric_discharge": ["F20", "trouble bipolaire"],
        "self_harm": ["X6", "Z91.5"],
        "crisis": ["R45.8"],
    }
}


@pytest.mark.parametrize(
    ("cell", "met"),
    [
        ("F20", {"psychiatric_discharge"}), ("F20.1", {"psychiatric_discharge"}), ("f20.1", {"psychiatric_discharge"}),
        ("F32, F20.0", {"psychiatric_discharge"}), ("Trouble bipolaire (type I)", {"psychiatric_discharge"}),
        ("X61", {"crisis"}), ("Z91.5", {"crisis"}), ("Z915", {"crisis"}),
        ("R45.8 | F20.1", {"crisis", "psychiatric_discharge"}),
        ("E11.9 ; I10", {"chronic_conditions"}), ("E11.9", set()), ("F32", set()), ("", set()), ("AF20", set()),
    ],
)  # fmt: skip
def test_codes_hold_the_codes_below_them(export: Export, cell: str, met: set[str]) -> None:
    assert rules(export, DIAGNOSIS, "CIM10", f'"{cell}"') == met


@pytest.mark.parametrize(
    ("risk", "header", "cell", "met"),
    [
        ({"treatment": {"column": "T", "list": ["lithium", "clozapine"]}}, "T", "Lithium 400 mg", {"treatment_list"}),
        ({"treatment": {"column": "T", "list": ["lithium"]}}, "T", "Paracétamol", set()),
        ({"label": {"column": "Alerte", "crisis": ["rouge"]}}, "Alerte", "Rouge", {"crisis"}),
        ({"label": {"column": "Alerte", "post_operative": ["post-op"]}}, "Alerte", "POST OP", {"post_operative"}),
        ({"flags": {"crisis": ["Vigilance"]}}, "Vigilance", "oui", {"crisis"}),
        ({"flags": {"crisis": ["Vigilance"]}}, "Vigilance", "non", set()),
        ({"session": "N° séance"}, "N° séance", "4", {"early_therapy"}),
        ({"session": "N° séance"}, "N° séance", "5", set()),
        ({"session": "N° séance"}, "N° séance", "", set()),
        ({"session": {"column": "N° séance", "first": 6}}, "N° séance", "6e", {"early_therapy"}),
        ({"absences": "Absences"}, "Absences", "3", {"repeated_absences"}),
        ({"absences": "Absences"}, "Absences", "2", set()),
        ({"absences": {"column": "Absences", "more_than": 1}}, "Absences", "2", {"repeated_absences"}),
        ({"discharge_date": "Sortie"}, "Sortie", "10/02/2026", {"psychiatric_discharge"}),
        ({"discharge_date": "Sortie"}, "Sortie", "01/01/2026", set()),
        ({"discharge_date": "Sortie"}, "Sortie", "05/03/2026", set()),
        ({"discharge_date": "Sortie"}, "Sortie", "inconnue", set()),
        ({}, "CIM10", "F20", set()),
    ],
)
def test_each_rule_is_met_by_what_the_map_names(
    export: Export, risk: dict[str, Any], header: str, cell: str, met: set[str]
) -> None:
    assert rules(export, risk, header, cell) == met


RISK = {"diagnosis": {"column": "Diagnostic", "crisis": [SECRET]}, "chronic": ["Pathologie A", "B"]}
HEADERS = "N° patient;Date;Statut;Diagnostic;Pathologie A;B\n"


def test_clinical_cells_leave_no_trace(export: Export, capfd: pytest.CaptureFixture[str]) -> None:
    bad = "".join(f"{row}\n" for row in (
        f"1;31/02/2026;absent;{SECRET};{SECRET};{SECRET}",
        f"2;02/03/2026;???;{SECRET};{SECRET};{SECRET}",
        f"3;02/03/2026;absent;{SECRET};{SECRET};{SECRET};{SECRET}",
        f"3;{SECRET}",
        f'4;"02/03/2026;absent;{SECRET}',
    ))  # fmt: skip
    risk = {"diagnosis": RISK["diagnosis"], "flags": {"crisis": ["B"]}}
    content = HEADERS + f"9;02/03/2026;absent;{SECRET};;oui\n" + bad
    intake = export.open(content, {"risk": risk})
    rows = list(intake.rows())
    with RejectsFile(export.path, intake.recognised) as rejects:
        for row in rows:
            if isinstance(row, Rejected):
                rejects.add(row)
        kept = rejects.keep()
    assert kept is not None
    written = kept.read_text(encoding="utf-8-sig")
    everything = written + repr(rows) + repr(intake) + "".join(capfd.readouterr())
    assert rejects.count == 5
    assert isinstance(rows[0], IntakeRow)
    assert rows[0].risk_rules == {"crisis"}
    assert not re.search("schizo|Diagnostic", everything)


def test_a_broken_file_says_nothing_of_its_cells(export: Export) -> None:
    intake = export.open(
        HEADERS + f"9;02/03/2026;absent;{SECRET};;oui\n" * 3000, {"risk": {"flags": {"crisis": ["B"]}}}
    )
    export.path.write_bytes(b"x;" * 9 + SECRET.encode("utf-16") * 5000)
    with pytest.raises(IntakeRefused, match="cannot be read to its end") as refusal:
        list(intake.rows())
    assert "schizo" not in "".join(traceback.format_exception(refusal.value))
    assert refusal.value.__context__ is None

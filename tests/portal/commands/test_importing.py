"""`reprise import FILE`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from db.changes.intake import record_appointments
from db.engine import fetch, fetch_value
from db.queries.practices import only_practice
from tests import factories as f
from tests.portal.commands.conftest import Terminal

HEADER = "N° patient;Nom;Prénom;Mobile;E-mail;Praticien;N° RDV;Date;Heure;Statut"
FRONT_DOOR = Path(__file__).parents[3] / "reprise.py"


def row(number: int, *, at: str = "16/11/2026;10h00", status: str = "Non honoré", phone: str = "", **other: str) -> str:
    phone = phone or f"06 12 34 {number // 100:02} {number % 100:02}"
    key = other.get("rdv", f"R{number}")
    mail = other.get("mail", f"p{number}@mail.example")
    return f"P{number};Essai;Noémie;{phone};{mail};Maxime Lefèvre;{key};{at};{status}"


def export(folder: Path, rows: Iterable[str], *, encoding: str = "cp1252", name: str = "export.csv") -> Path:
    path = folder / name
    path.write_bytes("\r\n".join([HEADER, *rows, ""]).encode(encoding))
    return path


def what_is_stored(shop: Terminal) -> dict[str, int]:
    tables = ("patient", "appointment", "enrolment", "delivery", "task", "journal", "practitioner")
    return {name: shop.do(fetch_value(f"SELECT count(*) FROM {name}")) for name in tables}


def test_an_absence_starts_a_follow_up_and_a_booking_is_recorded(shop: Terminal, tmp_path: Path) -> None:
    file = export(tmp_path, [row(1), row(2, at="20/11/2026;14h30", status="Planifié"), row(3, status="Honoré")])
    done = shop.json("import", file)
    counts = {name: done[name] for name in ("rows", "patients", "appointments", "absences", "enrolled", "tasks")}
    assert counts == {"rows": 3, "patients": 3, "appointments": 3, "absences": 1, "enrolled": 1, "tasks": 0}
    assert (done["history"], done["rejected"], done["rejected_file"]) == (0, 0, None)
    assert (done["patients_added"], done["appointments_added"]) == (3, 3)
    assert not (tmp_path / "export.csv.rejected.csv").exists()


def test_the_same_file_again_changes_nothing(shop: Terminal, tmp_path: Path) -> None:
    file = export(tmp_path, [row(number) for number in range(20)])
    first = shop.json("import", file)
    stored = what_is_stored(shop)
    again = shop.json("import", file)
    assert what_is_stored(shop) == stored
    facts = ("rows", "patients", "appointments", "absences", "history", "rejected")
    assert {name: again[name] for name in facts} == {name: first[name] for name in facts}
    done = ("enrolled", "tasks", "patients_added", "patients_updated", "appointments_added", "appointments_changed")
    assert {again[name] for name in (*done, "stopped", "withdrawn")} == {0}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_export_may_be_encoded_in_several_ways(shop: Terminal, tmp_path: Path, encoding: str) -> None:
    assert shop.json("import", export(tmp_path, [row(1)], encoding=encoding))["enrolled"] == 1


def test_patients_and_appointments_count_once_however_often_they_stand_in_the_file(
    shop: Terminal, tmp_path: Path
) -> None:
    twice = [row(1), row(1), row(1, at="18/11/2026;10h00", status="Honoré", rdv="R9")]
    done = shop.json("import", export(tmp_path, twice))
    assert (done["rows"], done["patients"], done["appointments"], done["absences"]) == (3, 1, 2, 1)


def test_the_last_row_of_an_appointment_says_whether_it_was_missed(shop: Terminal, tmp_path: Path) -> None:
    done = shop.json("import", export(tmp_path, [row(1), row(1, status="Honoré")]))
    assert (done["appointments"], done["absences"], done["enrolled"]) == (1, 0, 0)


def test_old_absences_are_history_and_start_nothing(shop: Terminal, tmp_path: Path) -> None:
    rows = [row(1, at="01/10/2026;10h00"), row(2, at="09/11/2026;10h09"), row(3, at="09/11/2026;10h11")]
    done = shop.json("import", export(tmp_path, rows))
    assert (done["absences"], done["history"], done["enrolled"], done["tasks"]) == (3, 2, 0, 0)


def test_nobody_to_write_to_becomes_a_task(shop: Terminal, tmp_path: Path) -> None:
    done = shop.json("import", export(tmp_path, [row(1, phone="01 42 00 00 01", mail=""), row(2, phone="-", mail="")]))
    assert (done["enrolled"], done["tasks"], done["rejected"]) == (0, 2, 0)


def test_rejected_rows_are_given_back_and_the_exit_code_says_so(shop: Terminal, tmp_path: Path) -> None:
    file = export(tmp_path, [row(1), row(2, at="31/02/2026;10h00"), row(3, status="Zut alors")])
    done = shop.json("import", file, code=1)
    assert (done["rows"], done["rejected"], done["enrolled"]) == (3, 2, 1)
    rejected = Path(done["rejected_file"])
    assert rejected == tmp_path / "export.csv.rejected.csv"
    assert [line.split(";")[0] for line in rejected.read_text(encoding="utf-8-sig").splitlines()] == ["ligne", "3", "4"]
    assert str(rejected) in shop.run("import", file, code=1).out


def test_a_mended_file_takes_its_rejects_away(shop: Terminal, tmp_path: Path) -> None:
    export(tmp_path, [row(2, at="31/02/2026;10h00")])
    shop.json("import", tmp_path / "export.csv", code=1)
    shop.json("import", export(tmp_path, [row(2)]))
    assert not (tmp_path / "export.csv.rejected.csv").exists()


def test_a_dry_run_tells_the_same_and_changes_nothing(shop: Terminal, tmp_path: Path) -> None:
    rows = [row(1), row(2, phone="-", mail=""), row(3, at="31/02/2026;10h00"), row(4, at="20/11/2026;10h00")]
    file = export(tmp_path, rows)
    stored = what_is_stored(shop)
    rehearsed = shop.json("import", file, "--dry-run", code=1)
    assert what_is_stored(shop) == stored
    assert [path.name for path in tmp_path.glob("*.csv*")] == ["export.csv"]
    assert "would be listed" in shop.run("import", file, "--dry-run", code=1).out
    done = shop.json("import", file, code=1)
    different = {name for name in done if done[name] != rehearsed[name]}
    assert different == {"dry_run", "rejected_file"}


def test_a_future_appointment_stops_and_a_correction_withdraws(shop: Terminal, tmp_path: Path) -> None:
    shop.json("import", export(tmp_path, [row(1), row(2)]))
    later = [row(1, at="24/11/2026;10h00", status="Planifié", rdv="R8"), row(2, status="Honoré")]
    done = shop.json("import", export(tmp_path, later))
    assert (done["stopped"], done["withdrawn"], done["appointments_changed"]) == (1, 1, 1)


def test_a_row_about_the_last_line_is_known_before_the_first_is_decided(shop: Terminal, tmp_path: Path) -> None:
    """Whether a follow-up is needed may stand on the last line of a file that takes several batches."""
    attended = [row(number, status="Honoré") for number in range(2, 1100)]
    ahead = row(1, at="24/11/2026;10h00", status="Planifié", rdv="R-last")
    done = shop.json("import", export(tmp_path, [row(1), *attended, ahead]))
    assert (done["absences"], done["enrolled"], done["stopped"]) == (1, 0, 0)


def test_overlaps_among_appointments_ahead_are_kept_and_listed(shop: Terminal, tmp_path: Path) -> None:
    rows = [
        row(number, at=f"24/11/2026;{at}", status="Planifié") for number, at in enumerate(("10h00", "10h30", "11h30"))
    ]
    done = shop.json("import", export(tmp_path, rows))
    [overlap] = done["overlaps"]
    assert (overlap["first_patient"], overlap["second_patient"]) == ("P0", "P1")
    assert overlap["starts_at"] == "2026-11-24T09:30:00+00:00"
    told = shop.run("import", tmp_path / "export.csv").out
    assert "mar. 24 nov. 2026 à 10:30, Maxime Lefèvre: patients P0 and P1" in told


def test_a_practitioner_first_met_is_added_and_told(shop: Terminal, tmp_path: Path) -> None:
    file = export(tmp_path, [row(1).replace("Maxime Lefèvre", "Paul Petit")])
    assert shop.json("import", file)["practitioners_added"] == ["Paul Petit"]


def test_columns_that_a_file_lacks_say_nothing_about_a_patient(shop: Terminal, tmp_path: Path) -> None:
    shop.json("import", export(tmp_path, [row(1)]))
    short = tmp_path / "short.csv"
    short.write_text("N° patient;Date;Statut\nP1;18/11/2026;Honoré\n", encoding="utf-8")
    assert shop.json("import", short)["patients_updated"] in (0, 1)
    assert shop.do(fetch_value("SELECT count(*) FROM patient WHERE phone IS NOT NULL AND email IS NOT NULL")) == 1


def test_a_map_names_what_the_headers_do_not(shop: Terminal, tmp_path: Path) -> None:
    odd = tmp_path / "odd.csv"
    odd.write_text("Fiche;Quand;Venu ou pas\nP1;16/11/2026 10:00;NV\n", encoding="utf-8")
    mapped = tmp_path / "map.toml"
    mapped.write_text(
        '[columns]\npatient_number = "Fiche"\ndate = "Quand"\nstatus = "Venu ou pas"\n[status]\nno_show = ["NV"]\n',
        encoding="utf-8",
    )
    assert shop.run("import", odd, code=2).out == ""
    done = shop.json("import", odd, "--map", mapped)
    assert (done["absences"], done["tasks"]) == (1, 1)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 ...", "PDF"),
        ("N° patient;Nom;Date\nP1;Essai;16/11/2026\n".encode(), "status"),
        (b"Nom;Date;Statut\nL\x81\x8d\x90\x9d;16/11/2026;Absent\n", "encoding"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_sentence(
    shop: Terminal, tmp_path: Path, content: bytes, hint: str
) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(content)
    stored = what_is_stored(shop)
    result = shop.run("import", file, "--json", code=2)
    assert result.out == ""
    assert hint in result.err
    assert len(result.err.splitlines()) == 1
    assert what_is_stored(shop) == stored


@pytest.mark.parametrize(("file", "hint"), [("-", "to a file first"), ("nowhere.csv", "There is no file")])
def test_what_is_no_file_is_refused(shop: Terminal, file: str, hint: str) -> None:
    assert hint in shop.run("import", file, code=2).err


def test_without_a_practice_the_way_out_is_named(terminal: Terminal, tmp_path: Path) -> None:
    assert "reprise setup" in terminal.run("import", export(tmp_path, [row(1)]), code=2).err


def test_neither_names_nor_clinical_columns_are_shown(shop: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    lines = [
        f"{HEADER};Diagnostic;Motif",
        row(1) + ";F32.1;angoisses",
        row(2, at="31/02/2026;10h00") + ";F32.1;angoisses",
    ]
    file.write_bytes("\r\n".join(lines).encode("cp1252"))
    result = shop.run("import", file, code=1)
    rejected = (tmp_path / "export.csv.rejected.csv").read_text(encoding="utf-8-sig")
    for text in (result.out, result.err, rejected):
        assert "F32" not in text
        assert "angoisses" not in text
    assert "Noémie" not in result.out + result.err


def test_what_a_crash_left_half_way_is_completed(shop: Terminal, tmp_path: Path) -> None:
    """Recorded, and never decided: the next import of the same file decides."""

    async def die_before_deciding() -> None:
        practice = await only_practice()
        half = [f.row(patient_key=f"P{number}", appointment_key=f"R{number}") for number in range(5)]
        await record_appointments(half, practice=practice, known=f.ALL_CONTACTS, now=f.MONDAY - timedelta(minutes=1))

    shop.do(die_before_deciding())
    done = shop.json("import", export(tmp_path, [row(number) for number in range(10)]))
    assert (done["appointments"], done["appointments_added"], done["enrolled"]) == (10, 5, 10)


def test_ctrl_c_leaves_a_consistent_state_and_the_next_import_completes_it(shop: Terminal, tmp_path: Path) -> None:
    file = export(tmp_path, [row(number, status="Absent" if number < 20 else "Honoré") for number in range(8000)])
    process = subprocess.Popen(
        [sys.executable, FRONT_DOOR, "--data", shop.data, "import", file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if not name.endswith("_URL")},
        text=True,
    )
    stored = 0
    while stored == 0 and process.poll() is None:
        stored = shop.do(fetch_value("SELECT count(*) FROM appointment"))
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "the rest follows" in said[1]
    half: Any = shop.do(fetch("SELECT count(*) AS n FROM appointment"))[0]["n"]
    assert 0 < half < 8000
    assert half % 500 == 0
    done = shop.json("import", file)
    assert (done["appointments"], done["appointments_added"], done["enrolled"]) == (8000, 8000 - half, 20)
    assert shop.do(fetch_value("SELECT count(*) FROM enrolment")) == 20
    assert json.loads(shop.run("journal", "--verify", "--json").out)["whole"] is True

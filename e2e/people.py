"""The patients of a journey, and the export that speaks of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

# One of the demo's practitioners whose patients have the standard plan.
PHYSIOTHERAPIST = "Karim Benali"
# What the practice's map says of a few clinical columns: see docs/examples/practice.map.toml.
RISK_MAP = """
[risk]
chronic = ["HTA", "Diabète"]
label = { column = "Vigilance", crisis = ["rouge"] }
"""
RISK_COLUMNS = ("HTA", "Diabète", "Vigilance")
# Two chronic conditions; a label of the practitioner's.
CHRONIC = {"HTA": "oui", "Diabète": "oui"}
RED = {"Vigilance": "rouge"}


@dataclass(frozen=True)
class Person:
    number: str
    first_name: str
    phone: str
    email: str
    last_name: str = "Essai"


NOEMIE = Person("E2E-1", "Noémie", "+33639981201", "noemie@mail.example")
BASTIEN = Person("E2E-2", "Bastien", "+33639981202", "bastien@mail.example")
DIANE = Person("E2E-3", "Diane", "+33639981203", "diane@mail.example")
ISMAEL = Person("E2E-4", "Ismaël", "+33639981204", "ismael@mail.example")


def export(
    path: Path,
    people: Iterable[Person],
    *,
    practitioner: str,
    at: str = "16/11/2026;10h00",
    clinical: Mapping[str, Mapping[str, str]] | None = None,
    status: str = "Non honoré",
) -> Path:
    """A practice's export as such programs write it: Windows-1252, semicolons, French headers.

    `clinical`: the cells of each patient, by number, in the columns that `RISK_MAP` reads.
    """
    columns = RISK_COLUMNS if clinical is not None else ()
    lines = [";".join(("N° patient;Nom;Prénom;Mobile;E-mail;Praticien;Date;Heure;Statut", *columns))]
    for one in people:
        local = "0" + one.phone.removeprefix("+33")
        row = f"{one.number};{one.last_name};{one.first_name};{local};{one.email};{practitioner};{at};{status}"
        cells = (clinical or {}).get(one.number, {})
        lines.append(";".join((row, *(cells.get(column, "") for column in columns))))
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("cp1252"))
    return path


def risk_map(folder: Path) -> Path:
    path = folder / "cabinet.map.toml"
    path.write_text(RISK_MAP, encoding="utf-8")
    return path

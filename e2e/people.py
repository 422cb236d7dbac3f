"""The patients of a journey, and the export that speaks of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Person:
    number: str
    first_name: str
    phone: str
    email: str


def export(path: Path, people: Iterable[Person], *, practitioner: str, at: str = "16/11/2026;10h00") -> Path:
    """A practice's export as such programs write it: Windows-1252, semicolons, French headers."""
    lines = ["N° patient;Nom;Prénom;Mobile;E-mail;Praticien;Date;Heure;Statut"]
    for one in people:
        local = "0" + one.phone.removeprefix("+33")
        lines.append(f"{one.number};Essai;{one.first_name};{local};{one.email};{practitioner};{at};Non honoré")
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("cp1252"))
    return path

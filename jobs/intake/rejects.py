"""Rows that could not be imported, and the file that gives them back to the practice."""

import csv
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from jobs.intake.refusal import IntakeRefused

SUFFIX = ".rejected.csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_HARMLESS = re.compile(r"[+-]?[\d .()/,-]+")


class RejectReason(StrEnum):
    NO_IDENTITY = "no_identity"
    NO_DATE = "no_date"
    IMPOSSIBLE_DATE = "impossible_date"
    IMPOSSIBLE_TIME = "impossible_time"
    MONTH_FIRST = "month_first"
    UNREADABLE_STATUS = "unreadable_status"
    RAGGED = "ragged"
    UNCLOSED_QUOTE = "unclosed_quote"
    TOO_LONG = "too_long"
    NUL = "nul"

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES: Mapping[RejectReason, str] = {
    RejectReason.NO_IDENTITY: "Rien ne permet de reconnaître le patient : ni numéro, ni e-mail, "
    "ni téléphone utilisable, ni nom avec date de naissance.",
    RejectReason.NO_DATE: "La date du rendez-vous est vide.",
    RejectReason.IMPOSSIBLE_DATE: "La date du rendez-vous est illisible, trop lointaine, "
    "ou n’existe pas au calendrier.",
    RejectReason.IMPOSSIBLE_TIME: "L’heure du rendez-vous est illisible.",
    RejectReason.MONTH_FIRST: "La date semble écrite avec le mois en premier : si c’est le cas de tout le fichier, "
    "ajoutez day_first = false sous [dates] dans le fichier donné par --map.",
    RejectReason.UNREADABLE_STATUS: "Le statut du rendez-vous est vide, inconnu ou contradictoire : "
    "corrigez-le, ou ajoutez le mot sous [status] dans le fichier donné par --map.",
    RejectReason.RAGGED: "La ligne n’a pas le même nombre de colonnes que l’en-tête.",
    RejectReason.UNCLOSED_QUOTE: "Un guillemet ouvert sur cette ligne n’est pas refermé.",
    RejectReason.TOO_LONG: "La ligne est trop longue pour être un rendez-vous.",
    RejectReason.NUL: "La ligne contient des caractères qui n’ont pas leur place dans un texte.",
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """`fields` holds recognised, non-clinical cells by header; none where cells may stand in the wrong column."""

    line: int
    reason: RejectReason
    sentence: str
    fields: dict[str, str] = field(repr=False)


def rejects_path(path: Path) -> Path:
    return path.with_name(path.name + SUFFIX)


class RejectsFile:
    """Collects rejected rows; `keep` puts their file beside the imported one, whole or not at all.

    Without a single reject, `keep` removes the file of an earlier import. Until then the rows lie in a temporary file
    that has no name, so that a crash leaves no patient's data behind.
    """

    def __init__(self, path: Path, headers: Iterable[str]) -> None:
        self.path = rejects_path(path)
        self._headers = tuple(headers)
        self._rows: IO[str] | None = None
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rows is not None:
            self._rows.close()
            self._rows = None

    def add(self, rejected: Rejected) -> None:
        with _naming(self.path):
            if self._rows is None:
                self._rows = tempfile.TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115 - see __exit__
                self._write("ligne", "code", "explication", *self._headers)
            cells = (rejected.fields.get(header, "") for header in self._headers)
            self._write(str(rejected.line), rejected.reason, rejected.sentence, *cells)
        self.count += 1

    def keep(self) -> Path | None:
        """Put the file in place; returns its path, or None when every row was good."""
        with _naming(self.path):
            if self._rows is None:
                if self.path.exists():
                    self.path.unlink()
                return None
            self._rows.seek(0)
            fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
            fresh.unlink(missing_ok=True)
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as file:
                shutil.copyfileobj(self._rows, file)
            fresh.replace(self.path)
        return self.path

    def _write(self, *cells: str) -> None:
        assert self._rows is not None
        csv.writer(self._rows, delimiter=";").writerow(map(without_formula, cells))


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Says which file could not be written, instead of a traceback."""
    try:
        yield
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise IntakeRefused(f"{path} cannot be written ({reason}).")


def without_formula(cell: str) -> str:
    """A quote before what a spreadsheet would run; a bare number, such as +33 6 12 34 56 78, has nothing to run."""
    return "'" + cell if cell.startswith(_FORMULA) and not _HARMLESS.fullmatch(cell) else cell

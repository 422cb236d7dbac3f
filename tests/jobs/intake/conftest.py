from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from db import crypto
from db.rules.intake_row import IntakeRow
from jobs.intake.mapping import FileMap, read_map
from jobs.intake.reader import Intake, open_file
from jobs.intake.rejects import Rejected

TODAY = date(2026, 3, 11)
PARIS = ZoneInfo("Europe/Paris")


class Export:
    """Writes a file and reads it, as a practice would have it on a Wednesday, 11 March 2026."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "agenda.csv"

    def open(
        self,
        content: str | bytes,
        mapping: dict[str, Any] | None = None,
        *,
        encoding: str = "utf-8",
        country: str = "FR",
        zone: ZoneInfo = PARIS,
        today: date = TODAY,
    ) -> Intake:
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        file_map: FileMap | None = read_map(mapping) if mapping is not None else None
        return open_file(self.path, file_map, country=country, zone=zone, today=today)

    def read(self, content: str | bytes, mapping: dict[str, Any] | None = None, **more: Any) -> list[Any]:
        return list(self.open(content, mapping, **more).rows())

    def good(self, content: str | bytes, mapping: dict[str, Any] | None = None, **more: Any) -> list[IntakeRow]:
        rows = self.read(content, mapping, **more)
        assert all(isinstance(row, IntakeRow) for row in rows), rows
        return rows

    def one(self, content: str | bytes, mapping: dict[str, Any] | None = None, **more: Any) -> IntakeRow:
        (row,) = self.good(content, mapping, **more)
        return row

    def bad(self, content: str | bytes, mapping: dict[str, Any] | None = None, **more: Any) -> list[Rejected]:
        return [row for row in self.read(content, mapping, **more) if isinstance(row, Rejected)]


@pytest.fixture(autouse=True)
def keys() -> None:
    """Those of `tests.conftest.config`: what stands for a patient without a number is keyed."""
    crypto.use(crypto.make_vault({1: b"e" * 32}, b"i" * 32))


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


@pytest.fixture
def cell(export: Export) -> Callable[..., IntakeRow]:
    """One row of the plainest export, with one column more."""

    def read(header: str, value: str, **more: Any) -> IntakeRow:
        return export.one(f"N° patient;Date;Statut;{header}\n7;02/03/2026;absent;{value}\n", **more)

    return read

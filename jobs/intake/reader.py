"""An export, row by row: appointments to import, and rows to give back."""

import io
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from db.rules.intake_row import IntakeRow
from jobs.intake.fields import Field
from jobs.intake.mapping import FileMap
from jobs.intake.records import Fault, Record, records
from jobs.intake.refusal import IntakeRefused
from jobs.intake.rejects import Rejected, RejectReason
from jobs.intake.rows import RowReader, month_first_throughout
from jobs.intake.sniff import Shape, sniff
from jobs.intake.values import clean

_FAULTS = {
    Fault.UNCLOSED_QUOTE: RejectReason.UNCLOSED_QUOTE,
    Fault.TOO_LONG: RejectReason.TOO_LONG,
    Fault.NUL: RejectReason.NUL,
}


class Intake:
    """An open export. `rows` streams: what it holds in memory does not grow with the file."""

    def __init__(self, path: Path, shape: Shape, reader: RowReader) -> None:
        self._path, self._shape, self._reader = path, shape, reader
        width = len(shape.columns.headers)
        # Every row of some exports ends with a delimiter too many.
        self._widths = {width, statistics.mode([len(row.cells) for row in shape.sample] or [width])}
        self._open: io.BufferedReader | None = None
        self._finished = False
        self.bytes_total = path.stat().st_size
        # Numbers such as 2.98725E+13, which a spreadsheet has rounded: two patients may share one.
        self.rounded_numbers = 0

    @property
    def bytes_read(self) -> int:
        """How far `rows` has come, for a progress bar; it goes by blocks, a little ahead of the rows."""
        if self._finished:
            return self.bytes_total
        return self._open.tell() if self._open is not None else 0

    @property
    def encoding(self) -> str:
        return self._shape.encoding

    @property
    def delimiter(self) -> str:
        return self._shape.delimiter

    @property
    def recognised(self) -> tuple[str, ...]:
        """The headers that are read and may be shown, in the file's order: the columns of a rejects file."""
        return self._reader.headers

    @property
    def contact_fields(self) -> frozenset[str]:
        """Which of a patient's first_name, last_name, phone, email and language the file speaks of at all."""
        return self._reader.contact_fields

    def rows(self) -> Iterator[IntakeRow | Rejected]:
        """Every row in the file's order; raises `IntakeRefused` where the file can no longer be read."""
        problem = ""
        try:
            yield from self._rows()
        except OSError as error:
            problem = error.strerror or "input error"
        except UnicodeError:
            problem = "it changed while it was being imported"
        if problem:
            raise IntakeRefused(f"{self._path.name} cannot be read to its end ({problem}).")

    def _rows(self) -> Iterator[IntakeRow | Rejected]:
        width = len(self._shape.columns.headers)
        with self._path.open("rb") as binary:
            self._open, self._finished = binary, False
            text = io.TextIOWrapper(binary, encoding=self._shape.encoding, newline="")
            for record in records(text, self._shape.delimiter, width):
                if record.line > self._shape.header_line and not self._is_header(record):
                    yield self._row(record, width)
            self._open, self._finished = None, True

    def _row(self, record: Record, width: int) -> IntakeRow | Rejected:
        reason = _FAULTS[record.fault] if record.fault else None
        if reason is None and _is_ragged(record.cells, width, self._shape.columns.needed):
            reason = RejectReason.RAGGED
        if reason is not None:
            return Rejected(record.line, reason, reason.sentence, {})
        row = self._reader.read(record)
        if isinstance(row, Rejected):
            # What is wrong may be that the cells have shifted: then a diagnosis could stand under "Nom".
            return row if len(record.cells) in self._widths else replace(row, fields={})
        if _is_rounded(row.patient_key):
            self.rounded_numbers += 1
        return row

    def _is_header(self, record: Record) -> bool:
        """Exports made page by page repeat their header."""
        cells, headers = record.cells, self._shape.columns.headers
        return bool(cells) and clean(cells[0]) == headers[0] and tuple(map(clean, cells)) == headers


def open_file(path: Path, mapping: FileMap | None, *, country: str, zone: ZoneInfo, today: date) -> Intake:
    """Check a whole export and get ready to read it; raises `IntakeRefused`, with nothing changed anywhere.

    `country` is that of the practice's telephones, `today` its local date.
    """
    file_map = mapping or FileMap()
    if not path.is_file():
        raise IntakeRefused(f"{path.name} is not a file." if path.exists() else f"There is no file {path}.")
    shape = sniff(path, file_map)
    reader = RowReader(
        columns=shape.columns,
        file_map=file_map,
        country=file_map.country or country,
        zone=zone,
        today=today,
        month_first=not file_map.order_given and month_first_throughout(_dates(shape)),
    )
    return Intake(path, shape, reader)


def _dates(shape: Shape) -> list[str]:
    place = shape.columns.single[Field.DATE]
    return [row.cells[place] for row in shape.sample if place < len(row.cells)]


def _is_ragged(cells: Sequence[str], width: int, needed: int) -> bool:
    """Empty cells may be missing at the end, or too many; others stand in the wrong column."""
    if len(cells) == width:
        return False
    return len(cells) < needed or any(cell.strip() for cell in cells[width:])


def _is_rounded(number: str) -> bool:
    head, mark, power = number.upper().partition("E+")
    return bool(mark) and power.isdigit() and head.replace(".", "").replace(",", "").isdigit()

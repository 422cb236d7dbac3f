"""The shape of a file, from its beginning: what parts the cells, and which line is the header."""

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from jobs.intake.encodings import encoding_of
from jobs.intake.headers import Columns, headers_known, resolve
from jobs.intake.mapping import FileMap
from jobs.intake.records import Record, records
from jobs.intake.refusal import IntakeRefused

SAMPLE = 1 << 18
# Titles, a practice's address, a line "Période du ... au ..." may stand above the header.
HEADER_WITHIN = 40
DELIMITERS = (";", ",", "\t", "|")


@dataclass(frozen=True, slots=True)
class Shape:
    encoding: str
    delimiter: str
    header_line: int
    columns: Columns
    sample: tuple[Record, ...]  # the first records after the header


def sniff(path: Path, file_map: FileMap) -> Shape:
    """Read the beginning of a file, having checked that the whole of it can be decoded."""
    encoding = encoding_of(path, file_map.encoding)
    text, whole = _beginning(path, encoding)
    announced = _announced(text)
    delimiters = tuple(filter(None, (file_map.delimiter or announced,))) or DELIMITERS
    _, delimiter, header = max(
        (_best_header(text, delimiter, file_map) for delimiter in delimiters),
        key=lambda found: found[0],
    )
    if header is None:
        raise IntakeRefused(f"{path.name} holds no row that can be read: is it a CSV file?")
    rows = [one for one in _sample(text, delimiter) if one.line > header.line and one.fault is None]
    # What was cut off at the end of the sample is no whole record.
    rows = rows if whole else rows[:-1]
    columns = resolve(header.cells, file_map, [row.cells for row in rows])
    return Shape(encoding, delimiter, header.line, columns, tuple(rows))


def _beginning(path: Path, encoding: str) -> tuple[str, bool]:
    try:
        with path.open("rb") as file:
            head = file.read(SAMPLE)
            whole = not file.read(1)
    except OSError as problem:
        raise IntakeRefused(f"{path.name} cannot be read ({problem.strerror}).") from None
    return codecs.getincrementaldecoder(encoding)("replace").decode(head, final=whole), whole


def _announced(text: str) -> str | None:
    """Excel's own way of telling: a first line `sep=;`."""
    first = text.lstrip("\ufeff\r\n").partition("\n")[0].rstrip("\r").strip('"').casefold()
    return first[4] if first.startswith("sep=") and len(first) == 5 else None


def _best_header(text: str, delimiter: str, file_map: FileMap) -> tuple[tuple[int, int], str, Record | None]:
    """The record most of whose cells are headers, the first of equals; then the one with most cells."""
    best: tuple[tuple[int, int], str, Record | None] = ((-1, 0), delimiter, None)
    for record in islice(_sample(text, delimiter), HEADER_WITHIN):
        if record.fault is None:
            score = (headers_known(record.cells, file_map), len(record.cells))
            # Only more known headers move the choice down the file: a longer row of data must not.
            if best[2] is None or score[0] > best[0][0]:
                best = (score, delimiter, record)
    return best


def _sample(text: str, delimiter: str) -> Iterator[Record]:
    return records(io.StringIO(text, newline=""), delimiter)

"""How the bytes of a file become text, checked over the whole file before a single row is used."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from jobs.intake.refusal import IntakeRefused

CHUNK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = (
    (b"PK\x03\x04", "a spreadsheet or an archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office document"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf", "a compressed archive"),
    (b"Rar!", "a compressed archive"),
    (b"{\\rtf", "a text document"),
    (b"SQLite format 3", "a database"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"<?xml", "an XML document"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"<table", "a web page"),
)
# Control characters that no text export holds; NUL is left to the reader, which refuses the row alone.
_CONTROLS = bytes(code for code in range(1, 32) if code not in b"\t\n\v\f\r\x1a\x1c\x1d\x1e\x1f")
_UNDEFINED = b"\x81\x8d\x8f\x90\x9d"
_UTF8_PAIR = re.compile(rb"[\xc2\xc3][\x80-\xbf]|\xe2\x80[\x80-\xbf]")
# In Windows-1252 these are daggers, carons and quotation marks, which never stand inside a word; in the encodings
# of DOS and of the old Macintosh they are the accented letters of French.
_OUT_OF_PLACE = re.compile(rb"[A-Za-z](?:[\x82\x83\x84\x88\x89\x8b]|[\x86\x87][a-z])|[a-z][\x8a\x8e]")
_HIGH = bytes(range(128, 256))
_LETTERS = bytes([*range(0xC0, 0xD7), *range(0xD8, 0xF7), *range(0xF8, 0x100), 0x8C, 0x9C, 0x9F])


@dataclass(slots=True)
class _Census:
    """What was counted over the bytes of a file that is not UTF-8."""

    controls: int = 0
    undefined: int = 0
    high: int = 0
    letters: int = 0
    out_of_place: int = 0
    utf8_pairs: int = 0  # in bytes

    def add(self, chunk: bytes) -> None:
        self.controls += _count(chunk, _CONTROLS)
        if not chunk.isascii():
            self.high += _count(chunk, _HIGH)
            self.undefined += _count(chunk, _UNDEFINED)
            self.letters += _count(chunk, _LETTERS)
            self.out_of_place += len(_OUT_OF_PLACE.findall(chunk))
            self.utf8_pairs += sum(map(len, _UTF8_PAIR.findall(chunk)))

    @property
    def is_windows_1252(self) -> bool:
        damaged_utf8 = self.utf8_pairs * 2 > self.high
        return not (self.controls or self.undefined or damaged_utf8 or self.out_of_place > self.letters)


def _count(chunk: bytes, wanted: bytes) -> int:
    return len(chunk) - len(chunk.translate(None, wanted))


def encoding_of(path: Path, wanted: str | None) -> str:
    """The encoding that decodes the whole file; `wanted` is the map's word for it, and is checked as well."""
    try:
        with path.open("rb") as file:
            head = file.read(CHUNK)
            file.seek(0)
            if not head.removeprefix(codecs.BOM_UTF8).strip(b"\0\xff\xfe \t\r\n"):
                raise IntakeRefused(f"{path.name} is empty: export it again, with its header line.")
            return _checked(path, file, head, wanted)
    except OSError as problem:
        reason = problem.strerror
    raise IntakeRefused(f"{path.name} cannot be read ({reason}).")


def _checked(path: Path, file: BinaryIO, head: bytes, wanted: str | None) -> str:
    if wanted is None:
        _refuse_foreign(path, head)
    encoding = wanted or _by_mark(head) or _wide_without_mark(head)
    if encoding is None:
        return _narrow(path, file)
    if not _whole_file_decodes(file, encoding):
        raise IntakeRefused(
            f"{path.name} is not valid {encoding.removesuffix('-sig').upper()} from end to end: {_WAY_OUT}."
        )
    return encoding


_WAY_OUT = 'export it as CSV UTF-8, or name its encoding in the map ([file] encoding = "cp850", for example)'


def _refuse_foreign(path: Path, head: bytes) -> None:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:16].lower()
    for mark, what in _FOREIGN:
        if start.startswith(mark.lower()):
            raise IntakeRefused(f"{path.name} is {what}, not a CSV file: open it in its program and export it as CSV.")


def _by_mark(head: bytes) -> str | None:
    return next((name for mark, name in _BOMS if head.startswith(mark)), None)


def _wide_without_mark(head: bytes) -> str | None:
    """UTF-16 shows itself by NULs in every second place, wherever the text is mostly Latin."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    if odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None


def _narrow(path: Path, file: BinaryIO) -> str:
    _refuse_binary(path, file.read(CHUNK))
    file.seek(0)
    if _whole_file_decodes(file, "utf-8"):
        return "utf-8"
    file.seek(0)
    census = _Census()
    while chunk := file.read(CHUNK):
        census.add(chunk)
    if not census.is_windows_1252:
        raise IntakeRefused(
            f"{path.name} is in an unknown encoding, neither UTF-8, UTF-16 nor Windows-1252: {_WAY_OUT}."
        )
    return "cp1252"


def _refuse_binary(path: Path, head: bytes) -> None:
    if head.count(0) * 20 > len(head) or _count(head, _CONTROLS) * 50 > len(head):
        raise IntakeRefused(f"{path.name} is not a text file: open it in its program and export it as CSV.")


def _whole_file_decodes(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    while chunk := file.read(CHUNK):
        if not _decodes(decoder, chunk, last=False):
            return False
    return _decodes(decoder, b"", last=True)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, last: bool) -> bool:
    try:
        decoder.decode(chunk, final=last)
    except UnicodeError:
        return False
    return True

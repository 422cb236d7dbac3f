"""The map: a small TOML file that says what the headers, words and lists of one practice's export mean."""

import codecs
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from db.states import AppointmentStatus
from jobs.intake.dates import Order
from jobs.intake.fields import SEVERAL, Field
from jobs.intake.folding import fold, fold_header
from jobs.intake.refusal import IntakeRefused
from jobs.intake.risk_map import RiskMap, read_risk

SECTIONS = ("file", "columns", "status", "dates", "defaults", "risk")
DEFAULTS = ("practitioner", "speciality", "country", "duration", "language")
SPECIALITIES = ("psychotherapy", "physiotherapy", "dental", "nutrition", "general")
# Motives, comments and notes are never read, whatever a map asks; nor does a diagnosis become a name.
_PRIVATE = re.compile(
    r"\b(?:motifs?|reasons?|raisons?|comment(?:s|aires?)?|notes?|remarques?|remarks?|observations?|anamnes\w*|memo|"
    r"compte rendu|bilan|grund|bemerkung\w*|opmerking\w*|nota|antecedents?|history|pathologies?|symptom\w*)\b"
)
_CLINICAL = re.compile(
    r"\b(?:diagnos\w*|cim ?\d*|icd ?\d*|dsm|traitements?|treatments?|medica\w*|ordonnances?|prescriptions?)\b"
)


@dataclass(frozen=True, slots=True)
class FileMap:
    """Everything a map may say; the empty one is for files whose headers speak for themselves."""

    encoding: str | None = None
    delimiter: str | None = None
    columns: Mapping[Field, tuple[str, ...]] = field(default_factory=dict)
    statuses: Mapping[str, AppointmentStatus] = field(default_factory=dict)  # by folded word
    order: Order = field(default_factory=Order)
    order_given: bool = False
    practitioner: str = ""
    speciality: str | None = None
    country: str | None = None
    duration_min: int | None = None
    language: str | None = None
    risk: RiskMap = field(default_factory=RiskMap)


def load(path: Path) -> FileMap:
    """Read a map; every mistake in it is one sentence that names the file and the key."""
    problem = ""
    try:
        return read_map(tomllib.loads(path.read_bytes().decode("utf-8-sig")))
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        problem = "is not UTF-8: save it again as UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem = f"is not valid TOML: {error}"
    except IntakeRefused as error:
        problem = f"cannot be used: {error}"
        raise IntakeRefused(f"The map {path.name} {problem}") from None
    raise IntakeRefused(f"The map {path.name} {problem}.")


def read_map(data: Mapping[str, Any]) -> FileMap:
    _only("the map", data, SECTIONS)
    file, dates, defaults = (_table(data, name) for name in ("file", "dates", "defaults"))
    _only("[file]", file, ("encoding", "delimiter"))
    _only("[dates]", dates, ("day_first", "format"))
    _only("[defaults]", defaults, DEFAULTS)
    columns = _columns(_table(data, "columns"))
    risk = read_risk(_table(data, "risk"))
    for header in risk.headers():
        _refuse_private(header, "[risk]")
    return FileMap(
        encoding=_encoding(_text(file, "encoding")),
        delimiter=_delimiter(_text(file, "delimiter")),
        columns=columns,
        statuses=_statuses(_table(data, "status")),
        order=_order(dates),
        order_given=bool(dates),
        practitioner=_text(defaults, "practitioner") or "",
        speciality=_one_of(defaults, "speciality", SPECIALITIES),
        country=_country(_text(defaults, "country")),
        duration_min=_duration(defaults.get("duration")),
        language=_language(_text(defaults, "language")),
        risk=risk,
    )


def _columns(table: Mapping[str, Any]) -> dict[Field, tuple[str, ...]]:
    _only("[columns]", table, tuple(Field))
    columns: dict[Field, tuple[str, ...]] = {}
    for name, value in table.items():
        headers = tuple(value) if isinstance(value, list) else (value,)
        if not headers or not all(isinstance(header, str) and header.strip() for header in headers):
            raise IntakeRefused(f'{name} under [columns] wants a header of the file, in quotes: {name} = "...".')
        if len(headers) > 1 and Field(name) not in SEVERAL:
            raise IntakeRefused(f"{name} under [columns] wants one header, not {len(headers)}.")
        for header in headers:
            _refuse_private(header, "[columns]")
            if _CLINICAL.search(fold_header(header)):
                raise IntakeRefused(
                    f"{name} under [columns] names the column {header!r}: diagnoses and treatments are read under "
                    "[risk] only."
                )
        columns[Field(name)] = headers
    return columns


def _refuse_private(header: str, section: str) -> None:
    if _PRIVATE.search(fold_header(header)):
        raise IntakeRefused(
            f"{section} names the column {header!r}: motives, comments and notes are never read; take the line out."
        )


def _statuses(table: Mapping[str, Any]) -> dict[str, AppointmentStatus]:
    _only("[status]", table, tuple(AppointmentStatus))
    words: dict[str, AppointmentStatus] = {}
    for name, listed in table.items():
        if not isinstance(listed, list) or not all(isinstance(word, str | int) for word in listed):
            raise IntakeRefused(f'{name} under [status] wants a list of words: {name} = ["...", "..."].')
        for word in listed:
            key = status_key(str(word))
            if words.get(key, name) != name:
                raise IntakeRefused(f"{str(word)!r} stands under two names of [status]: {words[key]} and {name}.")
            words[key] = AppointmentStatus(name)
    return words


def status_key(word: str) -> str:
    """Signs alone (`+`, `∅`) are kept as they are: folding would leave nothing of them."""
    return fold(word) or word.strip()


def _order(table: Mapping[str, Any]) -> Order:
    day_first = table.get("day_first", True)
    if not isinstance(day_first, bool):
        raise IntakeRefused("day_first under [dates] is true or false, without quotes.")
    form = _text(table, "format")
    if form is not None and not _is_format(form):
        raise IntakeRefused(
            'format under [dates] wants day, month and year, as in format = "%d/%m/%Y %H:%M" (the signs of strptime).'
        )
    return Order(day_first=day_first, format=form)


def _is_format(form: str) -> bool:
    probe = datetime(2031, 11, 23, 14, 30, tzinfo=UTC)
    try:
        read = datetime.strptime(probe.strftime(form), form)  # noqa: DTZ007 - only the day is compared
    except ValueError:
        return False
    return read.date() == probe.date()


def _encoding(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        known = codecs.lookup(name)
    except (LookupError, ValueError):
        known = None
    # `codecs` also holds base64 and the like, which are no encodings of text.
    if (
        known is None
        or not getattr(known, "_is_text_encoding", True)
        or known.name in {"idna", "punycode", "undefined"}
    ):
        raise IntakeRefused(f"encoding under [file] is {name!r}, which is not known: cp850, mac-roman or utf-8, say.")
    return known.name


def _delimiter(sign: str | None) -> str | None:
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(sign or "", sign)
    if named is not None and (len(named) != 1 or named in '"\r\n' or named.isalnum()):
        raise IntakeRefused('delimiter under [file] is one sign, or "tab".')
    return named


def _country(code: str | None) -> str | None:
    if code is not None and not re.fullmatch(r"[A-Za-z]{2}", code):
        raise IntakeRefused('country under [defaults] is a code of two letters: "FR", "CH", "BE", "RE"...')
    return code.upper() if code else None


def _language(code: str | None) -> str | None:
    if code is not None and not re.fullmatch(r"[a-z]{2,3}", code):
        raise IntakeRefused('language under [defaults] is a short code: "fr", "en"...')
    return code


def _duration(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 5 <= value <= 720:
        raise IntakeRefused("duration under [defaults] is a number of minutes, from 5 to 720.")
    return value


def _one_of(table: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str | None:
    value = _text(table, name)
    if value is not None and value not in allowed:
        raise IntakeRefused(f"{name} under [defaults] is one of {', '.join(allowed)}.")
    return value


def _text(table: Mapping[str, Any], name: str) -> str | None:
    value = table.get(name)
    if value is not None and (not isinstance(value, str) or not value):
        raise IntakeRefused(f'{name} wants a text in quotes: {name} = "...".')
    return value


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name, {})
    if not isinstance(value, dict):
        raise IntakeRefused(f"{name} is a section: write [{name}] on a line of its own.")
    return value


def _only(where: str, table: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for name in table:
        if name not in allowed:
            raise IntakeRefused(f"{name!r} is not known in {where}: it may hold {', '.join(allowed)}.")

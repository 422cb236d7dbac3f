"""One record into one appointment, or into the reason why not."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from db.rules.intake_row import IntakeRow
from db.rules.risk import RiskRule
from jobs.intake.dates import Moment, Problem, in_utc, proves_order, read_moment, read_span
from jobs.intake.fields import Field
from jobs.intake.headers import Columns
from jobs.intake.mapping import FileMap
from jobs.intake.people import patient_key, split_name, without_civility
from jobs.intake.records import Record
from jobs.intake.rejects import Rejected, RejectReason
from jobs.intake.statuses import read_status
from jobs.intake.values import (
    ADULT,
    best_telephone,
    clean,
    first_email,
    given,
    is_minor,
    name_text,
    number_text,
    read_age,
    read_birth_date,
    read_duration,
    read_language,
    read_speciality,
)

Read = Callable[[str], str]

MISSING = 1 << 30  # a place beyond every row
# Nobody books further ahead: a later date is a slip, or a year read as a day.
HORIZON = timedelta(days=731)
MIDNIGHT = time()
LONGEST_SHOWN = 120
_EXCEL_DAY_ZERO = re.compile(r"^(?:1899-12-3[01]|1900-01-0[01]|3[01]/12/1899|0?[01]/0?1/1900)[ T]")
_NO_TIME = re.compile(r"\D*|0+(?:[.,]0+)?")


class _Reject(Exception):
    def __init__(self, reason: RejectReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _When:
    day: date
    starts_at: datetime | None
    duration_min: int | None


@dataclass(frozen=True, slots=True)
class RowReader:
    columns: Columns
    file_map: FileMap
    country: str
    zone: ZoneInfo
    today: date
    month_first: bool = False  # the dates of the file prove to be the American way round
    _shown: dict[int, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shown: dict[int, str] = {}
        for place, header in self.columns.recognised.items():
            shown[place] = f"{header} ({place + 1})" if header in shown.values() else header
        object.__setattr__(self, "_shown", shown)

    @property
    def headers(self) -> tuple[str, ...]:
        return tuple(self._shown.values())

    @property
    def contact_fields(self) -> frozenset[str]:
        single = self.columns.single
        has = {
            "first_name": Field.FIRST_NAME in single or Field.FULL_NAME in single,
            "last_name": Field.LAST_NAME in single or Field.FULL_NAME in single,
            "phone": bool(self.columns.phones),
            "email": bool(self.columns.emails),
            "language": Field.LANGUAGE in single or self.file_map.language is not None,
            "minor": Field.BIRTH_DATE in single or Field.AGE in single,
        }
        return frozenset(name for name, told in has.items() if told)

    def read(self, record: Record) -> IntakeRow | Rejected:
        try:
            return self._row(record)
        except _Reject as error:
            reason = error.reason
        return Rejected(record.line, reason, reason.sentence, self._visible(record))

    def _row(self, record: Record) -> IntakeRow:
        cells, columns, file_map = record.cells, self.columns, self.file_map
        when = self._when(cells)
        born = self._born(cells, when.day)
        first_name, last_name = self._names(cells)
        phones = [text for place in columns.phones if (text := _at(cells, place, given))]
        phone = best_telephone(phones, self.country) if phones else None
        email = first_email([text for place in columns.emails if (text := _at(cells, place, given))])
        key = patient_key(
            number=self._text(cells, Field.PATIENT_NUMBER, number_text),
            email=email,
            phone=phone.e164 if phone else None,
            first_name=first_name,
            last_name=last_name,
            born=born,
        )
        if key is None:
            raise _Reject(RejectReason.NO_IDENTITY)
        status = read_status(
            [_at(cells, one.index, clean) for one in columns.statuses],
            columns.statuses,
            file_map.statuses,
            when.day,
            self.today,
        )
        if status is None:
            raise _Reject(RejectReason.UNREADABLE_STATUS)
        return IntakeRow(
            line=record.line,
            patient_key=key,
            first_name=first_name,
            last_name=last_name,
            phone=phone.e164 if phone else None,
            phone_kind=phone.kind if phone else None,
            phone_given=bool(phones),
            email=email,
            language=read_language(self._text(cells, Field.LANGUAGE)) or file_map.language,
            minor=self._is_minor(cells, born, when.day),
            practitioner=self._practitioner(cells),
            speciality=read_speciality(self._text(cells, Field.SPECIALITY)) or file_map.speciality,
            appointment_key=self._text(cells, Field.APPOINTMENT_NUMBER, number_text) or None,
            day=when.day,
            starts_at=when.starts_at,
            duration_min=when.duration_min,
            status=status,
            risk_rules=self._risk(cells, when.day),
        )

    def _text(self, cells: list[str], name: Field, read: Read = given) -> str:
        place = self.columns.single.get(name, MISSING)
        return read(cells[place]) if place < len(cells) else ""

    def _when(self, cells: list[str]) -> _When:
        day, at, end = self._day_and_time(cells)
        span = self._span(cells)
        if span is not None:
            at, end = span
        if at == MIDNIGHT:
            at = None
        starts_at = in_utc(day, at, self.zone) if at is not None else None
        return _When(day, starts_at, self._duration(cells, day, at, end))

    def _day_and_time(self, cells: list[str]) -> tuple[date, time | None, time | None]:
        text = self._text(cells, Field.DATE)
        if not text:
            raise _Reject(RejectReason.NO_DATE)
        moment = read_moment(text, self.file_map.order)
        if isinstance(moment, Problem):
            raise _Reject(RejectReason.MONTH_FIRST if moment.month_first else RejectReason.IMPOSSIBLE_DATE)
        if self.month_first and proves_order(text) is not True and "/" in text:
            raise _Reject(RejectReason.MONTH_FIRST)
        day, at = self._local(moment)
        if day > self.today + HORIZON:
            raise _Reject(RejectReason.IMPOSSIBLE_DATE)
        return day, at, moment.end

    def _local(self, moment: Moment) -> tuple[date, time | None]:
        """Day and time on the practice's clocks. Midnight is no time of day, and moves no day, whatever its offset."""
        if moment.at is None or moment.at == MIDNIGHT or moment.offset is None:
            return moment.day, moment.at
        local = datetime.combine(moment.day, moment.at, timezone(moment.offset)).astimezone(self.zone)
        return local.date(), local.time()

    def _span(self, cells: list[str]) -> tuple[time, time | None] | None:
        """What the column of times says; None where it says nothing: empty, midnight, "matin"."""
        text = self._text(cells, Field.TIME)
        if not text or _NO_TIME.fullmatch(text):
            return None
        span = self._read_clock(text)
        if span is None:
            raise _Reject(RejectReason.IMPOSSIBLE_TIME)
        return span if span[0] != MIDNIGHT else None

    def _read_clock(self, text: str) -> tuple[time, time | None] | None:
        """A time of day, by itself or after a date."""
        bare = _EXCEL_DAY_ZERO.sub("", text)
        span = read_span(bare)
        if span is not None:
            return span
        moment = read_moment(bare, self.file_map.order)
        if isinstance(moment, Moment) and moment.at is not None:
            at = self._local(moment)[1]
            return (at, moment.end) if at is not None else None
        return None

    def _duration(self, cells: list[str], day: date, at: time | None, end: time | None) -> int | None:
        stated = read_duration(self._text(cells, Field.DURATION))
        if stated is not None:
            return stated
        if at is not None:
            if end is None and (text := self._text(cells, Field.END)):
                span = self._read_clock(text)
                end = span[0] if span else None
            if end is not None:
                lasts = datetime.combine(day, end, UTC) - datetime.combine(day, at, UTC)
                return read_duration(str(int(lasts.total_seconds()) // 60)) or self.file_map.duration_min
        return self.file_map.duration_min

    def _born(self, cells: list[str], day: date) -> date | None:
        text = self._text(cells, Field.BIRTH_DATE)
        return read_birth_date(text, self.file_map.order, day) if text else None

    def _is_minor(self, cells: list[str], born: date | None, day: date) -> bool:
        if born is not None:
            return is_minor(born, day)
        age = read_age(self._text(cells, Field.AGE))
        return age is not None and age < ADULT

    def _names(self, cells: list[str]) -> tuple[str, str]:
        first_name = self._text(cells, Field.FIRST_NAME, name_text)
        last_name = without_civility(self._text(cells, Field.LAST_NAME, name_text))
        if not first_name and not last_name and (whole := self._text(cells, Field.FULL_NAME, name_text)):
            return split_name(whole, last_first=self.columns.last_name_first)
        return first_name, last_name

    def _practitioner(self, cells: list[str]) -> str:
        first = self._text(cells, Field.PRACTITIONER_FIRST_NAME, name_text)
        last = self._text(cells, Field.PRACTITIONER, name_text)
        return f"{first} {last}".strip() or self.file_map.practitioner

    def _risk(self, cells: list[str], day: date) -> frozenset[RiskRule]:
        if not self.columns.risk:
            return frozenset()
        return self.file_map.risk.rules(
            lambda header: _at(cells, self.columns.risk[header], clean), day, self.file_map.order
        )

    def _visible(self, record: Record) -> dict[str, str]:
        return {
            header: text[:LONGEST_SHOWN]
            for place, header in self._shown.items()
            if (text := _at(record.cells, place, clean))
        }


def month_first_throughout(cells: Iterable[str]) -> bool:
    """Whether the dates can only be American: more than one is, and not one is the other way round.

    Then `03/04/2026` is not to be trusted either, though it could be read.
    """
    proofs = [proof for cell in cells if (proof := proves_order(cell)) is not None]
    return len(proofs) > 1 and not any(proofs)


def _at(cells: list[str], place: int, read: Read) -> str:
    return read(cells[place]) if place < len(cells) else ""

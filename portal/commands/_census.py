"""Counting what a file holds, in a few bytes for each row."""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from db.changes._agenda import appointment_key
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.rules.windows import closing_of
from db.states import AppointmentStatus

ABSENCES = (AppointmentStatus.NO_SHOW, AppointmentStatus.WAS_NOT_BROUGHT)
BUCKETS = 256


class Kind(IntEnum):
    OTHER = 0
    ABSENCE = 1
    HISTORY = 2


class Tally:
    """Different keys, each with the last kind it was given: eight bytes a call, however long the keys."""

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(BUCKETS)]

    def add(self, key: str, kind: Kind = Kind.OTHER) -> None:
        mark = hash(key) & 0xFFFF_FFFF_FFFF_FFFC
        self._buckets[(mark >> 8) % BUCKETS].append(mark | kind)

    def kinds(self) -> Iterator[Kind]:
        """One for each different key."""
        for bucket in self._buckets:
            last = {mark >> 2: mark & 3 for mark in bucket}
            yield from map(Kind, last.values())


@dataclass(frozen=True)
class FileCounts:
    """`rows` are the readable ones; each patient and each appointment counts once, `history` is among the absences."""

    rows: int
    patients: int
    appointments: int
    absences: int
    history: int


class Census:
    """The patients, appointments and absences of one file. An absence that is older than the practice's
    `history_days` is history, by the same rule that starts no sequence for it."""

    def __init__(self, practice: Profile, now: datetime) -> None:
        self._practice, self._now = practice, now
        self._oldest = now - timedelta(days=practice.settings.history_days)
        self._patients, self._appointments = Tally(), Tally()
        self._rows = 0

    def add(self, row: IntakeRow) -> None:
        self._rows += 1
        self._patients.add(row.patient_key)
        self._appointments.add(appointment_key(row), self._kind(row))

    def counts(self) -> "FileCounts":
        found = Counter(self._appointments.kinds())
        return FileCounts(
            rows=self._rows,
            patients=sum(1 for _ in self._patients.kinds()),
            appointments=found.total(),
            absences=found[Kind.ABSENCE] + found[Kind.HISTORY],
            history=found[Kind.HISTORY],
        )

    def _kind(self, row: IntakeRow) -> Kind:
        if row.status not in ABSENCES:
            return Kind.OTHER
        missed = row.starts_at or closing_of(row.day, self._practice.calendar)
        return Kind.HISTORY if missed < self._oldest else Kind.ABSENCE

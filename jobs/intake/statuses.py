"""What became of an appointment, from a column of words, boxes to tick, or both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from db.states import AppointmentStatus
from jobs.intake.headers import StatusColumn
from jobs.intake.mapping import status_key
from jobs.intake.words import ATTENDED, BOOKED, CANCELLED, NO_SHOW, WAS_NOT_BROUGHT, is_nothing, status_word, yes_or_no

_word = lru_cache(maxsize=4096)(status_word)


@dataclass(slots=True)
class _Said:
    """What the columns of one row say between them."""

    is_one: set[AppointmentStatus] = field(default_factory=set)
    is_not: set[AppointmentStatus] = field(default_factory=set)
    unreadable: bool = False


def read_status(
    cells: Sequence[str],
    columns: Sequence[StatusColumn],
    words: Mapping[str, AppointmentStatus],
    day: date,
    today: date,
) -> AppointmentStatus | None:
    """The status, or None where it cannot be told. `cells` are those of `columns`, cleaned; `words` are the map's."""
    said = _Said()
    for cell, column in zip(cells, columns, strict=True):
        _listen(said, cell, column, words, alone=len(columns) == 1)
    happened = said.is_one - {BOOKED}
    if happened:
        return _agreed(happened)
    if said.unreadable and BOOKED not in said.is_one:
        return None
    return _by_denial(said, day, today)


def _listen(
    said: _Said, cell: str, column: StatusColumn, words: Mapping[str, AppointmentStatus], *, alone: bool
) -> None:
    if is_nothing(cell) and status_key(cell) not in words:
        # An empty box "Absent" says that the patient came; an empty box "Présent" may be one not ticked yet.
        if column.ticks and alone and column.yes is NO_SHOW:
            said.is_not.add(NO_SHOW)
        return
    status = words.get(status_key(cell)) or _word(cell)
    if status is None and column.yes is not None:
        answer = yes_or_no(cell)
        if answer is False:
            said.is_not.add(column.yes)
            return
        status = column.yes if answer else None
    if status is None:
        said.unreadable = True
    else:
        said.is_one.add(status)


def _agreed(happened: set[AppointmentStatus]) -> AppointmentStatus | None:
    """One status, or the more telling of two that go together; None for a contradiction."""
    if len(happened) == 1:
        return next(iter(happened))
    if ATTENDED in happened:
        return None
    return CANCELLED if CANCELLED in happened else WAS_NOT_BROUGHT


def _by_denial(said: _Said, day: date, today: date) -> AppointmentStatus | None:
    if day > today or (day == today and BOOKED in said.is_one):
        return BOOKED
    denied = said.is_not & {NO_SHOW, ATTENDED}
    if denied == {ATTENDED}:
        return NO_SHOW
    if day == today:
        return BOOKED
    if denied == {NO_SHOW}:
        return ATTENDED
    return BOOKED if BOOKED in said.is_one else None

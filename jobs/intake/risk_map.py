"""What a map says of risk, and the rules that a row's clinical cells meet.

The cells are looked at and let go: they are put in no cache, no error and no record; a rule's name is all that stays.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from db.rules.risk import RiskRule
from jobs.intake.dates import Moment, Order, read_moment
from jobs.intake.folding import fold
from jobs.intake.refusal import IntakeRefused
from jobs.intake.words import is_nothing, yes_or_no

CHRONIC_FROM = 2
FIRST_SESSIONS = 4
DISCHARGE_DAYS = 30
ABSENCES_OVER = 2
# Lists of a column of codes or labels, and the rule that a hit in each stands for.
RULE_OF_LIST: Mapping[str, RiskRule] = {
    **{rule.value: rule for rule in RiskRule},
    "chronic": RiskRule.CHRONIC_CONDITIONS,
    "self_harm": RiskRule.CRISIS,
    "list": RiskRule.TREATMENT_LIST,
}
_CODE = re.compile(r"[a-z]\d[\da-z]*")
_NUMBER = re.compile(r"\d+")
_DENIED = frozenset({"ras", "absent", "absente", "négatif", "negatif", "négative", "negative", "jamais", "never"})
_CELL_LISTS = ("diagnosis", "treatment", "label")

Cell = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Lists:
    """Columns of codes or words, and the entries that count for each rule."""

    columns: tuple[str, ...]
    entries: Mapping[RiskRule, tuple[str, ...]]  # folded

    def rules(self, cell: Cell) -> Iterator[RiskRule]:
        text = " ".join(fold_codes(cell(column)) for column in self.columns)
        if not text.strip():
            return
        for rule, entries in self.entries.items():
            hits = sum(1 for entry in entries if _holds(text, entry))
            if hits >= (CHRONIC_FROM if rule is RiskRule.CHRONIC_CONDITIONS else 1):
                yield rule


@dataclass(frozen=True, slots=True)
class RiskMap:
    chronic: tuple[str, ...] = ()  # columns; the rule wants two that say yes
    flags: Mapping[RiskRule, tuple[str, ...]] | None = None  # columns that say yes
    lists: tuple[Lists, ...] = ()
    session: str | None = None
    first_sessions: int = FIRST_SESSIONS
    discharge_date: str | None = None
    absences: str | None = None
    absences_over: int = ABSENCES_OVER

    def headers(self) -> frozenset[str]:
        """Every column that is read for risk, and so for nothing else."""
        single = {name for name in (self.session, self.discharge_date, self.absences) if name is not None}
        flagged = {name for columns in (self.flags or {}).values() for name in columns}
        return frozenset({*self.chronic, *flagged, *(c for one in self.lists for c in one.columns), *single})

    def rules(self, cell: Cell, day: date, order: Order) -> frozenset[RiskRule]:
        """The rules that a row meets; `cell` gives the text under a header."""
        return frozenset(self._met(cell, day, order))

    def _met(self, cell: Cell, day: date, order: Order) -> Iterator[RiskRule]:
        if sum(says_yes(cell(column)) for column in self.chronic) >= CHRONIC_FROM:
            yield RiskRule.CHRONIC_CONDITIONS
        for rule, columns in (self.flags or {}).items():
            if any(says_yes(cell(column)) for column in columns):
                yield rule
        for lists in self.lists:
            yield from lists.rules(cell)
        if self.session is not None and 1 <= _count(cell(self.session)) <= self.first_sessions:
            yield RiskRule.EARLY_THERAPY
        if self.absences is not None and _count(cell(self.absences)) > self.absences_over:
            yield RiskRule.REPEATED_ABSENCES
        if self.discharge_date is not None and _is_recent(cell(self.discharge_date), day, order):
            yield RiskRule.PSYCHIATRIC_DISCHARGE


def says_yes(text: str) -> bool:
    """A condition is there unless the cell is empty, zero or no: a grade (`2`) and a name (`HTA`) are yes."""
    word = text.strip()
    return not is_nothing(word) and yes_or_no(word) is not False and word.casefold() not in _DENIED


def fold_codes(text: str) -> str:
    """As `fold`, with the dot of a code closed up: `F32.1` is `f321`. Not cached: what passes here is clinical."""
    return fold.__wrapped__(re.sub(r"(?<=\d)\.(?=\d)", "", text))


def _holds(text: str, entry: str) -> bool:
    """A code holds the codes below it, F32 also F32.1; words are found at their beginning, in their order."""
    return (
        f" {text}".find(f" {entry}") >= 0 if _CODE.fullmatch(entry) or len(entry) > 3 else f" {entry} " in f" {text} "
    )


def _count(text: str) -> int:
    found = _NUMBER.search(text)
    return int(found[0][:6]) if found else 0


def _is_recent(text: str, day: date, order: Order) -> bool:
    found = read_moment.__wrapped__(text.strip(), Order(day_first=order.day_first)) if text.strip() else None
    return isinstance(found, Moment) and 0 <= (day - found.day).days <= DISCHARGE_DAYS


def read_risk(table: Mapping[str, Any]) -> RiskMap:
    allowed = ("chronic", "flags", *_CELL_LISTS, "session", "discharge_date", "absences")
    for name in table:
        if name not in allowed:
            raise IntakeRefused(f"{name!r} is not known in [risk]: it may hold {', '.join(allowed)}.")
    session, first = _column_and_number(table, "session", "first", FIRST_SESSIONS)
    absences, over = _column_and_number(table, "absences", "more_than", ABSENCES_OVER)
    discharge, _ = _column_and_number(table, "discharge_date", "", 0)
    return RiskMap(
        chronic=_strings("chronic", table.get("chronic", [])),
        flags=_flags(table.get("flags", {})),
        lists=tuple(_lists(name, table[name]) for name in _CELL_LISTS if name in table),
        session=session,
        first_sessions=first,
        discharge_date=discharge,
        absences=absences,
        absences_over=over,
    )


def _flags(value: object) -> dict[RiskRule, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise IntakeRefused('flags under [risk] wants a table: flags = { crisis = ["..."] }.')
    flags: dict[RiskRule, tuple[str, ...]] = {}
    for name, columns in value.items():
        if name not in tuple(RiskRule):
            raise IntakeRefused(f"{name!r} is not a rule: flags under [risk] may hold {', '.join(RiskRule)}.")
        flags[RiskRule(name)] = _strings(f"flags.{name}", columns)
    return flags


def _lists(name: str, value: object) -> Lists:
    if not isinstance(value, dict) or "column" not in value:
        raise IntakeRefused(f'{name} under [risk] wants a table: {name} = {{ column = "...", ... }}.')
    entries: dict[RiskRule, tuple[str, ...]] = {}
    for key, listed in value.items():
        if key == "column":
            continue
        rule = RULE_OF_LIST.get(key)
        if rule is None or (key == "list" and name != "treatment"):
            known = ", ".join(key for key in RULE_OF_LIST if key != "list" or name == "treatment")
            raise IntakeRefused(f"{key!r} is not a rule: {name} under [risk] may hold column, {known}.")
        folded = tuple(fold_codes(word) for word in _strings(f"{name}.{key}", listed))
        if not all(folded):
            raise IntakeRefused(f"{name}.{key} under [risk] holds an entry without letters or digits.")
        entries[rule] = (*entries.get(rule, ()), *folded)
    if not entries:
        raise IntakeRefused(f"{name} under [risk] names a column but no list to look for in it.")
    return Lists(_strings(f"{name}.column", value["column"]), entries)


def _column_and_number(table: Mapping[str, Any], name: str, limit: str, default: int) -> tuple[str | None, int]:
    value = table.get(name)
    if isinstance(value, dict) and limit and set(value) <= {"column", limit}:
        column, number = value.get("column"), value.get(limit, default)
    else:
        column, number = value, default
    if column is None and value is None:
        return None, default
    if not isinstance(column, str) or not column or not isinstance(number, int) or isinstance(number, bool):
        more = f' or {{ column = "...", {limit} = {default} }}' if limit else ""
        raise IntakeRefused(f'{name} under [risk] wants a header: {name} = "..."{more}.')
    return column, number


def _strings(name: str, value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values:
        if values == [] and name == "chronic":
            return ()
        raise IntakeRefused(f"{name} under [risk] wants a text or a list of texts in quotes.")
    if not all(isinstance(one, str) and one.strip() for one in values):
        raise IntakeRefused(f"{name} under [risk] wants a text or a list of texts in quotes.")
    return tuple(values)

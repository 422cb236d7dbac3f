"""Changes take time as an argument; statuses are written in one module."""

import ast
import re
from enum import StrEnum

import pytest

from db import states
from db.changes._journal import Event
from tests.architecture.source import Module, modules

DB = tuple(module for module in modules("db") if not module.is_migration)
CHANGES = tuple(module for module in DB if re.fullmatch(r"db/changes/[a-z]\w*\.py", module.name))
STATES = (states.AppointmentStatus, states.EnrolmentStatus, states.DeliveryStatus, states.TaskStatus)
STATUSES = {status.value for kind in STATES for status in kind}
SQL_STATUS = re.compile(r"\bstatus\s*(?:=|<>|IN)\s*\(?((?:\s*'[a-z_]+'\s*,?)+)")

# Not a change: a read for a tick.
WITHOUT_NOW = {"practices_with_undecided"}
# A change's subject may come first, by position; a hold has two.
MOST_POSITIONAL = {"hold_channel": 2}
ONE_VERB = {"book", "move", "cancel", "confirm", "settle", "resume"}


def public(module: Module) -> list[ast.AsyncFunctionDef]:
    return [
        node
        for node in ast.parse(module.text).body
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_")
    ]


PUBLIC = {node.name: node for module in CHANGES for node in public(module)}


def positional(node: ast.AsyncFunctionDef) -> int:
    arguments = node.args
    return len(arguments.posonlyargs) + len(arguments.args) + bool(arguments.vararg) + bool(arguments.kwarg)


def must_be_named(node: ast.AsyncFunctionDef) -> set[str]:
    """The arguments that have no default and are given by name."""
    pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return {argument.arg for argument, default in pairs if default is None}


def test_every_change_is_looked_at() -> None:
    assert len(CHANGES) > 10
    assert len(PUBLIC) > 20
    assert set(PUBLIC) >= WITHOUT_NOW | set(MOST_POSITIONAL) | ONE_VERB


def test_every_change_is_told_the_time_by_name() -> None:
    """There is no moment that could be meant by default."""
    assert {name for name, node in PUBLIC.items() if "now" not in must_be_named(node)} == WITHOUT_NOW


def test_every_change_takes_all_but_its_subject_by_name() -> None:
    found = {name: positional(node) for name, node in PUBLIC.items() if positional(node) > 1}
    assert found == MOST_POSITIONAL


def test_every_change_is_a_verb_with_a_noun_or_a_verb_of_the_house() -> None:
    assert {name for name in PUBLIC if "_" not in name} == ONE_VERB


def test_changes_read_no_clock_and_touch_no_network() -> None:
    outside = {"httpx", "jinja2", "redis", "arq", "smtplib", "socket", "urllib", "asyncio"}
    touched = {module.name: outside & module.imported() for module in CHANGES}
    assert {name: found for name, found in touched.items() if found} == {}
    assert [m.name for m in DB if "changes" in m.name and any(n.startswith("db.clock") for n, _ in m.used())] == []


def test_no_status_is_compared_as_a_string() -> None:
    found = [
        f"{module.name}:{constant.lineno} {constant.value!r}"
        for module in modules()
        if module.name != "db/states.py"
        for node in module.nodes()
        if isinstance(node, ast.Compare) and re.search("status|wanted|current", ast.unparse(node))
        for part in node.comparators
        for constant in ast.walk(part)
        if isinstance(constant, ast.Constant) and constant.value in STATUSES
    ]
    assert found == []


def test_no_status_is_spelt_out_in_sql() -> None:
    found = [
        f"{module.name}:{line} {text[:60]!r}"
        for module in DB
        for text, line in module.strings()
        if SQL_STATUS.search(text)
    ]
    assert found == []
    assert SQL_STATUS.search("WHERE d.status IN ('planned')")


@pytest.mark.parametrize("kind", [states.Reason, states.TaskKind, Event], ids=lambda kind: kind.__name__)
def test_codes_are_lower_case_words_named_as_they_are_spelt(kind: type[StrEnum]) -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in kind)
    assert all(code.name.lower() == code.value for code in kind)
    assert max(map(len, kind)) <= 40


def test_every_event_is_written_somewhere() -> None:
    """A vocabulary is closed in both directions."""
    used = {name.rpartition(".")[2] for module in DB for name, _ in module.used() if ".Event." in name}
    assert {event.name for event in Event} - used == set()

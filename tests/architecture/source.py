"""The source as the tests of this folder read it: parsed, never imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("db", "bot", "jobs", "portal")
TEST_ROOMS = ("tests", "e2e")


@dataclass(frozen=True)
class Module:
    """`name` is the path from the root, with slashes."""

    name: str
    text: str

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @property
    def is_migration(self) -> bool:
        return self.name.startswith("db/piccolo_migrations/")

    def nodes(self) -> Iterator[ast.AST]:
        yield from _nodes(self)

    def dotted(self) -> dict[str, str]:
        """What each name that is imported here stands for: `{"dt": "datetime", "now": "db.clock.now"}`."""
        found: dict[str, str] = {}
        for node in self.nodes():
            if isinstance(node, ast.Import):
                found |= {alias.asname or alias.name.partition(".")[0]: alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return found

    def imported(self) -> set[str]:
        """The top-level packages imported anywhere in it, inside functions too."""
        names: set[str] = set()
        for node in self.nodes():
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
        return names

    def used(self) -> Iterator[tuple[str, int]]:
        """Every dotted name that is read, as imported: `datetime.datetime.now`, with its line."""
        known = self.dotted()
        for node in self.nodes():
            name = _spelt(node)
            if name is not None:
                first, dot, rest = name.partition(".")
                yield known.get(first, first) + dot + rest, getattr(node, "lineno", 0)

    def strings(self) -> Iterator[tuple[str, int]]:
        for node in self.nodes():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value, node.lineno


def _spelt(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _spelt(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None


@cache
def _nodes(module: Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(module.text, filename=module.name)))


@cache
def modules(*rooms: str) -> tuple[Module, ...]:
    """Every module of these rooms (default: all four, and the front door)."""
    paths = [ROOT / "reprise.py"] if not rooms else []
    for room in rooms or ROOMS:
        paths += sorted((ROOT / room).rglob("*.py"))
    return tuple(Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths)


@cache
def written_files() -> tuple[Path, ...]:
    """Every text file that people write here: no environment, no cache, nothing fetched or generated."""
    ends = {".py", ".toml", ".md", ".html", ".css", ".js", ".txt", ".in", ".svg", ".csv", ".yml", ".yaml", ".service"}
    names = [*ROOMS, *TEST_ROOMS, "templates", "static", "docs", "requirements", ".ci"]
    found = [path for name in names for path in sorted((ROOT / name).rglob("*")) if "vendor" not in path.parts]
    found += [path for path in ROOT.iterdir() if path.is_file()]
    return tuple(p for p in found if p.is_file() and (p.suffix in ends or p.name in ("Makefile", "run", "LICENSE")))

"""Sizes and habits of the house."""

import ast
import re
from pathlib import Path
from statistics import median

from tests.architecture.source import ROOT, TEST_ROOMS, Module, modules, written_files

LONGEST_MODULE = 500
LONGEST_FUNCTION = 60
LONGEST_TEMPLATE = 100
USUAL_MODULE = 120
USUAL_FUNCTION = 12

OURS = tuple(module for module in modules() if not module.is_migration)
TESTS = modules(*TEST_ROOMS)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
HOME = re.compile(r"(?<![\w.:/-])/(?:home|Users)/\w+/")


def functions(module: Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in module.nodes() if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Without its decorators and its docstring."""
    said = ast.get_docstring(node, clean=False)
    return (node.end_lineno or node.lineno) - node.lineno + 1 - (said.count("\n") + 1 if said else 0)


def test_modules_are_short() -> None:
    assert [(module.name, module.lines) for module in OURS + TESTS if module.lines >= LONGEST_MODULE] == []


def test_functions_are_short() -> None:
    long = [
        (module.name, node.name, length(node))
        for module in OURS + TESTS
        for node in functions(module)
        if length(node) >= LONGEST_FUNCTION
    ]
    assert long == []


def test_templates_are_short() -> None:
    paths = [path for path in (ROOT / "templates").rglob("*") if path.suffix in (".html", ".txt")]
    assert [path.name for path in paths if path.read_text(encoding="utf-8").count("\n") >= LONGEST_TEMPLATE] == []


def test_modules_and_functions_are_shorter_still_as_a_rule() -> None:
    assert median(module.lines for module in OURS if module.lines) <= USUAL_MODULE
    assert median(length(node) for module in OURS for node in functions(module)) <= USUAL_FUNCTION


def test_package_files_hold_no_code() -> None:
    packages = [module for module in modules() + TESTS if module.name.endswith("__init__.py")]
    assert [module.name for module in packages if module.text.strip()] == []


def test_nothing_is_caught_that_is_not_named() -> None:
    handlers = [
        (f"{module.name}:{node.lineno}", node.type)
        for module in modules()
        for node in module.nodes()
        if isinstance(node, ast.ExceptHandler)
    ]
    broad = [place for place, kind in handlers if kind is None or "Exception" in _names(kind)]
    assert broad == []


def test_imports_stand_at_the_top() -> None:
    """An import inside a function hides a cycle."""
    inside = [
        f"{module.name}:{child.lineno}"
        for module in OURS + TESTS
        for node in functions(module)
        for child in ast.walk(node)
        if isinstance(child, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


def test_tests_fake_the_wire_and_not_the_function() -> None:
    mocks = {
        module.name for module in TESTS for name, _ in module.used() if name.startswith(("unittest.mock", "mock."))
    }
    assert mocks == set()


def test_nothing_is_left_unfinished() -> None:
    assert _mentions(UNFINISHED) == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    places = {str(ROOT), str(Path.home())} - {"/"}
    assert _mentions(re.compile(HOME.pattern + "|" + "|".join(rf"{re.escape(place)}\b" for place in places))) == []


def test_requirements_are_locked_and_say_nothing_of_where_they_came_from() -> None:
    locked = sorted((ROOT / "requirements").glob("*.txt"))
    assert locked
    for path in locked:
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, path.name
        assert text.count("--hash=sha256:") >= len(re.findall(r"^[a-z0-9][\w.\[\]-]*==", text, re.MULTILINE)) > 0


def test_tests_mirror_the_tree() -> None:
    """A folder of tests stands for a folder of the source."""
    folders = {Path(module.name).parent for module in TESTS if Path(module.name).name.startswith("test_")}
    own = {Path("tests"), Path("e2e"), *(Path("tests") / name for name in ("architecture", "bench", "chaos", "fakes"))}
    assert [str(f) for f in folders - own if not (ROOT / Path(*f.parts[1:])).is_dir()] == []


def _names(kind: ast.expr) -> set[str]:
    return {name.id for name in ast.walk(kind) if isinstance(name, ast.Name)}


def _mentions(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in written_files()
        if path != Path(__file__)
        for match in pattern.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]

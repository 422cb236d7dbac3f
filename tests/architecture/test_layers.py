"""Four rooms, one direction; and each library has one edge."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOMS, ROOT, modules

# Library -> the modules that may import it; a name that ends in a slash is a folder.
EDGES = {
    "arq": ("jobs/worker.py",),
    "aiosmtplib": ("jobs/delivery/email.py",),
    "itsdangerous": ("db/tokens.py",),
    "slack_bolt": ("bot/",),
    "slack_sdk": ("bot/",),
    "cryptography": ("db/crypto.py",),
    "piccolo": ("db/",),
    "holidays": ("db/rules/public_holidays.py",),
    "phonenumbers": ("db/rules/telephones.py",),
    "pydantic_settings": ("db/config.py",),
    "uvloop": ("jobs/worker.py",),
    "icalendar": ("jobs/messages/calendar.py",),
    "litestar": ("portal/",),
    "uvicorn": ("portal/",),
    "click": ("portal/commands/", "reprise.py"),
    "rich": ("portal/commands/", "portal/demo/tour.py", "reprise.py"),
    "jinja2": ("jobs/messages/", "portal/"),
}

# What a room must never know, beside what the layers say.
FORBIDDEN = {
    "db": {"httpx", "jinja2", "redis", "arq", "aiosmtplib", "litestar", "slack_bolt", "slack_sdk", "structlog"},
    "bot": {"httpx", "arq", "aiosmtplib", "litestar", "piccolo", "asyncpg"},
    "jobs": {"litestar", "slack_bolt", "piccolo", "asyncpg"},
    "portal": {"arq", "aiosmtplib", "slack_bolt", "piccolo"},
}
TOP_LEVEL = {"portal", "bot", "jobs", "db", "static", "templates", "tests", "e2e", "docs", "requirements"}


def test_layer_contracts_hold(tmp_path: Path) -> None:
    command = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [command, "--cache-dir", tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-500:]
    assert " 0 broken" in done.stdout


def stands_in(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or (place.endswith("/") and name.startswith(place)) for place in places)


@pytest.mark.parametrize("library", EDGES)
def test_library_is_imported_at_its_edge_alone(library: str) -> None:
    importing = [module.name for module in modules() if library in module.imported()]
    assert [name for name in importing if not stands_in(name, EDGES[library])] == []


@pytest.mark.parametrize("room", ROOMS)
def test_room_knows_nothing_of_what_is_not_its_business(room: str) -> None:
    found = {module.name: FORBIDDEN[room] & module.imported() for module in modules(room)}
    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_one_way_inside_functions_too(room: str) -> None:
    later = set(ROOMS[ROOMS.index(room) + 1 :])
    assert [module.name for module in modules(room) if module.imported() & (later | {"tests", "e2e"})] == []


def test_no_other_package_stands_at_the_top() -> None:
    packages = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert {name for name in packages if any((ROOT / name).rglob("*.py"))} <= TOP_LEVEL
    assert [path.name for path in ROOT.glob("*.py")] == ["reprise.py"]


def test_contracts_cover_all_four_rooms() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'layers = ["portal", "jobs", "bot", "db"]' in text

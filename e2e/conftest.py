"""A browser, and stacks of real processes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from e2e.people import Person
from e2e.stack import Stack, running

HERE = Path(__file__).parent
CHROMIUM = Path("/usr/bin/chromium")
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}

Shot = Callable[[Page, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", type=Path, help="Folder to leave the journeys' screenshots in.")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last of all: from its first page on, the browser's own loop runs in this thread, and no coroutine test could."""
    items.sort(key=lambda item: item.path.is_relative_to(HERE))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's chromium where there is one, else the one that Playwright installed."""
    args = ["--disable-quic", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
    if os.geteuid() == 0:
        args.append("--no-sandbox")
    place = {"executable_path": str(CHROMIUM)} if CHROMIUM.exists() else {}
    return {**browser_type_launch_args, **place, "args": args}


@pytest.fixture(params=["script", "no script"])
def javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "script")


@pytest.fixture
def patient(browser: Browser) -> Iterator[Callable[[bool], Page]]:
    """A telephone in a patient's hand, with or without JavaScript."""
    contexts: list[BrowserContext] = []

    def pick_up(javascript: bool) -> Page:
        context = browser.new_context(
            viewport=PHONE,  # type: ignore[arg-type]
            java_script_enabled=javascript,
            locale="fr-FR",
            timezone_id="Europe/Paris",
            accept_downloads=True,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
        return page

    yield pick_up
    for context in contexts:
        context.close()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with running(tmp_path / "data") as one:
        yield one


@pytest.fixture
def people() -> dict[bool, Person]:
    """Two patients of one journey: the one with a script-less telephone must get exactly as far."""
    return {
        True: Person("E2E-1", "Noémie", "+33639981201", "noemie@mail.example"),
        False: Person("E2E-2", "Jean-Baptiste", "+33639981202", "jb@mail.example"),
    }


@pytest.fixture
def shot(request: pytest.FixtureRequest, tmp_path: Path) -> Shot:
    """Take one picture of the page as it is, in light and in dark."""
    folder: Path = request.config.getoption("--screenshots") or tmp_path

    def take(page: Page, name: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=folder / f"{name}-{scheme}.png")
        page.emulate_media(color_scheme="light")

    return take


@pytest.fixture(scope="session")
def axe() -> Axe:
    return Axe()

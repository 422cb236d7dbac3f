"""A member of staff signs in for the first time, and once more; with script and without."""

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route

from db.rules.second_factor import code_at
from e2e.conftest import Shot
from e2e.stack import Stack
from e2e.staff import ADMIN

CUT: tuple[Callable[[Route], None], ...] = (
    lambda route: route.abort(),
    lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>"),
    lambda route: route.fulfill(status=503, headers={"HX-Reswap": "none"}, body=""),
)
LINK = re.compile(r"http://\S+/staff/sign-in/link/\S+")


def link_in_mail(stack: Stack, already: int) -> str:
    """In the newest email, once it is there."""
    mails = stack.until(
        "the email with the link",
        lambda: [one for one in stack.messages(to=ADMIN) if LINK.search(one["text"])][already:],
    )
    found = LINK.search(mails[-1]["text"])
    assert found is not None
    return found.group()


def next_code(stack: Stack, secret: str, steps: int = 0) -> str:
    """What the authenticator shows, on a telephone that goes by the demo's clock."""
    offset = timedelta(seconds=float((stack.data / "clock").read_text(encoding="ascii")))
    return code_at(secret, datetime.now(UTC) + offset + steps * timedelta(seconds=30))


def test_the_way_in(stack: Stack, patient: Callable[[bool], Page], axe: Axe, shot: Shot, javascript: bool) -> None:
    page = patient(javascript)

    def holds(name: str) -> None:
        if javascript:
            assert axe.run(page).violations_count == 0, name
        shot(page, f"staff-{name}")

    page.goto(f"{stack.portal}/staff/account")
    holds("sign-in")
    page.get_by_label("Votre adresse e-mail").fill(ADMIN)
    page.get_by_role("button", name="Recevoir un lien").click()
    assert "Regardez votre messagerie" in page.inner_text("h1")
    link = link_in_mail(stack, 0)
    page.goto(link)
    page.get_by_role("button", name="Continuer").click()
    holds("enrol")
    secret = page.inner_text("code").replace(" ", "")
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Vérifier et entrer").click()
    assert page.locator("#wrong").is_visible()
    page.get_by_label("Code").fill(next_code(stack, secret))
    page.get_by_role("button", name="Vérifier et entrer").click()
    assert page.locator(".codes li").count() == 10
    holds("recovery-codes")
    page.get_by_role("link", name="Je les ai conservés").click()
    assert page.url.endswith("/staff/account")
    holds("account")
    page.get_by_role("button", name="Se déconnecter", exact=True).click()
    page.goto(link)
    page.get_by_role("button", name="Continuer").click()
    assert "ne sert plus" in page.inner_text("h1")
    page.get_by_role("link", name="Demander un autre lien").click()
    page.get_by_label("Votre adresse e-mail").fill(ADMIN)
    page.get_by_role("button", name="Recevoir un lien").click()
    page.goto(link_in_mail(stack, 1))
    page.get_by_role("button", name="Continuer").click()
    page.get_by_label("Code").fill(next_code(stack, secret, steps=1))
    page.get_by_role("button", name="Entrer").click()
    assert page.url.endswith("/staff/today")
    if javascript:
        is_cut_off_and_comes_back(page)


def is_cut_off_and_comes_back(page: Page) -> None:
    """The list asks by itself whether anything is new. Nothing answers, then a proxy, then a portal without its
    sessions: it stays where it is, is said once to be out of date, and goes on by itself."""
    page.set_viewport_size({"width": 390, "height": 400})
    page.evaluate("scrollTo(0, 60)")
    seen, turns = page.inner_text("#worklist"), itertools.cycle(CUT)
    page.route("**/staff/today/news*", lambda route: next(turns)(route))
    said = page.locator("#stale p")
    said.wait_for()
    first = said.element_handle()
    assert first is not None
    page.wait_for_timeout(4_500)
    assert first.evaluate("one => one.isConnected")
    assert (page.evaluate("scrollY"), page.inner_text("#worklist")) == (60, seen)
    assert page.inner_text("#problem") == ""
    page.unroute("**/staff/today/news*")
    said.wait_for(state="detached")

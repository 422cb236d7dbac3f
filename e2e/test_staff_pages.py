"""A day at the front desk, in a browser: an absence noted, withdrawn and noted again; the dossier that tells what left
and why, paused, resumed and stopped; a label with its end; and what a colleague's screen shows of it by itself."""

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from e2e.conftest import DESKTOP, PHONE, Shot
from e2e.people import BASTIEN, NOEMIE, PHYSIOTHERAPIST, Person, export
from e2e.stack import Stack, running

# Nobody can write to her: noting her absence asks a person at once.
ODILE = Person("E2E-9", "Odile", "", "")
WITHIN_MS = 2000
LOOK_UNDER_THE_HAND = """document.addEventListener('htmx:afterSwap', () => {
    underTheHand = getComputedStyle(document.querySelector('.say button')).pointerEvents;
}, {once: true})"""
SMALLEST = {"width": 360, "height": 780}

SignIn = Callable[..., Page]
Look = Callable[..., None]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One practice for both journeys; three people of theirs are expected this morning."""
    folder = tmp_path_factory.mktemp("pages")
    with running(folder / "data") as one:
        people = [NOEMIE, BASTIEN, ODILE]
        one.json("import", export(folder / "day.csv", people, practitioner=PHYSIOTHERAPIST, status="Prévu"))
        yield one


@pytest.fixture
def sign_in(browser: Browser, stack: Stack) -> Iterator[SignIn]:
    """`sign_in("front_desk")`: a browser of its own, signed in by the demo's door as the first of that role."""
    contexts = []

    def enter(role: str, *, javascript: bool = True) -> Page:
        context = browser.new_context(
            viewport=DESKTOP,  # type: ignore[arg-type]
            java_script_enabled=javascript,
            locale="fr-FR",
            timezone_id="Europe/Paris",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
        page.goto(f"{stack.portal}/staff/demo/{role}")
        page.get_by_role("button").first.click()
        expect(page.get_by_role("heading", name="Aujourd’hui")).to_be_visible()
        return page

    yield enter
    for context in contexts:
        context.close()


@pytest.fixture
def seen(shot: Shot, axe: Axe) -> Look:
    """Look at a page as a telephone and a desk show it, from the part `at`, or from its top; both must be clean."""

    def look(page: Page, name: str, at: str = "body") -> None:
        page.set_viewport_size(SMALLEST)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth") <= SMALLEST["width"]
        for size, viewport, scheme in (("phone", PHONE, "light"), ("desktop", DESKTOP, "dark")):
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found = axe.run(page)
            assert found.violations_count == 0, found.generate_report()
            page.locator(at).first.evaluate("part => part.scrollIntoView({block: 'start'})")
            shot(page, f"pages-{name}-{size}")

    return look


def the_day(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.portal}/staff/absences/2026-11-16")


def line_of(page: Page, person: Person) -> Locator:
    return page.get_by_role("listitem").filter(has_text=f"{person.first_name} {person.last_name}")


def press(line: Locator, name: str) -> None:
    line.get_by_role("button", name=re.compile(f"^{name}")).click()


def find(page: Page, stack: Stack, asked: str) -> None:
    page.goto(f"{stack.portal}/staff/patients")
    page.get_by_label("Chercher un dossier").fill(asked)
    page.get_by_role("button", name="Chercher").click()


def open_(page: Page, summary: str) -> Locator:
    """What stands behind a word, opened."""
    behind = page.locator("details").filter(has=page.locator("summary", has_text=summary))
    behind.locator("summary").click()
    return behind


def mark_withdraw_and_mark_again(
    page: Page, stack: Stack, person: Person, between: Callable[[], None] = lambda: None
) -> Locator:
    """An absence that was none, and one that was."""
    the_day(page, stack)
    line = line_of(page, person)
    press(line, "Noter une absence")
    expect(line).to_contain_text("L’absence est notée.")
    expect(line).to_contain_text("ne laisse aucune trace pour le patient")
    press(line, "Retirer l’absence")
    expect(line).to_contain_text("L’absence a été retirée. Aucun message n’était parti.")
    between()
    press(line, "Noter une absence")
    expect(line).to_contain_text("L’absence est notée.")
    return line


def pause_and_resume(page: Page) -> None:
    pause = open_(page, "Mettre en pause")
    pause.get_by_label("Reprise automatique le").fill("2026-11-20")
    pause.get_by_role("button", name="Mettre en pause").click()
    expect(page.get_by_text("Le parcours de relance est en pause.")).to_be_visible()
    expect(page.get_by_text("Reprise prévue : ven. 20 nov. 2026 à 09:00")).to_be_visible()
    page.get_by_role("button", name="Reprendre").click()
    expect(page.get_by_text("Le parcours de relance reprend.")).to_be_visible()


def stop(page: Page) -> None:
    open_(page, "Arrêter le parcours").get_by_role("button", name="Arrêter pour de bon").click()
    expect(page.get_by_text("Le parcours de relance est arrêté.")).to_be_visible()
    expect(page.get_by_text(re.compile("^Depuis le .* arrêté par l’équipe$"))).to_be_visible()
    # What a person is to do, nothing that stops messages takes away.
    expect(page.locator(".next")).to_contain_text("Prévu : appeler le patient")
    expect(page.locator(".timeline").filter(has_text="« souplesse » prévu")).to_have_count(0)


def label_until_christmas(page: Page, dossier: str) -> None:
    page.goto(dossier)
    label = open_(page, "Décider un suivi prioritaire")
    label.get_by_label("Jusqu’au").fill("2026-12-24")
    label.get_by_role("button", name="Décider").click()
    expect(page.get_by_text("Le suivi prioritaire est décidé.")).to_be_visible()
    expect(page.get_by_text("jusqu’au 24 décembre 2026 inclus").first).to_be_visible()


def test_a_day_at_the_front_desk(stack: Stack, sign_in: SignIn, seen: Look) -> None:
    desk, colleague, lead = sign_in("front_desk"), sign_in("care_coordinator"), sign_in("clinical_lead")

    def nothing_leaves() -> None:
        stack.advance("3h")
        assert not [one for one in stack.json("inbox") if one["to"] in (NOEMIE.phone, NOEMIE.email)]

    line = mark_withdraw_and_mark_again(desk, stack, NOEMIE, nothing_leaves)
    # The line says it, and has the focus; a reload will not say it again.
    assert desk.evaluate("document.activeElement.textContent") == "L’absence est notée."
    assert desk.url == f"{stack.portal}/staff/absences/2026-11-16"
    seen(desk, "absences", at="section:has(.said)")

    assert ODILE.first_name not in colleague.inner_text("main")
    desk.evaluate(LOOK_UNDER_THE_HAND)
    press(line_of(desk, ODILE), "Noter une absence")
    expect(colleague.get_by_text("Odile Essai").first).to_be_visible(timeout=WITHIN_MS)
    # What is wrong with a form is said in its place, and by ourselves.
    card = colleague.locator("[id^=case-]").filter(has_text="Odile Essai").first
    card.locator("summary", has_text="Noter l’issue").click()
    card.get_by_role("button", name="Enregistrer l’issue").click()
    expect(colleague.get_by_text("Choisissez d’abord une issue.")).to_be_visible()
    expect(colleague.locator("#problem")).to_be_empty()
    # The second half of a double click must not take back what the first half said.
    assert desk.evaluate("underTheHand") == "none"

    stack.advance("1h")
    assert len(stack.messages(to=NOEMIE.phone)) == 1
    the_day(desk, stack)
    expect(line).to_contain_text("Parcours de relance en cours : 2 messages sont partis.")

    find(desk, stack, "essai")
    expect(desk.get_by_role("heading", name="3 dossiers correspondent")).to_be_focused()
    assert desk.url == f"{stack.portal}/staff/patients"
    seen(desk, "search")
    desk.get_by_role("link", name="Noémie Essai").click()
    expect(desk.get_by_text("SMS « premier message » envoyé — comme prévu")).to_be_visible()
    dossier = desk.url
    pause_and_resume(desk)
    label_until_christmas(lead, dossier)
    seen(lead, "dossier")
    desk.reload()
    expect(desk.get_by_text("Parcours « suivi prioritaire »")).to_be_visible()
    assert desk.get_by_role("button", name="Décider").count() == 0
    stop(desk)
    assert desk.url == dossier
    expect(desk.get_by_text("Le parcours de relance est arrêté.")).to_be_focused()

    the_day(desk, stack)
    press(line, "Retirer l’absence")
    expect(line).to_contain_text("L’absence a été retirée. 2 messages étaient déjà partis.")


def test_a_day_at_the_front_desk_without_script(stack: Stack, sign_in: SignIn) -> None:
    desk = sign_in("front_desk", javascript=False)
    mark_withdraw_and_mark_again(desk, stack, BASTIEN)
    assert desk.url.partition("#")[2].startswith("a-")
    stack.advance("1h")
    find(desk, stack, "06 39 98 12 02")
    expect(desk.get_by_role("heading", name="Bastien Essai")).to_be_visible()
    expect(desk.get_by_text("SMS « premier message » envoyé — comme prévu")).to_be_visible()
    pause_and_resume(desk)
    lead = sign_in("clinical_lead", javascript=False)
    label_until_christmas(lead, desk.url.partition("?")[0])
    desk.reload()
    stop(desk)

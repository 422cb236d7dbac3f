"""An admin words the dental `worth` email anew: a finding, mended; a look, a trial, a publication; and the next message
of a sequence that had begun carries it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import DESKTOP, PHONE, Shot
from e2e.people import NOEMIE, export
from e2e.stack import Stack
from e2e.staff import ADMIN

DENTIST = "Sophie Lambert"
SHIPPED = "Vues tôt, les petites choses restent petites"
GUILTY = "Vous auriez dû nous prévenir."
KIND = "Prenez le temps qu’il vous faut : nous sommes là."


@pytest.fixture
def admin(browser: Browser, javascript: bool, stack: Stack) -> Iterator[Page]:
    """Somebody of the administration, signed in by the demo's door."""
    context = browser.new_context(
        viewport=DESKTOP,  # type: ignore[arg-type]
        java_script_enabled=javascript,
        locale="fr-FR",
        timezone_id="Europe/Paris",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    page.goto(f"{stack.portal}/staff/demo/admin")
    page.get_by_role("button", name="Dominique Petit").click()
    yield page
    context.close()


@pytest.fixture
def seen(javascript: bool, shot: Shot, axe: Axe) -> Callable[[Page, str], None]:
    """Look at a page as a desk and a telephone show it; both must be clean."""

    def look(page: Page, name: str) -> None:
        if not javascript:
            return
        for size, viewport in (("phone", PHONE), ("desktop", DESKTOP)):
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            found = axe.run(page)
            assert found.violations_count == 0, found.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
            shot(page, f"{name}-{size}")

    return look


def replace_in_body(page: Page, old: str, new: str) -> None:
    body = page.get_by_label("Texte de l’e-mail")
    text = body.input_value()
    assert old in text
    body.fill(text.replace(old, new))


def trials(stack: Stack) -> list[dict[str, Any]]:
    mails = stack.messages(to=ADMIN, channel="email")
    return [one for one in mails if one["subject"].startswith("[Répétition]")]


def test_the_next_message_carries_the_words_of_the_practice(
    stack: Stack, admin: Page, javascript: bool, seen: Callable[[Page, str], None], tmp_path: Path
) -> None:
    stack.json("import", export(tmp_path / "export.csv", [NOEMIE], practitioner=DENTIST))
    # Two messages have gone when the admin sits down; the third is the one to be rewritten.
    stack.advance("31h")
    assert len(stack.messages(to=NOEMIE.email, channel="email")) == 2

    admin.get_by_role("link", name="Textes").click()
    expect(admin.get_by_role("heading", name="Textes")).to_be_visible()
    seen(admin, "texts-grid")
    admin.get_by_role("link", name="intérêt du suivi, e-mail, Dentaire, français").click()
    expect(admin.get_by_text("Rien à redire")).to_be_visible()
    seen(admin, "texts-editor")

    replace_in_body(admin, "Voir les horaires", f"{GUILTY}\n\nVoir les horaires")
    if not javascript:
        admin.get_by_role("button", name="Prévisualiser").click()
    finding = admin.get_by_role("listitem").filter(has_text="À corriger")
    expect(finding).to_contain_text("Ligne 7")
    expect(finding.locator("mark")).to_have_text("auriez dû")
    expect(finding).to_contain_text("Dites plutôt que vous espérez que tout va bien")
    expect(admin.get_by_text("Un point est à corriger avant de publier.")).to_be_visible()
    seen(admin, "texts-finding")

    admin.get_by_role("button", name="Publier").click()
    expect(admin.get_by_text("Ce texte n’est pas publié")).to_be_visible()

    replace_in_body(admin, GUILTY, KIND)
    if not javascript:
        admin.get_by_role("button", name="Prévisualiser").click()
    expect(admin.get_by_text("Rien à redire")).to_be_visible()
    framed = admin.frame_locator("iframe")
    expect(framed.get_by_text(KIND)).to_be_visible()
    expect(framed.get_by_text("Bonjour Alix,")).to_be_visible()

    # Enter in a field is no decision to write to every patient.
    admin.get_by_label("Prénom").press("Enter")
    expect(admin.get_by_label("Texte de l’e-mail")).to_have_value(re.compile(KIND))
    expect(admin.get_by_text("Aucune : c’est le texte fourni qui part.")).to_be_visible()

    admin.get_by_role("button", name="M’envoyer cet e-mail").click()
    expect(admin.get_by_text("C’est parti")).to_be_visible()
    (trial,) = stack.until("the trial", lambda: trials(stack))
    assert KIND in trial["text"]

    admin.get_by_role("button", name="Publier").click()
    expect(admin.get_by_text("C’est publié")).to_be_visible()
    expect(admin.get_by_role("link", name="Version 1")).to_be_visible()
    seen(admin, "texts-published")

    stack.advance("2d")
    _, _, worth = stack.messages(to=NOEMIE.email, channel="email")
    assert SHIPPED in worth["text"]
    assert KIND in worth["text"]
    assert "Bonjour Noémie," in worth["text"]
    assert stack.reprise("lint").startswith("No findings")
    assert KIND in stack.reprise("preview", "standard", "--speciality", "dental")

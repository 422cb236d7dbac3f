"""What a patient does with a telephone in hand."""

from playwright.sync_api import Page, expect

from e2e.people import Person
from e2e.stack import Stack


def write_sms(stack: Stack, page: Page, person: Person, text: str) -> None:
    """On the demo's own page; returns once it has arrived."""
    page.goto(stack.inbox_page)
    page.get_by_role("link", name=person.phone).first.click()
    page.get_by_label("Répondre").fill(text)
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_text(text, exact=True).first).to_be_visible()


def stop_email(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("link", name="Ne plus recevoir de messages").click()
    page.get_by_role("button", name="Ne plus recevoir d’e-mails").click()
    expect(page.get_by_role("heading", name="C’est fait")).to_be_visible()


def book(page: Page, link: str) -> None:
    """The last of the times that the page shows at first."""
    page.goto(link)
    page.locator("button[name=slot]:visible").last.click()
    page.get_by_role("button", name="Confirmer ce rendez-vous").click()
    expect(page.get_by_role("heading", name="Votre rendez-vous est réservé")).to_be_visible()

"""The patient answers STOP to the SMS: no more SMS, the emails go on, the page still books."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from e2e.conftest import DESKTOP, PHONE, Shot
from e2e.people import PHYSIOTHERAPIST, Person, export
from e2e.stack import Stack
from e2e.staff import close_what_stands


def test_stop_by_sms_stops_sms_only(
    stack: Stack, people: dict[bool, Person], patient: Callable[[bool], Page], shot: Shot, tmp_path: Path
) -> None:
    close_what_stands(stack)
    stack.json("import", export(tmp_path / "export.csv", people.values(), practitioner=PHYSIOTHERAPIST))
    stack.advance("31m")
    for javascript, person in people.items():
        answer_stop(stack, patient(javascript), person, shot if javascript else None)
    stack.advance("8d")
    for javascript, person in people.items():
        assert [one["channel"] for one in stack.messages(to=person.phone)] == ["sms"]
        mails = stack.messages(to=person.email)
        assert len(mails) == 5
        page = patient(javascript)
        page.goto(mails[-1]["links"][0])
        expect(page.locator("button[name=slot]:visible").first).to_be_visible()


def answer_stop(stack: Stack, page: Page, person: Person, shot: Shot | None) -> None:
    """On the demo's own page, as on a telephone."""
    page.goto(stack.inbox_page)
    page.get_by_role("link", name=person.phone).first.click()
    if shot is not None:
        page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
        shot(page, "inbox-desktop")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.get_by_label("Répondre").fill("STOP")
    page.get_by_role("button", name="Envoyer").click()

    def opted_out() -> bool:
        entries = stack.json("journal", person.number)["entries"]
        return any(entry["event"] == "opted_out" for entry in entries)

    stack.until("The opt-out", opted_out)

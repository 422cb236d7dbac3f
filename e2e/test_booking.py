"""An absence comes in, the patient gets an SMS and an email, opens the link, books, and the sequence stops."""

from collections.abc import Callable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from icalendar import Calendar
from playwright.sync_api import Page, expect

from e2e.conftest import DESKTOP, PHONE, Shot
from e2e.people import Person, export
from e2e.stack import Stack


def test_patient_books_and_is_left_alone(
    stack: Stack,
    people: dict[bool, Person],
    patient: Callable[[bool], Page],
    shot: Shot,
    axe: Axe,
    tmp_path: Path,
) -> None:
    practitioner = stack.json("status")["practitioners"][0]
    file = export(tmp_path / "export.csv", people.values(), practitioner=practitioner)
    counts = stack.json("import", file)
    assert (counts["rows"], counts["absences"], counts["enrolled"], counts["rejected"]) == (2, 2, 2, 0)
    stack.advance("31m")

    for javascript, person in people.items():
        (sms,) = stack.messages(to=person.phone)
        (mail,) = stack.messages(to=person.email)
        assert person.first_name in mail["text"]
        page = patient(javascript)
        page.goto(sms["links"][0])
        expect(page).to_have_title("Rendez-vous")
        assert axe.run(page).violations_count == 0 if javascript else True
        if javascript:
            shot(page, "slots-phone")
        page.locator("button[name=slot]:visible").nth(2).click()
        if javascript:
            shot(page, "confirm-phone")
            assert axe.run(page).violations_count == 0
        page.get_by_role("button", name="Confirmer ce rendez-vous").click()
        expect(page.get_by_role("heading", name="Votre rendez-vous est réservé")).to_be_visible()
        if javascript:
            shot(page, "booked-phone")
            assert axe.run(page).violations_count == 0
            page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
            shot(page, "booked-desktop")
        check_calendar(page, tmp_path / f"{person.number}.ics")
        check_other_link(page, mail["links"][0])
        page.get_by_role("button", name="Je confirme ma venue").click()
        expect(page.get_by_role("heading", name="Votre venue est confirmée")).to_be_visible()
        if javascript:
            assert axe.run(page).violations_count == 0
            shot(page, "confirmed-desktop")
            page.set_viewport_size(PHONE)  # type: ignore[arg-type]
            shot(page, "confirmed-phone")

    stack.advance("8d")
    for person in people.values():
        assert len(stack.messages(to=person.phone)) == 1
        # The second one confirms the appointment, which is so near that a reminder would only repeat it.
        assert len(stack.messages(to=person.email)) == 2
        check_story(stack, person)
    assert len(stack.json("bookings", "--since", "2026-11-01")) == 2


def check_calendar(page: Page, target: Path) -> None:
    with page.expect_download() as begun:
        page.get_by_role("link", name="Ajouter à mon agenda").click()
    begun.value.save_as(target)
    (event,) = Calendar.from_ical(target.read_bytes()).walk("VEVENT")
    assert str(event["SUMMARY"]) == "Rendez-vous"
    assert event.decoded("DTEND") > event.decoded("DTSTART")


def check_other_link(page: Page, link: str) -> None:
    """Every link of the enrolment shows the booked appointment, never new slots."""
    page.goto(link)
    expect(page.get_by_role("heading", name="Votre rendez-vous est réservé")).to_be_visible()
    assert page.locator("button[name=slot]").count() == 0


def check_story(stack: Stack, person: Person) -> None:
    entries = stack.json("journal", person.number)["entries"]
    events = [entry["event"] for entry in entries]
    for event in ("absence_marked", "sequence_started", "message_sent", "booked", "sequence_stopped"):
        assert event in events
    assert events.index("sequence_started") < events.index("message_sent") < events.index("booked")
    cancelled = [entry for entry in entries if entry["event"] == "message_cancelled"]
    assert len(cancelled) == 6
    assert {entry["reason"] for entry in cancelled} == {"rebooked"}
    told = stack.reprise("journal", person.number)
    assert person.first_name not in told
    stack.reprise("journal", "--verify")

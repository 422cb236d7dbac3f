"""Nobody answers: all five moments arrive on their days, inside the hours, and then nothing more."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from e2e.people import PHYSIOTHERAPIST, Person, export
from e2e.stack import Stack
from e2e.staff import close_what_stands

PARIS = ZoneInfo("Europe/Paris")
MOMENTS = [
    ("2026-11-16", "sms"),
    ("2026-11-16", "email"),
    ("2026-11-17", "email"),
    ("2026-11-19", "sms"),
    ("2026-11-19", "email"),
    ("2026-11-21", "email"),
    ("2026-11-23", "sms"),
    ("2026-11-23", "email"),
]


def test_five_moments_and_then_silence(
    stack: Stack, people: dict[bool, Person], patient: Callable[[bool], Page], tmp_path: Path
) -> None:
    close_what_stands(stack)
    stack.json("import", export(tmp_path / "export.csv", people.values(), practitioner=PHYSIOTHERAPIST))
    stack.advance("8d")
    for javascript, person in people.items():
        check_moments(stack, person)
        page = patient(javascript)
        for one in stack.messages(to=person.phone) + stack.messages(to=person.email):
            page.goto(one["links"][0])
            expect(page.locator("button[name=slot]:visible").first).to_be_visible()
    stack.advance("30d")
    for person in people.values():
        check_moments(stack, person)
        entries = stack.json("journal", person.number)["entries"]
        assert Counter(entry["event"] for entry in entries)["message_sent"] == len(MOMENTS)
        # A receipt may come in after the sequence has ended.
        assert "sequence_completed" in {entry["event"] for entry in entries[-3:]}
        assert {entry["event"] for entry in entries[-3:]} <= {"message_sent", "message_delivered", "sequence_completed"}


def check_moments(stack: Stack, person: Person) -> None:
    got = stack.messages(to=person.phone) + stack.messages(to=person.email)
    times = [datetime.fromisoformat(one["at"]).astimezone(PARIS) for one in got]
    assert Counter((f"{at:%Y-%m-%d}", one["channel"]) for at, one in zip(times, got, strict=True)) == Counter(MOMENTS)
    assert all(time(9) <= at.time() < time(19, 30) for at in times)
    assert len({one["text"] for one in got}) == len(MOMENTS)

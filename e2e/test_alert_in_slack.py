"""A high-risk absence as the practice lives it in Slack and on its pages: a call that two therapists want at the same
moment, an alert that is seen and forgotten, an escalation; and at every step both places say the same."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from babel.dates import format_datetime
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import PHONE, Shot
from e2e.people import CHRONIC, NOEMIE, export, risk_map
from e2e.slack import AtSlack
from e2e.stack import Stack
from e2e.staff import (
    CARE,
    CLINICAL_LEAD,
    COLLEAGUE,
    COORDINATOR,
    NAMES,
    PARIS,
    PRACTITIONER,
    PSYCHOTHERAPIST,
    AtDesk,
    Standing,
    close_what_stands,
)

DESK = {"width": 1100, "height": 700}
# What people do between two appointments, with a telephone in hand.
ON_A_PHONE = ("call", "outcome")
TUESDAY, THURSDAY, SATURDAY = "2026-11-17", "2026-11-19", "2026-11-21"
NADIA, ELISE, KARIM, BERNARD = (NAMES[one] for one in (COORDINATOR, PRACTITIONER, COLLEAGUE, CLINICAL_LEAD))
# What is changed in one place stands in the other within two seconds. On a machine with other things to do it may take
# longer now and then, but not each time.
SOON_S, LATEST_S = 2.0, 10.0
HIDDEN = (NOEMIE.first_name, NOEMIE.last_name, NOEMIE.number, NOEMIE.email, NOEMIE.phone.removeprefix("+33"))
# Of the person who reads, or of what they record: nothing that a message says.
OWN_WORDS = ("Mes absences", "Aucune absence prévue", "nouveau rendez-vous pris", "compte reprendre rendez-vous")


@dataclass
class Practice:
    """Everybody's Slack, each in a browser of their own, and two desks. Nadia touches nothing: both of her pages lie
    open from the first day to the last, and are never loaded again."""

    stack: Stack
    at_slack: dict[str, AtSlack]
    desk: AtDesk
    own_desk: AtDesk
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def watching(self) -> AtSlack:
        return self.at_slack[COORDINATOR]

    def both_say(self, ref: str, standing: Standing) -> None:
        """Slack, and Aujourd'hui, as they lie open."""
        self.until("Slack", lambda: self.watching.standing(ref), standing)
        self.until("the staff pages", lambda: self.desk.standing(ref), standing)

    @contextmanager
    def soon(self, where: AtSlack | AtDesk) -> Iterator[None]:
        """A person's move there, and all that is to be seen of it: how long that took from the last press on."""
        yield
        self.took[type(where).__name__].append(time.monotonic() - where.pressed_at)

    def until(self, where: str, read: Callable[[], Standing], wanted: Standing) -> None:
        try:
            self.stack.until(where, lambda: read() == wanted, seconds=LATEST_S)
        except AssertionError:
            assert read() == wanted, where

    def move_to(self, day: str, duration: str) -> None:
        self.stack.advance(duration)
        self.desk.today = self.own_desk.today = day


@pytest.fixture
def practice(stack: Stack, browser: Browser) -> Iterator[Practice]:
    """Signed in, with Slack open, before anything has happened."""
    pages: dict[str, Page] = {}
    for email in (COORDINATOR, PRACTITIONER, COLLEAGUE, CLINICAL_LEAD):
        context = browser.new_context(
            viewport=DESK,  # type: ignore[arg-type]
            locale="fr-FR",
            timezone_id="Europe/Paris",
            reduced_motion="reduce",
        )
        pages[email] = context.new_page()
        pages[email].on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    at_slack = {email: AtSlack(page, stack, email) for email, page in pages.items()}
    desk = AtDesk(pages[COORDINATOR].context.new_page(), stack)
    own_desk = AtDesk(pages[PRACTITIONER].context.new_page(), stack)
    close_what_stands(stack)
    for one in at_slack.values():
        one.open()
    desk.sign_in("care_coordinator", COORDINATOR)
    own_desk.sign_in("practitioner", PRACTITIONER)
    yield Practice(stack, at_slack, desk, own_desk)
    for page in pages.values():
        page.context.close()


@pytest.fixture
def seen(request: pytest.FixtureRequest, shot: Shot, axe: Axe) -> Callable[[Page, str], None]:
    """Look at a page: it must be clean. Pictures are taken only where they are asked for."""

    def look(page: Page, name: str) -> None:
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()
        if not request.config.getoption("--screenshots"):
            return
        for size, viewport in (("phone", PHONE), ("desktop", DESK)):
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
            if size == "desktop" or name in ON_A_PHONE:
                shot(page, f"alerts-{name}-{size}")

    return look


def test_slack_and_the_staff_pages_tell_the_same_story(
    practice: Practice, seen: Callable[[Page, str], None], tmp_path: Path
) -> None:
    clinical = {NOEMIE.number: CHRONIC}
    file = export(tmp_path / "export.csv", [NOEMIE], practitioner=PSYCHOTHERAPIST, clinical=clinical)
    assert practice.stack.json("import", file, "--map", risk_map(tmp_path))["enrolled"] == 1
    watched = (practice.watching.page, practice.desk.page)
    for page in watched:
        page.evaluate("window.stayed = true")

    call = tuesday_call(practice, seen)
    alert = thursday_alert(practice, seen)
    escalation = saturday_escalation(practice, seen)

    assert all(page.evaluate("window.stayed") for page in watched)
    assert all(min(each) < SOON_S for each in practice.took.values()), practice.took
    check_threads(practice, {"call": call, "alert": alert, "escalation": escalation})
    check_discreet(practice)


def tuesday_call(practice: Practice, seen: Callable[[Page, str], None]) -> str:
    """Two therapists press at the same moment. One has it; the other is told who."""
    practice.move_to(TUESDAY, "22h55m")
    ref = practice.desk.only_case()
    practice.both_say(ref, Standing("open", NADIA, f"{TUESDAY} 19:30"))
    place = practice.watching.place(ref)
    seen(practice.watching.page, "call")
    seen(practice.desk.page, "today")

    therapists = {NAMES[email]: practice.at_slack[email] for email in (PRACTITIONER, COLLEAGUE)}
    at = (time.time() + 0.5) * 1000
    for one in therapists.values():
        one.press_at(ref, "Je m’en charge", at)
    practice.stack.until("one has it", lambda: practice.watching.standing(ref).status == "claimed", seconds=LATEST_S)
    holder = practice.watching.standing(ref).who
    assert holder in therapists
    practice.both_say(ref, Standing("claimed", holder, f"{TUESDAY} 19:30"))
    winner = therapists.pop(holder)
    ((_, other),) = therapists.items()
    told = practice.stack.until("the other is told", other.whispers)
    assert told == [f"Déjà pris en charge par @{holder}."]
    assert winner.whispers() == practice.watching.whispers() == []
    seen(other.page, "taken")

    winner.press(ref, "Issue")
    seen(winner.page, "outcome")
    winner.page.get_by_role("dialog").get_by_role("button", name="Fermer").click()
    with practice.soon(winner):
        winner.record(ref, "message laissé")
        both_have_ended(practice, ref, holder)
    check_ended(practice, ref, holder, place)
    winner.read_thread(ref)
    seen(winner.page, "thread")
    return ref


def thursday_alert(practice: Practice, seen: Callable[[Page, str], None]) -> str:
    """The treating practitioner has seen it, and forgets it; comes back at last, and ends it at her desk."""
    practice.move_to(THURSDAY, "2d")
    ref = practice.desk.only_case()
    deadline = f"{THURSDAY} 19:30"
    practice.both_say(ref, Standing("open", ELISE, deadline))
    place = practice.watching.place(ref)
    elise, desk = practice.at_slack[PRACTITIONER], practice.own_desk
    elise.open()
    with practice.soon(elise):
        elise.press(ref, "J’ai vu")
        practice.both_say(ref, Standing("acknowledged", ELISE, deadline))

    practice.move_to(THURSDAY, "1h2m")
    practice.both_say(ref, Standing("acknowledged", ELISE, deadline))
    expect(practice.desk.case(ref)).to_contain_text("Un nouvel avis a été envoyé.")
    practice.move_to(THURSDAY, "1h2m")
    practice.both_say(ref, Standing("open", ELISE, deadline))
    elise.open(direct=True)
    nudged, released = elise.page.locator("#messages .message").filter(has_text=ref).all_inner_texts()
    assert f"Rappel : la demande réf. {ref} vous attend" in nudged
    assert f"La demande réf. {ref} est de nouveau à prendre" in released
    seen(elise.page, "forgotten")

    elise.open()
    desk.page.goto(elise.link(ref))
    with practice.soon(desk):
        desk.press(ref, "Je m’en charge")
        practice.both_say(ref, Standing("claimed", ELISE, deadline))
    with practice.soon(desk):
        desk.record(ref, "Pas de réponse")
        both_have_ended(practice, ref, ELISE)
    check_ended(practice, ref, ELISE, place)
    return ref


def saturday_escalation(practice: Practice, seen: Callable[[Page, str], None]) -> str:
    """Nobody has reached the patient: the clinical lead decides, and nothing is left."""
    practice.move_to(SATURDAY, "1d21h55m")
    ref = practice.desk.only_case()
    practice.both_say(ref, Standing("open", BERNARD, f"{SATURDAY} 19:30", urgent=True))
    place = practice.watching.place(ref)
    seen(practice.watching.page, "escalation")
    bernard = practice.at_slack[CLINICAL_LEAD]
    assert ref in bernard.read_home().partition("À prendre au cabinet")[0]
    bernard.open()
    with practice.soon(bernard):
        bernard.record(ref, "traité")
        both_have_ended(practice, ref, BERNARD)
    check_ended(practice, ref, BERNARD, place)
    expect(practice.desk.page.get_by_role("heading", name="Tout est calme")).to_be_visible()
    assert "Rien ne vous attend." in bernard.read_home()
    return ref


def both_have_ended(practice: Practice, ref: str, by: str) -> None:
    practice.until("Slack", lambda: practice.watching.standing(ref), Standing("done", by))
    expect(practice.desk.case(ref)).to_have_count(0)


def check_ended(practice: Practice, ref: str, by: str, place: str) -> None:
    """The message says so where it always stood, with nothing left to press; the case's own page tells who ended it."""
    assert practice.watching.place(ref) == place
    expect(practice.watching.message(ref)).to_contain_text("(modifié)")
    expect(practice.watching.message(ref).get_by_role("button", name="Issue")).to_have_count(0)
    practice.own_desk.open_case(ref)
    assert practice.own_desk.standing(ref).status == "done"
    assert practice.own_desk.read_story()[-1].endswith(f"({by})")


def check_threads(practice: Practice, refs: dict[str, str]) -> None:
    """What happened, when and by whom, as the journal has it."""
    story = practice.stack.json("journal", NOEMIE.number)["entries"]
    said = {
        "task_acknowledged": f"vue par @{ELISE}",
        "task_nudged": "nouvel avis envoyé à la personne concernée",
        "task_released": "de nouveau à prendre (Reprise)",
    }
    for kind, ref in refs.items():
        closed_by = practice.watching.standing(ref).who
        said |= {"task_claimed": f"prise en charge par @{closed_by}", "task_closed": f"terminée par @{closed_by}"}
        entries = [one for one in story if one["task"] == kind and one["event"] in said]
        practice.watching.open()
        thread = practice.watching.read_thread(ref)
        assert thread == [f"{moment(one['at'])} : {said[one['event']]}" for one in entries]
        assert len(practice.watching.page.locator("#messages .message").filter(has_text=ref).all()) == 1


def moment(at: str) -> str:
    return format_datetime(datetime.fromisoformat(at), "d MMM yyyy 'à' HH:mm", tzinfo=PARIS, locale="fr")


def check_discreet(practice: Practice) -> None:
    """Nothing of the patient on any page of Slack that anybody saw."""
    for one in practice.at_slack.values():
        one.look()
        assert "Une décision à prendre" in one.seen[-1]
    for page in chain.from_iterable(one.seen for one in practice.at_slack.values()):
        for own in OWN_WORDS:
            page = page.replace(own, "")
        assert not [word for word in (*HIDDEN, *CARE) if word.lower() in page.lower()]

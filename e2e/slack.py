"""A member of staff at the demo's Slack: what they see of a case, and what they press."""

import re
import time
from dataclasses import dataclass, field
from datetime import datetime

from playwright.sync_api import Locator, Page, expect

from e2e.stack import Stack
from e2e.staff import Standing, local_minute
from portal.demo.slack.furnishing import CHANNEL, slack_user_id

# "État : prise en charge par @Élise Marchand", after its emoji.
STATE = re.compile(r"État : (à prendre|vue|prise en charge|terminée)(?: par @(.+))?$", re.MULTILINE)
ASSIGNEE = re.compile(r"Confiée à : @(.+)$", re.MULTILINE)
STATES = {"à prendre": "open", "vue": "acknowledged", "prise en charge": "claimed", "terminée": "done"}
# In one go: the page may be swapped at any moment.
READ = """message => [
    message.querySelector(".surface").innerText, message.querySelector("time")?.getAttribute("datetime")
]"""
# At a moment that both browsers know beforehand.
PRESS_AT = """([ref, name, at]) => setTimeout(() => {
    const message = [...document.querySelectorAll("#messages .message")].find(one => one.textContent.includes(ref));
    [...message.querySelectorAll("button")].find(one => one.textContent.trim() === name).click();
}, at - Date.now())"""


@dataclass
class AtSlack:
    """`seen` is every page as it stood when something was read or pressed there, menus and fallbacks included;
    `pressed_at` is read from a stopwatch."""

    page: Page
    stack: Stack
    email: str
    seen: list[str] = field(default_factory=list)
    pressed_at: float = 0.0

    def open(self, *, direct: bool = False) -> None:
        """The practice's channel, or the app's direct messages."""
        user = slack_user_id(self.email)
        place = f"D{user[1:]}" if direct else CHANNEL
        self.page.goto(f"{self.stack.inbox_page}/slack?me={user}&c={place}")
        self.look()

    def look(self) -> None:
        self.seen.append(self.page.locator("body").inner_html())

    def message(self, ref: str) -> Locator:
        """There is one of each case, whatever has become of it."""
        return self.page.locator("#messages .message").filter(has=self.page.locator("code", has_text=ref))

    def place(self, ref: str) -> str:
        """What the message has for its life, however often it is written anew."""
        return self.message(ref).get_attribute("id") or ""

    def standing(self, ref: str) -> Standing:
        text, deadline = self.message(ref).evaluate(READ)
        state = STATE.search(text)
        assert state is not None, text
        assignee = ASSIGNEE.search(text)
        status = STATES[state[1]]
        return Standing(
            status,
            state[2] or (assignee[1] if assignee else ""),
            local_minute(datetime.fromisoformat(deadline)) if deadline else "",
            # Its heading keeps the word when it is over, and presses nobody any more.
            "(prioritaire)" in text,
        )

    def press(self, ref: str, name: str) -> None:
        self.look()
        self.pressed_at = time.monotonic()
        self.message(ref).get_by_role("button", name=name, exact=True).click()

    def link(self, ref: str) -> str:
        """Where "Ouvrir le dossier" leads."""
        return self.message(ref).get_by_role("link", name="Ouvrir le dossier").get_attribute("href") or ""

    def press_at(self, ref: str, name: str, at: float) -> None:
        """At this moment of the machine's own clock, in milliseconds; returns before."""
        self.page.evaluate(PRESS_AT, [ref, name, at])

    def record(self, ref: str, outcome: str) -> None:
        """Through the modal."""
        self.press(ref, "Issue")
        modal = self.page.get_by_role("dialog")
        modal.get_by_label("Qu’en est-il ?").select_option(label=outcome)
        self.look()
        self.pressed_at = time.monotonic()
        modal.get_by_role("button", name="Enregistrer").last.click()

    def whispers(self) -> list[str]:
        """What stands there for these eyes alone."""
        self.look()
        return self.page.locator("#messages .whisper .said").all_inner_texts()

    def read_thread(self, ref: str) -> list[str]:
        """Line by line, in the order of what happened; the thread stays open."""
        self.message(ref).get_by_role("link", name=re.compile("réponse")).click()
        answers = self.page.locator("#fil .message:not(:first-child) .surface")
        expect(answers.first).to_be_visible()
        self.look()
        return [line for text in answers.all_inner_texts() for line in text.splitlines() if line]

    def read_home(self) -> str:
        self.page.get_by_role("button", name="Accueil de l’application").click()
        home = self.page.locator("#messages")
        expect(home.get_by_role("heading", name="Mes absences")).to_be_visible()
        self.look()
        return home.inner_text()

"""The demo's staff as a journey meets them: what waits for whom, the mail that tells them of it, and what they do."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from playwright.sync_api import Locator, Page, expect

from e2e.people import Person
from e2e.stack import Stack

PARIS = ZoneInfo("Europe/Paris")
COORDINATOR = "nadia.haddad@tilleuls.example"
PRACTITIONER = "elise.marchand@tilleuls.example"
COLLEAGUE = "karim.benali@tilleuls.example"
CLINICAL_LEAD = "bernard.lacroix@tilleuls.example"
ADMIN = "dominique.petit@tilleuls.example"
NAMES = {
    COORDINATOR: "Nadia Haddad",
    PRACTITIONER: "Élise Marchand",
    COLLEAGUE: "Karim Benali",
    CLINICAL_LEAD: "Bernard Lacroix",
    ADMIN: "Dominique Petit",
}
# Whose patients the journeys are: their messages have psychotherapy's words.
PSYCHOTHERAPIST = NAMES[PRACTITIONER]
# What no mail to staff may hold, in pieces of words.
CARE = ("psych", "hta", "diabète", "chroni", "vigilance", "crise", "risque", "séance", "rendez-vous", "absence")
# How the staff pages begin to say where a case stands.
STATES = {"À prendre en charge": "open", "Vu": "acknowledged", "Pris en charge": "claimed", "Terminé": "done"}
# In one go: the page may be swapped at any moment.
READ = """card => [
    card.querySelector(".state").innerText,
    Object.fromEntries([...card.querySelectorAll("dt")].map(it => [it.innerText, it.nextElementSibling.innerText])),
    card.querySelector(".tag.urgent") !== null,
]"""

Found = dict[str, Any]


def local(moment: str) -> str:
    """In the practice's time, to ten minutes: the seconds that a journey takes add up from nudge to nudge."""
    at = datetime.fromisoformat(moment).astimezone(PARIS)
    return f"{at.replace(minute=at.minute // 10 * 10):%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Look:
    """What stands at one moment: everybody's messages, the worklist, and the stories of these patients."""

    inbox: list[Found]
    worklist: list[Found]
    stories: dict[str, Found]

    @classmethod
    def at(cls, stack: Stack, *people: Person) -> Self:
        wanted = [("inbox",), ("worklist",), *(("journal", one.number) for one in people)]
        with ThreadPoolExecutor(len(wanted)) as pool:
            inbox, tasks, *stories = pool.map(lambda words: stack.json(*words), wanted)
        return cls(inbox, tasks, {one.number: story for one, story in zip(people, stories, strict=True)})

    def cases(self, person: Person) -> dict[str, str]:
        """The references of what stands open about one patient, by kind; of two of a kind, the more pressing."""
        return {one["kind"]: one["ref"] for one in reversed(self.worklist) if one["patient"] == person.number}

    def case(self, person: Person, kind: str) -> Found:
        (found,) = [one for one in self.worklist if (one["patient"], one["kind"]) == (person.number, kind)]
        return found

    def told(self, to: str, ref: str) -> list[tuple[str, str]]:
        """When this member of staff was told of this case, and the subject after its reference; oldest first."""
        start = f"[Reprise] {ref}"
        mails = [one for one in self.inbox if one["to"] == to and (one["subject"] or "").startswith(start)]
        return [(local(one["at"]), one["subject"].removeprefix(start).strip(" :,")) for one in mails]

    def got(self, person: Person) -> list[tuple[str, str]]:
        """Every message to the patient, as day and channel, in order of both."""
        mine = [one for one in self.inbox if one["to"] in (person.phone, person.email)]
        return sorted((local(one["at"])[:10], one["channel"]) for one in mine)

    def entries(self, person: Person, event: str, *, task: str | None = None) -> list[Found]:
        """`task` is the kind of the task that the entry is about."""
        every = self.stories[person.number]["entries"]
        return [one for one in every if one["event"] == event and task in (None, one["task"])]

    def happened(self, person: Person, event: str, *, task: str | None = None) -> list[str]:
        return [local(one["at"]) for one in self.entries(person, event, task=task)]

    def check_discreet(self, ref: str, person: Person) -> None:
        """No mail about this case holds anything of the patient, whatever the part or the header."""
        hidden = [person.first_name, person.last_name, person.number, person.email, *CARE]
        hidden += [person.phone.removeprefix("+33"), " ".join(person.phone.removeprefix("+33"))]
        mails = [one for one in self.inbox if ref in (one["subject"] or "")]
        assert mails
        for mail in mails:
            whole = " ".join([mail["subject"], mail["text"], mail["html"] or "", *mail["headers"].values()])
            for name in NAMES.values():
                whole = whole.replace(name, "")
            assert not [word for word in hidden if word.lower() in whole.lower()], mail["subject"]


@dataclass(frozen=True)
class Standing:
    """What one surface says of a case: `who` has seen it, taken it or ended it, else whom it is for; `deadline` is
    local, to the minute, and empty when the case is over."""

    status: str
    who: str
    deadline: str = ""
    urgent: bool = False


def local_minute(at: datetime) -> str:
    return f"{at.astimezone(PARIS):%Y-%m-%d %H:%M}"


@dataclass
class AtDesk:
    """A member of staff at the staff pages. `today` is the day that their pages show, as `2026-11-17`; `pressed_at` is
    read from a stopwatch."""

    page: Page
    stack: Stack
    today: str = ""
    pressed_at: float = 0.0

    def sign_in(self, role: str, email: str) -> None:
        """By the demo's door; leaves Aujourd'hui open."""
        self.page.goto(f"{self.stack.portal}/staff/demo/{role}")
        self.page.get_by_role("button", name=NAMES[email]).click()
        expect(self.page.get_by_role("heading", name="Aujourd’hui")).to_be_visible()

    def open_case(self, ref: str) -> None:
        self.page.goto(f"{self.stack.portal}/staff/cases/{ref}")

    def case(self, ref: str) -> Locator:
        return self.page.locator(f"#case-{ref}")

    def only_case(self) -> str:
        """The reference of the one that waits in Aujourd'hui, once it stands there."""
        expect(self.page.locator(".case")).to_have_count(1)
        return (self.page.locator(".case").get_attribute("id") or "").removeprefix("case-")

    def standing(self, ref: str) -> Standing:
        state, facts, urgent = self.case(ref).evaluate(READ)
        known = next(one for one in STATES if state.startswith(one))
        by = re.match(r" par (\D+?), ", state.removeprefix(known))
        deadline = facts.get("À faire avant", "")
        at = re.match(r"aujourd’hui à (\d\d:\d\d)", deadline)
        return Standing(
            STATES[known],
            by[1] if by else facts.get("Pour", ""),
            f"{self.today} {at[1]}" if at else deadline,
            urgent,
        )

    def press(self, ref: str, name: str) -> None:
        self.pressed_at = time.monotonic()
        self.case(ref).get_by_role("button", name=name, exact=True).click()

    def record(self, ref: str, outcome: str) -> None:
        self.case(ref).get_by_text("Noter l’issue", exact=True).click()
        self.case(ref).get_by_label(outcome).check()
        self.press(ref, "Enregistrer l’issue")

    def read_story(self) -> list[str]:
        """Of the one case that is open: every line of what happened, after its moment."""
        return [one.partition("\n")[2] for one in self.page.locator(".timeline li").all_inner_texts()]


def hear_by_mail(stack: Stack) -> None:
    """The demo's staff are linked to its Slack, where they hear of cases first: here they are not, and get mails."""
    with ThreadPoolExecutor(len(NAMES)) as pool:
        assert all(pool.map(lambda email: stack.json("slack", "unlink", email)["changed"], NAMES))


def close_what_stands(stack: Stack) -> None:
    """The demo's own tasks, so that moving the clock does not stop at each of their nudges."""
    refs = [task["ref"] for task in stack.json("worklist")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda ref: record(stack, ref, "handled", by=ADMIN), refs))


def move(stack: Stack, ref: str, what: str, *, by: str) -> None:
    """One of the worklist's moves, made by a member of staff: ack, claim, release."""
    assert stack.json("tasks", what, ref, "--as", by) == {"task": ref, "changed": True}


def record(stack: Stack, ref: str, outcome: str, *more: str, by: str) -> str | None:
    """Close a case with its outcome; what that makes of the patient's messages."""
    done = stack.json("tasks", "outcome", ref, outcome, *more, "--as", by)
    assert done["closed"]
    messages: str | None = done["messages"]
    return messages

"""A whole story at Slack, with everything that can be said of patients in the database: none of it ever gets there."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest

from db.changes.inbound import Meaning, record_inbound
from db.changes.practices import change_access
from db.changes.watching import look_again
from db.changes.worklist import add_note
from db.clock import clock
from db.config import Config
from db.crypto import vault
from db.engine import fetch
from db.queries.practices import sending
from db.queries.words import languages, words
from db.rules.risk import RiskRule
from db.states import CallOutcome
from jobs.ticks import Post
from portal.demo.slack.double import SlackDouble
from tests import factories as f
from tests.bot.conftest import House, a_house
from tests.bot.waiting import eventually
from tests.db.changes.people import ANDREA, CAMILLE, MAXIME, SACHA, hand_of, open_steps
from tests.fakes.smtp import Received, SmtpServer, smtp_server

WROTE = "Je ne vais pas bien depuis mardi, rappelez Zéphyrine au 06 11 22 33 44"
NOTED = "A parlé de son frère Barnabé, très inquiet"
PEOPLE = (
    ("Zéphyrine", "Quillfeldt", "+33611223344", "zephyrine.quillfeldt@mail.example"),
    ("Barnabé", "O’Souverain", "+33755667788", "barnabe@boite.example"),
    ("Ögmundur", "d’Hautpoul", "+41791234567", "ogmundur@hautpoul.example"),
)
SPECIALITIES = (
    "psychotherapy", "psychothérapie", "psychotherap", "physiotherapy", "physiothérapie", "kinésithérap", "dental",
    "dentaire", "dentist", "nutrition", "diététi", "psychiatr", "thérapeut", "therapist",
)  # fmt: skip
EVERYBODY = (CAMILLE, ANDREA, MAXIME, SACHA, "Dominique Petit")


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpServer]:
    async with smtp_server() as server:
        yield server


@pytest.fixture(params=["person", "channel"])
async def told(
    database: None, slack: SlackDouble, smtp: SmtpServer, config: Config, request: pytest.FixtureRequest
) -> AsyncIterator[House]:
    """The house once the whole story has happened, at either route."""
    house = await a_house(slack, route=request.param)
    saved = await sending(house.practice.id)
    await change_access(house.practice.id, smtp={**saved.smtp, "port": smtp.port}, sms=saved.sms, now=f.MONDAY)
    post = Post(config, "human")
    await a_story(house, post)
    yield house
    await post.close()
    await house.round.close()


async def a_story(house: House, post: Post) -> None:
    """Absences under every risk rule, a reply, a note, nudges, the ladder, outcomes; and a Slack that fails at first,
    so that emails replace it."""
    clock.move_to(f.MONDAY)
    for number, rule in enumerate(RiskRule):
        first, last, phone, email = PEOPLE[number % len(PEOPLE)]
        await f.make_absence(
            house.practice,
            patient_key=f"DOSSIER-{number}",
            first_name=first,
            last_name=last,
            phone=phone,
            email=email,
            risk_rules=frozenset({rule}),
        )
    await record_inbound(
        practice=house.practice.id,
        gateway="twilio",
        provider_id="SM1",
        from_e164=PEOPLE[0][2],
        text=WROTE,
        meaning=Meaning.REPLY,
        emergency=True,
        now=clock.now(),
    )
    house.slack.control.remove_app()
    for step in range(5):
        await open_steps(clock.now())
        await look_again(now=clock.now())
        await house.tick()
        await post.send_due()
        if step == 1:
            house.slack.control.all_well()
        clock.move_by(timedelta(hours=13))
    # The practice is open.
    clock.move_to(f.local(19, 15))
    refs = [row["ref"] for row in await fetch("SELECT ref FROM task WHERE status = 'open' ORDER BY id")]
    await add_note(refs[0], practice=house.practice.id, note=NOTED, by=await hand_of(SACHA), now=clock.now())
    await house.settle()
    await look_around(house)
    for place, ref in enumerate(refs):
        await press_everything(house, ref, list(CallOutcome)[place % len(CallOutcome)])
    await look_around(house)
    house.slack.control.all_well()
    await house.settle()


async def press_everything(house: House, ref: str, outcome: CallOutcome) -> None:
    message = await house.message(ref)
    for name in EVERYBODY:
        person = house.person(name)
        for action, value in (("case_seen", None), ("case_mine", None), ("case_more", f"reassign:{ref}")):
            await person.press(message, action, value, version=0)
    await house.tick()
    holder = house.person(next(name for name in EVERYBODY if name != "Dominique Petit"))
    whispers = len(holder.whispers(message.channel))
    await holder.press(message, "case_outcome", version=0)
    await eventually(lambda: holder.modal or len(holder.whispers(message.channel)) > whispers)
    if (view := holder.modal) is not None and view.body["callback_id"] == "outcome_view":
        await holder.submit({("outcome", "choice"): outcome}, view=view)
    house.slack.control.fail("chat.update", times=1)
    await house.tick()


async def look_around(house: House) -> None:
    for person in map(house.person, EVERYBODY):
        await person.command("/reprise mes dossiers")
        await person.open_home()


async def secrets() -> set[str]:
    """Everything of every patient that the database holds, opened, in the ways in which it might be written."""
    found: set[str] = set()
    for row in await fetch("SELECT ref, key, first_name, last_name, phone, email FROM patient"):
        opened = {
            name: vault().open(row[name], owner=row["ref"], field=f"patient.{name}")
            for name in ("first_name", "last_name", "phone", "email")
        }
        found |= {row["ref"], row["key"], *opened.values(), opened["phone"][-9:]}
    found |= {row["ref"] for row in await fetch("SELECT ref FROM enrolment")}
    found |= {row["link_id"] for row in await fetch("SELECT link_id FROM delivery WHERE link_id IS NOT NULL")}
    return {folded(secret) for secret in found}


def telling() -> set[str]:
    """Words that tell what care is given, or why somebody is watched over; and what was written."""
    rules = {words(language).of("risk_rules", rule) for language in languages() for rule in RiskRule}
    codes = {rule for rule in RiskRule if "_" in rule}
    return {folded(word) for word in {*SPECIALITIES, *rules, *codes, WROTE, NOTED, "Zéphyrine", "frère"}}


def folded(text: str) -> str:
    return re.sub(r"[\s.()-]", "", text).casefold()


async def test_nothing_of_any_patient_reaches_slack_or_the_email_that_replaces_it(
    told: House, smtp: SmtpServer
) -> None:
    kept = await secrets() | telling()
    assert len(kept) > 50
    sent = list(told.slack.record.strings())
    answers = [answer.body for _, answer in told.slack.sender.sent]
    mails = [text_of(mail) for mail in smtp.received if set(mail.rcpt_tos) <= {one.email for one in f.EVERY_ROLE}]
    assert min(len(sent) // 100, len(answers) // 20, len(mails)) >= 5
    assert all("réf" in mail for mail in mails)
    everything = "\n".join(map(folded, {*sent, *answers, *mails}))
    assert {secret for secret in kept if secret in everything} == set()


def text_of(mail: Received) -> str:
    """Its headers and all of its parts, decoded, and as they went over the wire."""
    read = message_from_bytes(mail.content, policy=default)
    parts = [part.get_content() for part in read.walk() if part.get_content_maintype() == "text"]
    return " ".join((*parts, *map(str, read.values()), mail.content.decode("utf-8", "replace")))

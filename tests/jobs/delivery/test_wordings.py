"""Which words a message carried: on record before it leaves, and the same ones again where it may have left already."""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from db.changes.practices import change_access
from db.changes.rehearsals import Audience, Said, start_rehearsal
from db.changes.settlements import expire_leases
from db.clock import clock
from db.config import Config
from db.crypto import vault
from db.engine import fetch, fetch_value
from db.queries.practices import practice as practice_by_id
from db.queries.practices import sending
from db.queries.tones import TextKey, TextWords
from db.rules.rehearsing import RehearsedStep
from db.states import Channel
from jobs.delivery.breaker import Breaker
from jobs.delivery.compose import Sender
from jobs.delivery.desk import Desk
from jobs.delivery.wordings import name_of, words_of
from jobs.messages.catalogue import Found, Key, Wording, shipped
from jobs.messages.edited import EditedTexts
from tests import factories as f
from tests.jobs.delivery.conftest import Wired
from tests.jobs.delivery.test_edited_texts import made_strict, publish, said, take_back, words

FIRST_DUE = f.local(16, 10, 40)
SMS = TextKey("first", "sms", "general", "fr")
MAIL = TextKey("first", "email", "physiotherapy", "fr")
BY_SMS: dict[str, Any] = {"email": None, "starts_at": f.local(16, 9, 50)}
BY_EMAIL: dict[str, Any] = {"phone": None, "phone_kind": None}


def text(mark: str) -> TextWords:
    return TextWords(f"Bonjour, {mark} :\n{{{{ link }}}}\n{{{{ opt_out }}}}")


def shipped_name(key: TextKey) -> str:
    return name_of(Found(Key(*key), shipped().shipped[Key(*key)]))


async def wording(message: str = "first") -> str | None:
    found: str | None = await fetch_value(
        "SELECT wording FROM delivery WHERE message = $1 AND attempts > 0 AND lane = 'bulk'", message
    )
    return found


async def desk_of(wired: Wired, config: Config, channel: Channel) -> Desk:
    practice = await practice_by_id(wired.practice.id)
    texts = EditedTexts()
    sender = Sender(practice, await sending(practice.id), config.base_url, await texts.of(practice.id))
    return Desk(sender, "bulk", channel, lambda: True, Breaker(), texts=texts)


async def lose_the_answer(wired: Wired) -> str:
    """The first SMS is taken by the gateway, whose answer never comes; what it said."""
    await f.make_absence(wired.practice, **BY_SMS)
    wired.twilio.answers = ["hang up"]
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    (form,) = wired.twilio.sent
    return form["Body"]


async def try_again(wired: Wired) -> None:
    clock.move_to(FIRST_DUE + timedelta(minutes=5))
    assert await wired.tick() == 1


async def crash(wired: Wired, config: Config, channel: Channel) -> None:
    """A worker claims what is due and dies; whether it had sent it nobody knows."""
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    desk = await desk_of(wired, config, channel)
    assert len((await desk.claim(9)).going) == 1
    clock.move_by(timedelta(seconds=31))
    assert await expire_leases(now=clock.now()) == 1


async def test_a_message_names_the_shipped_words_that_it_carried(wired: Wired) -> None:
    await f.make_absence(wired.practice, **BY_SMS)
    assert await fetch_value("SELECT count(wording) FROM delivery") == 0
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    assert await wording() == shipped_name(SMS)
    assert re.fullmatch(r"first/sms/general/fr@0-[0-9a-f]{8}", shipped_name(SMS))
    assert await fetch_value("SELECT count(wording) FROM delivery") == 1


async def test_a_message_names_the_version_of_the_practice_that_it_carried(wired: Wired) -> None:
    await f.make_absence(wired.practice, **BY_EMAIL)
    await publish(wired.practice, MAIL, words("Une."))
    await publish(wired.practice, MAIL, words("Deux."))
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    assert "Deux." in said(wired.smtp.received[0].content)
    assert await wording() == "first/email/physiotherapy/fr@2"


async def test_general_words_are_named_as_such_for_a_speciality_without_its_own(wired: Wired) -> None:
    await f.make_absence(wired.practice, **BY_SMS)
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    assert await fetch_value("SELECT speciality FROM enrolment") == "physiotherapy"
    assert (await wording() or "").startswith("first/sms/general/fr@")


@pytest.mark.parametrize(
    ("before", "after"), [("shipped", "published"), ("published", "published"), ("published", "taken back")]
)
async def test_an_sms_whose_answer_was_lost_is_known_again_although_its_text_was_edited(
    wired: Wired, before: str, after: str
) -> None:
    if before == "published":
        await publish(wired.practice, SMS, text("voici d'autres dates"))
    await lose_the_answer(wired)
    name = await wording()
    if after == "taken back":
        await take_back(wired.practice, SMS)
    else:
        await publish(wired.practice, SMS, text("un autre moment"))
    await try_again(wired)
    assert len(wired.twilio.sent) == 1
    assert wired.twilio.asked == 1
    assert await wording() == name
    assert await fetch_value("SELECT provider_id FROM delivery WHERE status = 'sent'") is not None


async def name_the_patient(wired: Wired, name: str | None) -> None:
    ref = await fetch_value("SELECT ref FROM patient")
    sealed = vault().seal(name, owner=ref, field="patient.first_name") if name else None
    await fetch("UPDATE patient SET first_name = $1", sealed)


async def call_elsewhere(wired: Wired) -> None:
    await fetch("UPDATE practice SET phone = '+33142000099'")


async def send_under_a_name(wired: Wired) -> None:
    """Nobody can answer a name, so that the way out is another one."""
    access = await sending(wired.practice.id)
    named = {**access.sms, "sender": "Tilleuls"}
    await change_access(wired.practice.id, smtp=access.smtp, sms=named, now=clock.now())


@pytest.mark.parametrize(
    "change",
    [
        partial(name_the_patient, name="Dominique"),
        partial(name_the_patient, name=None),
        call_elsewhere,
        send_under_a_name,
    ],
    ids=["first name", "no first name", "telephone", "sender and way out"],
)
async def test_an_sms_whose_answer_was_lost_is_known_again_by_its_link(
    wired: Wired, change: Callable[[Wired], Awaitable[None]]
) -> None:
    body = "{{ first_name }}, un autre moment ?\n{{ link }}\n{{ phone }}\n{{ opt_out }}"
    await publish(wired.practice, SMS, TextWords(body))
    await lose_the_answer(wired)
    await change(wired)
    await try_again(wired)
    assert len(wired.twilio.sent) == 1
    assert wired.twilio.asked == 1
    assert await fetch_value("SELECT provider_id FROM delivery WHERE status = 'sent'") == f"SM{0:032d}"


async def test_another_message_to_the_same_number_is_not_taken_for_the_one_that_was_lost(wired: Wired) -> None:
    said = await lose_the_answer(wired)
    # The gateway never had it; another member of the family was written to in the same words.
    (link,) = re.findall(r"/r/(\w+)", said)
    wired.twilio.sent[0]["Body"] = said.replace(link, "0" * len(link))
    await try_again(wired)
    assert wired.twilio.asked == 1
    assert [form["Body"] == said for form in wired.twilio.sent] == [False, True]


@pytest.mark.parametrize("before", ["shipped", "published"])
async def test_a_crash_between_two_attempts_changes_no_words(wired: Wired, config: Config, before: str) -> None:
    if before == "published":
        await publish(wired.practice, MAIL, words("Avant."))
    await f.make_absence(wired.practice, **BY_EMAIL)
    await crash(wired, config, Channel.EMAIL)
    name = await wording()
    await publish(wired.practice, MAIL, words("Après."))
    await try_again(wired)
    mail = said(wired.smtp.received[0].content)
    assert ("vous n’avez rien à justifier" if before == "shipped" else "Avant.") in mail
    assert "Après." not in mail
    assert await wording() == name
    # The next message of this text is another matter.
    await f.make_absence(wired.practice, now=clock.now(), starts_at=f.local(16, 10, 20), **BY_EMAIL)
    clock.move_to(FIRST_DUE + timedelta(hours=1))
    await wired.tick()
    assert "Après." in said(wired.smtp.received[1].content)


async def test_what_was_refused_has_not_left_and_takes_the_new_words(wired: Wired) -> None:
    await f.make_absence(wired.practice, **BY_SMS)
    wired.twilio.answers = [(429, 20429)]
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    assert await wording() == shipped_name(SMS)
    await publish(wired.practice, SMS, text("un autre moment"))
    await try_again(wired)
    assert "un autre moment" in wired.twilio.sent[0]["Body"]
    assert await wording() == "first/sms/general/fr@1"


async def test_words_published_while_a_message_waits_to_be_sent_are_the_next_ones(
    wired: Wired, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.delivery.desk.LOOK_EVERY_S", 0.0)
    await publish(wired.practice, MAIL, words("Avant."))
    await f.make_absence(wired.practice, **BY_EMAIL)
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    desk = await desk_of(wired, config, Channel.EMAIL)
    (one,) = (await desk.claim(9)).going
    await publish(wired.practice, MAIL, words("Après."))
    await desk.claim(9)
    assert "Après." in desk.sender.edited[Key(*MAIL)].body
    found = await words_of(one, desk.sender)
    assert found == Found(Key(*MAIL), Wording(words("Avant.").body, words("Avant.").subject, 1))


async def test_strict_discretion_stands_over_words_that_may_have_left(wired: Wired, config: Config) -> None:
    await publish(wired.practice, MAIL, words("De la spécialité."))
    await f.make_absence(wired.practice, **BY_EMAIL)
    await crash(wired, config, Channel.EMAIL)
    await made_strict(wired.practice)
    await try_again(wired)
    assert "De la spécialité." not in said(wired.smtp.received[0].content)
    assert await wording() == shipped_name(MAIL._replace(speciality="general"))


@pytest.mark.parametrize("gone", ["first/email/physiotherapy/fr@0-00000000", "first/email/surgery/fr@0-00000000", "?"])
async def test_shipped_words_of_another_release_are_not_claimed_to_be_the_same(
    wired: Wired, config: Config, gone: str
) -> None:
    await f.make_absence(wired.practice, **BY_EMAIL)
    await crash(wired, config, Channel.EMAIL)
    await fetch("UPDATE delivery SET wording = $1 WHERE wording IS NOT NULL", gone)
    await try_again(wired)
    assert "vous n’avez rien à justifier" in said(wired.smtp.received[0].content)
    assert await wording() == shipped_name(MAIL)


async def test_words_that_are_tried_out_are_no_version(wired: Wired) -> None:
    await start_rehearsal(
        wired.practice,
        plan="worth",
        steps=[RehearsedStep(0, timedelta(0), "worth", Channel.EMAIL)],
        to=Audience(email="camille@tilleuls.example"),
        said=Said("Alix", "physiotherapy", "fr", date(2026, 11, 16), words=words("À l’essai.")),
        actor="staff:x",
        now=f.MONDAY,
    )
    clock.move_to(f.MONDAY + timedelta(seconds=1))
    assert await wired.tick() == 1
    assert await wording("worth") is None


async def test_what_is_said_to_staff_has_no_words_of_the_catalogue(wired: Wired) -> None:
    await f.make_absence(wired.practice)
    await fetch("UPDATE patient SET email = NULL, email_index = NULL, phone = NULL, phone_index = NULL")
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    await wired.human.send_due()
    named = await fetch("SELECT message, wording FROM delivery WHERE wording IS NOT NULL")
    assert [dict(row) for row in named] == [], json.dumps([dict(row) for row in named])

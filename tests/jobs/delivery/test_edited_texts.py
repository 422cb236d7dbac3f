"""The practice's published words at the send: from the next message of a running sequence on, and no longer than they
are published."""

import json
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from db.actors import Hand, staff
from db.changes.rehearsals import Audience, Said, start_rehearsal
from db.changes.tones import publish_draft, return_to_shipped, save_draft
from db.clock import clock
from db.config import Config
from db.engine import fetch, fetch_value
from db.queries.practices import Profile, sending
from db.queries.practices import practice as practice_by_id
from db.queries.tones import TextKey, TextWords, text_history
from db.rules.rehearsing import RehearsedStep
from db.rules.settings import Settings
from db.states import Channel
from jobs.delivery.breaker import Breaker
from jobs.delivery.compose import Sender
from jobs.delivery.desk import Desk
from jobs.messages.catalogue import Key, shipped
from jobs.messages.edited import EditedTexts
from tests import factories as f
from tests.jobs.delivery.conftest import Wired

HAND = Hand(staff("x"))
BODY = (
    "Bonjour {{{{ first_name }}}},\n\n{mark}\n\nChoisir : {{{{ link }}}}\n\nOu {{{{ phone }}}}.\n\n"
    "Ne plus recevoir ces messages : {{{{ opt_out }}}}"
)
FLEXIBLE, WORTH = (TextKey(name, "email", "physiotherapy", "fr") for name in ("flexible", "worth"))
FIRST_SMS = TextKey("first", "sms", "general", "fr")


def words(mark: str, subject: str = "Un mot de {{ practice }}") -> TextWords:
    return TextWords(BODY.format(mark=mark), subject)


async def publish(practice: Profile, key: TextKey, text: TextWords) -> None:
    seen = (await text_history(practice.id, key)).mark
    saved = await save_draft(key, practice=practice.id, words=text, seen=seen, by=HAND, now=clock.now())
    await publish_draft(key, practice=practice.id, seen=saved.mark, by=HAND, now=clock.now())


async def take_back(practice: Profile, key: TextKey) -> None:
    seen = (await text_history(practice.id, key)).mark
    await return_to_shipped(key, practice=practice.id, seen=seen, by=HAND, now=clock.now())


async def send(wired: Wired, patient: str, message: str, channel: Channel = Channel.EMAIL) -> str:
    """Let everything up to this message of the sequence leave; what it says."""
    due = await fetch_value(
        "SELECT d.due_at FROM delivery d JOIN patient p ON p.id = d.patient WHERE p.key = $1 AND d.message = $2 "
        "AND d.channel = $3",
        patient,
        message,
        channel,
    )
    clock.move_to(due + timedelta(minutes=1))
    before = len(wired.smtp.received), len(wired.twilio.sent)
    await wired.tick()
    if channel is Channel.SMS:
        return wired.twilio.sent[before[1]]["Body"]
    return said(wired.smtp.received[before[0]].content)


def said(raw: bytes) -> str:
    mail = parsed(raw)
    body = mail.get_body(("plain",))
    assert body is not None
    return f"{mail['Subject']}\n{body.get_content()}"


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def shipped_line(key: TextKey) -> str:
    """A sentence that only the shipped text says."""
    return shipped().shipped[Key(*key)].body.split("\n\n")[1]


async def test_a_running_sequence_takes_new_words_from_its_next_message_on(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    assert "Rien à expliquer ici" not in await send(wired, absence.patient_key, "first")
    await publish(wired.practice, FLEXIBLE, words("Rien à expliquer ici, vraiment."))
    mail = await send(wired, absence.patient_key, "flexible")
    assert "Rien à expliquer ici, vraiment." in mail
    assert "Un mot de Les Tilleuls" in mail
    assert shipped_line(FLEXIBLE) not in mail
    assert "Bonjour Alix" in mail
    # The other messages are as they were.
    assert shipped_line(WORTH) in await send(wired, absence.patient_key, "worth")


async def test_the_shipped_words_leave_again_once_the_others_are_taken_back(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    await publish(wired.practice, FLEXIBLE, words("Premières paroles."))
    await publish(wired.practice, WORTH, words("Autres paroles."))
    await publish(wired.practice, FLEXIBLE, words("Secondes paroles."))
    mail = await send(wired, absence.patient_key, "flexible")
    assert "Secondes paroles." in mail
    assert "Premières paroles." not in mail
    await take_back(wired.practice, WORTH)
    mail = await send(wired, absence.patient_key, "worth")
    assert shipped_line(WORTH) in mail
    assert "Autres paroles." not in mail


async def test_a_draft_goes_to_nobody(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    await save_draft(FLEXIBLE, practice=wired.practice.id, words=words("Brouillon."), seen="", by=HAND, now=f.MONDAY)
    assert shipped_line(FLEXIBLE) in await send(wired, absence.patient_key, "flexible")


async def test_an_sms_has_the_words_of_the_practice_too(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    await publish(wired.practice, FIRST_SMS, TextWords("Bonjour, voici d'autres dates :\n{{ link }}\n{{ opt_out }}"))
    assert "voici d'autres dates" in await send(wired, absence.patient_key, "first", Channel.SMS)


async def test_general_words_do_not_take_the_place_of_a_specialitys_own(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    await publish(wired.practice, FLEXIBLE._replace(speciality="general"), words("Pour tous."))
    assert shipped_line(FLEXIBLE) in await send(wired, absence.patient_key, "flexible")


async def made_strict(practice: Profile) -> Profile:
    settings = Settings(strict=True)
    await fetch("UPDATE practice SET settings = $1", json.dumps(settings.to_json()))
    return replace(practice, settings=settings)


async def test_in_strict_discretion_only_general_words_leave(wired: Wired) -> None:
    strict = replace(wired, practice=await made_strict(wired.practice))
    absence = await f.make_absence(strict.practice)
    await publish(strict.practice, FLEXIBLE, words("De la spécialité."))
    await publish(strict.practice, WORTH._replace(speciality="general"), words("Pour tous."))
    assert "De la spécialité." not in await send(strict, absence.patient_key, "flexible")
    assert "Pour tous." in await send(strict, absence.patient_key, "worth")


async def test_words_with_an_error_do_not_leave_however_they_got_there(wired: Wired) -> None:
    absence = await f.make_absence(wired.practice)
    await publish(wired.practice, FLEXIBLE, words("Vous auriez dû prévenir : cela vous sera facturé."))
    with pytest.raises(IndexError):
        await send(wired, absence.patient_key, "flexible")
    (row,) = [one for one in await f.deliveries_of(absence.patient_key) if one["message"] == "flexible"]
    assert (row["status"], row["reason"]) == ("failed", "text_refused")
    assert await fetch_value("SELECT count(*) FROM task WHERE kind = 'text_refused'") == 1


@pytest.mark.parametrize("is_strict", [False, True], ids=["usual", "strict"])
async def test_words_that_are_tried_out_reach_their_author_alone(wired: Wired, is_strict: bool) -> None:
    practice = await made_strict(wired.practice) if is_strict else wired.practice
    await publish(wired.practice, WORTH, words("Publié."))
    text = words("À l’essai.", "Un essai de {{ practice }}")
    tried = Said("Alix", "physiotherapy", "fr", date(2026, 11, 16), words=text)
    await start_rehearsal(
        practice,
        plan="worth",
        steps=[RehearsedStep(0, timedelta(0), "worth", Channel.EMAIL)],
        to=Audience(email="camille@tilleuls.example"),
        said=tried,
        actor="staff:x",
        now=f.MONDAY,
    )
    clock.move_to(f.MONDAY + timedelta(seconds=1))
    assert await wired.tick() == 1
    (mail,) = wired.smtp.received
    assert mail.rcpt_tos == ["camille@tilleuls.example"]
    assert "[Répétition] Un essai de Les Tilleuls" in said(mail.content)
    assert "À l’essai." in said(mail.content)
    assert "Publié." not in said(mail.content)


async def test_a_reminder_that_is_tried_out_says_when(wired: Wired) -> None:
    key = Key("reminder", "email", "general", "fr")
    wording = shipped().shipped[key]
    text = TextWords(wording.body, wording.subject)
    ahead = f.local(25, 10)
    await start_rehearsal(
        wired.practice,
        plan="reminder",
        steps=[RehearsedStep(0, timedelta(0), "reminder", Channel.EMAIL)],
        to=Audience(email="camille@tilleuls.example"),
        said=Said("Alix", "general", "fr", date(2026, 11, 16), words=text, starts_at=ahead),
        actor="staff:x",
        now=f.MONDAY,
    )
    clock.move_to(f.MONDAY + timedelta(seconds=1))
    assert await wired.tick() == 1
    assert "25 novembre" in said(wired.smtp.received[0].content)


async def test_a_busy_worker_takes_new_words_in_the_middle_of_its_turn(
    wired: Wired, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.delivery.desk.LOOK_EVERY_S", 0.0)
    sender = Sender(await practice_by_id(wired.practice.id), await sending(wired.practice.id), config.base_url)
    desk = Desk(sender, "bulk", Channel.EMAIL, lambda: True, Breaker(), texts=EditedTexts())
    await desk.claim(1)
    assert desk.sender.edited == {}
    await publish(wired.practice, FLEXIBLE, words("Nouveau."))
    await desk.claim(1)
    assert desk.sender.edited[Key(*FLEXIBLE)].body == words("Nouveau.").body

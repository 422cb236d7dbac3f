"""Messages of an inbox, for tests to bend."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from db.states import Channel
from portal.demo.inbox import Attachment, Message

MORNING = datetime(2016, 6, 6, 9, 30, tzinfo=UTC)

_SMS = Message(
    id="SM1",
    channel=Channel.SMS,
    to="+33639980001",
    from_="38180",
    text="Bonjour Camille, voici le lien : https://practice.example/r/abc. STOP pour se désinscrire",
    at=MORNING,
)
_EMAIL = Message(
    id="m1",
    channel=Channel.EMAIL,
    to="camille@patients.example",
    from_='"Cabinet" <contact@practice.example>',
    text="Bonjour,\nhttps://practice.example/r/abc\n",
    at=MORNING,
    subject="Votre rendez-vous",
    html="<!doctype html><html><head><title>x</title></head><body><p>Bonjour</p></body></html>",
    headers={"Message-ID": "<1@practice.example>", "List-Unsubscribe": "<https://practice.example/u/1>"},
    attachments=(Attachment("été.ics", "text/calendar", b"BEGIN:VCALENDAR\r\n"),),
)


def an_sms(**changes: Any) -> Message:
    return replace(_SMS, **changes)


def an_email(**changes: Any) -> Message:
    return replace(_EMAIL, **changes)

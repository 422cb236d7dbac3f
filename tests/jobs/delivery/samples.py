"""An email such as a sequence sends, for tests to bend."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from jobs.delivery.email import Attachment, OutgoingEmail

CALENDAR = Attachment(
    "rendez-vous.ics",
    "text/calendar; charset=utf-8; method=PUBLISH",
    b"BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nEND:VCALENDAR\r\n",
)

_PLAIN = OutgoingEmail(
    message_id="<k3n2.first@practice.example>",
    to="camille@patients.example",
    from_address="contact@practice.example",
    from_name="Cabinet du Lac Léman",
    reply_to="secretariat@practice.example",
    subject="Votre rendez-vous : des créneaux à votre disposition",
    text="Bonjour Camille,\n\nNous vous attendions. Rien à justifier.\n.\n..\nhttps://practice.example/r/abc\n",
    html='<!doctype html><html lang="fr"><p>Bonjour Camille, «\u202fà bientôt\u202f»</p></html>',
    return_path="bounces+k3n2@practice.example",
    language="fr",
    date=datetime(2016, 6, 6, 9, 30, tzinfo=UTC),
    unsubscribe_url="https://practice.example/unsubscribe/abc",
)


def an_email(**changes: Any) -> OutgoingEmail:
    return replace(_PLAIN, **changes)

"""What the inbox page shows, made from the messages: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from db.states import Channel
from jobs.delivery.sms.gateway import SenderForm
from jobs.delivery.sms.twilio import sender_form
from portal.demo.inbox import Message, split_links

# The demo's practice keeps this time.
ZONE = ZoneInfo("Europe/Paris")
MOST_SHOWN = 100
SHOWN_HEADERS = ("Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted", "Message-ID", "Return-Path")


@dataclass(frozen=True, slots=True)
class Bubble:
    pieces: list[tuple[str, str | None]]
    at: str
    reply: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a list: a telephone or an email."""

    url: str
    title: str
    detail: str
    at: str
    current: bool


@dataclass(frozen=True, slots=True)
class Phone:
    number: str
    bubbles: list[Bubble]
    answers_to: str | None


@dataclass(frozen=True, slots=True)
class Mail:
    id: str
    subject: str
    sender: str
    to: str
    at: str
    pieces: list[tuple[str, str | None]]
    has_html: bool
    headers: list[tuple[str, str]]
    links: tuple[str, ...]
    attachments: list[str]


@dataclass(frozen=True, slots=True)
class Page:
    """`news` is the address that tells what has come since; `phones` and `mails` are newest first."""

    phones: list[Line]
    phone: Phone | None
    mails: list[Line]
    mail: Mail | None
    news: str


def page_of(messages: Sequence[Message], *, phone: str | None = None, mail: str | None = None) -> Page:
    """`phone` and `mail` name what is open; without a name, the telephone that last rang."""
    conversations = _conversations(messages)
    numbers = list(conversations)
    number = phone if phone in conversations else (numbers[0] if numbers else None)
    mails = [message for message in reversed(messages) if message.channel is Channel.EMAIL][:MOST_SHOWN]
    opened = next((message for message in mails if message.id == mail), None)
    opened_id = opened.id if opened is not None else None
    return Page(
        phones=[_phone_line(each, conversations[each], number, opened_id) for each in numbers[:MOST_SHOWN]],
        phone=_phone(number, conversations[number]) if number is not None else None,
        mails=[_mail_line(message, number, opened_id) for message in mails],
        mail=_mail(opened) if opened is not None else None,
        news=address(number, opened_id, seen=len(messages)),
    )


def address(phone: str | None, mail: str | None, *, seen: int | None = None) -> str:
    """The page with this telephone and this email open."""
    values = {"phone": phone, "mail": mail, "seen": seen}
    query = urlencode({name: value for name, value in values.items() if value is not None})
    return f"/?{query}" if query else "/"


def answers_to(conversation: Sequence[Message]) -> str | None:
    """The practice's number that the last message came from, unless it is a name, which cannot be answered."""
    for message in reversed(conversation):
        if not message.reply:
            return None if sender_form(message.from_) is SenderForm.NAME else message.from_
    return None


def conversation_of(messages: Sequence[Message], number: str) -> list[Message]:
    return _conversations(messages).get(number, [])


def _conversations(messages: Sequence[Message]) -> dict[str, list[Message]]:
    """Texts by telephone, the one that last rang first."""
    found: dict[str, list[Message]] = {}
    for message in messages:
        if message.channel is Channel.SMS:
            number = message.from_ if message.reply else message.to
            found[number] = found.pop(number, [])
            found[number].append(message)
    return dict(reversed(found.items()))


def _phone_line(number: str, conversation: list[Message], current: str | None, mail: str | None) -> Line:
    last = conversation[-1]
    return Line(address(number, mail), number, last.text, _moment(last.at), number == current)


def _phone(number: str, conversation: list[Message]) -> Phone:
    bubbles = [Bubble(split_links(each.text), _moment(each.at), each.reply) for each in conversation]
    return Phone(number, bubbles[-MOST_SHOWN:], answers_to(conversation))


def _mail_line(message: Message, phone: str | None, current: str | None) -> Line:
    return Line(
        url=address(phone, message.id),
        title=message.subject or "(sans objet)",
        detail=message.to,
        at=_moment(message.at),
        current=message.id == current,
    )


def _mail(message: Message) -> Mail:
    return Mail(
        id=message.id,
        subject=message.subject or "(sans objet)",
        sender=message.from_,
        to=message.to,
        at=_moment(message.at),
        pieces=split_links(message.text),
        has_html=message.html is not None,
        headers=[(name, message.headers[name]) for name in SHOWN_HEADERS if name in message.headers],
        links=message.links,
        attachments=[attachment.name for attachment in message.attachments],
    )


def _moment(at: datetime) -> str:
    return format_datetime(at, "EEE d MMM, HH:mm", tzinfo=ZONE, locale="fr")

"""From a claimed row to the message that leaves: pure. The caller looks up what is not in the row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from db.changes.deliveries import AT_ONCE, Claimed
from db.queries.practices import Profile, Sending
from db.queries.return_brief import ReturnBrief
from db.rules.telephones import display
from db.states import Channel, Reason
from db.tokens import bounces, links
from jobs.delivery.access import sender_name
from jobs.delivery.email import Attachment, OutgoingEmail
from jobs.delivery.sms.gateway import OutgoingSms
from jobs.messages.accounts import render_sign_in
from jobs.messages.calendar import calendar_file, calendar_uid
from jobs.messages.cases import CaseNotice, render_case
from jobs.messages.catalogue import Found, Key, Wording
from jobs.messages.email_body import Email
from jobs.messages.emergency import say_emergency_numbers
from jobs.messages.errors import TextRefused
from jobs.messages.languages import language_for, opt_out_text
from jobs.messages.lint.gate import refuse_faulty
from jobs.messages.notices import NoticeKind, render_notice
from jobs.messages.parts import has_way_out
from jobs.messages.rehearsal import mark_email, mark_sms
from jobs.messages.render import write_patient_email, write_sms
from jobs.messages.return_brief import render_return_brief
from jobs.messages.values import MessageValues

NOTICE = "notice_"


@dataclass(frozen=True, slots=True)
class Sender:
    """What a message needs to know of who sends it; `base_url` is the public address of the pages, `edited` the words
    that the practice has published over the shipped ones."""

    practice: Profile
    sending: Sending
    base_url: str
    edited: Mapping[Key, Wording] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a message says that does not stand in its own row: looked up just before it leaves.

    `slots_soon`: whether `worth` may say that some times are open this week; `sign_in` is where a one-time link leads.
    """

    slots_soon: bool = False
    case: CaseNotice | None = None
    brief: ReturnBrief | None = None
    sign_in: str | None = field(default=None, repr=False)


def compose_sms(claimed: Claimed, sender: Sender, words: Found | None, *, receives: bool) -> OutgoingSms:
    """`receives`: whether an answer to this sender comes back, so that the text may say STOP."""
    opt_out = opt_out_text(claimed.language, receives, sender.practice.language)
    said = _checked(claimed, words, receives=receives)
    values = _values(claimed, sender, _token(claimed), opt_out)
    sms = write_sms(said.wording, language_for(said.key.language), values, said.key.message)
    provider = sender.sending.sms["provider"]
    query = urlencode({"practice": sender.practice.ref})
    text = mark_sms(sms.text, claimed.language) if claimed.rehearsal else sms.text
    return OutgoingSms(
        reference=claimed.ref,
        to=claimed.address,
        sender=sender.sending.sms["sender"],
        text=text,
        receipt_url=f"{sender.base_url}/webhooks/{provider}/receipt?{query}",
        link=values.link if values.link and values.link in text else None,
    )


def compose_email(
    claimed: Claimed, sender: Sender, around: Surroundings, words: Found | None, *, now: datetime
) -> OutgoingEmail:
    """`words` are those of a message to a patient."""
    if claimed.message.startswith(NOTICE):
        return _notice(claimed, sender, now)
    if around.case is not None or around.brief is not None:
        return _to_staff(claimed, sender, around, now)
    if around.sign_in is not None:
        link = f"{sender.base_url}{around.sign_in}"
        mail = render_sign_in(link, language=claimed.language, practice=sender.practice.discreet_name)
        return _envelope(claimed, sender, mail, now, language=claimed.language, unsubscribe=None)
    token = _token(claimed)
    unsubscribe = f"{sender.base_url}/u/{token}"
    said = _checked(claimed, words)
    values = _values(claimed, sender, token, unsubscribe, slots_soon=around.slots_soon)
    mail = write_patient_email(said.wording, language_for(said.key.language), values, said.key.message)
    if claimed.rehearsal:
        mail = mark_email(mail, claimed.language)
    way_out = unsubscribe if has_way_out(Channel.EMAIL, claimed.message) else None
    return _envelope(claimed, sender, mail, now, language=claimed.language, unsubscribe=way_out)


def _checked(claimed: Claimed, words: Found | None, *, receives: bool = False) -> Found:
    """The words, once the linter has nothing against them."""
    if words is None:
        raise TextRefused(f"No text says {claimed.message} by {claimed.channel}: add it under templates/messages.")
    refuse_faulty(words, can_receive=receives)
    return words


def _values(claimed: Claimed, sender: Sender, token: str, opt_out: str, *, slots_soon: bool = False) -> MessageValues:
    practice = sender.practice
    starts_at = claimed.detail.get("starts_at")
    return MessageValues(
        first_name=claimed.first_name,
        link=f"{sender.base_url}/r/{token}" if token else "",
        phone=display(practice.phone, practice.country),
        practice=practice.discreet_name,
        missed_on=claimed.missed_on,
        opt_out=opt_out,
        slots_soon=slots_soon,
        starts_at=datetime.fromisoformat(starts_at).astimezone(ZoneInfo(practice.zone)) if starts_at else None,
        place=practice.address or "",
        numbers=_numbers(claimed, practice),
    )


def _numbers(claimed: Claimed, practice: Profile) -> str:
    """Only the one answer says them, and that answer goes to one person; all else goes to thousands."""
    if claimed.message not in AT_ONCE:
        return ""
    return say_emergency_numbers(practice.country, claimed.language, practice.language)


def _to_staff(claimed: Claimed, sender: Sender, around: Surroundings, now: datetime) -> OutgoingEmail:
    """A case, or what a practitioner should know before a patient comes back."""
    practice = sender.practice
    if around.case is not None:
        why = claimed.detail.get("why")
        mail = render_case(
            claimed.message,
            around.case,
            language=claimed.language,
            practice=practice.discreet_name,
            why=Reason(why) if why else None,
        )
    else:
        assert around.brief is not None
        mail = render_return_brief(around.brief, claimed.language, ZoneInfo(practice.zone))
    if claimed.rehearsal:
        mail = mark_email(mail, claimed.language)
    return _envelope(claimed, sender, mail, now, language=claimed.language, unsubscribe=None)


def _token(claimed: Claimed) -> str:
    """Empty where a message has no link: the emergency numbers."""
    return links().sign(claimed.link_id) if claimed.link_id is not None else ""


def _notice(claimed: Claimed, sender: Sender, now: datetime) -> OutgoingEmail:
    """The practice hears of a booking, a move or a cancellation, as it was when it happened."""
    practice, detail = sender.practice, claimed.detail
    zone = ZoneInfo(practice.zone)
    kind = NoticeKind(claimed.message.removeprefix(NOTICE))
    starts_at, ends_at = (datetime.fromisoformat(detail[name]) for name in ("starts_at", "ends_at"))
    previous = detail.get("previous")
    mail = render_notice(
        kind,
        language=practice.language,
        reference=detail["patient"],
        practitioner=detail["practitioner"],
        starts_at=starts_at.astimezone(zone),
        previous=datetime.fromisoformat(previous).astimezone(zone) if previous else None,
    )
    file = calendar_file(
        uid=calendar_uid(detail["uid"], sender.base_url),
        sequence=detail["sequence"],
        starts_at=starts_at,
        ends_at=ends_at,
        stamped_at=claimed.created_at,
        cancelled=kind is NoticeKind.CANCELLED,
        practice=practice.discreet_name,
        address=practice.address or "",
        language=practice.language,
        organizer=None,
    )
    attachment = Attachment("rendez-vous.ics", "text/calendar; charset=utf-8; method=PUBLISH", file)
    return _envelope(
        claimed, sender, mail, now, language=practice.language, unsubscribe=None, attachments=(attachment,)
    )


def return_path(smtp: Mapping[str, Any], reference: str) -> str:
    """Where a bounce goes: `retour@x` becomes `retour+TOKEN@x`, whose token names the delivery."""
    local, at, domain = smtp.get("bounce_address", "").rpartition("@")
    return f"{local}+{bounces().sign(reference)}@{domain}" if at else smtp["from_address"]


def _envelope(
    claimed: Claimed,
    sender: Sender,
    mail: Email,
    now: datetime,
    *,
    language: str,
    unsubscribe: str | None,
    attachments: tuple[Attachment, ...] = (),
) -> OutgoingEmail:
    smtp = sender.sending.smtp
    return OutgoingEmail(
        message_id=claimed.message_id,
        to=claimed.address,
        from_address=smtp["from_address"],
        from_name=sender_name(sender.practice, sender.sending),
        reply_to=sender.practice.reply_to,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        return_path=return_path(smtp, claimed.ref),
        language=language,
        date=now,
        unsubscribe_url=unsubscribe,
        attachments=attachments,
    )

"""The demo's mail server: takes every message, delivers none, and puts it into the inbox."""

import asyncio
import secrets
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart

from aiosmtpd.smtp import SMTP, Envelope, Session

from db.clock import now
from db.states import Channel
from portal.demo.inbox import Attachment, Inbox, Message


class Sink:
    """The handler of an aiosmtpd server."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        queued = secrets.token_hex(8)
        for number, recipient in enumerate(envelope.rcpt_tos):
            message_id = queued if number == 0 else f"{queued}-{number}"
            self._inbox.append(
                received(raw, message_id=message_id, mail_from=envelope.mail_from or "", to=recipient, at=now())
            )
        return f"250 2.0.0 Ok: queued as {queued}"


def conversation(inbox: Inbox) -> SMTP:
    """One connection's protocol, for `loop.create_server`."""
    return SMTP(Sink(inbox), hostname="demo.localhost", ident="Reprise demo", loop=asyncio.get_running_loop())


def received(raw: bytes, *, message_id: str, mail_from: str, to: str, at: datetime) -> Message:
    """A raw email as the inbox keeps it; `headers` are decoded, the first of a name wins."""
    email = message_from_bytes(raw, policy=policy.default)
    headers: dict[str, str] = {"Return-Path": f"<{mail_from}>"}
    for name, value in email.items():
        headers.setdefault(name, " ".join(str(value).split()))
    return Message(
        id=message_id,
        channel=Channel.EMAIL,
        to=to,
        from_=headers.get("From", mail_from),
        text=_body(email, "plain") or "",
        at=at,
        subject=headers.get("Subject", ""),
        html=_body(email, "html"),
        headers=headers,
        attachments=tuple(_attached(part) for part in email.iter_attachments()),
    )


def _body(email: EmailMessage, kind: str) -> str | None:
    part = email.get_body((kind,))
    if part is None:
        return None
    try:
        content = part.get_content()
    except LookupError:
        # A character set that nobody knows.
        content = _bytes(part).decode("utf-8", "replace")
    return content.replace("\r\n", "\n") if isinstance(content, str) else None


def _attached(part: EmailMessage) -> Attachment:
    return Attachment(part.get_filename() or "fichier", part.get_content_type(), _bytes(part))


def _bytes(part: MIMEPart) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""

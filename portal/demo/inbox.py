"""What the demo's patients received and answered: an append-only file of JSON lines, read by the inbox
page and by `reprise inbox`. One process writes it; a line that a crash has cut short is ignored.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from db.states import Channel

FILE = Path("demo") / "inbox.jsonl"
_LINK = re.compile(r"https?://[^\s<>\"'«»]+")
_AFTER_A_LINK = ".,;:!?)]…"


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """`reply` is true for what a patient wrote; then `from_` is the patient's number."""

    id: str
    channel: Channel
    to: str
    from_: str
    text: str
    at: datetime
    subject: str | None = None
    html: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    reply: bool = False

    @property
    def links(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(link for _, link in split_links(self.text) if link))

    def as_json(self) -> dict[str, Any]:
        """What `reprise inbox --json` prints of it; `content` of an attachment is base64."""
        return {
            "id": self.id,
            "channel": self.channel.value,
            "to": self.to,
            "from": self.from_,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "headers": self.headers,
            "links": list(self.links),
            "at": self.at.isoformat(),
            "attachments": [
                {
                    "name": attachment.name,
                    "content_type": attachment.content_type,
                    "content": base64.b64encode(attachment.content).decode("ascii"),
                }
                for attachment in self.attachments
            ],
            "reply": self.reply,
        }


class Inbox:
    """Reads only what has been added since it last looked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._messages: list[Message] = []
        self._read = 0

    def append(self, message: Message) -> None:
        # A demo may be tried with a practice's own export.
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = json.dumps(message.as_json(), ensure_ascii=False).encode()
        with self._path.open("ab+") as file:
            # A line cut short by a crash must not swallow this one.
            torn = file.tell() > 0 and _last_byte(file) != b"\n"
            file.write((b"\n" if torn else b"") + line + b"\n")

    def messages(self) -> list[Message]:
        """Oldest first."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, 2) < self._read:
                    self._messages, self._read = [], 0
                file.seek(self._read)
                fresh = file.read()
        except FileNotFoundError:
            return []
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(whole)
        self._messages += [message for line in whole.splitlines() if (message := _message(line)) is not None]
        return list(self._messages)


def inbox_of(data: Path) -> Inbox:
    """The inbox of a demo stack, by its data directory."""
    return Inbox(data / FILE)


def split_links(text: str) -> list[tuple[str, str | None]]:
    """The text in pieces: `(words, None)`, or `(link, link)` for what can be clicked."""
    pieces: list[tuple[str, str | None]] = []
    end = 0
    for match in _LINK.finditer(text):
        link = match[0].rstrip(_AFTER_A_LINK)
        if match.start() > end:
            pieces.append((text[end : match.start()], None))
        pieces.append((link, link))
        end = match.start() + len(link)
    return [*pieces, (text[end:], None)] if end < len(text) else pieces


def _last_byte(file: Any) -> bytes:
    file.seek(-1, 2)
    last: bytes = file.read(1)
    return last


def _message(line: bytes) -> Message | None:
    try:
        fields = json.loads(line)
        return Message(
            id=fields["id"],
            channel=Channel(fields["channel"]),
            to=fields["to"],
            from_=fields["from"],
            text=fields["text"],
            at=datetime.fromisoformat(fields["at"]),
            subject=fields["subject"],
            html=fields["html"],
            headers=fields["headers"],
            attachments=tuple(_attachment(item) for item in fields["attachments"]),
            reply=fields["reply"],
        )
    except (ValueError, KeyError, TypeError):
        return None


def _attachment(fields: dict[str, str]) -> Attachment:
    return Attachment(fields["name"], fields["content_type"], base64.b64decode(fields["content"]))

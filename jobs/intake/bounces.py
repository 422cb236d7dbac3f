"""Reads what a mail server sends to a return path: has a message of ours come back, which one, and with what status.

The signed token in the recipient's address is the authority, and nothing else in the mail is believed. A standard
report (RFC 3464) is read field by field; any other bounce must come from a mail system and name a status 5.x.x. An
automatic answer, a read receipt and a "still trying" are no bounces.

What comes in is hostile until proved otherwise, and often quotes a patient's mail. So the MIME structure is cut here by
hand, to a bounded depth and size (the standard library's parser calls itself once for each level), and nothing
of the text is ever kept, raised or logged.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from itertools import islice

from db.tokens import BadSignature, LinkSigner

# A report with our whole message inside has some 30 kB; reading more than this serves nobody.
LARGEST = 1_000_000
LARGEST_HEADERS = 64_000
LARGEST_REPORT = 64_000
LONGEST_VALUE = 2_000
MOST_PARTS = 20
MOST_LEAVES = 40
MOST_CANDIDATES = 50
DEEPEST = 4

UNSPECIFIC = "5.0.0"
REPORTS = ("message/delivery-status", "message/global-delivery-status")
# Where a mail server says whom it delivered this mail to; a report itself is addressed to the return path.
RECIPIENTS = (
    "Delivered-To",
    "X-Delivered-To",
    "X-Original-To",
    "Original-Recipient",
    "Envelope-To",
    "X-Envelope-To",
    "To",
)
MAIL_SYSTEMS = ("mailer-daemon", "mail-daemon", "maildaemon", "mailerdaemon", "mdaemon", "postmaster")
ANSWERING_MACHINES = ("X-Autoreply", "X-Auto-Reply", "X-Autorespond", "X-Autoresponder", "X-Vacation")

_BLANK_LINE = re.compile(rb"\r?\n[ \t]*\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"\r\n]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_TOKEN = re.compile(r"\+([2-9a-z]{20,50})\"?@")
_ADDRESS = re.compile(r"([^\s<>@\"]{1,64})@")
_STATUS = re.compile(r"(?<![\d.])([45])\.(\d{1,3})\.(\d{1,3})(?![\d.]?\d)")
# `smtp; 550 No such user`, `Remote host said: 550 No such user`.
_REPLY_CODE = re.compile(r"[;:]\s{0,20}([45])[0-5]\d(?=[ -])")


@dataclass(frozen=True, slots=True)
class Bounce:
    """`reference` is the delivery's own, `status` an enhanced status code such as 5.1.1."""

    reference: str
    status: str

    @property
    def permanent(self) -> bool:
        return self.status.startswith("5")


@dataclass(frozen=True, slots=True)
class _Part:
    headers: Message
    body: bytes

    @property
    def kind(self) -> str:
        return _value(self.headers, "Content-Type").partition(";")[0].strip().lower() or "text/plain"


def read_bounce(raw: bytes, signer: LinkSigner) -> Bounce | None:
    """None for whatever is no bounce of a message of ours."""
    mail = _part(raw[:LARGEST])
    reference = _reference(mail.headers, signer)
    if reference is None:
        return None
    leaves = list(islice(_leaves(mail), MOST_LEAVES))
    reports = [leaf for leaf in leaves if leaf.kind in REPORTS]
    if reports:
        status = _reported(reports)
    elif mail.kind != "multipart/report" and _from_mail_system(mail.headers):
        status = _told([leaf for leaf in leaves if leaf.kind.startswith("text/")])
    else:
        status = None
    return None if status is None else Bounce(reference, status)


def _reference(headers: Message, signer: LinkSigner) -> str | None:
    candidates = [
        token
        for name in RECIPIENTS
        for value in headers.get_all(name, [])[:MOST_CANDIDATES]
        for token in _TOKEN.findall(str(value)[:LONGEST_VALUE].lower())
    ]
    for token in candidates[:MOST_CANDIDATES]:
        try:
            return signer.read(token)
        except BadSignature:
            continue
    return None


def _reported(reports: list[_Part]) -> str | None:
    """The status of the first recipient for whom delivery was given up; a permanent one goes before."""
    statuses = [status for report in reports for status in _failures(_decoded(report)[:LARGEST_REPORT])]
    return min(statuses, key=lambda status: not status.startswith("5"), default=None)


def _failures(report: bytes) -> Iterator[str]:
    for group in _BLANK_LINE.split(report, maxsplit=MOST_CANDIDATES):
        fields = BytesHeaderParser().parsebytes(group.strip())
        action = _value(fields, "Action").partition("(")[0].strip().lower()
        status = _status(_value(fields, "Status"))
        if action == "failed" or (not action and status is not None and status.startswith("5")):
            yield _most_specific(status, _value(fields, "Diagnostic-Code"))


def _most_specific(status: str | None, diagnostic: str) -> str:
    """Some systems write a general status beside the precise one of the server that refused."""
    precise = _status(diagnostic)
    if status is None:
        return precise or _general(diagnostic) or UNSPECIFIC
    general = status.endswith(".0.0")
    return precise if general and precise is not None and precise[0] == status[0] else status


def _told(texts: list[_Part]) -> str | None:
    """The first 5.x.x in what a mail system writes to people, else the first 5xx that it quotes of another."""
    for part in texts:
        text = _decoded(part)[:LARGEST_REPORT].decode("latin-1")
        for read in (_STATUS, _REPLY_CODE):
            found = next((one for one in read.finditer(text) if one[1] == "5"), None)
            if found is not None:
                return _status(found[0]) or UNSPECIFIC
    return None


def _from_mail_system(headers: Message) -> bool:
    if any(name in headers for name in ANSWERING_MACHINES):
        return False
    if "vacation" in _value(headers, "Auto-Submitted").lower() or _value(headers, "Precedence").lower() == "auto_reply":
        return False
    sender = _ADDRESS.search(_value(headers, "From").lower())
    return "X-Failed-Recipients" in headers or (sender is not None and sender[1] in MAIL_SYSTEMS)


def _status(text: str) -> str | None:
    found = _STATUS.search(text)
    return f"{found[1]}.{int(found[2])}.{int(found[3])}" if found else None


def _general(text: str) -> str | None:
    """From a reply code without an enhanced one."""
    found = _REPLY_CODE.search(text)
    return f"{found[1]}.0.0" if found else None


def _part(raw: bytes) -> _Part:
    if _LINE_END.match(raw):
        return _Part(Message(), raw)
    end = _BLANK_LINE.search(raw)
    head, body = (raw, b"") if end is None else (raw[: end.start()], raw[end.end() :])
    return _Part(BytesHeaderParser().parsebytes(head[:LARGEST_HEADERS]), body)


def _leaves(part: _Part, depth: int = 0) -> Iterator[_Part]:
    """The parts that hold something. What a report returns of our message is a leaf, and is not looked into."""
    boundary = _boundary(part) if depth < DEEPEST else None
    if boundary is None:
        yield part
        return
    for inner in _inside(part.body, boundary):
        yield from _leaves(_part(inner), depth + 1)


def _boundary(part: _Part) -> bytes | None:
    if not part.kind.startswith("multipart/"):
        return None
    found = _BOUNDARY.search(_value(part.headers, "Content-Type"))
    return (found[1] or found[2]).encode("latin-1", "replace") if found else None


def _inside(body: bytes, boundary: bytes) -> list[bytes]:
    mark = re.escape(boundary)
    closed = re.search(rb"^--" + mark + rb"--", body, re.MULTILINE)
    open_body = body[: closed.start()] if closed else body
    pieces = re.split(rb"^--" + mark + rb"[ \t]*\r?\n", open_body, maxsplit=MOST_PARTS, flags=re.MULTILINE)
    return pieces[1:]


def _decoded(part: _Part) -> bytes:
    encoding = _value(part.headers, "Content-Transfer-Encoding").strip().lower()
    try:
        if encoding == "base64":
            return base64.b64decode(part.body)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(part.body)
    except binascii.Error:
        return b""
    return part.body


def _value(headers: Message, name: str) -> str:
    return str(headers.get(name, ""))[:LONGEST_VALUE]

"""Reports as mail servers really write them, and what looks like one and is none."""

import base64
import random
from pathlib import Path

import pytest

from db.tokens import RETURN_PATH, LinkSigner
from jobs.intake.bounces import LARGEST, Bounce, read_bounce

MAILS = Path(__file__).parent / "bounces"
SIGNER = LinkSigner([b"s" * 32], purpose="bounce", form=RETURN_PATH)
REFERENCE = "k3n2p8vxw4ra"
TOKEN = SIGNER.sign(REFERENCE)


def stored(name: str) -> bytes:
    """One mail of the corpus, with a token of ours where it says TOKEN."""
    return (MAILS / f"{name}.eml").read_bytes().replace(b"TOKEN", TOKEN.encode())


def read(raw: bytes | str) -> Bounce | None:
    return read_bounce(raw.encode() if isinstance(raw, str) else raw, SIGNER)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("postfix_unknown_user", "5.1.1"),
        ("postfix_french_relay", "5.1.1"),
        ("postfix_expired", "4.4.1"),
        ("postfix_content_refused", "5.7.1"),
        ("exim_report", "5.1.1"),
        ("exim_text", "5.0.0"),
        ("exchange_french", "5.1.10"),
        ("exchange_access_denied", "5.4.1"),
        ("outlook_com", "5.5.0"),
        ("gmail_no_such_user", "5.1.1"),
        ("gmail_full", "5.2.2"),
        ("qmail", "5.1.1"),
        ("qmail_french_text", "5.0.0"),
        ("internationalised", "5.1.1"),
        ("wrapped_by_a_gateway", "5.1.1"),
    ],
)
def test_bounce_is_recognised_with_the_most_precise_status(name: str, status: str) -> None:
    assert read(stored(name)) == Bounce(REFERENCE, status)


@pytest.mark.parametrize(
    "name",
    [
        "postfix_delayed",
        "exim_delayed_text",
        "gmail_delayed",
        "postfix_delivered",
        "vacation_outlook",
        "vacation_sieve",
        "vacation_postmaster",
        "read_receipt",
        "complaint",
        "answer_of_a_person",
    ],
)
def test_whatever_is_no_bounce_is_left_alone(name: str) -> None:
    assert b"TOKEN" in (MAILS / f"{name}.eml").read_bytes()
    assert read(stored(name)) is None


def test_every_mail_of_the_corpus_is_tested(request: pytest.FixtureRequest) -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [path.stem for path in MAILS.glob("*.eml") if f'"{path.stem}"' not in source] == []


@pytest.mark.parametrize(("status", "permanent"), [("5.1.1", True), ("4.4.1", False)])
def test_first_digit_says_whether_it_is_for_good(status: str, permanent: bool) -> None:
    assert Bounce(REFERENCE, status).permanent is permanent


REPORT = """\
{header}: <retour+{token}@practice.example>
From: MAILER-DAEMON@mx.example
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1

Sorry.
--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

{fields}

--b1--
"""
FAILED = "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1"


def report(*, header: str = "To", token: str = TOKEN, fields: str = FAILED) -> str:
    return REPORT.format(header=header, token=token, fields=fields)


@pytest.mark.parametrize(
    "header",
    [
        "Delivered-To",
        "X-Delivered-To",
        "X-Original-To",
        "Original-Recipient",
        "Envelope-To",
        "To",
        "to",
        "DELIVERED-TO",
    ],
)
def test_return_path_is_found_wherever_the_mail_server_says_it(header: str) -> None:
    assert read(report(header=header)) == Bounce(REFERENCE, "5.1.1")


@pytest.mark.parametrize("header", ["Cc", "Subject", "Reply-To", "X-Anything"])
def test_return_path_elsewhere_counts_for_nothing(header: str) -> None:
    assert read(report(header=header)) is None


@pytest.mark.parametrize(
    "line",
    [
        "To: <RETOUR+{upper}@PRACTICE.EXAMPLE>",
        "TO: Retour+{title}@Practice.Example",
        "To: retour+{token}@practice.example",
        'To: <"retour+{token}"@practice.example>',
        "To:\n <retour+{token}@practice.example>",
        "To: Somebody <a@b.example>, retour+{token}@practice.example",
        "To: a+b@c.example\nTo: retour+{token}@practice.example",
        "To: =?utf-8?q?Caf=C3=A9?= <retour+{token}@practice.example>",
        "To: Café <retour+{token}@practice.example>",
        "From MAILER-DAEMON Mon Nov 16 10:40:00 2026\nTo: <retour+{token}@practice.example>",
        "Original-Recipient: rfc822;retour+{token}@practice.example",
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_spelling_of_the_return_path_makes_no_difference(line: str, line_end: str) -> None:
    spelt = line.format(token=TOKEN, upper=TOKEN.upper(), title=TOKEN.title())
    mail = f"{spelt}\n{report().partition(chr(10))[2]}".replace("\n", line_end)
    assert read(mail) == Bounce(REFERENCE, "5.1.1")


@pytest.mark.parametrize(
    "token",
    [
        TOKEN[:-1] + ("2" if TOKEN[-1] != "2" else "3"),
        ("2" if TOKEN[0] != "2" else "3") + TOKEN[1:],
        TOKEN[:-1],
        TOKEN + "2",
        REFERENCE,
        "",
        LinkSigner([b"t" * 32], purpose="bounce", form=RETURN_PATH).sign(REFERENCE),
        LinkSigner([b"s" * 32], purpose="link", form=RETURN_PATH).sign(REFERENCE),
    ],
)
def test_forged_return_path_is_no_bounce_of_ours(token: str) -> None:
    assert read(report(token=token)) is None


def test_token_of_an_older_key_is_still_ours() -> None:
    newer = LinkSigner([b"s" * 32, b"t" * 32], purpose="bounce", form=RETURN_PATH)
    assert read_bounce(report().encode(), newer) == Bounce(REFERENCE, "5.1.1")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 unknown", "5.1.1"),
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 unknown", "5.0.0"),
        ("Action: failed\nStatus: 4.0.0\nDiagnostic-Code: smtp; 550 5.1.1 unknown", "4.0.0"),
        ("Action: failed\nStatus: 5.2.1\nDiagnostic-Code: smtp; 550 5.1.1 unknown", "5.2.1"),
        ("Action: failed\nDiagnostic-Code: smtp; 550-5.1.1 unknown\n 550 5.1.1 user", "5.1.1"),
        ("Action: failed\nDiagnostic-Code: smtp; 451 later", "4.0.0"),
        ("Action: failed\nStatus: nonsense", "5.0.0"),
        ("Action: failed\nStatus: 2.0.0", "5.0.0"),
        ("Action: failed", "5.0.0"),
        ("Action: FAILED (given up)\nStatus: 5.1.1 (unknown)", "5.1.1"),
        ("Action: failed\nStatus: 5.01.001", "5.1.1"),
        ("Status: 5.1.1", "5.1.1"),
        ("Status: 4.4.1", None),
        ("Action: delayed\nStatus: 5.1.1", None),
        ("Action: relayed\nStatus: 2.1.9", None),
        ("Action: expanded\nStatus: 2.0.0", None),
        ("Action: failed\nStatus: 4.4.1\n\nAction: failed\nStatus: 5.1.1", "5.1.1"),
        ("Action: delayed\nStatus: 4.4.1\n\nAction: failed\nStatus: 5.1.1", "5.1.1"),
        ("", None),
        ("garbage \x00 without fields", None),
    ],
)
def test_report_is_read_field_by_field(fields: str, status: str | None) -> None:
    assert read(report(fields=fields)) == (None if status is None else Bounce(REFERENCE, status))


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_encoded_report_is_read_all_the_same(encoding: str) -> None:
    body = f"Reporting-MTA: dns; mx.example\n\n{FAILED}\n"
    encoded = base64.encodebytes(body.encode()).decode() if encoding == "base64" else body.replace(":", "=3A")
    mail = report().replace(
        f"status\n\nReporting-MTA: dns; mx.example\n\n{FAILED}\n",
        f"status\nContent-Transfer-Encoding: {encoding}\n\n{encoded}",
    )
    assert encoded in mail
    assert read(mail) == Bounce(REFERENCE, "5.1.1")


TEXT = """\
To: retour+{token}@practice.example
From: {sender}
{more}Subject: failure notice

{text}
"""


def told(text: str, *, sender: str = "MAILER-DAEMON@mx.example", more: str = "") -> Bounce | None:
    return read(TEXT.format(token=TOKEN, text=text, sender=sender, more=more))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("<a@b.example>: 550 5.1.1 no such user", "5.1.1"),
        ("Sorry, no mailbox here by that name. (#5.1.1)", "5.1.1"),
        ("L'adresse n'existe pas [5.1.10].", "5.1.10"),
        ("Remote host said: 550 no such user", "5.0.0"),
        ("first 4.4.1, then 5.4.4", "5.4.4"),
        ("Remote host said: 450 greylisted (#4.2.0)", None),
        ("your host 10.5.1.1 and 5.1.1.9 are known to us", None),
        ("delivered by version 5.1.1234", None),
        ("Your mail of 550 bytes was not delivered yet", None),
        ("", None),
    ],
)
def test_bounce_without_a_report_needs_a_status_in_its_text(text: str, status: str | None) -> None:
    assert told(text) == (None if status is None else Bounce(REFERENCE, status))


@pytest.mark.parametrize(
    ("sender", "more", "is_bounce"),
    [
        ("Mail Delivery System <MAILER-DAEMON@mx.example>", "", True),
        ("postmaster@mx.example", "Auto-Submitted: auto-replied\n", True),
        ("someone@mx.example", "X-Failed-Recipients: a@b.example\n", True),
        ("someone@mx.example", "", False),
        ("mailer-daemon <someone@mx.example>", "", False),
        ("", "", False),
        ("postmaster@mx.example", "Auto-Submitted: auto-replied (vacation)\n", False),
        ("postmaster@mx.example", "X-Autoreply: yes\n", False),
        ("postmaster@mx.example", "Precedence: auto_reply\n", False),
    ],
)
def test_bounce_without_a_report_must_come_from_a_mail_system(sender: str, more: str, is_bounce: bool) -> None:
    assert (told("550 5.1.1 no such user", sender=sender, more=more) is not None) is is_bounce


def nested(depth: int, kind: str = "multipart/mixed") -> str:
    opened = "".join(f'Content-Type: {kind}; boundary="b{n}"\n\n--b{n}\n' for n in range(depth))
    return f"To: retour+{TOKEN}@practice.example\nFrom: mailer-daemon@b.example\n{opened}\n550 5.1.1\n"


HOSTILE = {
    "nothing": "",
    "one line": f"To: retour+{TOKEN}@practice.example",
    "nuls": f"To: retour+{TOKEN}@practice.example\n\n" + "\x00" * 10_000,
    "deep": nested(20_000),
    "deep messages": nested(20_000, "message/rfc822"),
    "a boundary without end": report().replace("--b1--", ""),
    "an empty boundary": report().replace('"b1"', '""'),
    "a boundary of signs": report().replace("b1", "b(.*"),
    "an unknown charset": report().replace('boundary="b1"', 'boundary="b1"; charset="x-nothing"'),
    "quotes": report().replace('boundary="b1"', ';\\"' * 20_000),
    "many parts": report().replace("--b1\n\nSorry.\n", "--b1\n\nSorry.\n" * 100_000),
    "many headers": "X: y\n" * 150_000 + report(),
    "many recipients": "To: a+" + "a" * 32 + "@b.example\n" * 50_000 + report(),
    "one long header": f"To: {'a+' * 400_000}\n" + report(),
    "many groups": report(fields="Action: x\n\n" * 80_000),
    "bad base64": report().replace("delivery-status\n\n", "delivery-status\nContent-Transfer-Encoding: base64\n\n="),
    "a large body": report() + "x" * 3 * LARGEST,
    "blank lines": report().replace("Sorry.", "\n" * 900_000),
    "dashes": report().replace("Sorry.", "--b" * 300_000),
    "spaces": report().replace("Sorry.", " " * 900_000),
    "digits": TEXT.format(token=TOKEN, sender="mailer-daemon@b.example", more="", text="5." * 400_000),
    "colons": TEXT.format(token=TOKEN, sender="mailer-daemon@b.example", more="", text=": " * 400_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_read_without_a_crash(name: str) -> None:
    found = read(HOSTILE[name])
    assert found is None or found.reference == REFERENCE


@pytest.mark.parametrize("seed", range(40))
def test_damaged_mail_never_crashes(seed: int) -> None:
    chance = random.Random(seed)
    mails = sorted(MAILS.glob("*.eml"))
    raw = bytearray(stored(chance.choice(mails).stem))
    for _ in range(chance.randrange(1, 60)):
        place = chance.randrange(len(raw))
        raw[place : place + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
    found = read(bytes(raw))
    assert found is None or found.reference == REFERENCE


@pytest.mark.parametrize("codec", ["utf-16", "utf-8-sig", "cp500"])
def test_mail_in_another_encoding_is_no_bounce_and_no_crash(codec: str) -> None:
    found = read(report().encode(codec))
    assert found is None or found == Bounce(REFERENCE, "5.1.1")


def test_nothing_of_the_text_is_kept() -> None:
    found = read(stored("postfix_unknown_user"))
    assert set(Bounce.__slots__) == {"reference", "status"}
    assert "alix" not in repr(found).lower()

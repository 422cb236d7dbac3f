from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.delivery.email import Attachment, OutgoingEmail, build
from jobs.delivery.errors import Permanent, PermanentKind, SendingRefused
from tests.jobs.delivery.samples import CALENDAR, an_email


def parsed(mail: OutgoingEmail) -> EmailMessage:
    return message_from_bytes(build(mail), policy=policy.default)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert isinstance(body, EmailMessage)
    return str(body.get_content()).replace("\r\n", "\n")


def test_text_and_html_say_what_was_given() -> None:
    mail = an_email()
    message = parsed(mail)
    assert message.get_content_type() == "multipart/alternative"
    assert part(message, "plain") == mail.text
    assert part(message, "html") == mail.html + "\n"
    assert not message.defects


def test_the_headers_of_automatic_mail_are_there() -> None:
    message = parsed(an_email())
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Message-ID"] == "<k3n2.first@practice.example>"
    assert message["Content-Language"] == "fr"
    assert message["Reply-To"] == "secretariat@practice.example"
    assert message["To"] == "camille@patients.example"
    assert message["Subject"] == an_email().subject
    assert message["From"].addresses[0].display_name == "Cabinet du Lac Léman"
    assert message["From"].addresses[0].addr_spec == "contact@practice.example"
    assert message["Precedence"] is None
    assert message["Return-Path"] is None


def test_the_date_is_the_one_given() -> None:
    moment = datetime(2016, 6, 6, 11, 30, tzinfo=timezone(timedelta(hours=2)))
    assert parsed(an_email(date=moment))["Date"].datetime == moment


def test_one_click_unsubscribing_stands_in_sequence_mail() -> None:
    message = parsed(an_email())
    assert message["List-Unsubscribe"] == "<https://practice.example/unsubscribe/abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_mailbox_may_stand_beside_the_one_click_address() -> None:
    message = parsed(an_email(unsubscribe_mailto="stop@practice.example"))
    ways = "<https://practice.example/unsubscribe/abc>, <mailto:stop@practice.example>"
    assert message["List-Unsubscribe"] == ways


def test_a_confirmation_has_no_unsubscribe_headers() -> None:
    message = parsed(an_email(unsubscribe_url=None))
    assert message["List-Unsubscribe"] is None
    assert message["List-Unsubscribe-Post"] is None


def test_a_calendar_file_is_attached_beside_both_texts() -> None:
    mail = an_email(attachments=(CALENDAR,))
    message = parsed(mail)
    [attached] = message.iter_attachments()
    assert message.get_content_type() == "multipart/mixed"
    assert attached.get_filename() == "rendez-vous.ics"
    assert attached.get_content_type() == "text/calendar"
    assert attached.get_param("method") == "PUBLISH"
    assert attached.get_payload(decode=True) == CALENDAR.content
    assert part(message, "plain") == mail.text


def test_two_attachments_keep_their_order_and_their_names() -> None:
    second = Attachment('élève "1".bin', "application/octet-stream", bytes(range(256)) * 40)
    attached = list(parsed(an_email(attachments=(CALENDAR, second))).iter_attachments())
    assert [item.get_filename() for item in attached] == ["rendez-vous.ics", 'élève "1".bin']
    assert attached[1].get_payload(decode=True) == second.content


def test_building_twice_gives_the_same_bytes() -> None:
    assert build(an_email(attachments=(CALENDAR,))) == build(an_email(attachments=(CALENDAR,)))


HOSTILE = [
    "a\r\nBcc: eve@evil.example",
    "a\nBcc: x",
    "a\rBcc: x",
    "a\x0bBcc: x",
    "a\u2028Bcc: x",
    "a\x85Bcc: x",
    "\x00\x1b",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["subject", "from_name"])
def test_a_text_header_cannot_start_another_header(field: str, value: str) -> None:
    message = parsed(an_email(**{field: value}))
    assert message["Bcc"] is None
    assert set(message.keys()) == set(parsed(an_email()).keys())


@pytest.mark.parametrize("value", HOSTILE)
def test_a_file_name_cannot_start_another_header(value: str) -> None:
    [attached] = parsed(an_email(attachments=(Attachment(value, "text/plain", b""),))).iter_attachments()
    assert attached["Bcc"] is None


@pytest.mark.parametrize(
    "field",
    ["message_id", "reply_to", "from_address", "unsubscribe_url", "unsubscribe_mailto", "language"],
)
@pytest.mark.parametrize("value", [*HOSTILE, "", "<", "é", "a b"])
def test_a_setting_that_cannot_stand_in_a_header_refuses_sending(field: str, value: str) -> None:
    with pytest.raises(SendingRefused):
        build(an_email(**{field: value}))


def test_a_content_type_cannot_start_another_header() -> None:
    with pytest.raises(SendingRefused):
        build(an_email(attachments=(Attachment("a", "text/plain\r\nBcc: x", b""),)))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "camille",
        "@patients.example",
        "camille@",
        "camille d@patients.example",
        "camille@patients.example\r\nRCPT TO:<eve@evil.example>",
        "camille@patients.example>",
        "a@b@c",
        "camille@patients..example",
        "hélène@patients.example",
        '"a b"@patients.example',
        "x" * 65 + "@patients.example",
        "x@" + "y" * 260,
    ],
)
def test_an_address_that_mail_cannot_reach_is_a_permanent_failure(address: str) -> None:
    with pytest.raises(Permanent) as refused:
        build(an_email(to=address))
    assert refused.value.kind is PermanentKind.ADDRESS_INVALID
    assert "camille" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "written"),
    [
        (" camille@patients.example ", "camille@patients.example"),
        ("o'neil+x_y@sub.patients.example", "o'neil+x_y@sub.patients.example"),
        ("camille@hôpital.example", "camille@xn--hpital-ixa.example"),
    ],
)
def test_an_address_is_written_as_the_wire_wants_it(address: str, written: str) -> None:
    assert parsed(an_email(to=address))["To"] == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no line break",
        "é" * 3000,
        "x" * 5000,
        "trailing space \nand tab\t\nend",
        "a=b =20 =_reprise_alternative\n--=_reprise_alternative--\n",
        "From the start\n.\n..dots\n",
        "windows\r\nold mac\rend",
        "emoji 🙂 and \u202f no-break",
    ],
)
def test_every_text_survives_in_short_seven_bit_lines(text: str) -> None:
    mail = an_email(text=text, html=text)
    raw = build(mail)
    wanted = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    assert part(parsed(mail), "plain") == wanted
    assert part(parsed(mail), "html") == wanted
    assert all(len(line) <= 200 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    raw.decode("ascii")


header_text = st.text(st.characters(codec="utf-8"), max_size=200)


@given(subject=header_text, name=header_text)
def test_any_subject_and_name_come_back_as_one_clean_line(subject: str, name: str) -> None:
    message = parsed(an_email(subject=subject, from_name=name))
    assert message["To"] == "camille@patients.example"
    assert str(message["Subject"]).split() == clean(subject).split()
    assert all(len(line) <= 200 for line in build(an_email(subject=subject, from_name=name)).split(b"\r\n"))


def clean(text: str) -> str:
    joined = " ".join(text.split())
    return "".join(c for c in joined if not (c < " " or "\x7f" <= c <= "\x9f"))


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=400))
def test_any_body_comes_back_as_it_was(text: str) -> None:
    message: Any = parsed(an_email(text=text)).get_body(("plain",))
    assert message.get_payload(decode=True).decode("utf-8") == text.rstrip("\n").replace("\n", "\r\n") + "\r\n"

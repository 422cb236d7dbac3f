"""The email with a one-time link: at once, whatever the hour, and only while the link is good."""

from datetime import datetime, timedelta
from email import message_from_bytes, policy

import pytest

from db.changes.accounts import LINK_LIFE, request_link, use_link
from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.accounts import LINK_PATH
from db.tokens import sign_ins
from tests import factories as f
from tests.jobs.delivery.conftest import Wired

ADMIN = "dominique@tilleuls.example"
SITE = f"https://rdv.example{LINK_PATH}"


async def outcome() -> tuple[str, str | None]:
    (row,) = await fetch("SELECT status, reason FROM delivery WHERE message = 'sign_in'")
    return row["status"], row["reason"]


@pytest.mark.parametrize("at", [f.local(16, 10), f.local(16, 3), f.local(22, 12)], ids=["open", "night", "sunday"])
async def test_the_link_that_arrives_opens_the_account(wired: Wired, at: datetime) -> None:
    clock.move_to(at)
    await request_link(ADMIN, to="/staff/cases/abc", now=clock.now())
    assert await wired.human.send_due() == 1
    (received,) = wired.smtp.received
    assert received.rcpt_tos == [ADMIN]
    mail = message_from_bytes(received.content, policy=policy.default)
    assert mail["Subject"] == "[Reprise] Votre lien de connexion"
    assert mail["List-Unsubscribe"] is None
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    link = next(word for word in text.get_content().split() if word.startswith(SITE))
    assert link in html.get_content()
    path, _, query = link.removeprefix(SITE).partition("?")
    assert query == "to=%2Fstaff%2Fcases%2Fabc"
    used = await use_link(sign_ins().read(path), now=clock.now())
    assert used.staff == await fetch_value("SELECT id FROM staff WHERE role = 'admin'")


async def test_it_goes_to_whoever_wants_no_other_mail(wired: Wired) -> None:
    clock.move_to(f.MONDAY)
    await fetch("UPDATE staff SET alerts = 'none', email_invalid_at = $1", f.MONDAY)
    await request_link(ADMIN, now=clock.now())
    assert await wired.human.send_due() == 1


async def test_in_english_for_whoever_reads_that(wired: Wired) -> None:
    clock.move_to(f.MONDAY)
    await fetch("UPDATE staff SET language = 'en'")
    await request_link(ADMIN, now=clock.now())
    await wired.human.send_due()
    mail = message_from_bytes(wired.smtp.received[0].content, policy=policy.default)
    assert mail["Subject"] == "[Reprise] Your sign-in link"


async def test_a_link_that_is_over_is_not_sent(wired: Wired) -> None:
    clock.move_to(f.MONDAY)
    await request_link(ADMIN, now=clock.now())
    clock.move_by(LINK_LIFE + timedelta(seconds=1))
    await wired.human.send_due()
    assert wired.smtp.received == []
    assert await outcome() == ("cancelled", "too_late")


async def test_nobody_who_left_meanwhile_gets_one(wired: Wired) -> None:
    clock.move_to(f.MONDAY)
    await request_link(ADMIN, now=clock.now())
    await fetch("UPDATE staff SET active = false WHERE role = 'admin'")
    await wired.human.send_due()
    assert wired.smtp.received == []
    assert await outcome() == ("cancelled", "no_address")

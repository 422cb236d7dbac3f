"""From the envelope of an email that leaves to the task that its bounce becomes, over a real SMTP conversation."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from db.changes.practices import save_practice
from db.changes.settlements import record_bounce
from db.clock import clock
from db.engine import fetch, fetch_value
from db.tokens import bounces
from jobs.delivery.compose import return_path
from jobs.intake.bounces import read_bounce
from tests import factories as f
from tests.jobs.delivery.conftest import Wired

FIRST_DUE = f.local(16, 10, 40)
REPORT = Path(__file__).parents[1] / "intake" / "bounces" / "postfix_unknown_user.eml"


async def sent_from(wired: Wired, **smtp: str) -> str:
    """The envelope sender of the first email of an absence."""
    usual = f.new_practice()
    access = {**usual.smtp, "port": wired.smtp.port, **smtp}
    await save_practice(replace(usual, smtp=access), now=f.MONDAY)
    await f.make_absence(wired.practice, phone=None, phone_kind=None)
    clock.move_to(FIRST_DUE + timedelta(seconds=1))
    await wired.tick()
    (mail,) = wired.smtp.received
    return str(mail.mail_from)


async def test_without_a_bounce_address_the_envelope_names_the_sender(wired: Wired) -> None:
    assert await sent_from(wired) == "rdv@tilleuls.example"


async def test_envelope_names_the_delivery_and_the_header_does_not(wired: Wired) -> None:
    sender = await sent_from(wired, bounce_address="retour@tilleuls.example")
    local, _, domain = sender.partition("@")
    token = local.removeprefix("retour+")
    assert domain == "tilleuls.example"
    assert bounces().read(token) == await fetch_value("SELECT ref FROM delivery WHERE status = 'sent'")
    assert token.encode() not in wired.smtp.received[0].content


async def test_what_comes_back_there_becomes_a_task(wired: Wired) -> None:
    sender = await sent_from(wired, bounce_address="retour@tilleuls.example")
    report = REPORT.read_bytes().replace(b"retour+TOKEN@practice.example", sender.upper().encode())
    found = read_bounce(report, bounces())
    assert found is not None
    assert await record_bounce(reference=found.reference, permanent=found.permanent, code=found.status, now=clock.now())
    assert [row["kind"] for row in await fetch("SELECT kind FROM task ORDER BY id")] == ["bounce", "unreachable"]


@pytest.mark.parametrize("smtp", [{}, {"bounce_address": ""}])
def test_practice_that_has_no_bounce_address_uses_its_own(smtp: dict[str, str]) -> None:
    assert return_path({"from_address": "rdv@tilleuls.example"} | smtp, "k3n2p8vxw4ra") == "rdv@tilleuls.example"

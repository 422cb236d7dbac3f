"""A whole rehearsal through the worker's own ticks, against the SMTP and Twilio doubles."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.rehearsals import rehearsed_deliveries
from db.rules.plans import HIGH_RISK, PSYCHOTHERAPY, STANDARD, Plan
from jobs.messages.gsm7 import septets, unencodable
from tests import factories as f
from tests.jobs.delivery.conftest import Wired
from tests.rehearsals import STAFF_EMAIL, STAFF_PHONE, make_rehearsal

# In the night, when nothing goes to a patient.
NIGHT = f.local(22, 3)
MARKS = {"fr": "[Répétition]", "en": "[Rehearsal]"}


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


async def run(wired: Wired, seconds: int) -> None:
    for passed in range(0, seconds + 1, 10):
        clock.move_to(NIGHT + timedelta(seconds=passed, milliseconds=100))
        await wired.tick()
        await wired.human.send_due()


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("plan", [STANDARD, PSYCHOTHERAPY, HIGH_RISK], ids=lambda plan: plan.name)
async def test_every_step_arrives_marked_and_in_order(wired: Wired, plan: Plan, language: str) -> None:
    ref = await make_rehearsal(wired.practice, plan, speciality="psychotherapy", language=language, now=NIGHT)
    await run(wired, 10 * plan.days[-1])
    deliveries = await rehearsed_deliveries(wired.practice.id, ref)
    assert {one.status for one in deliveries} == {"sent"}
    assert len(deliveries) == len(plan.steps)
    assert all(one.sent_at and one.sent_at - one.due_at < timedelta(seconds=8) for one in deliveries)
    mails = [parsed(mail.content) for mail in wired.smtp.received]
    assert len(mails) == sum(step.channel != "sms" for step in plan.steps)
    for mail in mails:
        assert mail["To"] == STAFF_EMAIL
        assert str(mail["Subject"]).startswith(MARKS[language])
    assert len(wired.twilio.sent) == sum(step.channel == "sms" for step in plan.steps)
    for form in wired.twilio.sent:
        assert form["To"] == STAFF_PHONE
        assert form["Body"].startswith(MARKS[language])
        assert not unencodable(form["Body"])
        # Without its mark it is what a patient gets: one segment.
        assert septets(form["Body"]) <= 160 + len(MARKS[language]) + 1


async def test_every_link_of_a_rehearsal_is_its_own(wired: Wired) -> None:
    await make_rehearsal(wired.practice, now=NIGHT)
    await run(wired, 50)
    texts = [form["Body"] for form in wired.twilio.sent]
    texts += [str(parsed(mail.content).get_body(("plain",))) for mail in wired.smtp.received]
    links = [word for text in texts for word in text.split() if word.startswith("https://rdv.example/r/")]
    assert len(links) == len(set(links)) == 6


async def test_people_are_told_what_would_be_asked_of_them(wired: Wired) -> None:
    await make_rehearsal(wired.practice, now=NIGHT)
    await run(wired, 50)
    bodies = [str(parsed(mail.content)["Subject"]) for mail in wired.smtp.received]
    cases = [mail for mail in wired.smtp.received if parsed(mail.content)["List-Unsubscribe"] is None]
    assert len(cases) == 3
    assert len(bodies) == 7
    for mail in cases:
        text = parsed(mail.content).get_body(("plain",))
        assert text is not None
        assert "Alix" not in text.get_content()
        assert "répétition" in text.get_content()
    assert await fetch_value("SELECT count(*) FROM task") == 0


async def test_a_server_that_refuses_everything_leaves_no_task_of_a_rehearsal(wired: Wired) -> None:
    await make_rehearsal(wired.practice, now=NIGHT)
    wired.smtp.script.answers["RCPT"] = ["550 5.1.1 no such user"] * 20
    wired.twilio.answers = [(401, 20003)] * 10
    await run(wired, 50)
    assert await fetch("SELECT kind FROM task") == []
    assert await fetch_value("SELECT count(*) FROM staff WHERE email_invalid_at IS NOT NULL") == 0

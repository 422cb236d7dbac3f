"""A practice in which every page has something to show, whatever the people and patients in it are called."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from db.actors import INTAKE
from db.changes.inbound import Meaning, record_inbound
from db.changes.labels import set_label
from db.changes.practices import NewPractitioner
from db.changes.slack import link_slack
from db.changes.tones import publish_draft, save_draft
from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.practices import Profile
from db.queries.tones import TextKey, TextWords
from db.rules.risk import RiskRule
from db.states import AppointmentStatus
from tests import factories as f
from tests.db.changes import people

TEXT = TextKey("worth", "email", "dental", "fr")
TEXT_PAGE = "/staff/texts/worth/email/dental/fr"


async def full_house(mark: str, **changes: Any) -> Profile:
    """`mark` stands wherever a person may write: the practice, its team, its patients and what they answer. It is
    Tuesday morning, and a call is due."""
    clock.move_to(people.CALL_DUE + timedelta(minutes=5))
    staff = tuple(replace(one, name=f"{mark}{one.role}") for one in f.EVERY_ROLE)
    treating = (NewPractitioner(f"{mark}P", "physiotherapy", 50, 10, staff="maxime@tilleuls.example"),)
    named = {"name": f"{mark}N", "discreet_name": f"{mark}D"[:40], "address": f"{mark}A"}
    practice = await f.make_practice(**{"staff": staff, "practitioners": treating, **named, **changes})
    who: dict[str, Any] = {"first_name": f"{mark}F", "last_name": f"{mark}L", "practitioner": f"{mark}P"}
    absence, _ = await people.a_call(practice, **who, risk_rules=people.CRISIS)
    for number in range(2):
        await f.make_absence(practice, **who, starts_at=f.MISSED_AT + timedelta(days=1, hours=number))
    await f.make_absence(practice, **who, phone=None, email=None)
    ahead = f.row(**who, starts_at=f.MISSED_AT + timedelta(days=1, hours=4), status=AppointmentStatus.BOOKED)
    await f.intake([ahead], practice, now=clock.now())
    await record_inbound(
        practice=practice.id,
        gateway="twilio",
        provider_id="SM1",
        from_e164=str(absence.phone),
        text=f"{mark} répond",
        meaning=Meaning.REPLY,
        now=clock.now(),
    )
    ref = await fetch_value("SELECT ref FROM patient WHERE key = $1", absence.patient_key)
    rule: dict[str, Any] = {"rule": RiskRule.CHRONIC_CONDITIONS, "practice": practice, "until": None}
    await set_label(ref, **rule, actor=INTAKE, now=clock.now())
    for one in await fetch("SELECT ref FROM staff WHERE practice = $1", practice.id):
        user = f"U{one['ref'].upper()}"
        await link_slack(one["ref"], practice=practice.id, slack_user=user, actor=INTAKE, now=clock.now())
    await _write_text(practice, mark)
    return practice


async def _write_text(practice: Profile, mark: str) -> None:
    """A text with an older version, one that leaves, and a draft."""
    by, seen = await people.hand_of(f"{mark}admin"), ""
    told: dict[str, Any] = {"practice": practice.id, "now": clock.now()}
    for number in range(3):
        words = TextWords(f"{mark}{{{{ first_name }}}} {number}", f"{mark} {number}")
        seen = (await save_draft(TEXT, words=words, seen=seen, by=by, **told)).mark
        if number < 2:
            seen = (await publish_draft(TEXT, seen=seen, by=by, **told)).mark

"""A practice with somebody in every role, and what they do, in few words."""

from datetime import datetime
from typing import Any

from db.actors import Hand, staff
from db.changes.human_steps import open_due_steps
from db.changes.inbound import Meaning, record_inbound
from db.changes.outcomes import Follow, Recorded, record_outcome
from db.changes.practices import NewPractitioner
from db.engine import fetch, fetch_one, fetch_value
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.rules.risk import RiskRule
from db.states import CallOutcome, TaskKind
from tests import factories as f

TREATING = (NewPractitioner("Maxime Lefèvre", "physiotherapy", 50, 10, staff="maxime@tilleuls.example"),)
RISK = frozenset({RiskRule.CHRONIC_CONDITIONS})
CRISIS = frozenset({RiskRule.CRISIS})
# The call of the high-risk plan is due on the day after Monday's absence.
CALL_DUE = f.local(17, 9)
SACHA, ANDREA, MAXIME, CAMILLE = "Sacha Morel", "Andrea Blanc", "Maxime Lefèvre", "Camille Roux"


async def make_house(**changes: Any) -> Profile:
    return await f.make_practice(**({"staff": f.EVERY_ROLE, "practitioners": TREATING} | changes))


async def hand_of(name: str) -> Hand:
    row = await fetch_one("SELECT id, ref FROM staff WHERE name = $1", name)
    assert row is not None
    return Hand(staff(row["ref"]), row["id"])


async def open_steps(now: datetime) -> None:
    while await open_due_steps(now=now):
        pass


async def a_call(practice: Profile, **changes: Any) -> tuple[IntakeRow, str]:
    """A high-risk absence of Monday, its call open on Tuesday morning; the absence and the call's reference."""
    absence = await f.make_absence(practice, **({"risk_rules": RISK} | changes))
    await open_steps(CALL_DUE)
    return absence, await ref_of(TaskKind.CALL, absence.patient_key)


async def a_reply(practice: Profile, absence: IntakeRow, now: datetime, provider_id: str = "SM1") -> str:
    said: dict[str, Any] = {"gateway": "twilio", "text": "Je rappelle", "provider_id": provider_id}
    await record_inbound(practice=practice.id, from_e164=str(absence.phone), meaning=Meaning.REPLY, now=now, **said)
    return await ref_of(TaskKind.REPLY, absence.patient_key)


async def ref_of(kind: TaskKind, patient_key: str | None = None) -> str:
    """The latest task of this kind."""
    found: str = await fetch_value(
        "SELECT t.ref FROM task t LEFT JOIN patient p ON p.id = t.patient WHERE t.kind = $1 "
        "AND ($2::text IS NULL OR p.key = $2) ORDER BY t.id DESC LIMIT 1",
        kind,
        patient_key,
    )
    return found


async def task(ref: str) -> Any:
    row = await fetch_one("SELECT * FROM task WHERE ref = $1", ref)
    assert row is not None
    return row


async def standing(patient_key: str) -> dict[str, str]:
    """kind -> status of what people are asked to do for a patient."""
    rows = await fetch(
        "SELECT t.kind, t.status FROM task t JOIN patient p ON p.id = t.patient WHERE p.key = $1 ORDER BY t.id",
        patient_key,
    )
    return {row["kind"]: row["status"] for row in rows}


async def ended(
    ref: str,
    outcome: CallOutcome,
    practice: Profile,
    now: datetime,
    *,
    who: str | None = SACHA,
    note: str = "",
    follow: Follow | None = None,
) -> Recorded:
    by = await hand_of(who) if who is not None else Hand("staff:terminal")
    return await record_outcome(ref, outcome=outcome, practice=practice.id, by=by, now=now, note=note, follow=follow)

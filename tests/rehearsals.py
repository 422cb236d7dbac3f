"""Rehearsals for tests, started through the change as the command does."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from db.changes.rehearsals import Audience, Said, start_rehearsal
from db.engine import fetch
from db.queries.practices import Profile
from db.queries.team import staffing
from db.rules.plans import HIGH_RISK, Plan
from db.rules.rehearsing import RehearsedStep, Speed, rehearsed
from jobs.messages.preview import human_steps
from tests.factories import MONDAY

STAFF_EMAIL = "camille@tilleuls.example"
STAFF_PHONE = "+33639981234"
BOTH = Audience(email=STAFF_EMAIL, phone=STAFF_PHONE)
TEN_SECONDS = Speed(timedelta(seconds=10))


async def steps_of(
    practice: Profile, plan: Plan = HIGH_RISK, *, speed: Speed = TEN_SECONDS, now: datetime = MONDAY
) -> Sequence[RehearsedStep]:
    team = await staffing(practice, practitioner=None, now=now)
    return rehearsed(plan, human_steps(plan, practice, now, team.hours_of), speed)


async def make_rehearsal(
    practice: Profile,
    plan: Plan = HIGH_RISK,
    *,
    to: Audience = BOTH,
    speciality: str = "general",
    language: str = "fr",
    now: datetime = MONDAY,
) -> str:
    said = Said("Alix", speciality, language, date(2026, 11, 16))
    steps = await steps_of(practice, plan, now=now)
    return await start_rehearsal(practice, plan=plan.name, steps=steps, to=to, said=said, actor="staff:x", now=now)


async def rehearsed_rows() -> list[Any]:
    return list(await fetch("SELECT * FROM delivery WHERE rehearsal ORDER BY due_at, id"))

"""What workers, patients and staff do in these tests, in few words."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from db.changes.deliveries import Claim, Claimed, claim_due
from db.changes.enrolments import complete_touched
from db.changes.settlements import Outcome, Settlement, settle
from db.engine import fetch, fetch_value
from db.queries.links import PatientPage, patient_page
from db.queries.practices import Profile
from db.states import Channel
from db.tables.deliveries import BULK
from tests import factories as f

DOMAIN = "tilleuls.example"
FIRST_DUE = f.local(16, 10, 40)


async def claim(
    practice: Profile, channel: Channel, now: datetime, *, lane: str = BULK, limit: int = 100
) -> Sequence[Claimed]:
    """Claim what is due on one channel, and end what thereby ended, as the sender does."""
    found = await claim_whole(practice, channel, now, lane=lane, limit=limit)
    return found.going


async def claim_whole(
    practice: Profile, channel: Channel, now: datetime, *, lane: str = BULK, limit: int = 100
) -> Claim:
    found = await claim_due(practice, lane=lane, channel=channel, limit=limit, mail_domain=DOMAIN, now=now)
    await complete_touched(found.dropped, practice=practice.id, now=now)
    return found


async def claim_one(practice: Profile, channel: Channel, now: datetime) -> Claimed:
    (one,) = await claim(practice, channel, now)
    return one


async def settled(
    practice: Profile,
    claimed: Claimed | Sequence[Claimed],
    outcome: Outcome,
    now: datetime,
    *,
    provider_id: str | None = None,
    code: str | None = None,
    retry_after: float | None = None,
) -> None:
    many = [claimed] if isinstance(claimed, Claimed) else list(claimed)
    results = [Settlement(one.id, one.attempts, outcome, now, provider_id, code, retry_after) for one in many]
    await settle(results, practice=practice.id, now=now)


async def send(practice: Profile, now: datetime, *, outcome: Outcome = Outcome.SENT) -> list[Claimed]:
    """Everything that is due leaves, on both channels."""
    sent: list[Claimed] = []
    for channel in Channel:
        claimed = await claim(practice, channel, now)
        if claimed:
            await settled(practice, claimed, outcome, now)
        sent += claimed
    return sent


async def run_until(practice: Profile, end: datetime) -> list[tuple[datetime, Claimed]]:
    """Go from due time to due time, and send; returns what left, and when."""
    left: list[tuple[datetime, Claimed]] = []
    for _ in range(1000):
        moment: datetime | None = await fetch_value(
            "SELECT min(attempt_at) FROM delivery WHERE status = 'planned' AND lane = $1", BULK
        )
        if moment is None or moment > end:
            return left
        left += [(moment, one) for one in await send(practice, moment)]
    raise AssertionError("What is due never ends.")


async def fates(patient_key: str) -> dict[tuple[str, str], tuple[str, str | None]]:
    """(message, channel) -> (status, reason)."""
    return {(d["message"], d["channel"]): (d["status"], d["reason"]) for d in await f.deliveries_of(patient_key)}


async def statuses(patient_key: str) -> set[str]:
    return {d["status"] for d in await f.deliveries_of(patient_key)}


async def sequence(patient_key: str) -> tuple[str, str | None]:
    enrolment = await f.enrolment_of(patient_key)
    return enrolment["status"], enrolment["reason"]


async def tasks() -> list[str]:
    return [row["kind"] for row in await fetch("SELECT kind FROM task ORDER BY id")]


async def story(*events: str) -> list[tuple[str, str | None]]:
    """The journal so far, of these events only."""
    return [told for told in await f.events() if told[0] in events]


async def page_of(link_id: str, now: datetime, *, moving: bool = False) -> PatientPage:
    page = await patient_page(link_id, now=now, moving=moving)
    assert page is not None
    return page


async def slots_of(link_id: str, now: datetime) -> list[datetime]:
    return [slot.starts_at for slot in (await page_of(link_id, now)).slots]


async def appointments() -> list[Any]:
    return list(await fetch("SELECT * FROM appointment ORDER BY id"))


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)

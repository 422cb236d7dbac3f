"""What a message says that does not stand in its own row: looked up just before it leaves, as it is then."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from db.changes.deliveries import Claimed
from db.queries.accounts import sign_in_path
from db.queries.agenda import availability
from db.queries.cases import CaseFacts, case_facts
from db.queries.practices import Profile
from db.queries.return_brief import return_brief
from db.states import TaskKind
from jobs.delivery.compose import Surroundings
from jobs.messages.cases import CaseNotice

SOON = timedelta(days=7)
SLOTS_WORTH_SAYING = 2
WORTH, RETURN_BRIEF, CASE, SIGN_IN = "worth", "return_brief", "case_", "sign_in"


async def surroundings(one: Claimed, practice: Profile, now: datetime) -> Surroundings:
    if one.message == WORTH and one.practitioner is not None:
        return Surroundings(slots_soon=await _slots_soon(one.practitioner, now))
    if one.message == RETURN_BRIEF and one.appointment is not None:
        return Surroundings(brief=await return_brief(practice.id, one.appointment))
    if one.message == SIGN_IN:
        return Surroundings(sign_in=sign_in_path(one.ref, one.detail))
    if one.message.startswith(CASE):
        facts = await case_facts(one.task, delivery=one.id) if one.task is not None else _rehearsed(one)
        return Surroundings(case=_notice(facts, practice.zone) if facts is not None else None)
    return Surroundings()


def _notice(facts: CaseFacts, zone: str) -> CaseNotice:
    deadline = facts.deadline_at.astimezone(ZoneInfo(zone)) if facts.deadline_at else None
    return CaseNotice(
        ref=facts.ref,
        kind=facts.kind,
        urgent=facts.urgent,
        deadline=deadline,
        holder=facts.holder,
        not_in_slack=facts.not_in_slack,
    )


def _rehearsed(one: Claimed) -> CaseFacts:
    deadline = datetime.fromisoformat(one.detail["deadline_at"])
    return CaseFacts(one.ref, TaskKind(one.detail["kind"]), bool(one.detail.get("urgent")), deadline, None)


async def _slots_soon(practitioner: int, now: datetime) -> bool:
    """Whether some times are open this week, so that a text may say so."""
    found = await availability(practitioner, now=now, duration=None)
    return sum(slot.starts_at <= now + SOON for slot in found.open_slots(now)) >= SLOTS_WORTH_SAYING

"""Whose cases somebody saw, in the security log: once an hour for each of them, however often a page asks again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.changes.security import SecurityEvent
from db.engine import fetch

# A page that stays open asks every two seconds; what an audit needs is who knew when.
ONCE_IN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Seen:
    """References, both."""

    patient: str
    case: str


async def record_cases_seen(seen: Sequence[Seen], *, practice: int, actor: str, now: datetime) -> int:
    """How many were written. Two pages opened at the same instant may both be: that is no harm."""
    if not seen:
        return 0
    rows = await fetch(
        "INSERT INTO security_log (practice, at, actor, event, subject_ref, data) "
        "SELECT $1, $2, $3::text, $4::text, x.patient, jsonb_build_object('case', x.ref) "
        "FROM unnest($5::text[], $6::text[]) AS x(patient, ref) WHERE NOT EXISTS (SELECT 1 FROM security_log l "
        "WHERE l.practice = $1 AND l.at > $7 AND l.actor = $3 AND l.event = $4 AND l.subject_ref = x.patient "
        "AND l.data->>'case' = x.ref) RETURNING id",
        practice,
        now,
        actor,
        SecurityEvent.LOOKED_UP,
        [one.patient for one in seen],
        [one.case for one in seen],
        now - ONCE_IN,
    )
    return len(rows)

"""From a patient's link to the rows of its enrolment."""

from datetime import datetime

from db.engine import Row, fetch_one
from db.errors import NotFound

BEHIND = (
    "SELECT e.id, e.practice, e.ref, e.status, e.reason, e.appointment, e.patient, e.practitioner, e.language, "
    "p.ref AS patient_ref, p.phone_index, p.email_index, d.message, d.channel, "
    "a.ends_at - a.starts_at AS missed_duration, c.zone FROM delivery d "
    "JOIN enrolment e ON e.id = d.enrolment JOIN patient p ON p.id = e.patient "
    "JOIN appointment a ON a.id = e.appointment JOIN practice c ON c.id = e.practice "
    "WHERE d.link_id = $1 AND e.links_revoked_at IS NULL"
)


async def lock_link(link_id: str, now: datetime) -> Row:
    """The enrolment behind a link, locked. Raises `NotFound` for an unknown, expired or revoked one."""
    return await _one(f"{BEHIND} AND e.links_expire_at > $2 FOR UPDATE OF p, e", link_id, now)


async def read_link(link_id: str) -> Row:
    """The same without a lock, for a change that locks more patients than this one, in an order of its own; and expired
    or not: whoever finds an old message may opt out with it."""
    return await _one(BEHIND, link_id)


async def _one(sql: str, *values: str | datetime) -> Row:
    row = await fetch_one(sql, *values)
    if row is None:
        raise NotFound("This link leads nowhere any more.")
    return row

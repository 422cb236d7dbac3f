"""Who somebody is at Slack: linked by themselves once signed in, or by an admin; unlinking ends access at once."""

import re
from datetime import datetime

from db.changes._slack import let_emails_go
from db.changes.security import SecurityEvent, log_security
from db.engine import Row, fetch, fetch_one, transaction
from db.errors import NotFound, Refused

USER_ID = re.compile(r"[UW][A-Z0-9]{2,18}")


async def link_slack(ref: str, *, practice: int, slack_user: str, actor: str, now: datetime) -> bool:
    """False when it is so already. Raises `Refused` for a Slack user who is somebody else here, or no user's id."""
    if USER_ID.fullmatch(slack_user) is None:
        raise Refused("This is not the id of a Slack user: it begins with U or W, as U0123ABCD.")
    async with transaction():
        person = await _lock(ref, practice)
        if person["slack_user"] == slack_user:
            return False
        other = await fetch_one(
            "SELECT name, active FROM staff WHERE practice = $1 AND slack_user = $2 FOR UPDATE", practice, slack_user
        )
        if other is not None and other["active"]:
            raise Refused(f"This Slack user is linked to {other['name']}: unlink them first.")
        # Somebody who has left keeps nobody's place.
        await fetch(
            "UPDATE staff SET slack_user = NULL, slack_linked_at = NULL WHERE practice = $1 AND slack_user = $2",
            practice,
            slack_user,
        )
        await fetch(
            "UPDATE staff SET slack_user = $2, slack_linked_at = $3 WHERE id = $1", person["id"], slack_user, now
        )
        await _show_anew(person["id"])
        await log_security(practice, event=SecurityEvent.SLACK_LINKED, actor=actor, subject=ref, now=now)
    return True


async def unlink_slack(ref: str, *, practice: int, actor: str, now: datetime) -> bool:
    """False when nobody was linked. What was to be said at Slack goes by email."""
    async with transaction():
        person = await _lock(ref, practice)
        if person["slack_user"] is None:
            return False
        await fetch("UPDATE staff SET slack_user = NULL, slack_linked_at = NULL WHERE id = $1", person["id"])
        await let_emails_go(practice, staff=person["id"], now=now)
        await _show_anew(person["id"])
        await log_security(practice, event=SecurityEvent.SLACK_UNLINKED, actor=actor, subject=ref, now=now)
    return True


async def _lock(ref: str, practice: int) -> Row:
    row = await fetch_one(
        "SELECT id, slack_user FROM staff WHERE ref = $1 AND practice = $2 AND active FOR UPDATE", ref, practice
    )
    if row is None:
        raise NotFound("This person does not work here.")
    return row


async def _show_anew(staff: int) -> None:
    """The open cases of this person name them otherwise from now on, and stand elsewhere."""
    await fetch(
        "UPDATE slack_post p SET stale = true FROM task t WHERE t.id = p.task AND t.closed_at IS NULL "
        "AND $1 IN (t.assignee, t.claimed_by)",
        staff,
    )

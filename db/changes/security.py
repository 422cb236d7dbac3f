"""The security log: who came in, who was kept out, and whose record was looked at. Apart from the care journal.

A row holds references, codes and times: no name, no address, no code that somebody typed.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from db.engine import fetch


class SecurityEvent(StrEnum):
    MEMBER_ADDED = "member_added"
    MEMBER_DEACTIVATED = "member_deactivated"
    LANGUAGE_CHANGED = "language_changed"
    LINK_REQUESTED = "link_requested"
    LINK_PRINTED = "link_printed"
    LINK_USED = "link_used"
    FACTOR_ENROLLED = "factor_enrolled"
    FACTOR_FORGOTTEN = "factor_forgotten"
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    LOCKED = "locked"
    RECOVERY_USED = "recovery_used"
    RECOVERY_RENEWED = "recovery_renewed"
    SIGNED_OUT = "signed_out"
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere"
    ROLE_REFUSED = "role_refused"
    LOOKED_UP = "looked_up"
    EXPORTED = "exported"
    SLACK_LINKED = "slack_linked"
    SLACK_UNLINKED = "slack_unlinked"


async def log_security(
    practice: int,
    *,
    event: SecurityEvent,
    actor: str,
    now: datetime,
    subject: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Append one row, in the transaction that is open here or in one of its own."""
    await fetch(
        "INSERT INTO security_log (practice, at, actor, event, subject_ref, data) VALUES ($1, $2, $3, $4, $5, $6)",
        practice,
        now,
        actor,
        event,
        subject,
        None if data is None else json.dumps(data, sort_keys=True),
    )


async def record_look_up(patient: str, *, practice: int, actor: str, now: datetime) -> None:
    """Somebody opened the record of a patient (by reference)."""
    await log_security(practice, event=SecurityEvent.LOOKED_UP, actor=actor, subject=patient, now=now)

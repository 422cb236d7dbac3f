"""In the security log: whom somebody came upon by searching, or saw on a day's agenda. What was typed stays out."""

from collections.abc import Sequence
from datetime import date, datetime

from db.changes.security import SecurityEvent, log_security
from db.engine import transaction


async def record_search(found: Sequence[str], *, practice: int, actor: str, now: datetime) -> None:
    """One row for each patient whose name was shown, or one that says that nobody was found."""
    async with transaction():
        for patient in found or (None,):
            await log_security(
                practice,
                event=SecurityEvent.LOOKED_UP,
                actor=actor,
                subject=patient,
                data={"search": len(found)},
                now=now,
            )


async def record_agenda_seen(day: date, *, patients: int, practice: int, actor: str, now: datetime) -> None:
    """Which day it was tells whom it showed."""
    await log_security(
        practice,
        event=SecurityEvent.LOOKED_UP,
        actor=actor,
        data={"agenda": day.isoformat(), "patients": patients},
        now=now,
    )

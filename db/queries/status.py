"""How the practice's follow-ups stand, in numbers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from db.engine import fetch_one
from db.states import Channel

# A tick runs every second; what still waits after this long waits for something else.
PATIENCE = timedelta(minutes=2)
RECENT = timedelta(days=30)


@dataclass(frozen=True)
class Held:
    """A channel whose server refuses the practice's credentials."""

    channel: Channel
    until: datetime


@dataclass(frozen=True)
class Status:
    """`failed`: given up within the last 30 days. `overdue` ones are among the planned."""

    practitioners: tuple[str, ...]
    open_tasks: int
    running: int
    paused: int
    planned: int
    overdue: int
    failed: int
    held: tuple[Held, ...]


async def status(practice: int, *, now: datetime) -> Status:
    row = await fetch_one(
        "SELECT (SELECT count(*) FROM enrolment WHERE practice = $1 AND status = 'active') AS running, "
        "(SELECT count(*) FROM enrolment WHERE practice = $1 AND status = 'paused') AS paused, "
        "(SELECT count(*) FROM delivery WHERE practice = $1 AND status IN ('planned', 'claimed')) AS planned, "
        "(SELECT count(*) FROM delivery WHERE practice = $1 AND status = 'planned' AND attempt_at < $2) AS overdue, "
        "(SELECT count(*) FROM delivery WHERE practice = $1 AND status = 'failed' AND settled_at > $3) AS failed, "
        "(SELECT count(*) FROM task WHERE practice = $1 AND status <> 'done') AS open_tasks, "
        "(SELECT array_agg(r.name ORDER BY r.id) FROM practitioner r WHERE r.practice = $1) AS practitioners, "
        "c.sms_refused_until, c.email_refused_until FROM practice c WHERE c.id = $1",
        practice,
        now - PATIENCE,
        now - RECENT,
    )
    assert row is not None
    until = {Channel.SMS: row["sms_refused_until"], Channel.EMAIL: row["email_refused_until"]}
    held = tuple(Held(channel, moment) for channel, moment in until.items() if moment and moment > now)
    return Status(
        practitioners=tuple(row["practitioners"] or ()),
        **{name: row[name] for name in ("open_tasks", "running", "paused", "planned", "overdue", "failed")},
        held=held,
    )

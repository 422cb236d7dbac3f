"""How the practice's follow-ups stand, in numbers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from db.engine import fetch_one
from db.states import OPEN_TASK, UNSETTLED_DELIVERY, Channel, DeliveryStatus, EnrolmentStatus, one_of

# A tick runs every second; what still waits after this long waits for something else.
PATIENCE = timedelta(minutes=2)
RECENT = timedelta(days=30)
COUNTS = (
    "open_tasks",
    "crisis_tasks",
    "urgent_tasks",
    "overdue_tasks",
    "running",
    "paused",
    "planned",
    "overdue",
    "failed",
)


@dataclass(frozen=True)
class Held:
    """A channel whose server takes nothing from us: after so many tries in a row the next is made then."""

    channel: Channel
    until: datetime
    tries: int


@dataclass(frozen=True)
class Status:
    """`failed`: given up within the last 30 days. `overdue` ones are among the planned.

    Of the open tasks, `crisis_tasks` stand under a crisis flag, `urgent_tasks` are urgent otherwise, and the deadline
    of `overdue_tasks` has passed.
    """

    practitioners: tuple[str, ...]
    open_tasks: int
    crisis_tasks: int
    urgent_tasks: int
    overdue_tasks: int
    running: int
    paused: int
    planned: int
    overdue: int
    failed: int
    held: tuple[Held, ...]


async def status(practice: int, *, now: datetime) -> Status:
    row = await fetch_one(
        f"SELECT (SELECT count(*) FROM enrolment WHERE practice = $1 AND status = '{EnrolmentStatus.ACTIVE}') "
        "AS running, "
        f"(SELECT count(*) FROM enrolment WHERE practice = $1 AND status = '{EnrolmentStatus.PAUSED}') AS paused, "
        f"(SELECT count(*) FROM delivery WHERE practice = $1 AND status IN {one_of(UNSETTLED_DELIVERY)} "
        "AND NOT rehearsal) "
        "AS planned, "
        f"(SELECT count(*) FROM delivery WHERE practice = $1 AND status = '{DeliveryStatus.PLANNED}' "
        "AND attempt_at < $2 "
        "AND NOT rehearsal) AS overdue, "
        f"(SELECT count(*) FROM delivery WHERE practice = $1 AND status = '{DeliveryStatus.FAILED}' "
        "AND settled_at > $3 "
        "AND NOT rehearsal) AS failed, "
        "w.open_tasks, w.crisis_tasks, w.urgent_tasks, w.overdue_tasks, "
        "(SELECT array_agg(r.name ORDER BY r.id) FROM practitioner r WHERE r.practice = $1) AS practitioners, "
        "c.sms_refused_until, c.email_refused_until, c.sms_trips, c.email_trips FROM practice c, LATERAL ("
        "SELECT count(*) AS open_tasks, count(*) FILTER (WHERE t.crisis) AS crisis_tasks, "
        "count(*) FILTER (WHERE t.urgent AND NOT t.crisis) AS urgent_tasks, "
        "count(*) FILTER (WHERE t.deadline_at < $4) AS overdue_tasks FROM task t "
        "WHERE t.practice = c.id AND t.status = ANY($5)) w WHERE c.id = $1",
        practice,
        now - PATIENCE,
        now - RECENT,
        now,
        list(OPEN_TASK),
    )
    assert row is not None
    held = [
        Held(channel, row[f"{channel}_refused_until"], row[f"{channel}_trips"])
        for channel in Channel
        if row[f"{channel}_refused_until"] is not None and row[f"{channel}_refused_until"] > now
    ]
    return Status(
        practitioners=tuple(row["practitioners"] or ()),
        **{name: row[name] for name in COUNTS},
        held=tuple(held),
    )

"""When something falls due next, and whether all that fell due is settled: what moving a demo's clock needs to know."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.engine import fetch, fetch_one, fetch_value
from db.states import LIVE_ENROLMENT, DeliveryStatus, TaskStatus, one_of

# A message is not tried before its own time, nor while its server is known to refuse us; a step that a person takes
# opens when it is due, and what waits for a person is looked at again. A case is shown at Slack as it comes; a Slack
# that takes nothing is not waited for.
TRIED_AT = (
    "SELECT greatest(d.attempt_at, CASE d.channel WHEN 'sms' THEN p.sms_refused_until ELSE p.email_refused_until END) "
    f"AS at FROM delivery d JOIN practice p ON p.id = d.practice WHERE d.status = '{DeliveryStatus.PLANNED}' "
    f"UNION ALL SELECT due_at FROM task WHERE status = '{TaskStatus.PLANNED}' "
    "UNION ALL SELECT look_at FROM task WHERE look_at IS NOT NULL "
    "UNION ALL SELECT s.attempt_at FROM slack_post s JOIN practice p ON p.id = s.practice "
    "AND p.settings->>'slack_route' <> '' WHERE (s.stale OR s.lease_until IS NOT NULL) AND NOT EXISTS "
    "(SELECT 1 FROM slack_post e WHERE e.practice = s.practice AND e.stale AND e.error IS NOT NULL)"
)


@dataclass(frozen=True)
class Unsettled:
    """`due` messages and people's steps wait for their tick, `under_way` ones for their sender, `unanswered` ones for a
    receipt; `ending` sequences for the sweep that ends them. `last_entry` rises with every change."""

    due: int
    under_way: int
    unanswered: int
    ending: int
    last_entry: int

    @property
    def anything(self) -> bool:
        return bool(self.due or self.under_way or self.ending)


@dataclass(frozen=True)
class Left:
    """How many of one message left on one channel."""

    message: str
    channel: str
    count: int


async def unsettled(*, now: datetime, unanswered_since: datetime) -> Unsettled:
    row = await fetch_one(
        f"SELECT (SELECT count(*) FROM ({TRIED_AT}) t WHERE t.at <= $1) AS due, "
        f"(SELECT count(*) FROM delivery WHERE status = '{DeliveryStatus.CLAIMED}') AS under_way, "
        f"(SELECT count(*) FROM delivery WHERE status = '{DeliveryStatus.SENT}' AND channel = 'sms' "
        "AND sent_at >= $2) AS unanswered, "
        f"(SELECT count(*) FROM enrolment WHERE status IN {one_of(LIVE_ENROLMENT)} AND review_at <= $1) AS ending, "
        "(SELECT coalesce(max(id), 0) FROM journal) AS last_entry",
        now,
        unanswered_since,
    )
    assert row is not None
    return Unsettled(**dict(row))


async def next_due(*, after: datetime) -> datetime | None:
    """When the next tick has something to do."""
    value: datetime | None = await fetch_value(
        f"SELECT min(t.at) FROM ({TRIED_AT}) t WHERE t.at > $1",
        after,
    )
    return value


async def last_due(*, until: datetime) -> datetime | None:
    """The latest moment up to `until` at which a tick has something to do."""
    value: datetime | None = await fetch_value(
        f"SELECT max(t.at) FROM ({TRIED_AT}) t WHERE t.at <= $1",
        until,
    )
    return value


async def left_since(since: datetime) -> list[Left]:
    rows: Any = await fetch(
        "SELECT message, channel, count(*) AS count FROM delivery WHERE sent_at >= $1 AND NOT rehearsal "
        "GROUP BY message, channel "
        "ORDER BY min(sent_at), message, channel DESC",
        since,
    )
    return [Left(**dict(row)) for row in rows]

"""What stands at Slack of each case: claimed, brought up to date with no transaction open, and settled.

Every change of a case makes its message stale: a trigger does, so none can forget. The claim takes that mark off while
it holds the case still, so what changes later marks it again. The lease keeps a second worker away from the case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.actors import SYSTEM
from db.changes._journal import Entry, Event, record
from db.changes._slack import let_emails_go
from db.engine import Row, fetch, transaction
from db.rules.watching import told_at_once
from db.states import OPEN_TASK, Channel, DeliveryStatus, Reason, TaskKind
from db.tables.deliveries import HUMAN

# Longer than all that Slack is asked for one case.
LEASE = timedelta(seconds=60)
# Kinds that a whole import may bring at once, one message a second: nobody waits behind them.
UNHURRIED = [kind for kind in TaskKind if not told_at_once(kind)]


@dataclass(frozen=True, slots=True)
class ClaimedPost:
    """`channel` and `ts` name the message that stands; both None until one does. `lease_until` is the claim's mark."""

    id: int
    task: int
    attempts: int
    channel: str | None
    ts: str | None
    threaded: int | None
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class PostSettled:
    """What became of it: where the message stands now, and up to which journal entry its thread tells.

    `told` are the notices that Slack has brought, whose emails are needless. `error` is Slack's word; with `failed` it
    is tried again at `again_at`, whatever happens before. Without, the message stands as it should, and is looked at
    then, or as soon as the case changes. `lasting`: emails wait no longer.
    """

    post: ClaimedPost
    channel: str | None
    ts: str | None
    threaded: int | None
    is_new: bool = False
    ambiguous: bool = False
    told: tuple[int, ...] = ()
    error: str | None = None
    failed: bool = False
    again_at: datetime | None = None
    lasting: bool = False


async def claim_posts(practice: int, *, limit: int, unhurried: bool = True, now: datetime) -> list[ClaimedPost]:
    """Those that are stale, or have something to say to a person; crises first. With `unhurried`, one new message more
    of the kinds that may wait."""
    async with transaction():
        # The case is held still, and skipped where somebody is changing it at this moment: its change would not mark
        # what is marked already, and would be missed once the mark is taken off.
        rows = await fetch(
            "SELECT p.id, p.ts IS NULL AND t.kind = ANY($4) AS unhurried FROM slack_post p JOIN task t ON t.id = "
            "p.task WHERE p.practice = $1 AND p.attempt_at <= $2 AND (p.lease_until IS NULL OR p.lease_until <= $2) "
            "AND (p.stale OR p.id = ANY($3)) ORDER BY 2, t.crisis DESC, t.urgent DESC, p.attempt_at, p.id LIMIT $5 "
            "FOR UPDATE OF p SKIP LOCKED FOR SHARE OF t SKIP LOCKED",
            practice,
            now,
            await _with_notices(practice, now),
            UNHURRIED,
            limit,
        )
        waiting = [row["id"] for row in rows if row["unhurried"]][int(unhurried) :]
        chosen = [row["id"] for row in rows if row["id"] not in waiting]
        claimed = await fetch(
            "UPDATE slack_post SET stale = false, lease_until = $2, attempts = attempts + 1, "
            "ambiguous = ambiguous OR (ts IS NULL AND lease_until IS NOT NULL) WHERE id = ANY($1) "
            "RETURNING id, task, attempts, channel, ts, threaded, lease_until",
            chosen,
            now + LEASE,
        )
    return sorted((_claimed(row) for row in claimed), key=lambda post: chosen.index(post.id))


async def _with_notices(practice: int, now: datetime) -> list[int]:
    rows = await fetch(
        "SELECT p.id FROM delivery d JOIN staff s ON s.id = d.staff JOIN slack_post p ON p.task = d.task "
        "JOIN task t ON t.id = d.task AND t.status = ANY($6) WHERE d.practice = $1 AND d.lane = $2 AND d.channel = $3 "
        "AND d.status = $4 AND d.attempts = 0 AND d.due_at <= $5 AND d.attempt_at > $5 AND s.slack_user IS NOT NULL",
        practice,
        HUMAN,
        Channel.EMAIL,
        DeliveryStatus.PLANNED,
        now,
        list(OPEN_TASK),
    )
    return [row["id"] for row in rows]


def _claimed(row: Row) -> ClaimedPost:
    return ClaimedPost(
        id=row["id"],
        task=row["task"],
        attempts=row["attempts"],
        channel=row["channel"],
        ts=row["ts"],
        threaded=row["threaded"],
        lease_until=row["lease_until"],
    )


async def settle_post(done: PostSettled, *, practice: int, now: datetime) -> bool:
    """False when the lease was lost meanwhile: somebody else has brought the message up to date."""
    async with transaction():
        kept = await fetch(
            "UPDATE slack_post SET channel = $3, ts = $4, threaded = $5, lease_until = NULL, "
            "posted_at = CASE WHEN $6 THEN $7 ELSE posted_at END, ambiguous = ambiguous OR $8, error = $9::text, "
            "stale = stale OR $10::timestamptz IS NOT NULL, "
            # What has changed meanwhile is looked at now.
            "attempt_at = CASE WHEN stale AND NOT $11 THEN attempt_at ELSE coalesce($10, attempt_at) END, "
            "attempts = CASE WHEN $11 THEN attempts ELSE 0 END "
            "WHERE id = $1 AND lease_until = $2 RETURNING id",
            done.post.id,
            done.post.lease_until,
            done.channel,
            done.ts,
            done.threaded,
            done.is_new,
            now,
            done.ambiguous,
            done.error,
            done.again_at,
            done.failed,
        )
        await _spare_emails(done.told, practice, now)
        if done.lasting:
            await let_emails_go(practice, task=done.post.task, now=now)
    return bool(kept)


async def _spare_emails(told: Sequence[int], practice: int, now: datetime) -> None:
    rows = await fetch(
        "UPDATE delivery SET status = $2, reason = $3, settled_at = $4 WHERE id = ANY($1) AND status = $5 "
        "RETURNING ref, message, channel",
        list(told),
        DeliveryStatus.SKIPPED,
        Reason.TOLD_IN_SLACK,
        now,
        DeliveryStatus.PLANNED,
    )
    entries = [
        Entry(
            Event.MESSAGE_SKIPPED,
            subject=row["ref"],
            reason=Reason.TOLD_IN_SLACK,
            data={"message": row["message"], "channel": row["channel"]},
        )
        for row in rows
    ]
    await record(entries, practice=practice, actor=SYSTEM, now=now)


async def give_back_posts(practice: int, *, now: datetime) -> int:
    """What dead workers held. A message of which nobody knows whether it arrived is ambiguous, and posted once more."""
    rows = await fetch(
        "UPDATE slack_post SET stale = true, lease_until = NULL, ambiguous = ambiguous OR ts IS NULL "
        "WHERE practice = $1 AND lease_until <= $2 RETURNING id",
        practice,
        now,
    )
    return len(rows)


async def fall_back_on_email(practice: int, *, now: datetime) -> None:
    """Slack takes nothing from this practice any more: nobody waits two minutes to hear of a case by email."""
    await let_emails_go(practice, now=now)

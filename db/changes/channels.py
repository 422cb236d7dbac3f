"""A server that takes nothing from us for now: claim nothing for it, try it with one message now and then, and tell a
person when that lasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from db.actors import SYSTEM
from db.changes._journal import Entry, Event, record
from db.changes._tasks import NewTask, open_task
from db.engine import fetch, fetch_one, fetch_value, transaction
from db.queries.practices import Profile
from db.rules.breaker import pause_after
from db.states import Channel, DeliveryStatus, Reason, TaskKind
from db.tables.deliveries import BULK, HUMAN

# A server that restarts is nobody's business; messages that wait longer than this are.
WORTH_TELLING = timedelta(minutes=15)
# Longer than opening a connection and handing one message over; after it the one who tried counts as dead.
TRIAL = timedelta(seconds=30)
MOST_TRIES = 9999
UNTIL = {Channel.SMS: "sms_refused_until", Channel.EMAIL: "email_refused_until"}
TRIES = {Channel.SMS: "sms_trips", Channel.EMAIL: "email_trips"}


class Gate(StrEnum):
    """How a channel may be used: freely, not at all, or for one message that shows whether the server is back."""

    OPEN = "open"
    HELD = "held"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class Failed:
    """A message that failed because its server did. `attempts` is what its row holds since; `uncounted` of them are
    certain not to have left, and are not held against the message."""

    delivery: int
    attempts: int
    uncounted: int


async def enter_channel(practice: int, *, channel: Channel, now: datetime) -> Gate:
    """Ask before claiming. Of all workers one alone is told to try a server that was down."""
    until, tries = UNTIL[channel], TRIES[channel]
    row = await fetch_one(f"SELECT {until} AS until, {tries} AS tries FROM practice WHERE id = $1", practice)
    if row is None or (row["until"] is not None and row["until"] > now):
        return Gate.HELD
    if row["tries"] == 0:
        return Gate.OPEN
    mine = await fetch_value(
        f"UPDATE practice SET {until} = $3 WHERE id = $1 AND {tries} > 0 AND ({until} IS NULL OR {until} <= $2) "
        "RETURNING true",
        practice,
        now,
        now + TRIAL,
    )
    return Gate.TRIAL if mine else Gate.HELD


async def leave_channel(practice: int, *, channel: Channel, now: datetime) -> None:
    """A trial found nothing to try: the next message that is due will do."""
    until = UNTIL[channel]
    await fetch(f"UPDATE practice SET {until} = $2 WHERE id = $1 AND {TRIES[channel]} > 0", practice, now)


async def hold_channel(
    practice: Profile,
    channel: Channel,
    *,
    until: datetime,
    code: str,
    now: datetime,
    failed: Sequence[Failed] = (),
    trial: bool = False,
    actor: str = SYSTEM,
) -> None:
    """Claim nothing on this channel until then, or longer: each hold in a row takes longer. What failed is given back:
    to its place in the order, or after a `trial` behind the others, so that no single message decides for all.

    Messages that have waited for long become one urgent task a day.
    """
    async with transaction():
        row = await fetch_one(
            f"SELECT {UNTIL[channel]} AS until, {TRIES[channel]} AS tries FROM practice WHERE id = $1 "
            "FOR NO KEY UPDATE",
            practice.id,
        )
        assert row is not None
        # Two workers meet the same trouble: that is one hold.
        known = not trial and row["until"] is not None and row["until"] > now
        tries = min(row["tries"] + (0 if known else 1), MOST_TRIES)
        until = max(until, now + pause_after(max(tries, 1)), row["until"] if known else now)
        await fetch(
            f"UPDATE practice SET {UNTIL[channel]} = $2, {TRIES[channel]} = $3 WHERE id = $1",
            practice.id,
            until,
            tries,
        )
        await _put_back(failed, behind=now if trial else None)
        if await _waits_for_long(practice.id, channel, now):
            await tell_refused(practice=practice.id, channel=channel, code=code, actor=actor, now=now)
        if not known:
            data = {"channel": channel, "code": code, "until": until, "tries": tries, "messages": len(failed)}
            entry = Entry(Event.CHANNEL_HELD, subject=practice.ref, data=data)
            await record([entry], practice=practice.id, actor=actor, now=now)


async def _put_back(failed: Sequence[Failed], *, behind: datetime | None) -> None:
    """As they were before the server failed. Whatever somebody else has locked or changed meanwhile is left alone."""
    if not failed:
        return
    await fetch(
        "UPDATE delivery d SET attempt_at = coalesce($4, d.due_at), attempts = d.attempts - t.uncounted, reason = $5 "
        "FROM unnest($1::bigint[], $2::int[], $3::int[]) AS t(id, attempts, uncounted) WHERE d.id = t.id "
        "AND d.id IN (SELECT f.id FROM delivery f WHERE f.id = ANY($1) AND f.status = $6 FOR UPDATE SKIP LOCKED) "
        "AND d.attempts = t.attempts AND d.reason IN ($7, $8)",
        [one.delivery for one in failed],
        [one.attempts for one in failed],
        [one.uncounted for one in failed],
        behind,
        Reason.CHANNEL_HELD,
        DeliveryStatus.PLANNED,
        Reason.TEMPORARY_FAILURE,
        Reason.AMBIGUOUS,
    )


async def _waits_for_long(practice: int, channel: Channel, now: datetime) -> bool:
    return bool(
        await fetch_value(
            "SELECT EXISTS (SELECT 1 FROM delivery WHERE practice = $1 AND channel = $2 "
            f"AND status = '{DeliveryStatus.PLANNED}' "
            "AND attempt_at <= $3 AND due_at <= $4 AND lane = ANY($5) AND NOT rehearsal)",
            practice,
            channel,
            now,
            now - WORTH_TELLING,
            [BULK, HUMAN],
        )
    )


async def reopen_channel(practice: int, *, channel: Channel, now: datetime) -> bool:
    """The server takes messages again: what waits leaves in the order in which it was due. False if it was open."""
    async with transaction():
        ref = await fetch_value(
            f"UPDATE practice SET {UNTIL[channel]} = NULL, {TRIES[channel]} = 0 "
            f"WHERE id = $1 AND {TRIES[channel]} > 0 RETURNING ref",
            practice,
        )
        if ref is None:
            return False
        await fetch(
            "UPDATE delivery SET attempt_at = due_at WHERE id IN (SELECT id FROM delivery WHERE practice = $1 "
            f"AND channel = $2 AND lane = ANY($3) AND status = '{DeliveryStatus.PLANNED}' AND attempt_at <= $4 "
            "AND attempt_at > due_at "
            "AND reason = $5 FOR UPDATE SKIP LOCKED)",
            practice,
            channel,
            [BULK, HUMAN],
            now,
            Reason.CHANNEL_HELD,
        )
        entry = Entry(Event.CHANNEL_REOPENED, subject=ref, data={"channel": channel})
        await record([entry], practice=practice, actor=SYSTEM, now=now)
    return True


async def tell_refused(*, practice: int, channel: str, code: str | None, actor: str, now: datetime) -> None:
    """Inside a transaction: one task a day and channel, however many messages wait."""
    task = NewTask(
        kind=TaskKind.SENDING_REFUSED,
        dedupe=f"{TaskKind.SENDING_REFUSED}:{channel}:{now:%Y-%m-%d}",
        due_at=now,
        urgent=True,
        data={"channel": channel, "code": code},
    )
    await open_task(task, practice=practice, actor=actor, now=now)

"""A server that takes nothing from us for now: claim nothing for it, and tell a person when that lasts."""

from datetime import datetime, timedelta

from db.actors import SYSTEM
from db.changes._journal import Entry, Event, record
from db.changes._tasks import NewTask, open_task
from db.engine import fetch, fetch_value, transaction
from db.queries.practices import Profile
from db.states import Channel, TaskKind

# A server that restarts is nobody's business; messages that wait longer than this are.
WORTH_TELLING = timedelta(minutes=15)
COLUMN = {Channel.SMS: "sms_refused_until", Channel.EMAIL: "email_refused_until"}


async def hold_channel(
    practice: Profile, channel: Channel, *, until: datetime, code: str, now: datetime, actor: str = SYSTEM
) -> None:
    """Claim nothing on this channel until then. Messages that have waited for long become one urgent task a day."""
    async with transaction():
        await fetch(f"UPDATE practice SET {COLUMN[channel]} = $2 WHERE id = $1", practice.id, until)
        waiting = await fetch_value(
            "SELECT EXISTS (SELECT 1 FROM delivery WHERE practice = $1 AND channel = $2 AND status = 'planned' "
            "AND attempt_at <= $3 AND lane IN ('bulk', 'human'))",
            practice.id,
            channel,
            now - WORTH_TELLING,
        )
        if waiting:
            await tell_refused(practice=practice.id, channel=channel, code=code, actor=actor, now=now)
        entry = Entry(Event.CHANNEL_HELD, subject=practice.ref, data={"channel": channel, "code": code, "until": until})
        await record([entry], practice=practice.id, actor=actor, now=now)


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

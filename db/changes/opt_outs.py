"""No more SMS, or no more email, for whoever has that number or mailbox."""

from collections.abc import Sequence
from datetime import datetime

from db.actors import GATEWAY, PATIENT
from db.changes._journal import Entry, Event, record
from db.changes._links import read_link
from db.changes._rehearsed import stop_rehearsing_to
from db.changes._sequences import (
    cancel_planned,
    complete_finished,
    lock_live_enrolment,
    stop_sequence,
    when_quiet,
)
from db.engine import Row, fetch, fetch_value
from db.states import Channel, Reason

INDEX_COLUMN = {Channel.SMS: "phone_index", Channel.EMAIL: "email_index"}


async def opt_out_by_link(
    link_id: str, *, channels: Sequence[Channel], source: str, now: datetime, actor: str = PATIENT
) -> None:
    """Opt out of `channels` through a link. A repeat is harmless; raises `NotFound` when the link leads nowhere."""

    async def change(insist: bool) -> None:
        enrolment = await read_link(link_id)
        for channel in channels:
            address: bytes | None = enrolment[INDEX_COLUMN[channel]]
            if address is not None:
                await opt_out(
                    practice=enrolment["practice"],
                    channel=channel,
                    address=address,
                    source=source,
                    actor=actor,
                    now=now,
                    insist=insist,
                )

    await when_quiet(change)


async def opt_out(
    *, practice: int, channel: Channel, address: bytes, source: str, actor: str, now: datetime, insist: bool
) -> bool:
    """Inside a transaction: write the register and cancel what was planned for everyone who has this address.

    A sequence for which no channel is left stops (`opted_out`).
    """
    added = await fetch_value(
        "INSERT INTO channel_opt_out (practice, channel, address_index, source, created_at) VALUES ($1, $2, $3, "
        "$4, $5) "
        "ON CONFLICT DO NOTHING RETURNING id",
        practice,
        channel,
        address,
        source,
        now,
    )
    patients = await _sharing(practice, channel, address)
    for patient in patients:
        if added is not None:
            entry = Entry(Event.OPTED_OUT, patient=patient["ref"], data={"channel": channel, "source": source})
            await record([entry], practice=practice, actor=actor, now=now)
        enrolment = await lock_live_enrolment(patient["id"])
        if enrolment is None:
            continue
        await cancel_planned(
            [enrolment["id"]], Reason.CHANNEL_OPT_OUT, actor=actor, now=now, insist=insist, channel=channel
        )
        if not patient["other_channel"]:
            await stop_sequence(enrolment, Reason.OPTED_OUT, actor=actor, now=now, insist=insist)
        await complete_finished([enrolment["id"]], practice=practice, now=now)
    # Last: whoever locks both takes the patients first.
    await stop_rehearsing_to(address, channel=channel, practice=practice, actor=actor, now=now)
    return added is not None


async def _sharing(practice: int, channel: Channel, address: bytes) -> Sequence[Row]:
    """The patients with this number or mailbox, and whether each may still be written to on the other channel."""
    mine = INDEX_COLUMN[channel]
    other = Channel.EMAIL if channel is Channel.SMS else Channel.SMS
    theirs = INDEX_COLUMN[other]
    usable = (
        "p.phone_kind = 'mobile' AND p.phone_invalid_at IS NULL"
        if other is Channel.SMS
        else "p.email_invalid_at IS NULL"
    )
    return await fetch(
        f"SELECT p.id, p.ref, p.{theirs} IS NOT NULL AND {usable} AND NOT EXISTS (SELECT 1 FROM channel_opt_out "
        f"o "
        f"WHERE o.practice = p.practice AND o.channel = $3 AND o.address_index = p.{theirs} AND o.ended_at IS NULL) "
        f"AS other_channel FROM patient p WHERE p.practice = $1 AND p.{mine} = $2 ORDER BY p.id FOR UPDATE",
        practice,
        address,
        other,
    )


async def opt_in(*, practice: int, channel: Channel, address: bytes, now: datetime, actor: str = GATEWAY) -> bool:
    """START: this address may be written to again. What was cancelled stays cancelled. Inside a transaction."""
    ended = await fetch(
        "UPDATE channel_opt_out SET ended_at = $4 WHERE practice = $1 AND channel = $2 AND address_index = $3 "
        "AND ended_at IS NULL RETURNING id",
        practice,
        channel,
        address,
        now,
    )
    if not ended:
        return False
    for patient in await _sharing(practice, channel, address):
        entry = Entry(Event.OPTED_IN, patient=patient["ref"], data={"channel": channel})
        await record([entry], practice=practice, actor=actor, now=now)
    return True

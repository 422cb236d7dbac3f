"""A whole sequence to a member of staff, with neither patient nor enrolment behind it: nothing that is done on its
pages can reach anybody's follow-up, because every change looks a link up through an enrolment."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from db.changes._journal import Entry, Event, record
from db.changes._rehearsed import cancel_rehearsed
from db.crypto import vault
from db.engine import fetch, transaction
from db.errors import NotFound, Refused
from db.queries.practices import Profile
from db.queries.rehearsals import has_opted_out, index_of, is_a_patients, practitioner_for, works_here
from db.queries.tones import TextWords
from db.rules.rehearsing import RehearsedStep
from db.states import Channel, DeliveryStatus, Reason
from db.tables.deliveries import BULK, HUMAN
from db.tokens import new_link_id, new_reference


@dataclass(frozen=True)
class Audience:
    """Whom a rehearsal goes to: a mailbox, a mobile number in E.164, or both."""

    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)

    @property
    def addresses(self) -> dict[Channel, str]:
        given = {Channel.SMS: self.phone, Channel.EMAIL: self.email}
        return {channel: address for channel, address in given.items() if address is not None}


@dataclass(frozen=True)
class Said:
    """What the messages of a rehearsal say, and in whose words: those of the practice, unless `words` are tried out.
    `starts_at` is of the appointment ahead that a single text may speak of."""

    first_name: str
    speciality: str
    language: str
    missed_on: date
    words: TextWords | None = None
    starts_at: datetime | None = None

    @property
    def tried(self) -> dict[str, Any]:
        more: dict[str, Any] = {}
        if self.words is not None:
            more["words"] = {"subject": self.words.subject, "body": self.words.body}
        if self.starts_at is not None:
            more["starts_at"] = self.starts_at.isoformat()
        return more


async def start_rehearsal(
    practice: Profile, *, plan: str, steps: Sequence[RehearsedStep], to: Audience, said: Said, actor: str, now: datetime
) -> str:
    """Plan every step whose channel has an address; the reference of the rehearsal. Each call is another one.

    Raises `Refused` for an address that is a patient's, is not the practice's, or wants no messages.
    """
    async with transaction():
        await _check_addresses(practice, to)
        practitioner = await practitioner_for(practice.id, said.speciality)
        if practitioner is None:
            raise Refused("The pages of a rehearsal show somebody's open times: add a practitioner to practice.toml.")
        ref = new_reference()
        common = {
            "rehearsal": ref,
            "first_name": said.first_name,
            "speciality": said.speciality,
            "language": said.language,
            "missed_on": said.missed_on.isoformat(),
            "practitioner": practitioner,
            **said.tried,
        }
        leaving = [step for step in steps if step.channel in to.addresses]
        for step in leaving:
            await _insert(practice.id, step, to.addresses[step.channel], common, now)
        data = {"plan": plan, "speciality": said.speciality, "language": said.language, "messages": len(leaving)}
        entry = Entry(Event.REHEARSAL_STARTED, subject=ref, reason=Reason.REHEARSAL, data=data)
        await record([entry], practice=practice.id, actor=actor, now=now)
    return ref


async def _check_addresses(practice: Profile, to: Audience) -> None:
    if not to.addresses:
        raise Refused("A rehearsal goes to somebody: give --to-email, --to-phone, or both.")
    for channel, address in to.addresses.items():
        what = "number" if channel is Channel.SMS else "mailbox"
        if await is_a_patients(practice.id, channel, address):
            raise Refused(f"This {what} is a patient's: a rehearsal never goes to a patient.")
        if await has_opted_out(practice.id, channel, address):
            raise Refused(f"This {what} has asked for no more messages: choose another one.")
    if to.email is not None and not await works_here(practice.id, to.email):
        raise Refused(
            "A rehearsal goes to a member of staff, or to the practice's own mailbox: nobody who works here has this "
            "address. practice.toml lists the staff."
        )


async def _insert(practice: int, step: RehearsedStep, address: str, common: dict[str, Any], now: datetime) -> None:
    ref, detail = new_reference(), dict(common)
    if step.kind is not None and step.deadline_at is not None:
        detail |= {"kind": step.kind, "deadline_at": step.deadline_at.isoformat(), "urgent": False}
    await fetch(
        "INSERT INTO delivery (practice, ref, lane, message, channel, detail, due_at, attempt_at, status, attempts, "
        "ambiguous, link_id, address, address_index, rehearsal, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, 0, false, $9, $10, $11, true, $12)",
        practice,
        ref,
        BULK if step.kind is None else HUMAN,
        step.message,
        step.channel,
        json.dumps(detail),
        now + step.after,
        DeliveryStatus.PLANNED,
        new_link_id() if step.kind is None else None,
        vault().seal(address, owner=ref, field="delivery.address"),
        index_of(step.channel, address),
        now,
    )


async def stop_rehearsal(ref: str, *, practice: int, actor: str, now: datetime) -> int:
    """Cancel what has not left; how many that were. Raises `NotFound` for a rehearsal that there is not."""
    async with transaction():
        rows = await fetch(
            "SELECT id, ref, message, channel, status FROM delivery WHERE practice = $1 AND rehearsal "
            "AND detail ->> 'rehearsal' = $2 ORDER BY id FOR UPDATE",
            practice,
            ref,
        )
        if not rows:
            raise NotFound(f"There is no rehearsal {ref}.")
        return await cancel_rehearsed(rows, Reason.BY_HAND, practice=practice, actor=actor, now=now)

"""What is known of a rehearsal: whom it may go to, how far it is, and what its links show."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from db.crypto import vault
from db.engine import fetch, fetch_one, fetch_value
from db.errors import NotFound
from db.queries.agenda import AVAILABILITY_COLUMNS, Availability, availability_of
from db.states import UNSETTLED_DELIVERY, Channel, DeliveryStatus

LINK_LIFE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class RehearsedDelivery:
    """`kind` is that of a case; `sent_at` is set once a server has taken it."""

    ref: str
    message: str
    channel: Channel
    kind: str | None
    due_at: datetime
    status: DeliveryStatus
    reason: str | None
    code: str | None
    attempts: int
    sent_at: datetime | None

    @property
    def is_settled(self) -> bool:
        return self.status not in UNSETTLED_DELIVERY

    @property
    def has_left(self) -> bool:
        return self.status in (DeliveryStatus.SENT, DeliveryStatus.DELIVERED)


async def rehearsed_deliveries(practice: int, rehearsal: str) -> list[RehearsedDelivery]:
    """In the order in which they are due; empty for a rehearsal that there is not."""
    rows: Any = await fetch(
        "SELECT ref, message, channel, detail ->> 'kind' AS kind, due_at, status, reason, code, attempts, sent_at "
        "FROM delivery WHERE practice = $1 AND rehearsal AND detail ->> 'rehearsal' = $2 ORDER BY due_at, id",
        practice,
        rehearsal,
    )
    return [
        RehearsedDelivery(**dict(row) | {"channel": Channel(row["channel"]), "status": DeliveryStatus(row["status"])})
        for row in rows
    ]


async def works_here(practice: int, email: str) -> bool:
    """Whether the mailbox is that of a member of staff, or the practice's own."""
    row = await fetch_one(
        "SELECT lower($3) IN (lower(c.reply_to), lower(c.notice_email)) AS own, EXISTS (SELECT 1 FROM staff s "
        "WHERE s.practice = c.id AND s.active AND s.email_index = $2) AS staff FROM practice c WHERE c.id = $1",
        practice,
        index_of(Channel.EMAIL, email),
        email,
    )
    return row is not None and bool(row["own"] or row["staff"])


async def mailbox_of(practice: int, staff: int) -> str:
    """The address of a member of staff."""
    row = await fetch_one("SELECT ref, email FROM staff WHERE id = $1 AND practice = $2 AND active", staff, practice)
    if row is None:
        raise NotFound("This person does not work here.")
    return vault().open(row["email"], owner=row["ref"], field="staff.email")


def index_of(channel: Channel, address: str) -> bytes:
    """The blind index of a number or mailbox."""
    return vault().index(address, kind="phone" if channel is Channel.SMS else "email")


async def is_a_patients(practice: int, channel: Channel, address: str) -> bool:
    column = "phone_index" if channel is Channel.SMS else "email_index"
    return bool(
        await fetch_value(
            f"SELECT EXISTS (SELECT 1 FROM patient WHERE practice = $1 AND {column} = $2)",
            practice,
            index_of(channel, address),
        )
    )


async def has_opted_out(practice: int, channel: Channel, address: str) -> bool:
    return bool(
        await fetch_value(
            "SELECT EXISTS (SELECT 1 FROM channel_opt_out WHERE practice = $1 AND channel = $2 AND address_index = $3 "
            "AND ended_at IS NULL)",
            practice,
            channel,
            index_of(channel, address),
        )
    )


async def practitioner_for(practice: int, speciality: str) -> int | None:
    """Whose open times the pages show: the first of that speciality, else the first."""
    found: int | None = await fetch_value(
        "SELECT id FROM practitioner WHERE practice = $1 ORDER BY speciality = $2 DESC, id LIMIT 1",
        practice,
        speciality,
    )
    return found


async def names_of_staff(practice: int) -> Mapping[str, str]:
    """By reference, for plans that name a person."""
    return {row["ref"]: row["name"] for row in await fetch("SELECT ref, name FROM staff WHERE practice = $1", practice)}


@dataclass(frozen=True, slots=True)
class RehearsedLink:
    """What the page behind a rehearsal's link is made of; no patient stands behind it."""

    practice: str
    phone: str
    country: str
    zone: str
    address: str | None
    language: str
    practitioner: str
    cancel_notice_hours: int
    availability: Availability


async def rehearsed_link(link_id: str, *, now: datetime) -> RehearsedLink | None:
    row = await fetch_one(
        "SELECT c.discreet_name AS practice, c.phone, c.address, d.detail ->> 'language' AS language, "
        "coalesce((c.settings ->> 'cancel_notice_hours')::int, 24) AS cancel_notice_hours, r.name AS practitioner, "
        f"{AVAILABILITY_COLUMNS} FROM delivery d JOIN practice c ON c.id = d.practice "
        "JOIN practitioner r ON r.id = (d.detail ->> 'practitioner')::int AND r.practice = c.id "
        "WHERE d.link_id = $1 AND d.rehearsal AND d.created_at > $4",
        link_id,
        now,
        None,
        now - LINK_LIFE,
    )
    if row is None:
        return None
    names = ("practice", "phone", "country", "zone", "address", "language", "practitioner", "cancel_notice_hours")
    return RehearsedLink(**{name: row[name] for name in names}, availability=availability_of(row, duration=None))

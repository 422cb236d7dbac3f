"""Who a patient is, for the person who has to call."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from db.crypto import vault
from db.engine import fetch, fetch_one
from db.errors import NotFound

# What staff see of a patient `p`: the practice's own number, or, where an export had none, our reference.
SHOWN_NUMBER = "CASE WHEN p.key LIKE 'h:%' THEN p.ref ELSE p.key END"


@dataclass(frozen=True)
class Label:
    """That a patient is at high risk: by which rule, since when, and, where that is known, up to which day."""

    rule: str
    since: datetime
    until: date | None


@dataclass(frozen=True)
class PatientCard:
    """`phone` is E.164; what a patient refused, or what turned out not to work, stands beside the address.
    `objected_at`: since when no follow-up is automated; `labels` are those that stand."""

    number: str
    ref: str
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    phone: str | None = field(repr=False)
    phone_works: bool
    email: str | None = field(repr=False)
    email_works: bool
    opted_out: tuple[str, ...]
    objected_at: datetime | None
    labels: tuple[Label, ...]


async def patient_card(practice: int, number: str, *, on: date) -> PatientCard:
    """By the practice's own number, or by our reference; with the labels of the day `on`."""
    row = await fetch_one(
        f"SELECT {SHOWN_NUMBER} AS number, p.id, p.ref, p.objected_at, p.first_name, p.last_name, p.phone, p.email, "
        "p.phone_invalid_at, p.email_invalid_at, ARRAY(SELECT o.channel::text FROM channel_opt_out o "
        "WHERE o.practice = p.practice AND o.ended_at IS NULL "
        "AND o.address_index = CASE o.channel WHEN 'sms' THEN p.phone_index ELSE p.email_index END ORDER BY 1) "
        "AS opted_out FROM patient p WHERE p.practice = $1 AND (p.key = $2 OR p.ref = $2) "
        "ORDER BY p.key = $2 DESC LIMIT 1",
        practice,
        number,
    )
    if row is None:
        raise NotFound(f"There is no patient {number} in this practice.")
    opened = {
        name: vault().open(row[name], owner=row["ref"], field=f"patient.{name}") if row[name] is not None else None
        for name in ("first_name", "last_name", "phone", "email")
    }
    return PatientCard(
        number=row["number"],
        ref=row["ref"],
        first_name=opened["first_name"] or "",
        last_name=opened["last_name"] or "",
        phone=opened["phone"],
        phone_works=row["phone_invalid_at"] is None,
        email=opened["email"],
        email_works=row["email_invalid_at"] is None,
        opted_out=tuple(row["opted_out"]),
        objected_at=row["objected_at"],
        labels=await _labels(row["id"], on),
    )


async def _labels(patient: int, on: date) -> tuple[Label, ...]:
    rows: Any = await fetch(
        "SELECT rule, since, until FROM patient_risk WHERE patient = $1 AND ended_at IS NULL "
        "AND (until IS NULL OR until >= $2) ORDER BY since, id",
        patient,
        on,
    )
    return tuple(Label(**dict(row)) for row in rows)


async def patient_ref(practice: int, number: str) -> str:
    """Our reference, by the practice's own number or by the reference itself."""
    row = await fetch_one(
        "SELECT ref FROM patient WHERE practice = $1 AND (key = $2 OR ref = $2) ORDER BY key = $2 DESC LIMIT 1",
        practice,
        number,
    )
    if row is None:
        raise NotFound(f"There is no patient {number} in this practice.")
    found: str = row["ref"]
    return found

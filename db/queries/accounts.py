"""Who signs in, as the sign-in pages and every request of a session need it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from db.crypto import vault
from db.engine import Row, fetch, fetch_one
from db.errors import Unreadable
from db.queries.practices import PRACTICE_OF_MEMBER, Profile, profile_from
from db.states import Role
from db.tokens import sign_ins

TOTP_FIELD, NONCE_FIELD = "staff_access.totp", "delivery.nonce"
LINK_PATH = "/staff/sign-in/link/"


@dataclass(frozen=True, slots=True)
class Member:
    """An active member of staff with their practice; sessions from before `signed_out_at` are over."""

    id: int
    ref: str
    name: str
    role: Role
    language: str
    practice: Profile
    signed_out_at: datetime | None


MEMBER = (
    "SELECT s.id AS staff_id, s.ref AS staff_ref, s.name AS staff_name, s.role AS staff_role, "
    "s.language AS staff_language, x.signed_out_at, " + PRACTICE_OF_MEMBER + " FROM staff s "
    "JOIN practice p ON p.id = s.practice LEFT JOIN staff_access x ON x.staff = s.id WHERE s.id = $1 AND s.active"
)


async def member(staff: int) -> Member | None:
    """One query for each request: a role that was changed, and somebody who left, count at once."""
    row = await fetch_one(MEMBER, staff)
    if row is None:
        return None
    return Member(
        id=row["staff_id"],
        ref=row["staff_ref"],
        name=row["staff_name"],
        role=Role(row["staff_role"]),
        language=row["staff_language"],
        practice=profile_from(row),
        signed_out_at=row["signed_out_at"],
    )


def sign_in_path(ref: str, detail: Mapping[str, Any]) -> str:
    """Where the link of a `sign_in` delivery (its reference, its detail) leads, on our own site."""
    nonce = vault().open(bytes.fromhex(detail["nonce"]), owner=ref, field=NONCE_FIELD)
    return link_path(sign_ins().sign(nonce), detail.get("to", ""))


def link_path(token: str, to: str = "") -> str:
    path = f"{LINK_PATH}{token}"
    return f"{path}?{urlencode({'to': to})}" if to else path


@dataclass(frozen=True, slots=True)
class PendingFactor:
    """A second factor that is being set up: what the authenticator is told."""

    secret: str = field(repr=False)
    account: str = field(repr=False)


async def pending_factor(staff: int) -> PendingFactor | None:
    """None once it is in force: a secret is shown only until then."""
    row = await fetch_one(
        "SELECT s.ref, s.email, x.totp FROM staff_access x JOIN staff s ON s.id = x.staff AND s.active "
        "WHERE x.staff = $1 AND x.totp IS NOT NULL AND x.totp_since IS NULL",
        staff,
    )
    if row is None:
        return None
    return PendingFactor(
        vault().open(row["totp"], owner=row["ref"], field=TOTP_FIELD),
        vault().open(row["email"], owner=row["ref"], field="staff.email"),
    )


@dataclass(frozen=True, slots=True)
class AccountFacts:
    has_factor: bool
    recovery_left: int
    slack_linked: bool


async def account_facts(staff: int) -> AccountFacts:
    row = await fetch_one(
        "SELECT x.totp_since IS NOT NULL AS has_factor, s.slack_user IS NOT NULL AS slack_linked, "
        "(SELECT count(*) FROM recovery_code c WHERE c.staff = s.id AND c.used_at IS NULL) AS recovery_left "
        "FROM staff s LEFT JOIN staff_access x ON x.staff = s.id WHERE s.id = $1",
        staff,
    )
    assert row is not None
    return AccountFacts(bool(row["has_factor"]), row["recovery_left"], row["slack_linked"])


@dataclass(frozen=True, slots=True)
class Account:
    """One line of `reprise staff list`. `email` is None where it does not open; `gets_mail`: no mail came back from
    it."""

    id: int
    ref: str
    name: str
    email: str | None = field(repr=False)
    gets_mail: bool
    role: Role
    active: bool
    has_factor: bool
    signed_in_at: datetime | None
    locked_until: datetime | None


async def accounts(practice: int) -> list[Account]:
    rows = await fetch(
        "SELECT s.id, s.ref, s.name, s.email, s.email_invalid_at, s.role, s.active, x.totp_since, "
        "x.signed_in_at, x.locked_until FROM staff s LEFT JOIN staff_access x ON x.staff = s.id WHERE s.practice = $1 "
        "ORDER BY s.active DESC, s.id",
        practice,
    )
    return [_account(row, _opened(row)) for row in rows]


def _account(row: Row, email: str | None) -> Account:
    return Account(
        id=row["id"],
        ref=row["ref"],
        name=row["name"],
        email=email,
        gets_mail=email is not None and row["email_invalid_at"] is None,
        role=Role(row["role"]),
        active=row["active"],
        has_factor=row["totp_since"] is not None,
        signed_in_at=row["signed_in_at"],
        locked_until=row["locked_until"],
    )


def _opened(row: Row) -> str | None:
    try:
        return vault().open(row["email"], owner=row["ref"], field="staff.email")
    except Unreadable:
        return None


@dataclass(frozen=True, slots=True)
class SecurityEntry:
    at: datetime
    actor: str
    event: str
    subject: str | None
    data: dict[str, Any] | None


async def security_entries(practice: int, *, since: datetime) -> list[SecurityEntry]:
    rows = await fetch(
        "SELECT at, actor, event, subject_ref, data FROM security_log WHERE practice = $1 AND at >= $2 ORDER BY at, id",
        practice,
        since,
    )
    return [
        SecurityEntry(
            row["at"], row["actor"], row["event"], row["subject_ref"], json.loads(row["data"]) if row["data"] else None
        )
        for row in rows
    ]

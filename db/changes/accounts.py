"""Accounts of staff: a one-time link, the second factor, and what ends a session. Each in the security log.

A wrong code is written down, so it is an answer and not a refusal: see `Answer`.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from db import actors
from db.changes._treating import link_by_name
from db.changes.security import SecurityEvent, log_security
from db.changes.staff import hand_over_cases
from db.crypto import vault
from db.engine import Row, fetch, fetch_one, fetch_value, transaction
from db.errors import NotFound, Refused
from db.queries.accounts import NONCE_FIELD, TOTP_FIELD
from db.rules.second_factor import matching_step, new_recovery_codes, new_secret, recovery_form
from db.states import Channel, DeliveryStatus, Role
from db.tables.deliveries import HUMAN
from db.tokens import SIGN_IN, new_reference, sign_ins

MESSAGE = "sign_in"
LINK_LIFE = timedelta(minutes=10)
MOST_FAILURES = 5
LOCK = timedelta(minutes=15)
LINK_KIND, RECOVERY_KIND = "sign-in", "recovery"


class Answer(StrEnum):
    """What became of a code."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class LinkUsed:
    """Whose link it was; `enrols`: they have no second factor yet, and now set one up."""

    staff: int
    enrols: bool


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`recovery` is said this once: only a keyed hash of each code is kept."""

    answer: Answer
    recovery: tuple[str, ...] = field(default=(), repr=False)


ACCESS = """
SELECT x.*, s.ref AS staff_ref FROM staff_access x JOIN staff s ON s.id = x.staff AND s.active WHERE x.staff = $1
FOR UPDATE OF x
"""


async def request_link(email: str, *, to: str = "", sparing: bool = False, now: datetime) -> int:
    """A due email with a link for whoever works here under this address, in each practice; how many. The link before
    it is over.

    `sparing`: only for whom no link is under way. So a stranger who asks again and again for somebody else fills no
    mailbox, and keeps nobody out: at any moment a link lives, or one more may be asked for.
    """
    keys = vault()
    index = keys.index(email, kind="email")
    async with transaction():
        rows = await fetch(
            "SELECT id, ref, practice FROM staff WHERE email_index = $1 AND active ORDER BY id FOR UPDATE", index
        )
        people = [row for row in rows if not (sparing and await _has_link(row["id"], now))]
        for person in people:
            nonce = await _set_link(person, now)
            await _post_link(person, nonce, to, now)
            actor = actors.staff(person["ref"])
            await log_security(person["practice"], event=SecurityEvent.LINK_REQUESTED, actor=actor, now=now)
    return len(people)


async def _has_link(staff: int, now: datetime) -> bool:
    """Read once the person is locked: of two who ask at once, the second sees the first one's link."""
    found: bool = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM staff_access WHERE staff = $1 AND link_expires_at > $2)", staff, now
    )
    return found


async def make_link(ref: str, *, practice: int, actor: str, now: datetime) -> str:
    """The token of a link that whoever sits at the installation's terminal hands over."""
    async with transaction():
        person = await _person(ref, practice)
        nonce = await _set_link(person, now)
        await log_security(practice, event=SecurityEvent.LINK_PRINTED, actor=actor, subject=ref, now=now)
    return sign_ins().sign(nonce)


async def _person(ref: str, practice: int) -> Row:
    row = await fetch_one(
        "SELECT id, ref, practice FROM staff WHERE ref = $1 AND practice = $2 AND active FOR UPDATE", ref, practice
    )
    if row is None:
        raise NotFound("This person does not work here.")
    return row


async def _set_link(person: Row, now: datetime) -> str:
    nonce = SIGN_IN.new_id()
    await fetch(
        "INSERT INTO staff_access (practice, staff, link, link_expires_at, failures) VALUES ($1, $2, $3, $4, 0) "
        "ON CONFLICT (staff) DO UPDATE SET link = $3, link_expires_at = $4",
        person["practice"],
        person["id"],
        vault().index(nonce, kind=LINK_KIND),
        now + LINK_LIFE,
    )
    return nonce


async def _post_link(person: Row, nonce: str, to: str, now: datetime) -> None:
    """The row holds the nonce sealed: the link is put together when the email leaves."""
    ref = new_reference()
    sealed = vault().seal(nonce, owner=ref, field=NONCE_FIELD)
    detail = {"nonce": sealed.hex(), "expires_at": (now + LINK_LIFE).isoformat(), "to": to}
    await fetch(
        "INSERT INTO delivery (practice, ref, lane, message, channel, staff, detail, due_at, attempt_at, status, "
        "attempts, ambiguous, rehearsal, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, 0, false, false, "
        "$8)",
        person["practice"],
        ref,
        HUMAN,
        MESSAGE,
        Channel.EMAIL,
        person["id"],
        json.dumps(detail),
        now,
        DeliveryStatus.PLANNED,
    )


async def use_link(nonce: str, *, now: datetime) -> LinkUsed:
    """Once. Raises `NotFound` for a link that was used, replaced, or is too old."""
    async with transaction():
        row = await fetch_one(
            "SELECT x.*, s.ref AS staff_ref FROM staff_access x JOIN staff s ON s.id = x.staff AND s.active "
            "WHERE x.link = $1 AND x.link_expires_at > $2 FOR UPDATE OF x",
            vault().index(nonce, kind=LINK_KIND),
            now,
        )
        if row is None:
            raise NotFound("This link is over.")
        enrols = row["totp_since"] is None
        # A secret that nobody confirmed was maybe seen by somebody else: a new link, a new one.
        secret = vault().seal(new_secret(), owner=row["staff_ref"], field=TOTP_FIELD) if enrols else row["totp"]
        await fetch(
            "UPDATE staff_access SET link = NULL, link_expires_at = NULL, totp = $2 WHERE id = $1", row["id"], secret
        )
        await _log(row, SecurityEvent.LINK_USED, now)
    return LinkUsed(row["staff"], enrols)


async def enrol_factor(staff: int, *, code: str, now: datetime) -> Enrolled:
    """The first code of a new second factor puts it in force."""
    async with transaction():
        row = await _access(staff)
        if row["totp_since"] is not None or row["totp"] is None:
            raise Refused("A second factor is in force already: sign in with it.")
        if _is_locked(row, now):
            return Enrolled(Answer.LOCKED)
        step = matching_step(_secret(row), code, now=now, after=None)
        if step is None:
            return Enrolled(await _failed(row, now))
        await fetch("UPDATE staff_access SET totp_since = $2 WHERE id = $1", row["id"], now)
        codes = await _new_recovery_codes(row)
        await _log(row, SecurityEvent.FACTOR_ENROLLED, now)
        await _accept(row, step, now)
    return Enrolled(Answer.ACCEPTED, tuple(codes))


async def use_code(staff: int, *, code: str, now: datetime) -> Answer:
    """Six digits of the second factor, or a recovery code; each is used once."""
    async with transaction():
        row = await _access(staff)
        if row["totp_since"] is None:
            raise Refused("No second factor is in force: ask for a new link.")
        if _is_locked(row, now):
            return Answer.LOCKED
        step = matching_step(_secret(row), code, now=now, after=row["totp_step"])
        if step is None and not await _use_recovery(row, code, now):
            return await _failed(row, now)
        await _accept(row, row["totp_step"] if step is None else step, now)
    return Answer.ACCEPTED


async def renew_recovery(staff: int, *, code: str, now: datetime) -> Enrolled:
    """Ten new recovery codes, against a code of the second factor; those before are over."""
    async with transaction():
        row = await _access(staff)
        if row["totp_since"] is None:
            raise Refused("No second factor is in force.")
        if _is_locked(row, now):
            return Enrolled(Answer.LOCKED)
        step = matching_step(_secret(row), code, now=now, after=row["totp_step"])
        if step is None:
            return Enrolled(await _failed(row, now))
        await fetch(
            "UPDATE staff_access SET totp_step = $2, failures = 0, locked_until = NULL WHERE id = $1", row["id"], step
        )
        codes = await _new_recovery_codes(row)
        await _log(row, SecurityEvent.RECOVERY_RENEWED, now)
    return Enrolled(Answer.ACCEPTED, tuple(codes))


async def sign_in_demo(staff: int, *, now: datetime) -> None:
    """The guided tour's way in; only a demo has the page that asks for it."""
    async with transaction():
        row = await fetch_one("SELECT id, ref, practice FROM staff WHERE id = $1 AND active", staff)
        if row is None:
            raise NotFound("This person does not work here.")
        await fetch(
            "INSERT INTO staff_access (practice, staff, failures, signed_in_at) VALUES ($1, $2, 0, $3) "
            "ON CONFLICT (staff) DO UPDATE SET signed_in_at = $3",
            row["practice"],
            row["id"],
            now,
        )
        actor = actors.staff(row["ref"])
        await log_security(row["practice"], event=SecurityEvent.SIGNED_IN, actor=actor, now=now, data={"way": "demo"})


async def sign_out_everywhere(staff: int, *, now: datetime) -> None:
    """Every session that stands is over at its next request."""
    async with transaction():
        row = await _access(staff)
        await fetch("UPDATE staff_access SET signed_out_at = $2 WHERE id = $1", row["id"], now)
        await _log(row, SecurityEvent.SIGNED_OUT_EVERYWHERE, now)


async def set_language(staff: int, *, language: str, now: datetime) -> bool:
    """In which language somebody reads the pages and what is sent to them. False if it was so already."""
    async with transaction():
        row = await fetch_one(
            "UPDATE staff SET language = $2 WHERE id = $1 AND active AND language <> $2 RETURNING ref, practice",
            staff,
            language,
        )
        if row is None:
            return False
        actor, data = actors.staff(row["ref"]), {"language": language}
        await log_security(row["practice"], event=SecurityEvent.LANGUAGE_CHANGED, actor=actor, now=now, data=data)
    return True


async def add_member(
    email: str, *, practice: int, name: str, role: Role, language: str, actor: str, now: datetime
) -> tuple[str, bool]:
    """The reference, and whether they are new. Who is known gets the role, and works here again. A practitioner whom an
    import met under this name is that person."""
    keys, ref = vault(), new_reference()
    async with transaction():
        row = await fetch_one(
            "INSERT INTO staff (practice, ref, name, email, email_index, role, language, active, alerts, created_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, true, 'email', $8) ON CONFLICT (practice, email_index) DO UPDATE "
            "SET role = $6, active = true, name = CASE WHEN $3 = '' THEN staff.name ELSE $3 END RETURNING ref",
            practice,
            ref,
            name,
            keys.seal(email, owner=ref, field="staff.email"),
            keys.index(email, kind="email"),
            role,
            language,
            now,
        )
        assert row is not None
        if row["ref"] == ref and not name:
            raise Refused("Somebody new needs a name: add --name.")
        if role is Role.PRACTITIONER:
            await link_by_name(practice)
        await log_security(
            practice,
            event=SecurityEvent.MEMBER_ADDED,
            actor=actor,
            subject=row["ref"],
            data={"role": role},
            now=now,
        )
    return row["ref"], row["ref"] == ref


async def deactivate_member(ref: str, *, practice: int, actor: str, now: datetime) -> int:
    """They sign in no more, their sessions end with their next request, and no case is given to them. What they had
    goes to somebody else at once: how many cases."""
    async with transaction():
        person = await _person(ref, practice)
        await fetch("UPDATE staff SET active = false WHERE id = $1", person["id"])
        await fetch(
            "UPDATE staff_access SET link = NULL, link_expires_at = NULL, signed_out_at = $2 WHERE staff = $1",
            person["id"],
            now,
        )
        await log_security(practice, event=SecurityEvent.MEMBER_DEACTIVATED, actor=actor, subject=ref, now=now)
    return await hand_over_cases(ref, practice=practice, actor=actor, now=now)


async def forget_factor(ref: str, *, practice: int, actor: str, now: datetime) -> bool:
    """Who lost telephone and codes sets a second factor up anew at the next sign-in; sessions end. False if there was
    none."""
    async with transaction():
        person = await _person(ref, practice)
        had = await fetch(
            "UPDATE staff_access SET totp = NULL, totp_since = NULL, totp_step = NULL, failures = 0, "
            "locked_until = NULL, link = NULL, link_expires_at = NULL, signed_out_at = $2 WHERE staff = $1 "
            "AND totp IS NOT NULL RETURNING id",
            person["id"],
            now,
        )
        await fetch("DELETE FROM recovery_code WHERE staff = $1", person["id"])
        if had:
            await log_security(practice, event=SecurityEvent.FACTOR_FORGOTTEN, actor=actor, subject=ref, now=now)
    return bool(had)


async def _access(staff: int) -> Row:
    row = await fetch_one(ACCESS, staff)
    if row is None:
        raise NotFound("This person does not work here.")
    return row


def _secret(row: Row) -> str:
    return vault().open(row["totp"], owner=row["staff_ref"], field=TOTP_FIELD)


def _is_locked(row: Row, now: datetime) -> bool:
    return row["locked_until"] is not None and row["locked_until"] > now


async def _accept(row: Row, step: int | None, now: datetime) -> None:
    await fetch(
        "UPDATE staff_access SET totp_step = $2, failures = 0, locked_until = NULL, signed_in_at = $3 WHERE id = $1",
        row["id"],
        step,
        now,
    )
    await _log(row, SecurityEvent.SIGNED_IN, now)


async def _failed(row: Row, now: datetime) -> Answer:
    """One more wrong code; a lock that is over has wiped the slate."""
    failures = (0 if row["locked_until"] is not None else row["failures"]) + 1
    locks = failures >= MOST_FAILURES
    await fetch(
        "UPDATE staff_access SET failures = $2, locked_until = $3 WHERE id = $1",
        row["id"],
        failures,
        now + LOCK if locks else None,
    )
    await _log(row, SecurityEvent.SIGN_IN_FAILED, now)
    if locks:
        await _log(row, SecurityEvent.LOCKED, now)
    return Answer.LOCKED if locks else Answer.WRONG


async def _use_recovery(row: Row, code: str, now: datetime) -> bool:
    bare = recovery_form(code)
    if bare is None:
        return False
    used = await fetch(
        "UPDATE recovery_code SET used_at = $3 WHERE staff = $1 AND code = $2 AND used_at IS NULL RETURNING id",
        row["staff"],
        _recovery_hash(row, bare),
        now,
    )
    if used:
        await _log(row, SecurityEvent.RECOVERY_USED, now)
    return bool(used)


async def _new_recovery_codes(row: Row) -> list[str]:
    codes = new_recovery_codes()
    await fetch("DELETE FROM recovery_code WHERE staff = $1", row["staff"])
    await fetch(
        "INSERT INTO recovery_code (practice, staff, code) SELECT $1, $2, unnest($3::bytea[])",
        row["practice"],
        row["staff"],
        [_recovery_hash(row, recovery_form(code) or "") for code in codes],
    )
    return codes


def _recovery_hash(row: Row, bare: str) -> bytes:
    return vault().index(f"{row['staff_ref']}:{bare}", kind=RECOVERY_KIND)


async def _log(row: Row, event: SecurityEvent, now: datetime) -> None:
    await log_security(row["practice"], event=event, actor=actors.staff(row["staff_ref"]), now=now)

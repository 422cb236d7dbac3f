"""What became of a message: told by the sender, by a provider's receipt, or by a lease that ran out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from db.actors import GATEWAY, MAIL_SERVER, SYSTEM
from db.changes._failures import (
    address_is_invalid,
    channel_is_blocked,
    fall_over,
    needs_a_person,
    staff_not_told,
)
from db.changes._journal import Entry, Event, record
from db.changes._sequences import LINK_LIFE, complete_finished, when_quiet
from db.changes.channels import tell_refused
from db.engine import Row, fetch, fetch_one
from db.rules.backoff import MOST_ATTEMPTS, retry_at
from db.rules.bounces import concerns_address
from db.states import DELIVERY_MOVES, UNSETTLED_DELIVERY, Channel, DeliveryStatus, Reason, TaskKind, check_move

REFUSED_PAUSE = timedelta(minutes=5)


class Outcome(StrEnum):
    SENT = "sent"
    DELIVERED = "delivered"
    TEMPORARY = "temporary"
    AMBIGUOUS = "ambiguous"
    REFUSED = "refused"
    ADDRESS_INVALID = "address_invalid"
    BLOCKED = "blocked"
    FAILED = "failed"
    TEXT_REFUSED = "text_refused"
    BOUNCED = "bounced"
    ADDRESS_BOUNCED = "address_bounced"
    NOT_TRIED = "not_tried"


FAILURES = {
    Outcome.ADDRESS_INVALID: Reason.PERMANENT_FAILURE,
    Outcome.BLOCKED: Reason.CHANNEL_OPT_OUT,
    Outcome.FAILED: Reason.PERMANENT_FAILURE,
    Outcome.TEXT_REFUSED: Reason.TEXT_REFUSED,
    Outcome.BOUNCED: Reason.BOUNCED,
    Outcome.ADDRESS_BOUNCED: Reason.BOUNCED,
}
DEAD_ADDRESS = (Outcome.ADDRESS_INVALID, Outcome.ADDRESS_BOUNCED)
# The channel failed for good. An opt-out is no failure, and a text that cannot go is mended by a person.
FALLS_OVER = (Outcome.FAILED, Outcome.TEMPORARY, Outcome.AMBIGUOUS, Outcome.BOUNCED, *DEAD_ADDRESS)
ARRIVALS = {Outcome.SENT: DeliveryStatus.SENT, Outcome.DELIVERED: DeliveryStatus.DELIVERED}


@dataclass(frozen=True, slots=True)
class Settlement:
    """`attempt` is the claim's own number: a sender whose lease ran out must not undo the next one's claim.
    `at` is when the server answered; `retry_after` is in seconds."""

    delivery: int
    attempt: int
    outcome: Outcome
    at: datetime
    provider_id: str | None = None
    code: str | None = None
    retry_after: float | None = None


LOCKED = (
    "SELECT d.id, d.ref, d.practice, d.status, d.reason, d.attempts, d.message, d.channel, d.enrolment, d.patient, "
    "d.ambiguous, d.due_at, d.address_index, d.step, d.staff, d.task, d.rehearsal, e.ref AS enrolment_ref, "
    "e.links_expire_at, p.ref AS patient_ref "
    "FROM delivery d "
    "LEFT JOIN enrolment e ON e.id = d.enrolment LEFT JOIN patient p ON p.id = d.patient "
)


async def settle(results: Sequence[Settlement], *, practice: int, now: datetime) -> None:
    """Write what became of claimed messages, complete the sequences that thereby end."""

    async def change(_insist: bool) -> None:
        by_id = {result.delivery: result for result in results}
        failures = any(result.outcome not in (Outcome.SENT, Outcome.NOT_TRIED) for result in results)
        rows = await _lock(list(by_id), with_patients=failures)
        pairs = [(row, by_id[row["id"]]) for row in rows if _still_concerns(row, by_id[row["id"]])]
        await _settle_sent([pair for pair in pairs if pair[1].outcome is Outcome.SENT], practice, now)
        await _give_back([row["id"] for row, result in pairs if result.outcome is Outcome.NOT_TRIED])
        for row, result in pairs:
            if result.outcome not in (Outcome.SENT, Outcome.NOT_TRIED):
                await _settle_failed(row, result, practice, SYSTEM, now)
        await _complete(rows, practice, now)

    await when_quiet(change)


async def _complete(rows: Sequence[Row], practice: int, now: datetime) -> None:
    await complete_finished([row["enrolment"] for row in rows if row["enrolment"]], practice=practice, now=now)


async def _lock(ids: list[int], *, with_patients: bool) -> Sequence[Row]:
    """In the order in which a stop locks them. What failed may change the patient, or open a task about them."""
    if with_patients:
        await fetch(
            "SELECT id FROM patient WHERE id IN (SELECT patient FROM delivery WHERE id = ANY($1)) ORDER BY id "
            "FOR UPDATE",
            ids,
        )
    await fetch(
        "SELECT id FROM enrolment WHERE id IN (SELECT enrolment FROM delivery WHERE id = ANY($1)) ORDER BY id "
        "FOR UPDATE",
        ids,
    )
    return await fetch(LOCKED + "WHERE d.id = ANY($1) ORDER BY d.id FOR UPDATE OF d", ids)


def _still_concerns(row: Row, result: Settlement) -> bool:
    if DeliveryStatus(row["status"]) not in UNSETTLED_DELIVERY:
        return False
    # What left has left, whoever holds the row now; a failure counts only for the attempt that failed.
    return result.outcome is Outcome.SENT or (
        row["attempts"] == result.attempt and row["status"] == DeliveryStatus.CLAIMED
    )


async def _settle_sent(pairs: Sequence[tuple[Row, Settlement]], practice: int, now: datetime) -> None:
    if not pairs:
        return
    await fetch(
        "UPDATE delivery d SET status = $1, reason = CASE WHEN d.ambiguous THEN 'ambiguous' ELSE 'on_time' END, "
        "sent_at = t.at, settled_at = $2, lease_until = NULL, provider_id = t.provider_id, code = t.code "
        "FROM unnest($3::bigint[], $4::timestamptz[], $5::text[], $6::text[]) AS t(id, at, provider_id, code) "
        "WHERE d.id = t.id",
        DeliveryStatus.SENT,
        now,
        [result.delivery for _, result in pairs],
        [result.at for _, result in pairs],
        [result.provider_id for _, result in pairs],
        [result.code for _, result in pairs],
    )
    lasting = now + LINK_LIFE
    too_short = [row["enrolment"] for row, _ in pairs if row["enrolment"] and row["links_expire_at"] < lasting]
    if too_short:
        await fetch("UPDATE enrolment SET links_expire_at = $2 WHERE id = ANY($1)", too_short, lasting)
    entries = [
        _told(Event.MESSAGE_SENT, row, Reason.AMBIGUOUS if row["ambiguous"] else Reason.ON_TIME, result.attempt)
        for row, result in pairs
    ]
    await record(entries, practice=practice, actor=SYSTEM, now=now)


async def _give_back(ids: Sequence[int]) -> None:
    """As if they had never been claimed: they are due still, and whether they may leave is decided again."""
    if ids:
        await fetch(
            "UPDATE delivery SET status = $2, attempts = attempts - 1, lease_until = NULL WHERE id = ANY($1)",
            ids,
            DeliveryStatus.PLANNED,
        )


async def _settle_failed(row: Row, result: Settlement, practice: int, actor: str, now: datetime) -> None:
    if result.outcome is Outcome.REFUSED:
        await _retry(row, now + REFUSED_PAUSE, Reason.TEMPORARY_FAILURE, result, practice, now, counts=False)
        if not row["rehearsal"]:
            await tell_refused(practice=practice, channel=row["channel"], code=result.code, actor=SYSTEM, now=now)
        return
    if result.outcome in (Outcome.TEMPORARY, Outcome.AMBIGUOUS):
        again = retry_at(row["attempts"], now, key=row["ref"])
        if again is not None:
            if result.retry_after:
                again = max(again, now + timedelta(seconds=result.retry_after))
            reason = Reason.AMBIGUOUS if result.outcome is Outcome.AMBIGUOUS else Reason.TEMPORARY_FAILURE
            await _retry(row, again, reason, result, practice, now)
            return
    await _fail(row, result.outcome, result.code, practice, actor, now)


async def _retry(
    row: Row,
    again: datetime,
    reason: Reason,
    result: Settlement,
    practice: int,
    now: datetime,
    *,
    counts: bool = True,
) -> None:
    await fetch(
        "UPDATE delivery SET status = $2, attempt_at = $3, reason = $4, code = $5, lease_until = NULL, "
        "attempts = attempts - $6, ambiguous = ambiguous OR $7 WHERE id = $1",
        row["id"],
        DeliveryStatus.PLANNED,
        again,
        reason,
        result.code,
        0 if counts else 1,
        result.outcome is Outcome.AMBIGUOUS,
    )
    await record([_told(Event.MESSAGE_RETRIED, row, reason, result.attempt)], practice=practice, actor=SYSTEM, now=now)


async def _fail(row: Row, outcome: Outcome, code: str | None, practice: int, actor: str, now: datetime) -> None:
    reason = FAILURES.get(outcome, Reason.GIVEN_UP)
    if not check_move("This message", DELIVERY_MOVES, DeliveryStatus(row["status"]), DeliveryStatus.FAILED):
        return
    await fetch(
        "UPDATE delivery SET status = $2, reason = $3, code = $4, settled_at = $5, lease_until = NULL WHERE id = $1",
        row["id"],
        DeliveryStatus.FAILED,
        reason,
        code,
        now,
    )
    failed = _told(Event.MESSAGE_FAILED, row, reason, row["attempts"], code=code)
    await record([failed], practice=practice, actor=actor, now=now)
    if row["rehearsal"]:
        return
    if row["staff"] is not None:
        await staff_not_told(row, dead=outcome in DEAD_ADDRESS, actor=actor, now=now)
        return
    if row["step"] is not None and outcome in FALLS_OVER:
        await fall_over(row, now=now)
    if outcome in DEAD_ADDRESS and row["patient"] is not None:
        await address_is_invalid(row, reason, practice=practice, actor=actor, now=now)
    elif outcome is Outcome.BLOCKED and row["patient"] is not None:
        await channel_is_blocked(row, practice=practice, actor=actor, now=now)
    else:
        kind = TaskKind.TEXT_REFUSED if outcome is Outcome.TEXT_REFUSED else TaskKind.DELIVERY_FAILED
        # A full mailbox returns every message of a sequence, days after each: that is one thing to look at.
        once_for = row["enrolment_ref"] if outcome is Outcome.BOUNCED else None
        await needs_a_person(row, kind, reason, practice=practice, actor=actor, now=now, once_for=once_for)


async def record_receipt(
    *,
    practice: int,
    reference: str | None,
    provider_id: str,
    outcome: Outcome,
    code: str | None,
    now: datetime,
) -> bool:
    """A provider's word on one message; early, late, repeated, unknown: harmless. True if it changed a row."""

    async def change(_insist: bool) -> bool:
        found = await fetch_one(
            "SELECT id FROM delivery WHERE practice = $1 AND (ref = $2 OR provider_id = $3) LIMIT 1",
            practice,
            reference or "",
            provider_id,
        )
        if found is None:
            return False
        (row,) = await _lock([found["id"]], with_patients=outcome not in ARRIVALS)
        if row["attempts"] == 0 or not await _receive(row, provider_id, outcome, code, practice, now):
            return False
        await _complete([row], practice, now)
        return True

    return await when_quiet(change)


async def _receive(
    row: Row, provider_id: str, outcome: Outcome, code: str | None, practice: int, now: datetime
) -> bool:
    status = DeliveryStatus(row["status"])
    wanted = ARRIVALS.get(outcome, DeliveryStatus.FAILED)
    if wanted not in DELIVERY_MOVES[status]:
        return False
    if wanted is DeliveryStatus.FAILED:
        # The provider gave it up, for whatever reason: nobody tries again, so a person must know.
        await _fail(row, outcome, code, practice, GATEWAY, now)
        return True
    await fetch(
        "UPDATE delivery SET status = $2, provider_id = coalesce(provider_id, $3), sent_at = coalesce(sent_at, $4), "
        "settled_at = $4, lease_until = NULL, reason = coalesce(reason, 'on_time') WHERE id = $1",
        row["id"],
        wanted,
        provider_id,
        now,
    )
    delivered = wanted is DeliveryStatus.DELIVERED
    entries = [_told(Event.MESSAGE_DELIVERED, row, None, row["attempts"])] if delivered else []
    if status in UNSETTLED_DELIVERY:
        entries.insert(0, _told(Event.MESSAGE_SENT, row, Reason.ON_TIME, row["attempts"]))
    await record(entries, practice=practice, actor=GATEWAY, now=now)
    return True


async def record_bounce(*, reference: str, permanent: bool, code: str, now: datetime) -> bool:
    """An email came back; `code` is the enhanced status of its report. Repeated or unknown: harmless, and False.

    A report comes when the last mail server has given up, so the message has failed either way, and is not sent anew:
    the sequence has gone on meanwhile. Only a permanent failure of the address itself closes the address.
    """
    outcome = Outcome.ADDRESS_BOUNCED if permanent and concerns_address(code) else Outcome.BOUNCED

    async def change(_insist: bool) -> bool:
        found = await fetch_one("SELECT id FROM delivery WHERE ref = $1 AND channel = $2", reference, Channel.EMAIL)
        if found is None:
            return False
        (row,) = await _lock([found["id"]], with_patients=True)
        if row["attempts"] == 0 or not await _bounce(row, outcome, code, now):
            return False
        await _complete([row], row["practice"], now)
        return True

    return await when_quiet(change)


async def _bounce(row: Row, outcome: Outcome, code: str, now: datetime) -> bool:
    status, practice = DeliveryStatus(row["status"]), row["practice"]
    if status is DeliveryStatus.FAILED and row["reason"] == Reason.BOUNCED:
        return False
    if status is DeliveryStatus.PLANNED and outcome is Outcome.BOUNCED:
        # The attempt that came back was an ambiguous one, and the next is planned.
        return False
    if DeliveryStatus.FAILED in DELIVERY_MOVES[status]:
        await _fail(row, outcome, code, practice, MAIL_SERVER, now)
        return True
    if outcome is Outcome.ADDRESS_BOUNCED and row["patient"] is not None:
        # The message itself was settled otherwise after an ambiguous attempt; what it tells of the address holds.
        await address_is_invalid(row, Reason.BOUNCED, practice=practice, actor=MAIL_SERVER, now=now)
        return True
    return False


async def expire_leases(*, now: datetime, limit: int = 500) -> int:
    """Give back messages whose sender died. Whether one of them had left is not known: they are tried again under the
    same Message-ID, and marked ambiguous."""

    async def change(_insist: bool) -> int:
        expired = await fetch(
            f"SELECT id FROM delivery WHERE status = '{DeliveryStatus.CLAIMED}' AND lease_until <= $1 ORDER BY id "
            "LIMIT $2",
            now,
            limit,
        )
        locked = await _lock([row["id"] for row in expired], with_patients=False)
        rows = [row for row in locked if row["status"] == DeliveryStatus.CLAIMED]
        for row in rows:
            if row["attempts"] >= MOST_ATTEMPTS:
                await _fail(row, Outcome.TEMPORARY, "lease", row["practice"], SYSTEM, now)
                await _complete([row], row["practice"], now)
                continue
            await fetch(
                "UPDATE delivery SET status = $2, attempt_at = $3, reason = $4, lease_until = NULL, ambiguous = true "
                "WHERE id = $1",
                row["id"],
                DeliveryStatus.PLANNED,
                now,
                Reason.LEASE_EXPIRED,
            )
            told = _told(Event.MESSAGE_RETRIED, row, Reason.LEASE_EXPIRED, row["attempts"])
            await record([told], practice=row["practice"], actor=SYSTEM, now=now)
        return len(rows)

    return await when_quiet(change)


def _told(event: Event, row: Row, reason: Reason | None, attempt: int, code: str | None = None) -> Entry:
    data = {"message": row["message"], "channel": row["channel"], "attempt": attempt}
    if code is not None:
        data["code"] = code
    if row["rehearsal"]:
        data["rehearsal"] = True
    return Entry(
        event,
        patient=row["patient_ref"],
        enrolment=row["enrolment_ref"],
        subject=row["ref"],
        reason=reason,
        data=data,
    )

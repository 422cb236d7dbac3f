"""Pausing, resuming and ending sequences otherwise than by the patient's own act."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from db.actors import SYSTEM
from db.changes._failures import stop_if_unreachable
from db.changes._journal import Entry, Event, record
from db.changes._sequences import complete_finished, lock_enrolment, stop_sequence, when_quiet
from db.engine import Row, fetch, fetch_one
from db.errors import NotFound
from db.states import ENROLMENT_MOVES, EnrolmentStatus, Reason, check_move


async def pause_locked(enrolment: Row, *, reason: Reason, actor: str, now: datetime) -> bool:
    """Inside a transaction, on a locked enrolment. Planned messages stay planned; none is claimed while it lasts."""
    current = EnrolmentStatus(enrolment["status"])
    if not check_move("This sequence", ENROLMENT_MOVES, current, EnrolmentStatus.PAUSED):
        return False
    await fetch(
        "UPDATE enrolment SET status = $2, reason = $3, resume_at = NULL WHERE id = $1",
        enrolment["id"],
        EnrolmentStatus.PAUSED,
        reason,
    )
    entry = Entry(Event.SEQUENCE_PAUSED, patient=enrolment["patient_ref"], enrolment=enrolment["ref"], reason=reason)
    await record([entry], practice=enrolment["practice"], actor=actor, now=now)
    return True


async def resume(ref: str, *, practice: int, actor: str, now: datetime) -> bool:
    """Let a paused sequence go on. What it had deferred meanwhile is looked at again at once."""

    async def change(_insist: bool) -> bool:
        enrolment = await _by_ref(ref, practice)
        current = EnrolmentStatus(enrolment["status"])
        if not check_move("This sequence", ENROLMENT_MOVES, current, EnrolmentStatus.ACTIVE):
            return False
        await fetch(
            "UPDATE enrolment SET status = $2, reason = NULL, resume_at = NULL WHERE id = $1",
            enrolment["id"],
            EnrolmentStatus.ACTIVE,
        )
        await fetch(
            "UPDATE delivery SET attempt_at = least(attempt_at, greatest(due_at, $2)) WHERE enrolment = $1 "
            "AND status = 'planned' AND reason = 'paused'",
            enrolment["id"],
            now,
        )
        entry = Entry(Event.SEQUENCE_RESUMED, patient=enrolment["patient_ref"], enrolment=enrolment["ref"])
        await record([entry], practice=practice, actor=actor, now=now)
        await complete_finished([enrolment["id"]], practice=practice, now=now)
        return True

    return await when_quiet(change)


async def stop_by_staff(ref: str, *, practice: int, actor: str, now: datetime) -> bool:
    async def change(insist: bool) -> bool:
        enrolment = await _by_ref(ref, practice)
        return await stop_sequence(enrolment, Reason.STOPPED_BY_STAFF, actor=actor, now=now, insist=insist)

    return await when_quiet(change)


async def _by_ref(ref: str, practice: int) -> Row:
    row = await fetch_one("SELECT id FROM enrolment WHERE ref = $1 AND practice = $2", ref, practice)
    if row is None:
        raise NotFound(f"There is no sequence {ref} in this practice.")
    return await lock_enrolment(row["id"])


async def review_enrolments(*, now: datetime, limit: int = 200) -> int:
    """End running sequences that have nothing left to send, or nobody left to send it to, though no settlement saw it:
    their last message was skipped or cancelled, and a process died in between."""

    async def change(_insist: bool) -> int:
        due: Sequence[Row] = await fetch(
            "SELECT id, practice FROM enrolment WHERE status IN ('active', 'paused') AND review_at <= $1 "
            "ORDER BY review_at LIMIT $2 FOR UPDATE SKIP LOCKED",
            now,
            limit,
        )
        for row in due:
            await stop_if_unreachable(row["id"], practice=row["practice"], actor=SYSTEM, now=now)
            await complete_finished([row["id"]], practice=row["practice"], now=now)
        await fetch(
            "UPDATE enrolment SET review_at = $2 WHERE id = ANY($1)",
            [row["id"] for row in due],
            now + timedelta(days=1),
        )
        return len(due)

    return await when_quiet(change)


async def complete_touched(enrolments: Sequence[int], *, practice: int, now: datetime) -> int:
    """Right after a claim that skipped or cancelled messages: their sequences may have nothing left to send, or nobody
    left to send it to."""
    if not enrolments:
        return 0

    async def change(_insist: bool) -> int:
        for enrolment in sorted(set(enrolments)):
            await stop_if_unreachable(enrolment, practice=practice, actor=SYSTEM, now=now)
        return await complete_finished(enrolments, practice=practice, now=now)

    return await when_quiet(change)

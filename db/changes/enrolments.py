"""Pausing, resuming and ending sequences otherwise than by the patient's own act."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from db.actors import SYSTEM
from db.changes._failures import stop_if_unreachable
from db.changes._journal import Entry, Event, record
from db.changes._sequences import complete_finished, lock_enrolment, stop_sequence, when_quiet
from db.engine import Row, fetch, fetch_one
from db.errors import NotFound, Refused
from db.queries.practices import Profile
from db.rules.windows import local_day, next_opening, opening_of
from db.states import (
    ENROLMENT_MOVES,
    LIVE_ENROLMENT,
    TIMED_PAUSES,
    DeliveryStatus,
    EnrolmentStatus,
    Reason,
    check_move,
    one_of,
)


async def pause_locked(
    enrolment: Row, *, reason: Reason, actor: str, now: datetime, until: datetime | None = None
) -> bool:
    """Inside a transaction, on a locked enrolment. Planned messages stay planned; none is claimed while it lasts, which
    is until somebody ends it, or `until`. Of two pauses the one that more depends on stands."""
    current = EnrolmentStatus(enrolment["status"])
    paused = not check_move("This sequence", ENROLMENT_MOVES, current, EnrolmentStatus.PAUSED)
    if paused and not _outweighs(reason, until, enrolment):
        return False
    await fetch(
        "UPDATE enrolment SET status = $2, reason = $3, resume_at = CASE WHEN $5 THEN $4 ELSE coalesce($4, resume_at) "
        "END, review_at = coalesce($4, review_at) WHERE id = $1",
        enrolment["id"],
        EnrolmentStatus.PAUSED,
        reason,
        until,
        reason is Reason.BY_HAND,
    )
    entry = Entry(
        Event.SEQUENCE_PAUSED,
        patient=enrolment["patient_ref"],
        enrolment=enrolment["ref"],
        reason=reason,
        data={"until": until} if until else None,
    )
    await record([entry], practice=enrolment["practice"], actor=actor, now=now)
    return True


# What a pause waits for, from an hour on the clock to a person's answer.
_PAUSES = (Reason.WILL_BOOK, Reason.CLAIMED, Reason.ESCALATED, Reason.REPLIED)


def _outweighs(reason: Reason, until: datetime | None, standing: Row) -> bool:
    """Of two decisions of the team the later one stands."""
    if reason is Reason.BY_HAND and standing["reason"] == Reason.BY_HAND:
        return bool(standing["resume_at"] != until)
    new, old = _weight(reason, until), _weight(standing["reason"], standing["resume_at"])
    return new is not None and old is not None and new > old


def _weight(reason: str | None, until: datetime | None) -> float | None:
    """A pause by hand has either its end, or none but somebody's word."""
    if reason == Reason.BY_HAND:
        return len(_PAUSES) if until is None else 0.5
    return _PAUSES.index(Reason(reason)) if reason in _PAUSES else None


async def pause_by_staff(ref: str, *, practice: Profile, actor: str, now: datetime, until: date | None = None) -> bool:
    """Let no message go before the day `until`, or before somebody lets the sequence go on. False where it waits so
    already, or for a person, which more depends on. Raises `Refused` for a day that has come."""
    resume_at = None
    if until is not None:
        if until <= local_day(now, practice.calendar):
            raise Refused("Messages cannot wait for a day that has come: choose a later one.")
        resume_at = next_opening(opening_of(until, practice.calendar), practice.calendar)

    async def change(_insist: bool) -> bool:
        enrolment = await _by_ref(ref, practice.id)
        return await pause_locked(enrolment, reason=Reason.BY_HAND, actor=actor, now=now, until=resume_at)

    return await when_quiet(change)


async def resume(ref: str, *, practice: int, actor: str, now: datetime) -> bool:
    """Let a paused sequence go on. What it had deferred meanwhile is looked at again at once."""

    async def change(_insist: bool) -> bool:
        return await resume_locked(await _by_ref(ref, practice), actor=actor, now=now)

    return await when_quiet(change)


async def resume_locked(enrolment: Row, *, actor: str, now: datetime) -> bool:
    """Inside a transaction, on a locked enrolment."""
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
        f"AND status = '{DeliveryStatus.PLANNED}' AND reason = 'paused'",
        enrolment["id"],
        now,
    )
    entry = Entry(Event.SEQUENCE_RESUMED, patient=enrolment["patient_ref"], enrolment=enrolment["ref"])
    await record([entry], practice=enrolment["practice"], actor=actor, now=now)
    await complete_finished([enrolment["id"]], practice=enrolment["practice"], now=now)
    return True


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
    """Let go on what was paused until now; end running sequences that have nothing left to send, or nobody left to send
    it to, though no settlement saw it: their last message was skipped or cancelled, and a process died in between."""

    async def change(_insist: bool) -> int:
        due: Sequence[Row] = await fetch(
            "SELECT e.id, e.practice, e.ref, e.status, e.reason, e.resume_at, p.ref AS patient_ref FROM enrolment e "
            f"JOIN patient p ON p.id = e.patient WHERE e.status IN {one_of(LIVE_ENROLMENT)} AND e.review_at <= $1 "
            "ORDER BY e.review_at LIMIT $2 FOR UPDATE OF e SKIP LOCKED",
            now,
            limit,
        )
        for row in due:
            # Where somebody took the case over meanwhile, it waits for them.
            if row["reason"] in TIMED_PAUSES and row["resume_at"] and row["resume_at"] <= now:
                await resume_locked(row, actor=SYSTEM, now=now)
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

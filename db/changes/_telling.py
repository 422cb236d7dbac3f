"""Telling a member of staff of a case: a due row for an email that says what is asked and by when, and nothing of the
patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from db.changes._slack import EMAIL_WAITS
from db.engine import fetch
from db.rules.windows import Calendar, next_opening
from db.states import Channel, DeliveryStatus, Reason
from db.tables.deliveries import HUMAN
from db.tokens import new_reference

RETURN_BRIEF = "return_brief"


class Occasion(StrEnum):
    """The messages that tell of a case."""

    OPENED = "case_opened"
    NUDGED = "case_nudged"
    MOVED = "case_moved"
    RELEASED = "case_released"


@dataclass(frozen=True, slots=True)
class Telling:
    """`calendar` are the person's on-call hours, None where nothing waits for them: a crisis flag."""

    task: int
    staff: int
    occasion: Occasion
    calendar: Calendar | None
    why: Reason | None = None


async def tell_of_return(appointment: str, *, practice: int, hours: Calendar, now: datetime) -> None:
    """Inside a transaction: the practitioner of a new appointment (by its reference) gets the brief of what came before
    it, once."""
    await fetch(
        "INSERT INTO delivery (practice, ref, lane, message, channel, staff, appointment, due_at, attempt_at, status, "
        "attempts, ambiguous, dedupe, created_at) SELECT $1, $2, $3, $4::text, $5, s.id, a.id, $6, $6, $7, 0, false, "
        "$4::text || ':' || a.ref, $8 FROM appointment a JOIN practitioner r ON r.id = a.practitioner "
        "JOIN staff s ON s.id = r.staff AND s.active AND s.alerts <> 'none' AND s.email_invalid_at IS NULL "
        "WHERE a.ref = $9 ON CONFLICT DO NOTHING",
        practice,
        new_reference(),
        HUMAN,
        RETURN_BRIEF,
        Channel.EMAIL,
        next_opening(now, hours),
        DeliveryStatus.PLANNED,
        now,
        appointment,
    )


async def tell_staff(tellings: Sequence[Telling], *, practice: int, now: datetime) -> None:
    """Inside a transaction. Whether the case still stands is looked at again when the email leaves. Whoever is linked
    to Slack hears of it there: their email waits (`held`), and goes when Slack has not taken the message by then."""
    if not tellings:
        return
    due = [now if one.calendar is None else next_opening(now, one.calendar) for one in tellings]
    await fetch(
        "INSERT INTO delivery (practice, ref, lane, message, channel, staff, task, detail, due_at, attempt_at, status, "
        "attempts, ambiguous, rehearsal, created_at) SELECT $1, r, $2, m, $3, s, t, "
        "nullif(jsonb_strip_nulls(jsonb_build_object('why', w, 'held', nullif(held, false))), '{}'), d, "
        "CASE WHEN held THEN d + $12::interval ELSE d END, $4, 0, false, false, $5 "
        "FROM unnest($6::text[], $7::text[], $8::int[], $9::bigint[], $10::text[], $11::timestamptz[]) "
        "AS x(r, m, s, t, w, d) JOIN staff f ON f.id = s JOIN practice c ON c.id = $1 "
        "CROSS JOIN LATERAL (SELECT f.slack_user IS NOT NULL AND c.settings->>'slack_route' <> '' "
        "AND EXISTS (SELECT 1 FROM slack_post k WHERE k.task = t) AS held) AS y",
        practice,
        HUMAN,
        Channel.EMAIL,
        DeliveryStatus.PLANNED,
        now,
        [new_reference() for _ in tellings],
        [one.occasion for one in tellings],
        [one.staff for one in tellings],
        [one.task for one in tellings],
        [one.why for one in tellings],
        due,
        EMAIL_WAITS,
    )

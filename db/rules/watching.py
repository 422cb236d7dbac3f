"""When somebody looks again at a task that waits: first a nudge, then it moves on.

One that is not acknowledged goes up the ladder; one that was acknowledged or claimed, and that nobody finishes, is
released, so that somebody else may take it. Quiet outside on-call hours, but for a crisis flag.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from db.rules.windows import Calendar, next_opening
from db.states import TaskKind, TaskStatus


@dataclass(frozen=True, slots=True)
class Wait:
    """How long after the last move the person is nudged, and how long after the nudge the task moves on."""

    nudge: timedelta
    move: timedelta


def _minutes(nudge: int, move: int) -> Wait:
    return Wait(timedelta(minutes=nudge), timedelta(minutes=move))


Pace = Mapping[TaskStatus, Wait]

CRISIS: Pace = {
    TaskStatus.OPEN: _minutes(10, 10),
    TaskStatus.ACKNOWLEDGED: _minutes(20, 20),
    TaskStatus.CLAIMED: _minutes(60, 30),
}
PATIENT_WAITS: Pace = {
    TaskStatus.OPEN: _minutes(30, 30),
    TaskStatus.ACKNOWLEDGED: _minutes(60, 60),
    TaskStatus.CLAIMED: _minutes(120, 120),
}
PAPERWORK: Pace = {
    TaskStatus.OPEN: _minutes(8 * 60, 24 * 60),
    TaskStatus.ACKNOWLEDGED: _minutes(24 * 60, 24 * 60),
    TaskStatus.CLAIMED: _minutes(24 * 60, 24 * 60),
}
# Kinds behind which nobody waits for an answer, or that stand for a whole import: they are told by nudges alone.
_QUIET = frozenset(
    {
        TaskKind.UNREACHABLE,
        TaskKind.NOT_A_MOBILE,
        TaskKind.BOUNCE,
        TaskKind.DELIVERY_FAILED,
        TaskKind.OBJECTION,
        TaskKind.BARRIER,
        TaskKind.UNKNOWN_SENDER,
        TaskKind.WAS_NOT_BROUGHT,
        TaskKind.DECLINED,
    }
)
_PAPERWORK = _QUIET | {TaskKind.TEXT_REFUSED, TaskKind.SENDING_REFUSED, TaskKind.STAFF_UNREACHABLE}

# Moving on without anybody's acknowledgement would never end: at the top it is nudged again and again, this seldom.
AT_THE_TOP = timedelta(hours=24)
AT_THE_TOP_IN_CRISIS = timedelta(hours=1)
# A promised call: this long after the promise the caller is nudged, then it is released.
AFTER_PROMISE = _minutes(0, 60)


class Look(StrEnum):
    """What a look at a waiting task leads to."""

    NUDGE = "nudge"
    CLIMB = "climb"
    RELEASE = "release"


def told_at_once(kind: TaskKind) -> bool:
    return kind not in _QUIET


def pace_of(kind: TaskKind, *, crisis: bool) -> Pace:
    if crisis:
        return CRISIS
    return PAPERWORK if kind in _PAPERWORK else PATIENT_WAITS


def what_next(status: TaskStatus, *, nudged: bool) -> Look:
    if not nudged:
        return Look.NUDGE
    return Look.CLIMB if status is TaskStatus.OPEN else Look.RELEASE


def look_at(
    kind: TaskKind,
    status: TaskStatus,
    *,
    crisis: bool,
    nudged: bool,
    calendar: Calendar,
    now: datetime,
    promised_at: datetime | None = None,
) -> datetime:
    """When the task is looked at next, from a move or a nudge at `now` on; `calendar` are the on-call hours."""
    wait = AFTER_PROMISE if promised_at is not None else pace_of(kind, crisis=crisis)[status]
    start = promised_at if promised_at is not None and not nudged else now
    at = start + (wait.move if nudged else wait.nudge)
    return at if crisis else next_opening(at, calendar)

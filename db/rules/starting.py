"""Whether an absence starts a sequence, and when its first message is due."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from db.rules.windows import Calendar, at_local_time, closing_of
from db.states import AppointmentStatus, Channel, Reason, TaskKind

BOUND = timedelta(hours=2)
SHORTEST_GRACE = timedelta(minutes=5)
LONGEST_GRACE = timedelta(minutes=30)

# An absence that somebody newer stands for, or that is history, alerts nobody.
_SILENT = frozenset({Reason.HISTORY, Reason.NEWER_ABSENCE})


@dataclass(frozen=True)
class FirstDue:
    """`due_at` is not yet moved into the hours; `late_entry`: marked more than two hours after the start."""

    due_at: datetime
    late_entry: bool


def missed_start(day: date, starts_at: time | None, calendar: Calendar) -> datetime:
    """When the absence began; without a time of day, the close of that day's window."""
    return closing_of(day, calendar) if starts_at is None else at_local_time(day, starts_at, calendar)


def first_due(*, missed_start: datetime, marked_at: datetime, timed: bool = True) -> FirstDue:
    """Marking plus grace: what is left of two hours after the missed start, held between 5 and 30 minutes.

    An absence marked ahead of an appointment that has a time of day (`timed`) counts as marked at its start:
    nobody is missed before they were expected. Without a time of day the close of the window is only a bound.
    """
    counted_from = max(marked_at, missed_start) if timed else marked_at
    left = missed_start + BOUND - counted_from
    grace = min(max(left, SHORTEST_GRACE), LONGEST_GRACE)
    return FirstDue(counted_from + grace, late_entry=marked_at > missed_start + BOUND)


@dataclass(frozen=True)
class StartFacts:
    """What is known of an absence. A usable telephone is a mobile; `opted_out` comes from the register."""

    status: AppointmentStatus
    missed_start: datetime
    has_usable_phone: bool
    has_usable_email: bool
    has_future_appointment: bool = False
    has_objection: bool = False
    minor: bool = False
    high_risk: bool = False
    opted_out: frozenset[Channel] = frozenset()
    newer_absence_running: bool = False
    max_age_days: int = 2
    history_days: int = 7

    @property
    def addressed(self) -> frozenset[Channel]:
        has = {Channel.SMS: self.has_usable_phone, Channel.EMAIL: self.has_usable_email}
        return frozenset(channel for channel, usable in has.items() if usable)


@dataclass(frozen=True)
class Start:
    """Follow up, on these channels (one or both)."""

    channels: frozenset[Channel]


@dataclass(frozen=True)
class Decline:
    """No sequence. `task` is what staff are asked to do; `alert`: a high-risk patient still needs a human."""

    reason: Reason
    task: TaskKind | None = None
    alert: bool = False


def decide_start(facts: StartFacts, now: datetime) -> Start | Decline:
    """The first reason that applies: history, a minor, an objection, a newer absence, a future appointment,
    too old; last unreachable, so that it is said only of an absence that would have been enrolled."""
    if facts.status not in (AppointmentStatus.NO_SHOW, AppointmentStatus.WAS_NOT_BROUGHT):
        raise ValueError(f"An appointment that is {facts.status} is not an absence.")
    declined = _declined(facts, now - facts.missed_start)
    if declined is None:
        return Start(facts.addressed - facts.opted_out)
    reason, task = declined
    return Decline(reason, task, alert=facts.high_risk and reason not in _SILENT)


def _declined(facts: StartFacts, age: timedelta) -> tuple[Reason, TaskKind | None] | None:
    """The order of these lines is the rule."""
    if age > timedelta(days=facts.history_days):
        return Reason.HISTORY, None
    if facts.minor or facts.status is AppointmentStatus.WAS_NOT_BROUGHT:
        return Reason.WAS_NOT_BROUGHT, TaskKind.WAS_NOT_BROUGHT
    if facts.has_objection:
        return Reason.OBJECTION, TaskKind.OBJECTION
    if facts.newer_absence_running:
        return Reason.NEWER_ABSENCE, None
    if facts.has_future_appointment:
        return Reason.FUTURE_APPOINTMENT, None
    if age > timedelta(days=facts.max_age_days):
        return Reason.TOO_OLD, None
    if not facts.addressed:
        return Reason.UNREACHABLE, TaskKind.UNREACHABLE
    if not facts.addressed - facts.opted_out:
        return Reason.OPTED_OUT, TaskKind.UNREACHABLE
    return None

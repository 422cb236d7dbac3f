"""The decision taken at the moment a message would go, and never earlier."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from db.rules.plans import SPACING
from db.rules.windows import ONE_DAY, Calendar, is_open, local_day, next_opening, opening_of
from db.states import LIVE_ENROLMENT, AppointmentStatus, EnrolmentStatus, Reason

# A patient gets no more than so many messages a day on one channel, whatever they are about; the confirmation of what
# the patient did on the page does not count.
MOST_A_DAY = 2

# A pause without an end is looked at again now and then: whoever ends it makes the message due.
LOOK_AGAIN = timedelta(days=30)


@dataclass(frozen=True)
class LeaveFacts:
    """What is true, inside the claiming transaction, of one message and its enrolment.

    `opted_out`, `has_address`, `successor_due_at` (the next message of the enrolment on this channel),
    `last_sent_at` (the previous one) and `sent_today` (of any follow-up of the patient) are about the message's own
    channel.
    """

    enrolment_status: EnrolmentStatus
    appointment_status: AppointmentStatus
    has_address: bool
    stop_reason: Reason | None = None
    resume_at: datetime | None = None
    opted_out: bool = False
    objection: bool = False
    successor_due_at: datetime | None = None
    last_sent_at: datetime | None = None
    sent_today: int = 0


@dataclass(frozen=True)
class Go:
    reason: Reason = Reason.ON_TIME


@dataclass(frozen=True)
class Defer:
    """The same row waits until `at`, which is inside the hours; the later ones of its channel are pushed."""

    at: datetime
    reason: Reason


@dataclass(frozen=True)
class Skip:
    """This message does not go; the sequence goes on."""

    reason: Reason


@dataclass(frozen=True)
class Cancel:
    """This message may not go."""

    reason: Reason


def may_leave(facts: LeaveFacts, calendar: Calendar, now: datetime) -> Go | Defer | Skip | Cancel:
    """What forbids comes before what makes needless, and that before what makes wait."""
    forbidden = _forbidden(facts)
    if forbidden is not None:
        return Cancel(forbidden)
    if not facts.has_address:
        return Skip(Reason.NO_ADDRESS)
    if _is_paused(facts, now):
        return Defer(next_opening(facts.resume_at or now + LOOK_AGAIN, calendar), Reason.PAUSED)
    if facts.successor_due_at is not None and facts.successor_due_at <= now:
        return Skip(Reason.SUCCESSOR_DUE)
    if facts.last_sent_at is not None and now < facts.last_sent_at + SPACING:
        return Defer(next_opening(facts.last_sent_at + SPACING, calendar), Reason.TOO_CLOSE)
    if not is_open(now, calendar):
        return Defer(next_opening(now, calendar), Reason.OUTSIDE_HOURS)
    return _within_the_day(facts.sent_today, calendar, now)


def _within_the_day(sent_today: int, calendar: Calendar, now: datetime) -> Go | Defer:
    if sent_today < MOST_A_DAY:
        return Go()
    tomorrow = opening_of(local_day(now, calendar) + ONE_DAY, calendar)
    return Defer(next_opening(tomorrow, calendar), Reason.DAILY_LIMIT)


@dataclass(frozen=True)
class ServiceFacts:
    """What is true of a message that follows what the patient did or agreed to, rather than an absence.

    `speaks_of` is the start of the appointment that the message names, `starts_at` the one that the appointment has
    now, None where it was cancelled. `counts`: it is one of the day's few messages.
    """

    has_address: bool
    opted_out: bool = False
    objection: bool = False
    speaks_of: datetime | None = None
    starts_at: datetime | None = None
    counts: bool = True
    sent_today: int = 0


def may_leave_service(facts: ServiceFacts, calendar: Calendar, now: datetime) -> Go | Defer | Skip | Cancel:
    """A message about an appointment that has changed, or has begun, does not go."""
    if facts.opted_out or (facts.objection and facts.counts):
        return Cancel(Reason.CHANNEL_OPT_OUT if facts.opted_out else Reason.OBJECTION)
    if facts.speaks_of != facts.starts_at:
        return Cancel(Reason.APPOINTMENT_CHANGED)
    if not facts.has_address:
        return Skip(Reason.NO_ADDRESS)
    decision: Go | Defer = Go()
    if not is_open(now, calendar):
        decision = Defer(next_opening(now, calendar), Reason.OUTSIDE_HOURS)
    elif facts.counts:
        decision = _within_the_day(facts.sent_today, calendar, now)
    goes_at = decision.at if isinstance(decision, Defer) else now
    if facts.starts_at is not None and goes_at >= facts.starts_at:
        return Skip(Reason.TOO_LATE)
    return decision


def _forbidden(facts: LeaveFacts) -> Reason | None:
    if facts.enrolment_status is EnrolmentStatus.COMPLETED:
        return Reason.COMPLETED
    if facts.enrolment_status not in LIVE_ENROLMENT:
        return facts.stop_reason or Reason.STOPPED_BY_STAFF
    if facts.objection:
        return Reason.OBJECTION
    if facts.appointment_status is not AppointmentStatus.NO_SHOW:
        return Reason.NO_SHOW_WITHDRAWN
    if facts.opted_out:
        return Reason.CHANNEL_OPT_OUT
    return None


def _is_paused(facts: LeaveFacts, now: datetime) -> bool:
    if facts.enrolment_status is not EnrolmentStatus.PAUSED:
        return False
    return facts.resume_at is None or now < facts.resume_at

"""Every status there is, and every move between them. Nobody writes a status string elsewhere."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from db.errors import IllegalTransition


class Channel(StrEnum):
    SMS = "sms"
    EMAIL = "email"


class AppointmentStatus(StrEnum):
    BOOKED = "booked"
    ATTENDED = "attended"
    NO_SHOW = "no_show"
    WAS_NOT_BROUGHT = "was_not_brought"
    CANCELLED = "cancelled"


class EnrolmentStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"
    COMPLETED = "completed"


class DeliveryStatus(StrEnum):
    PLANNED = "planned"
    CLAIMED = "claimed"
    SENT = "sent"
    DELIVERED = "delivered"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    FAILED = "failed"


class TaskStatus(StrEnum):
    PLANNED = "planned"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLAIMED = "claimed"
    DONE = "done"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Role(StrEnum):
    """What a person at the practice does, and in a plan: whom a step is for. `PRACTITIONER` there: the treating one."""

    ADMIN = "admin"
    CLINICAL_LEAD = "clinical_lead"
    PRACTITIONER = "practitioner"
    CARE_COORDINATOR = "care_coordinator"
    FRONT_DESK = "front_desk"


class ToneState(StrEnum):
    """One version of one text of the practice's own."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


S = TypeVar("S", bound=StrEnum)

APPOINTMENT_MOVES: Mapping[AppointmentStatus, frozenset[AppointmentStatus]] = {
    # The practice's own software is the authority on what happened, and may correct any of these.
    status: frozenset(AppointmentStatus) - {status}
    for status in AppointmentStatus
}

APPOINTMENT_CLICKS: Mapping[AppointmentStatus, frozenset[AppointmentStatus]] = {
    # What a member of staff may say by a click; back to booked or attended is the undoing of one.
    AppointmentStatus.BOOKED: frozenset(
        {AppointmentStatus.NO_SHOW, AppointmentStatus.WAS_NOT_BROUGHT, AppointmentStatus.CANCELLED}
    ),
    AppointmentStatus.ATTENDED: frozenset({AppointmentStatus.NO_SHOW, AppointmentStatus.WAS_NOT_BROUGHT}),
    AppointmentStatus.NO_SHOW: frozenset(AppointmentStatus) - {AppointmentStatus.NO_SHOW},
    AppointmentStatus.WAS_NOT_BROUGHT: frozenset(AppointmentStatus) - {AppointmentStatus.WAS_NOT_BROUGHT},
    AppointmentStatus.CANCELLED: frozenset({AppointmentStatus.BOOKED}),
}

ENROLMENT_MOVES: Mapping[EnrolmentStatus, frozenset[EnrolmentStatus]] = {
    EnrolmentStatus.ACTIVE: frozenset({EnrolmentStatus.PAUSED, EnrolmentStatus.STOPPED, EnrolmentStatus.COMPLETED}),
    EnrolmentStatus.PAUSED: frozenset({EnrolmentStatus.ACTIVE, EnrolmentStatus.STOPPED}),
    EnrolmentStatus.STOPPED: frozenset(),
    EnrolmentStatus.COMPLETED: frozenset(),
}

DELIVERY_MOVES: Mapping[DeliveryStatus, frozenset[DeliveryStatus]] = {
    # To sent or delivered without a claim: a receipt proves that an attempt whose end was not seen had left.
    DeliveryStatus.PLANNED: frozenset(DeliveryStatus) - {DeliveryStatus.PLANNED},
    # Back to planned: a temporary failure, or a lease that ran out.
    DeliveryStatus.CLAIMED: frozenset(
        {
            DeliveryStatus.PLANNED,
            DeliveryStatus.SENT,
            DeliveryStatus.DELIVERED,
            DeliveryStatus.FAILED,
            DeliveryStatus.CANCELLED,
        }
    ),
    DeliveryStatus.SENT: frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.FAILED}),
    DeliveryStatus.DELIVERED: frozenset(),
    DeliveryStatus.SKIPPED: frozenset(),
    DeliveryStatus.CANCELLED: frozenset(),
    DeliveryStatus.FAILED: frozenset(),
}

TASK_MOVES: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    # Skipped: it fell due and was needless, the patient having answered. Cancelled: the patient rebooked, or was there.
    TaskStatus.PLANNED: frozenset({TaskStatus.OPEN, TaskStatus.SKIPPED, TaskStatus.CANCELLED, TaskStatus.DONE}),
    TaskStatus.OPEN: frozenset(
        {TaskStatus.ACKNOWLEDGED, TaskStatus.CLAIMED, TaskStatus.DONE, TaskStatus.CANCELLED},
    ),
    TaskStatus.ACKNOWLEDGED: frozenset(
        {TaskStatus.OPEN, TaskStatus.CLAIMED, TaskStatus.DONE, TaskStatus.CANCELLED},
    ),
    TaskStatus.CLAIMED: frozenset({TaskStatus.OPEN, TaskStatus.DONE, TaskStatus.CANCELLED}),
    TaskStatus.DONE: frozenset(),
    TaskStatus.SKIPPED: frozenset(),
    TaskStatus.CANCELLED: frozenset(),
}

TONE_MOVES: Mapping[ToneState, frozenset[ToneState]] = {
    ToneState.DRAFT: frozenset({ToneState.PUBLISHED}),
    ToneState.PUBLISHED: frozenset({ToneState.RETIRED}),
    # An old version comes back as a draft of its own.
    ToneState.RETIRED: frozenset(),
}

ABSENT = (AppointmentStatus.NO_SHOW, AppointmentStatus.WAS_NOT_BROUGHT)
LIVE_ENROLMENT = (EnrolmentStatus.ACTIVE, EnrolmentStatus.PAUSED)
OPEN_TASK = (TaskStatus.OPEN, TaskStatus.ACKNOWLEDGED, TaskStatus.CLAIMED)
UNSETTLED_DELIVERY = (DeliveryStatus.PLANNED, DeliveryStatus.CLAIMED)
GOING_OR_GONE = (*UNSETTLED_DELIVERY, DeliveryStatus.SENT, DeliveryStatus.DELIVERED)


def one_of(statuses: Iterable[StrEnum]) -> str:
    """As SQL writes a list. A status that stands in the statement, and not beside it, lets PostgreSQL use the partial
    index of that status."""
    return f"({', '.join(repr(str(status)) for status in statuses)})"


def check_move(what: str, moves: Mapping[S, frozenset[S]], current: S, wanted: S) -> bool:
    """True if the row must change, False if it is there already; raises `IllegalTransition` for any other move."""
    if current == wanted:
        return False
    if wanted not in moves[current]:
        raise IllegalTransition(what, current, wanted)
    return True


class Reason(StrEnum):
    """Why a sequence stopped or did not start, and why a touchpoint was deferred, skipped, cancelled or failed."""

    # Stops of a sequence.
    REBOOKED = "rebooked"
    CANCELLED_BY_PATIENT = "cancelled_by_patient"
    OPTED_OUT = "opted_out"
    OBJECTION = "objection"
    REPLIED = "replied"
    STOPPED_BY_STAFF = "stopped_by_staff"
    NO_SHOW_WITHDRAWN = "no_show_withdrawn"
    SUPERSEDED = "superseded"
    UNREACHABLE = "unreachable"
    COMPLETED = "completed"

    # An absence that starts no sequence.
    FUTURE_APPOINTMENT = "future_appointment"
    WAS_NOT_BROUGHT = "was_not_brought"
    TOO_OLD = "too_old"
    HISTORY = "history"
    NEWER_ABSENCE = "newer_absence"

    # A touchpoint that waits.
    OUTSIDE_HOURS = "outside_hours"
    TOO_CLOSE = "too_close"
    TEMPORARY_FAILURE = "temporary_failure"
    LEASE_EXPIRED = "lease_expired"
    PAUSED = "paused"
    CLAIMED = "claimed"
    WILL_BOOK = "will_book"
    ESCALATED = "escalated"
    DAILY_LIMIT = "daily_limit"
    TOO_LATE = "too_late"
    CLOSED_DAY = "closed_day"
    CHANNEL_HELD = "channel_held"

    # A touchpoint that does not go, or went.
    ON_TIME = "on_time"
    CHANNEL_OPT_OUT = "channel_opt_out"
    NO_ADDRESS = "no_address"
    SUCCESSOR_DUE = "successor_due"
    PERMANENT_FAILURE = "permanent_failure"
    GIVEN_UP = "given_up"
    BOUNCED = "bounced"
    TEXT_REFUSED = "text_refused"
    AMBIGUOUS = "ambiguous"
    APPOINTMENT_CHANGED = "appointment_changed"
    FAILOVER = "failover"
    CASE_CLOSED = "case_closed"
    REHEARSAL = "rehearsal"
    TOLD_IN_SLACK = "told_in_slack"

    # A task that went to somebody else, or that nobody needs to do.
    ANSWERED = "answered"
    NOT_ACKNOWLEDGED = "not_acknowledged"
    NOT_FINISHED = "not_finished"
    AWAY = "away"
    BY_HAND = "by_hand"


# Pauses that may end at an hour; every other one waits for a person, whatever the clock says.
TIMED_PAUSES = (Reason.WILL_BOOK, Reason.BY_HAND)


class TaskKind(StrEnum):
    # Steps of a plan.
    CALL = "call"
    ALERT = "alert"
    ESCALATION = "escalation"

    # What events ask for.
    EMERGENCY = "emergency"
    HIGH_RISK_CANCELLED = "high_risk_cancelled"
    DECLINED = "declined"
    STAFF_UNREACHABLE = "staff_unreachable"
    UNREACHABLE = "unreachable"
    NOT_A_MOBILE = "not_a_mobile"
    REPLY = "reply"
    CALL_REQUEST = "call_request"
    WAS_NOT_BROUGHT = "was_not_brought"
    DELIVERY_FAILED = "delivery_failed"
    BOUNCE = "bounce"
    OBJECTION = "objection"
    BARRIER = "barrier"
    TEXT_REFUSED = "text_refused"
    SENDING_REFUSED = "sending_refused"
    UNKNOWN_SENDER = "unknown_sender"
    HIGH_RISK_NOT_ENROLLED = "high_risk_not_enrolled"


class CallOutcome(StrEnum):
    """How a task ended."""

    REACHED_REBOOKED = "reached_rebooked"
    REACHED_WILL_BOOK = "reached_will_book"
    DECLINED = "declined"
    LEFT_MESSAGE = "left_message"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"
    NEEDS_CLINICAL_LEAD = "needs_clinical_lead"
    HANDLED = "handled"
    NOTHING_TO_DO = "nothing_to_do"


# They say nothing of a call: any case may end so, one about no patient only so.
PLAIN_OUTCOMES = (CallOutcome.HANDLED, CallOutcome.NOTHING_TO_DO)


class Barrier(StrEnum):
    """What a patient may say stands in the way: a fixed list, no free text."""

    HOURS = "hours"
    TRANSPORT = "transport"
    COST = "cost"
    OTHER = "other"

"""What is to stand at Slack of a case, inside the transaction of the change that opens it."""

from datetime import datetime, timedelta

from db.engine import fetch
from db.queries.practices import Profile
from db.queries.team import Staffing
from db.rules.ladder import Assigned
from db.rules.windows import next_opening
from db.states import OPEN_TASK, Channel, DeliveryStatus
from db.tables.deliveries import HUMAN

# An email to somebody who is linked is held back for so long: it goes when Slack has not taken the message by then.
EMAIL_WAITS = timedelta(minutes=2)


async def plan_slack_post(task: int, people: Assigned, here: Staffing, *, crisis: bool, now: datetime) -> None:
    """The case's one message. Quiet outside on-call hours, but for a crisis flag."""
    if not here.practice.settings.slack_route:
        return
    role = people.assignee.role if people.assignee is not None else people.role
    await fetch(
        "INSERT INTO slack_post (practice, task, stale, attempt_at, attempts, ambiguous, created_at) "
        "VALUES ($1, $2, true, $3, 0, false, $4) ON CONFLICT DO NOTHING",
        here.practice.id,
        task,
        now if crisis else next_opening(now, here.hours_of(role)),
        now,
    )


async def plan_open_cases(practice: Profile, *, now: datetime) -> None:
    """Slack was set up, or set up anew: each open case that has no message gets one, and those that Slack refused are
    tried again."""
    opening = next_opening(now, practice.calendar)
    await fetch(
        "INSERT INTO slack_post (practice, task, stale, attempt_at, attempts, ambiguous, created_at) "
        "SELECT t.practice, t.id, true, CASE WHEN t.crisis THEN $2::timestamptz ELSE $3 END, 0, false, $2 FROM task t "
        "WHERE t.practice = $1 AND t.status = ANY($4) ON CONFLICT DO NOTHING",
        practice.id,
        now,
        opening,
        list(OPEN_TASK),
    )
    await fetch(
        "UPDATE slack_post SET attempt_at = $2, attempts = 0 WHERE practice = $1 AND stale AND error IS NOT NULL",
        practice.id,
        now,
    )


async def let_emails_go(practice: int, *, now: datetime, task: int | None = None, staff: int | None = None) -> None:
    """The emails that were held back for Slack's sake: of the whole practice, of one case, or to one person."""
    await fetch(
        "UPDATE delivery SET attempt_at = greatest(due_at, $7) WHERE practice = $1 AND lane = $2 AND channel = $3 "
        "AND status = $4 AND staff IS NOT NULL AND task IS NOT NULL AND attempts = 0 "
        "AND attempt_at > greatest(due_at, $7) "
        "AND ($5::bigint IS NULL OR task = $5) AND ($6::int IS NULL OR staff = $6)",
        practice,
        HUMAN,
        Channel.EMAIL,
        DeliveryStatus.PLANNED,
        task,
        staff,
        now,
    )

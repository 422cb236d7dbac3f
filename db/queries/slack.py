"""What Slack may show, and to whom: cases without anything of their patients, and the staff who handle them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from db.actors import staff as staff_actor
from db.changes._journal import Event
from db.engine import Row, fetch, fetch_one
from db.queries.practices import Profile
from db.queries.team import REACHABLE, staffing
from db.queries.worklist import MARK
from db.rules.acting import may_act
from db.rules.windows import at_local_time, local_day
from db.states import OPEN_TASK, Channel, DeliveryStatus, Role, TaskKind, TaskStatus
from db.tables.deliveries import HUMAN

MOST_LISTED = 20
# No event of the journal's: what is told of the emails that took Slack's place.
EMAILED = "emailed"


@dataclass(frozen=True, slots=True)
class Someone:
    """A member of staff; `slack` is their id there, None where nobody is linked."""

    name: str
    slack: str | None = None


@dataclass(frozen=True, slots=True)
class CaseCard:
    """A case as Slack shows it. `holder` has claimed it, `seen_by` acknowledged it, `assignee` is asked to; `closed_by`
    ended it, None where that was nobody of the staff. Times are told in `zone`, the practice's own. `mark` is the state
    that is shown, which whatever is pressed brings back."""

    ref: str
    kind: TaskKind
    status: TaskStatus
    urgent: bool
    deadline_at: datetime | None
    promised_at: datetime | None
    assignee: Someone | None
    seen_by: Someone | None
    holder: Someone | None
    closed_by: Someone | None
    zone: str
    mark: str

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_TASK

    @property
    def is_pressing(self) -> bool:
        """Nothing presses any more once it is over."""
        return self.urgent and self.is_open


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One thing that happened to a case: a code of the journal, when, and by whom, None for nobody of the staff; or who
    was told of it by email."""

    at: datetime
    event: str
    who: Someone | None
    reason: str | None
    zone: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that one person is to hear of a case. `delivery` is the email that goes where Slack cannot say it."""

    delivery: int
    occasion: str
    slack: str
    language: str
    since: datetime
    to_assignee: bool


@dataclass(frozen=True, slots=True)
class CaseAtSlack:
    """All that is needed to bring one case's message up to date. `crisis` matters for the hour alone; `role` and
    `language` are of whoever has it; `last_line` is the newest entry of the journal, told or not. `closed_at` is None
    while it is open, and where nobody noted when it ended. `emailed`: who was told by email while no message stood
    at Slack."""

    card: CaseCard
    crisis: bool
    role: str
    language: str
    posted_at: datetime | None
    closed_at: datetime | None
    lines: tuple[CaseLine, ...]
    last_line: int | None
    notices: tuple[Notice, ...]
    emailed: tuple[CaseLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Acting:
    """One case before somebody acts on it. `allowed`: this person may; `about_patient`: a call can be its outcome."""

    card: CaseCard
    allowed: bool
    about_patient: bool


@dataclass(frozen=True, slots=True)
class Member:
    """An active member of staff, known by their Slack user."""

    id: int
    ref: str
    name: str
    role: Role
    language: str
    slack: str


@dataclass(frozen=True, slots=True)
class LeaveShown:
    starts_on: date
    ends_on: date
    stand_in: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """The first of a list, and how long it is in all."""

    cases: Sequence[CaseCard]
    count: int


@dataclass(frozen=True, slots=True)
class SlackTrouble:
    """What Slack answers instead of taking messages: its own word, since when the oldest case waits, how many do."""

    error: str
    since: datetime
    cases: int


CARD = f"""
t.ref, t.kind, t.status, t.urgent OR t.crisis AS urgent, t.deadline_at, t.promised_at, c.zone,
s.name AS assignee_name, s.slack_user AS assignee_slack, k.name AS seen_name, k.slack_user AS seen_slack,
h.name AS holder_name, h.slack_user AS holder_slack, {MARK} AS mark
"""
CARD_FROM = """
FROM task t JOIN practice c ON c.id = t.practice LEFT JOIN staff s ON s.id = t.assignee
LEFT JOIN staff k ON k.id = t.acknowledged_by LEFT JOIN staff h ON h.id = t.claimed_by
"""
# By crisis and urgency, then by deadline.
IN_ORDER = "ORDER BY t.crisis DESC, t.urgent DESC, t.deadline_at NULLS LAST, t.due_at, t.id"


async def slack_practices() -> list[int]:
    """Those whose cases stand at Slack."""
    rows = await fetch("SELECT id FROM practice WHERE settings->>'slack_route' <> '' ORDER BY id")
    return [row["id"] for row in rows]


async def slack_member(practice: int, user: str) -> Member | None:
    """Nobody who is not linked, who was unlinked, or who has left."""
    row: Any = await fetch_one(
        "SELECT id, ref, name, role, language, slack_user AS slack FROM staff "
        "WHERE practice = $1 AND slack_user = $2 AND active",
        practice,
        user,
    )
    return None if row is None else Member(**(dict(row) | {"role": Role(row["role"])}))


async def slack_user_of(staff: int) -> str | None:
    row = await fetch_one("SELECT slack_user FROM staff WHERE id = $1", staff)
    return None if row is None else row["slack_user"]


async def linked_staff(practice: int) -> tuple[int, int]:
    """How many of the active staff are linked, and how many there are."""
    row = await fetch_one(
        "SELECT count(*) FILTER (WHERE slack_user IS NOT NULL) AS linked, count(*) AS active FROM staff "
        "WHERE practice = $1 AND active",
        practice,
    )
    assert row is not None
    return row["linked"], row["active"]


async def case_at_slack(task: int, *, after: int | None, now: datetime) -> CaseAtSlack:
    """`after`: the journal entry up to which the thread tells the case."""
    row = await fetch_one(
        f"SELECT {CARD}, t.id, t.practice, t.crisis, t.created_at, t.closed_at, coalesce(s.role, t.role) AS role, "
        "coalesce(s.language, c.language) AS language, t.assignee, p.ref AS patient_ref, x.posted_at "
        f"{CARD_FROM} LEFT JOIN patient p ON p.id = t.patient LEFT JOIN slack_post x ON x.task = t.id WHERE t.id = $1",
        task,
    )
    assert row is not None
    entries = await _entries(row, after)
    closing = await _closing(row) if row["status"] not in OPEN_TASK else None
    return CaseAtSlack(
        card=_card(row, closed_by=closing),
        crisis=row["crisis"],
        role=row["role"] or "",
        language=row["language"],
        posted_at=row["posted_at"],
        closed_at=row["closed_at"],
        lines=tuple(_line(entry, row["zone"]) for entry in entries),
        last_line=entries[-1]["id"] if entries else after,
        notices=await _notices(row, now),
        emailed=await _emailed(row) if row["posted_at"] is None else (),
    )


JOURNAL = """
SELECT j.id, j.at, j.event, j.reason, w.name, w.slack_user FROM journal j
LEFT JOIN staff w ON w.practice = j.practice AND $5 || w.ref = j.actor
WHERE j.practice = $1 AND j.subject_ref = $2 AND j.id > $6
AND CASE WHEN $3::text IS NULL THEN j.at >= $4 ELSE j.patient_ref = $3 END
"""


async def _entries(task: Row, after: int | None) -> list[Row]:
    return list(
        await fetch(
            JOURNAL + "ORDER BY j.id",
            task["practice"],
            task["ref"],
            task["patient_ref"],
            task["created_at"],
            staff_actor(""),
            after or 0,
        )
    )


async def _closing(task: Row) -> Someone | None:
    rows = [row for row in await _entries(task, 0) if row["event"] == Event.TASK_CLOSED]
    return _someone(rows[-1], "name", "slack_user") if rows else None


def _line(entry: Row, zone: str) -> CaseLine:
    return CaseLine(entry["at"], entry["event"], _someone(entry, "name", "slack_user"), entry["reason"], zone)


async def _notices(task: Row, now: datetime) -> tuple[Notice, ...]:
    rows = await fetch(
        "SELECT d.id, d.message, d.created_at, d.staff, s.slack_user, s.language FROM delivery d "
        "JOIN staff s ON s.id = d.staff WHERE d.task = $1 AND d.lane = $2 AND d.channel = $3 AND d.status = $4 "
        "AND d.attempts = 0 AND d.due_at <= $5 AND d.attempt_at > $5 AND s.slack_user IS NOT NULL AND s.active "
        "ORDER BY d.id",
        task["id"],
        HUMAN,
        Channel.EMAIL,
        DeliveryStatus.PLANNED,
        now,
    )
    return tuple(
        Notice(
            delivery=row["id"],
            occasion=row["message"],
            slack=row["slack_user"],
            language=row["language"],
            since=row["created_at"],
            to_assignee=row["staff"] == task["assignee"],
        )
        for row in rows
    )


async def _emailed(task: Row) -> tuple[CaseLine, ...]:
    rows = await fetch(
        "SELECT d.sent_at, s.name, s.slack_user FROM delivery d JOIN staff s ON s.id = d.staff "
        "WHERE d.task = $1 AND d.channel = $2 AND d.detail ? 'held' AND d.sent_at IS NOT NULL ORDER BY d.sent_at, d.id",
        task["id"],
        Channel.EMAIL,
    )
    return tuple(
        CaseLine(row["sent_at"], EMAILED, _someone(row, "name", "slack_user"), None, task["zone"]) for row in rows
    )


def _card(row: Row, *, closed_by: Someone | None = None) -> CaseCard:
    return CaseCard(
        ref=row["ref"],
        kind=TaskKind(row["kind"]),
        status=TaskStatus(row["status"]),
        urgent=row["urgent"],
        deadline_at=row["deadline_at"],
        promised_at=row["promised_at"],
        assignee=_someone(row, "assignee_name", "assignee_slack"),
        seen_by=_someone(row, "seen_name", "seen_slack"),
        holder=_someone(row, "holder_name", "holder_slack"),
        closed_by=closed_by,
        zone=row["zone"],
        mark=row["mark"],
    )


def _someone(row: Row, name: str, slack: str) -> Someone | None:
    return None if row[name] is None else Someone(row[name], row[slack])


async def case_to_act_on(practice: int, ref: str, member: Member) -> Acting | None:
    """None where this practice has no such case."""
    row = await fetch_one(
        f"SELECT {CARD}, t.patient IS NOT NULL AS about_patient, "
        f"coalesce($3 IN (t.assignee, t.fallback, t.claimed_by), false) AS given {CARD_FROM} "
        "WHERE t.practice = $1 AND t.ref = $2",
        practice,
        ref,
        member.id,
    )
    if row is None:
        return None
    allowed = may_act(member.role, TaskKind(row["kind"]), given=row["given"])
    return Acting(_card(row), allowed, row["about_patient"])


async def cases_of(practice: int, staff: int, *, most: int = MOST_LISTED) -> Listed:
    """What this person has claimed, or is asked to do and nobody else has claimed."""
    rows = await fetch(
        f"SELECT {CARD}, count(*) OVER () AS every {CARD_FROM} WHERE t.practice = $1 AND t.status = ANY($2) "
        f"AND coalesce(t.claimed_by, t.assignee) = $3 {IN_ORDER} LIMIT $4",
        practice,
        list(OPEN_TASK),
        staff,
        most,
    )
    return Listed([_card(row) for row in rows], rows[0]["every"] if rows else 0)


async def unclaimed_cases(practice: int, member: Member, *, most: int = MOST_LISTED, but_mine: bool = False) -> Listed:
    """What nobody has claimed and this person may take, what they are asked to do first, or `but_mine` not at all."""
    rows = await fetch(
        "SELECT t.id, t.kind, $4 IN (t.assignee, t.fallback) AS given FROM task t "
        "WHERE t.practice = $1 AND t.status = ANY($2) AND t.status <> $3 "
        "AND NOT ($5 AND coalesce(t.assignee = $4, false)) "
        f"{IN_ORDER.replace('ORDER BY', 'ORDER BY coalesce(t.assignee = $4, false) DESC,')}",
        practice,
        list(OPEN_TASK),
        TaskStatus.CLAIMED,
        member.id,
        but_mine,
    )
    may = [row["id"] for row in rows if may_act(member.role, TaskKind(row["kind"]), given=bool(row["given"]))]
    return Listed(await _unclaimed_cards(may[:most]), len(may))


async def _unclaimed_cards(tasks: Sequence[int]) -> list[CaseCard]:
    """In the order of `tasks`, without what somebody has taken since they were read."""
    rows = await fetch(
        f"SELECT {CARD} {CARD_FROM} WHERE t.id = ANY($1) AND t.status = ANY($2) AND t.status <> $3 "
        "ORDER BY array_position($1, t.id)",
        list(tasks),
        list(OPEN_TASK),
        TaskStatus.CLAIMED,
    )
    return [_card(row) for row in rows]


async def claimed_since(practice: int, staff: int, *, since: datetime) -> CaseCard | None:
    """The case that this person claimed last, where that was after `since`."""
    row = await fetch_one(
        f"SELECT {CARD} {CARD_FROM} WHERE t.practice = $1 AND t.status = $2 AND t.claimed_by = $3 "
        "AND t.claimed_at > $4 ORDER BY t.claimed_at DESC, t.id LIMIT 1",
        practice,
        TaskStatus.CLAIMED,
        staff,
        since,
    )
    return None if row is None else _card(row)


async def whom_to_give(practice: int, *, but: int | None = None) -> list[tuple[str, str, Role]]:
    """Reference, name and role of whoever can be told of a case."""
    rows = await fetch(
        f"SELECT s.ref, s.name, s.role FROM staff s WHERE s.practice = $1 AND {REACHABLE} "
        "AND s.id IS DISTINCT FROM $2 ORDER BY s.name, s.id",
        practice,
        but,
    )
    return [(row["ref"], row["name"], Role(row["role"])) for row in rows]


async def leave_of(practice: Profile, member: Member, *, now: datetime) -> list[LeaveShown]:
    """Leave that is not over; with whoever stands in on its first day, or today."""
    today = local_day(now, practice.calendar)
    rows = await fetch(
        "SELECT starts_on, ends_on FROM staff_absence WHERE staff = $1 AND ends_on >= $2 ORDER BY starts_on, id",
        member.id,
        today,
    )
    return [
        LeaveShown(row["starts_on"], row["ends_on"], await _stand_in(practice, member, max(row["starts_on"], today)))
        for row in rows
    ]


async def _stand_in(practice: Profile, member: Member, on: date) -> str | None:
    noon = at_local_time(on, practice.calendar.hours.opens, practice.calendar)
    team = (await staffing(practice, practitioner=None, now=noon)).team
    away = team.person(member.ref)
    found = team.instead_of(away) if away is not None else None
    if found is None or found.id == member.id:
        return None
    row = await fetch_one("SELECT name FROM staff WHERE id = $1", found.id)
    return None if row is None else row["name"]


async def slack_trouble(practice: int) -> SlackTrouble | None:
    """For the staff pages: that Slack takes no messages of open cases, where it does not."""
    row = await fetch_one(
        "SELECT error, min(p.created_at) AS since, count(*) AS cases FROM slack_post p "
        "JOIN practice c ON c.id = p.practice AND c.settings->>'slack_route' <> '' "
        "JOIN task t ON t.id = p.task AND t.status = ANY($2) "
        "WHERE p.practice = $1 AND p.stale AND p.error IS NOT NULL GROUP BY error "
        "ORDER BY count(*) DESC, error LIMIT 1",
        practice,
        list(OPEN_TASK),
    )
    return None if row is None else SlackTrouble(row["error"], row["since"], row["cases"])

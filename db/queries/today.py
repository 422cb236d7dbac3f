"""The worklist as the staff pages show it: each case with its patient's name and telephone, for those who may act.

A browser asks every second whether anything has changed. `worklist_version` and `case_version` answer that in one query
and open nothing: PostgreSQL's own `xmin` changes with every update of a row, so no change can forget to say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from db.crypto import vault
from db.engine import Row, fetch, fetch_one, fetch_value
from db.errors import NotFound
from db.queries.practices import Profile
from db.queries.team import REACHABLE, staffing
from db.queries.worklist import MARK, NOTE_MARK, SHOWN, SHOWN_FROM
from db.states import LIVE_ENROLMENT, OPEN_TASK, EnrolmentStatus, Role, TaskKind, TaskStatus, one_of


@dataclass(frozen=True, slots=True)
class Patient:
    """`number` is the one that the practice knows; `phone` is E.164."""

    ref: str
    number: str
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    phone: str | None = field(repr=False)
    phone_works: bool


@dataclass(frozen=True, slots=True)
class Messages:
    """The patient's running follow-up: `reason` says why it waits, where it does, and `resumes_at` until when."""

    paused: bool
    reason: str | None
    resumes_at: datetime | None


@dataclass(frozen=True)
class TodayCase:
    """`holder` has claimed it since `held_since`, or acknowledged it where nobody has claimed it; `holder_id` is their
    row. `given` are those who have it, are asked to take it, or are its fallback. `mark` changes with whoever has the
    case, `note_mark` with the note. `text` is what the patient wrote."""

    ref: str
    kind: TaskKind
    status: TaskStatus
    crisis: bool
    urgent: bool
    overdue: bool
    nudged: bool
    assignee: str | None
    fallback: str | None
    role: str | None
    holder: str | None
    holder_id: int | None
    given: frozenset[int]
    held_since: datetime | None
    due_at: datetime
    deadline_at: datetime | None
    promised_at: datetime | None
    closed_at: datetime | None
    outcome: str | None
    reason: str | None
    barrier: str | None
    missed_on: date | None
    mark: str
    note_mark: str
    patient: Patient | None
    messages: Messages | None
    text: str | None = field(repr=False)
    note: str | None = field(repr=False)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_TASK


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the worklist is asked for; `mine` is a row of staff: what they have, or are asked to do."""

    mine: int | None = None
    unclaimed: bool = False
    kind: TaskKind | None = None
    skip: int = 0
    most: int = 100


@dataclass(frozen=True)
class Worklist:
    """`total` counts all that match, of which `cases` are those asked for; the other numbers are of all that match."""

    cases: tuple[TodayCase, ...]
    total: int = 0
    crisis: int = 0
    urgent: int = 0
    overdue: int = 0


@dataclass(frozen=True, slots=True)
class Colleague:
    ref: str
    name: str
    role: Role


# The missed appointment, and the patient's follow-up that runs now. `$2` is the present moment.
JOINED = f"""
{SHOWN_FROM} LEFT JOIN enrolment e ON e.id = t.enrolment
LEFT JOIN enrolment v ON v.patient = t.patient AND v.status IN {one_of(LIVE_ENROLMENT)}
LEFT JOIN appointment m ON m.id = coalesce(t.appointment, e.appointment)
"""
OVERDUE = "coalesce(t.deadline_at < $2, false)"
COLUMNS = f"""
{SHOWN}, {OVERDUE} AS overdue, t.nudged_at IS NOT NULL AS nudged, t.closed_at, t.outcome, m.day AS missed_on,
coalesce(t.claimed_by, t.acknowledged_by) AS holder_id, coalesce(t.claimed_at, t.acknowledged_at) AS held_since,
array_remove(ARRAY[t.assignee, t.fallback, t.claimed_by], NULL) AS given, {MARK} AS mark,
{NOTE_MARK} AS note_mark, t.body, t.note, p.ref AS patient_ref, p.first_name, p.last_name,
p.phone, p.phone_invalid_at IS NULL AS phone_works, v.status AS sequence, v.reason AS sequence_reason, v.resume_at
"""
# What a person sees of a case, in short; time alone changes that it is overdue.
VERSION = f"concat_ws(':', t.id, t.xmin, p.xmin, v.xmin, {OVERDUE})"
VERSION_FROM = f"""
FROM task t LEFT JOIN patient p ON p.id = t.patient
LEFT JOIN enrolment v ON v.patient = t.patient AND v.status IN {one_of(LIVE_ENROLMENT)}
"""
LIST_VERSION = f"""
SELECT coalesce(md5(string_agg({VERSION}, ',' ORDER BY t.id)), 'none') {VERSION_FROM}
WHERE t.practice = $1 AND t.status IN {one_of(OPEN_TASK)}
"""


async def worklist_today(practice: int, asked: Asked, *, now: datetime) -> Worklist:
    """Those under a crisis flag first, then the urgent ones, then by deadline."""
    rows = await fetch(
        f"SELECT {COLUMNS}, count(*) OVER () AS total, count(*) FILTER (WHERE t.crisis) OVER () AS all_crisis, "
        "count(*) FILTER (WHERE t.urgent AND NOT t.crisis) OVER () AS all_urgent, "
        f"count(*) FILTER (WHERE {OVERDUE}) OVER () AS all_overdue {JOINED} "
        f"WHERE t.practice = $1 AND t.status IN {one_of(OPEN_TASK)} "
        "AND ($3::int IS NULL OR coalesce(t.claimed_by, t.assignee) = $3) AND ($4::text IS NULL OR t.kind = $4) "
        f"AND NOT ($5 AND t.status = '{TaskStatus.CLAIMED}') "
        "ORDER BY t.crisis DESC, t.urgent DESC, t.deadline_at NULLS LAST, t.due_at, t.id LIMIT $6 OFFSET $7",
        practice,
        now,
        asked.mine,
        asked.kind,
        asked.unclaimed,
        asked.most,
        asked.skip,
    )
    if not rows:
        return Worklist(())
    first = rows[0]
    return Worklist(
        tuple(map(_case, rows)), first["total"], first["all_crisis"], first["all_urgent"], first["all_overdue"]
    )


async def case_today(practice: int, ref: str, *, now: datetime) -> TodayCase:
    """One case, planned, open or closed."""
    row = await fetch_one(f"SELECT {COLUMNS} {JOINED} WHERE t.practice = $1 AND t.ref = $3", practice, now, ref)
    if row is None:
        raise NotFound(f"There is no case {ref} in this practice.")
    return _case(row)


async def worklist_version(practice: int, *, now: datetime) -> str:
    """Different as soon as any open case of the practice would be shown differently."""
    found: str = await fetch_value(LIST_VERSION, practice, now)
    return found


async def case_version(practice: int, ref: str, *, now: datetime) -> str:
    found: str | None = await fetch_value(
        f"SELECT md5({VERSION}) {VERSION_FROM} WHERE t.practice = $1 AND t.ref = $3", practice, now, ref
    )
    if found is None:
        raise NotFound(f"There is no case {ref} in this practice.")
    return found


async def colleagues(practice: int) -> Sequence[Colleague]:
    """Those who can be given a case, because they can be told of it."""
    rows = await fetch(
        f"SELECT s.ref, s.name, s.role FROM staff s WHERE s.practice = $1 AND {REACHABLE} ORDER BY s.name, s.id",
        practice,
    )
    return [Colleague(row["ref"], row["name"], Role(row["role"])) for row in rows]


async def who_is_there(practice: Profile, *, now: datetime) -> frozenset[int]:
    """Those who work today: the rows of staff who are neither on leave nor on a day off."""
    here = await staffing(practice, practitioner=None, now=now)
    return frozenset(one.id for one in here.team.people if one.present)


def _case(row: Row) -> TodayCase:
    return TodayCase(
        ref=row["ref"],
        kind=TaskKind(row["kind"]),
        status=TaskStatus(row["status"]),
        crisis=row["crisis"],
        urgent=row["urgent"],
        overdue=row["overdue"],
        nudged=row["nudged"],
        assignee=row["assignee"],
        fallback=row["fallback"],
        role=row["role"],
        holder=row["holder"],
        holder_id=row["holder_id"],
        given=frozenset(row["given"]),
        held_since=row["held_since"],
        due_at=row["due_at"],
        deadline_at=row["deadline_at"],
        promised_at=row["promised_at"],
        closed_at=row["closed_at"],
        outcome=row["outcome"],
        reason=row["reason"],
        barrier=row["barrier"],
        missed_on=row["missed_on"],
        mark=row["mark"],
        note_mark=row["note_mark"],
        patient=_patient(row) if row["patient_ref"] is not None else None,
        messages=_messages(row) if row["sequence"] is not None else None,
        text=_opened(row["body"], row["ref"], "task.body"),
        note=_opened(row["note"], row["ref"], "task.note"),
    )


def _patient(row: Row) -> Patient:
    ref = row["patient_ref"]
    return Patient(
        ref=ref,
        number=row["patient"],
        first_name=_opened(row["first_name"], ref, "patient.first_name") or "",
        last_name=_opened(row["last_name"], ref, "patient.last_name") or "",
        phone=_opened(row["phone"], ref, "patient.phone"),
        phone_works=row["phone_works"],
    )


def _messages(row: Row) -> Messages:
    paused = row["sequence"] == EnrolmentStatus.PAUSED
    return Messages(paused, row["sequence_reason"] if paused else None, row["resume_at"] if paused else None)


def _opened(sealed: bytes | None, owner: str, name: str) -> str | None:
    return None if sealed is None else vault().open(sealed, owner=owner, field=name)

"""Leave of staff, and leaving: whoever is away is not asked; their stand-in is, or else their own fallback."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from db.changes._journal import Entry, Event, record
from db.changes._sequences import when_quiet
from db.changes._worklist import give_to, here_for, let_messages_go, lock_task
from db.changes.worklist import release_locked, up_the_ladder
from db.engine import Row, fetch, fetch_one, transaction
from db.errors import NotFound, Refused
from db.queries.practices import practice as profile_of
from db.queries.team import REACHABLE
from db.rules.ladder import Assigned, Person, Team, assign, in_place_of
from db.rules.windows import local_day
from db.states import OPEN_TASK, Reason, Role, TaskStatus

ONE_DAY = timedelta(days=1)
LONGEST_LEAVE = timedelta(days=730)
# What is claimed is somebody's own work: it is nudged and released like everybody's.
MOVABLE = (TaskStatus.OPEN, TaskStatus.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Leave:
    """Both days included, in the practice's own calendar; `stand_in` is a reference."""

    starts_on: date
    ends_on: date
    stand_in: str | None = None


@dataclass(frozen=True, slots=True)
class Away:
    """`changed` is false when the same leave stood already; `moved` counts the tasks that went to somebody else."""

    changed: bool
    moved: int = 0


async def set_leave(ref: str, *, practice: int, leave: Leave, actor: str, now: datetime) -> Away:
    """Raises `Refused` for a stand-in who cannot be told of a case. Where the leave has begun, what is open moves at
    once; otherwise it moves when it is looked at next."""
    today = local_day(now, (await profile_of(practice)).calendar)
    _check(leave, today)
    async with transaction():
        person = await _lock(ref, practice)
        changed = await _add(person, practice, leave)
        if changed:
            data = {"from": leave.starts_on.isoformat(), "to": leave.ends_on.isoformat(), "stand_in": leave.stand_in}
            await record([Entry(Event.STAFF_AWAY, subject=ref, data=data)], practice=practice, actor=actor, now=now)
    if leave.starts_on > today:
        return Away(changed)
    return Away(changed, await move_tasks(ref, practice=practice, actor=actor, now=now))


def _check(leave: Leave, today: date) -> None:
    if leave.ends_on < leave.starts_on:
        raise Refused(f"Leave cannot end ({leave.ends_on}) before it begins ({leave.starts_on}).")
    if leave.ends_on < today:
        raise Refused(f"This leave is over already: it ended on {leave.ends_on}.")
    if leave.ends_on - leave.starts_on > LONGEST_LEAVE:
        raise Refused(f"Leave may last {LONGEST_LEAVE.days} days at most: is the year right?")


async def _lock(ref: str, practice: int) -> Row:
    row = await fetch_one(
        "SELECT id, name FROM staff WHERE ref = $1 AND practice = $2 AND active FOR UPDATE", ref, practice
    )
    if row is None:
        raise NotFound("This person does not work here.")
    return row


async def _add(person: Row, practice: int, leave: Leave) -> bool:
    stand_in = await _stand_in(person, practice, leave.stand_in) if leave.stand_in is not None else None
    same = await fetch_one(
        "SELECT 1 FROM staff_absence WHERE staff = $1 AND starts_on = $2 AND ends_on = $3 "
        "AND stand_in IS NOT DISTINCT FROM $4",
        person["id"],
        leave.starts_on,
        leave.ends_on,
        stand_in,
    )
    if same is not None:
        return False
    await fetch(
        "INSERT INTO staff_absence (practice, staff, starts_on, ends_on, stand_in) "
        "SELECT practice, id, $2, $3, $4 FROM staff WHERE id = $1",
        person["id"],
        leave.starts_on,
        leave.ends_on,
        stand_in,
    )
    return True


async def _stand_in(person: Row, practice: int, ref: str) -> int:
    row = await fetch_one(
        f"SELECT s.id, s.name, {REACHABLE} AS reachable FROM staff s WHERE s.ref = $1 AND s.practice = $2",
        ref,
        practice,
    )
    if row is None:
        raise NotFound("The stand-in does not work here.")
    if row["id"] == person["id"]:
        raise Refused("The stand-in must be somebody else.")
    if not row["reachable"]:
        raise Refused(
            f"{row['name']} cannot be told of a case: name somebody else, or set their alerts and address in "
            "practice.toml and run `reprise setup`."
        )
    stand_in: int = row["id"]
    return stand_in


async def end_leave(ref: str, *, practice: int, planned: bool = False, actor: str, now: datetime) -> bool:
    """Back today: leave that has begun ended yesterday; with `planned`, what lies ahead is taken back too. False when
    there was none."""
    today = local_day(now, (await profile_of(practice)).calendar)
    async with transaction():
        person = await _lock(ref, practice)
        latest = date.max if planned else today
        # Leave that begins today, or later, would end before it begins: it never was.
        gone = await fetch(
            "DELETE FROM staff_absence WHERE staff = $1 AND starts_on BETWEEN $2 AND $3 RETURNING id",
            person["id"],
            today,
            latest,
        )
        ended = await fetch(
            "UPDATE staff_absence SET ends_on = $3 WHERE staff = $1 AND starts_on < $2 AND ends_on >= $2 RETURNING id",
            person["id"],
            today,
            today - ONE_DAY,
        )
        if not gone and not ended:
            return False
        back = Entry(Event.STAFF_BACK, subject=ref, data={"on": today.isoformat(), "leave": len(gone) + len(ended)})
        await record([back], practice=practice, actor=actor, now=now)
    return True


async def move_tasks(ref: str, *, practice: int, actor: str, now: datetime) -> int:
    """What waits for somebody who is not there goes to whoever is, each in a transaction of its own; how many went."""
    rows = await fetch(
        "SELECT t.ref FROM task t JOIN staff s ON s.id = t.assignee WHERE s.ref = $1 AND t.practice = $2 "
        "AND t.status = ANY($3) ORDER BY t.crisis DESC, t.due_at, t.id",
        ref,
        practice,
        list(MOVABLE),
    )
    moved = [await _move(row["ref"], ref, practice, actor, now) for row in rows]
    return sum(moved)


async def _move(task_ref: str, person_ref: str, practice: int, actor: str, now: datetime) -> bool:
    async def change(_insist: bool) -> bool:
        task = await lock_task(task_ref, practice)
        here = await here_for(task, now)
        person = here.team.person(person_ref)
        # Somebody took it, or moved it, in the meantime.
        if person is None or person.can_take or task["assignee"] != person.id or task["status"] not in MOVABLE:
            return False
        people = _instead(task, here.team)
        if people is None or people.assignee is None:
            return False
        await give_to(task, people, here, why=Reason.AWAY, actor=actor, event=Event.TASK_REASSIGNED, now=now)
        return True

    return await when_quiet(change)


def _instead(task: Row, team: Team) -> Assigned | None:
    person = team.person(task["assignee"])
    there = person and in_place_of(team, person, role=task["role"] or "", fallback=task["fallback"])
    return there or up_the_ladder(task, team)


async def hand_over_cases(ref: str, *, practice: int, actor: str, now: datetime) -> int:
    """What somebody had who does not work here any more goes to whoever is there, claimed or not, and its messages go
    on; each in a transaction of its own. How many went: what is handed over already stays where it is."""
    person = await fetch_one(
        "SELECT id, ref, role, fallback FROM staff WHERE ref = $1 AND practice = $2 AND NOT active", ref, practice
    )
    if person is None:
        return 0
    gone = Person(person["id"], ref, Role(person["role"]), reachable=False, present=False, fallback=person["fallback"])
    rows = await fetch(
        "SELECT ref FROM task WHERE practice = $2 AND status = ANY($3) "
        "AND $1 IN (assignee, fallback, claimed_by, acknowledged_by) ORDER BY crisis DESC, due_at, id",
        gone.id,
        practice,
        list(OPEN_TASK),
    )
    moved = [await _hand_over(row["ref"], gone, practice, actor, now) for row in rows]
    return sum(moved)


async def _hand_over(task_ref: str, gone: Person, practice: int, actor: str, now: datetime) -> bool:
    async def change(_insist: bool) -> bool:
        task = await lock_task(task_ref, practice)
        if task["status"] not in OPEN_TASK:
            return False
        here = await here_for(task, now)
        if gone.id in (task["assignee"], task["claimed_by"]):
            role = task["role"] or ""
            people = in_place_of(here.team, gone, role=role, fallback=task["fallback"]) or assign(here.team, role)
            await give_to(task, people, here, why=Reason.AWAY, actor=actor, event=Event.TASK_REASSIGNED, now=now)
            await let_messages_go(task, actor=actor, now=now)
            return True
        if task["fallback"] == gone.id:
            await _set_fallback(task, here.team)
        if task["acknowledged_by"] != gone.id or task["status"] != TaskStatus.ACKNOWLEDGED:
            return False
        await release_locked(task, why=Reason.AWAY, actor=actor, now=now)
        return True

    return await when_quiet(change)


async def _set_fallback(task: Row, team: Team) -> None:
    """The journal tells where a case is, which does not change; that somebody left stands in the security log."""
    person = team.person(task["assignee"])
    people = assign(team, person.ref if person is not None else task["role"] or "")
    instead = next((one for one in (people.fallback, people.assignee) if one is not None and one != person), None)
    await fetch("UPDATE task SET fallback = $2 WHERE id = $1", task["id"], instead and instead.id)

"""Looking again at what waits for a person: a nudge, then up the ladder, or released for somebody else to take."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from db.actors import SYSTEM
from db.changes._human_steps import task_entry
from db.changes._journal import Event, record
from db.changes._sequences import when_quiet
from db.changes._telling import Occasion
from db.changes._worklist import give_to, here_for, let_messages_go, lock_task, tell, watch
from db.changes.worklist import release_locked, up_the_ladder
from db.engine import Row, fetch
from db.queries.team import Staffing
from db.rules.ladder import Assigned, Team, assign, in_place_of
from db.rules.watching import AT_THE_TOP, AT_THE_TOP_IN_CRISIS, Look, what_next
from db.rules.windows import next_opening
from db.states import OPEN_TASK, Reason, TaskStatus


async def look_again(*, now: datetime, limit: int = 200) -> int:
    """Look at what is to be looked at now, each in a transaction of its own; returns how many there were."""
    due = await fetch(
        "SELECT ref, practice FROM task WHERE look_at <= $1 ORDER BY crisis DESC, look_at, id LIMIT $2", now, limit
    )
    for row in due:
        await look_at_one(row["ref"], practice=row["practice"], now=now)
    return len(due)


async def look_at_one(ref: str, *, practice: int, now: datetime) -> bool:
    """False when somebody else looked at it, or moved it, in the meantime."""

    async def change(_insist: bool) -> bool:
        task = await lock_task(ref, practice)
        stored = await fetch("SELECT look_at FROM task WHERE id = $1", task["id"])
        if stored[0]["look_at"] is None or stored[0]["look_at"] > now:
            return False
        if task["status"] not in OPEN_TASK:
            await fetch("UPDATE task SET look_at = NULL WHERE id = $1", task["id"])
            return False
        here = await here_for(task, now)
        if await _redirected(task, here, now):
            return True
        await _LOOKS[what_next(TaskStatus(task["status"]), nudged=task["nudged_at"] is not None)](task, here, now)
        return True

    return await when_quiet(change)


async def _redirected(task: Row, here: Staffing, now: datetime) -> bool:
    """Whoever should be nudged is on leave, or cannot be told any more, or works here no longer: whoever stands in for
    them has it from now on."""
    holder = task["claimed_by"] or task["assignee"]
    if holder is None:
        return False
    people = _instead_of(holder, task, here.team)
    if people is None or people.assignee is None:
        return False
    await give_to(task, people, here, why=Reason.AWAY, actor=SYSTEM, event=Event.TASK_REASSIGNED, now=now)
    await let_messages_go(task, actor=SYSTEM, now=now)
    return True


def _instead_of(holder: int, task: Row, team: Team) -> Assigned | None:
    person = team.person(holder)
    if person is None:
        # They left in the moment in which they took it.
        return assign(team, task["role"] or "")
    if person.can_take or task["promised_at"] is not None:
        return None
    there = in_place_of(team, person, role=task["role"] or "", fallback=task["fallback"])
    return there or up_the_ladder(task, team)


async def _nudge(task: Row, here: Staffing, now: datetime) -> None:
    status = TaskStatus(task["status"])
    await fetch(
        "UPDATE task SET nudged_at = $2, look_at = $3 WHERE id = $1",
        task["id"],
        now,
        watch(task, status, here, now, nudged=True),
    )
    await record([task_entry(Event.TASK_NUDGED, task)], practice=task["practice"], actor=SYSTEM, now=now)
    await tell(task, task["claimed_by"] or task["assignee"], Occasion.NUDGED, here, now)


async def _climb(task: Row, here: Staffing, now: datetime) -> None:
    people = up_the_ladder(task, here.team)
    if people is None:
        # Nobody stands above: whoever has it is nudged again, for as long as it takes.
        hours = here.hours_on(task["role"] or "", task["assignee"])
        later = now + AT_THE_TOP_IN_CRISIS if task["crisis"] else next_opening(now + AT_THE_TOP, hours)
        await fetch("UPDATE task SET nudged_at = NULL, look_at = $2 WHERE id = $1", task["id"], later)
        return
    why = Reason.NOT_ACKNOWLEDGED
    await give_to(task, people, here, why=why, actor=SYSTEM, event=Event.TASK_ESCALATED, now=now)


async def _release(task: Row, _here: Staffing, now: datetime) -> None:
    await release_locked(task, why=Reason.NOT_FINISHED, actor=SYSTEM, now=now)


_LOOKS: Mapping[Look, Callable[[Row, Staffing, datetime], Awaitable[None]]] = {
    Look.NUDGE: _nudge,
    Look.CLIMB: _climb,
    Look.RELEASE: _release,
}

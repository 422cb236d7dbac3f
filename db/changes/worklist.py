"""The worklist's moves: seen, mine, given back, given on, up the ladder, called back later. Each is one transaction,
told to whoever has the case from now on, and harmless when it is made twice.

A claim is exclusive. Claiming pauses the patient's messages, releasing lets them go on; human deadlines run on. Every
move raises `MayNotAct` for somebody whom the case does not concern (db/rules/acting.py), and with `shown`, the mark of
the case that whoever acts saw, `Outdated` where it has changed since.
"""

from datetime import datetime, timedelta

from db.actors import Hand
from db.changes._human_steps import task_entry
from db.changes._journal import Event, record
from db.changes._sequences import when_quiet
from db.changes._telling import Occasion
from db.changes._worklist import (
    NOTE_FIELD,
    give_to,
    here_for,
    hold_messages,
    is_entitled,
    let_messages_go,
    lock_task,
    must_be_as_shown,
    must_show_note,
    name_of,
    note_of,
    role_of_hand,
    task_for,
    tell,
    watch,
)
from db.crypto import vault
from db.engine import Row, fetch
from db.errors import AlreadyClaimed, IllegalTransition, MayNotAct, Refused
from db.queries.team import Staffing
from db.rules.acting import CALLS, may_be_given, may_give_on
from db.rules.ladder import Assigned, Team, assign, next_up
from db.states import OPEN_TASK, TASK_MOVES, Reason, Role, TaskKind, TaskStatus, check_move

LONGEST_PROMISE = timedelta(days=14)


async def acknowledge_task(ref: str, *, practice: int, by: Hand, now: datetime, shown: str | None = None) -> bool:
    """Seen, which is not yet mine: the ladder waits, the case stays open to everybody."""

    async def change(_insist: bool) -> bool:
        task = await task_for(by, ref, practice)
        _must_be_open(task, TaskStatus.ACKNOWLEDGED)
        if await _has_it(task, by):
            return False
        if not _moves(task, TaskStatus.ACKNOWLEDGED):
            return False
        must_be_as_shown(task, shown, wholly=False)
        here = await here_for(task, now)
        await fetch(
            "UPDATE task SET status = $2, acknowledged_at = $3, acknowledged_by = $4, nudged_at = NULL, look_at = $5 "
            "WHERE id = $1",
            task["id"],
            TaskStatus.ACKNOWLEDGED,
            now,
            by.staff,
            watch(task, TaskStatus.ACKNOWLEDGED, here, now),
        )
        await record([task_entry(Event.TASK_ACKNOWLEDGED, task)], practice=practice, actor=by.actor, now=now)
        return True

    return await when_quiet(change)


async def claim_task(ref: str, *, practice: int, by: Hand, now: datetime, shown: str | None = None) -> bool:
    """Mine. False when it is mine already; raises `AlreadyClaimed` with the name of whoever has it."""

    async def change(_insist: bool) -> bool:
        task = await task_for(by, ref, practice)
        _must_be_open(task, TaskStatus.CLAIMED)
        if await _has_it(task, by):
            return False
        must_be_as_shown(task, shown, wholly=False)
        here = await here_for(task, now)
        await fetch(
            "UPDATE task SET status = $2, claimed_at = $3, claimed_by = $4, assignee = coalesce($4, assignee), "
            "acknowledged_at = coalesce(acknowledged_at, $3), acknowledged_by = coalesce(acknowledged_by, $4), "
            "nudged_at = NULL, look_at = $5 WHERE id = $1",
            task["id"],
            TaskStatus.CLAIMED,
            now,
            by.staff,
            watch(task, TaskStatus.CLAIMED, here, now),
        )
        await record([task_entry(Event.TASK_CLAIMED, task)], practice=practice, actor=by.actor, now=now)
        if task["kind"] in CALLS:
            await hold_messages(task, reason=Reason.CLAIMED, actor=by.actor, now=now)
        return True

    return await when_quiet(change)


async def release_task(
    ref: str, *, practice: int, by: Hand, now: datetime, own: bool = False, shown: str | None = None
) -> bool:
    """Open again, for the same person as before, or anybody. False when nobody had it. `own`: raises `AlreadyClaimed`
    where somebody else has it, and `Refused` where somebody else has seen it."""

    async def change(_insist: bool) -> bool:
        task = await task_for(by, ref, practice)
        _must_be_open(task)
        if own:
            await _must_be_free(task, by)
        if not _moves(task, TaskStatus.OPEN):
            return False
        must_be_as_shown(task, shown)
        if own and task["claimed_by"] is None and task["acknowledged_by"] not in (None, by.staff):
            raise Refused("Somebody else has seen this case: it is theirs to give back, and anybody's to claim.")
        await release_locked(task, why=Reason.BY_HAND, actor=by.actor, now=now)
        return True

    return await when_quiet(change)


async def release_locked(task: Row, *, why: Reason, actor: str, now: datetime) -> None:
    """Inside a transaction: back to the person of its rung. Where a machine does it, whoever let it lie is told too."""
    here = await here_for(task, now)
    people = assign(here.team, _rung(task, here.team))
    await fetch(
        "UPDATE task SET status = $2, assignee = $3, fallback = coalesce($4, fallback), look_at = $5, "
        "nudged_at = NULL, acknowledged_at = NULL, acknowledged_by = NULL, claimed_at = NULL, claimed_by = NULL, "
        "promised_at = NULL WHERE id = $1",
        task["id"],
        TaskStatus.OPEN,
        people.assignee and people.assignee.id,
        people.fallback and people.fallback.id,
        watch({**task, "promised_at": None}, TaskStatus.OPEN, here, now),
    )
    await record([task_entry(Event.TASK_RELEASED, task, why)], practice=task["practice"], actor=actor, now=now)
    if task["status"] == TaskStatus.CLAIMED:
        await let_messages_go(task, actor=actor, now=now)
    if why is Reason.NOT_FINISHED and people.assignee is not None:
        for person in {people.assignee.id, task["claimed_by"] or people.assignee.id}:
            await tell(task, person, Occasion.RELEASED, here, now, why=why)


def _rung(task: Row, team: Team) -> str:
    """Whom the task is for: its role, or above the ladder the person who has it."""
    person = team.person(task["assignee"])
    return person.ref if person is not None and task["role"] not in tuple(Role) else task["role"] or ""


async def reassign_task(
    ref: str, *, practice: int, to: str, by: Hand, now: datetime, own: bool = False, shown: str | None = None
) -> bool:
    """Give it to `to`, a role or the reference of a person. False when they have it already. Raises `Refused` for
    somebody who cannot be told, and with `own` `AlreadyClaimed` where somebody else has it.

    What somebody claimed who is not there, the administration may give on too, to those who give care."""

    async def change(_insist: bool) -> bool:
        task = await lock_task(ref, practice)
        here = await here_for(task, now)
        by_right = await _must_be_givable(task, by, here)
        _must_be_open(task)
        if own:
            await _must_be_free(task, by)
        person = here.team.person(to)
        if person is not None and not person.reachable:
            raise Refused("This person cannot be told of a case: choose somebody else, or set their alerts.")
        if person is None and here.team.for_target(to) is None:
            raise Refused("Nobody of this role is there: choose somebody else.")
        people = assign(here.team, to)
        if people.assignee and people.assignee.id == (task["claimed_by"] or task["assignee"]):
            return False
        must_be_as_shown(task, shown)
        if people.assignee and not may_be_given(people.assignee.role, TaskKind(task["kind"]), by_right=by_right):
            raise MayNotAct("This case goes to somebody who gives care: choose one of them.")
        await give_to(task, people, here, why=Reason.BY_HAND, actor=by.actor, event=Event.TASK_REASSIGNED, now=now)
        await let_messages_go(task, actor=by.actor, now=now)
        return True

    return await when_quiet(change)


async def _must_be_givable(task: Row, by: Hand, here: Staffing) -> bool:
    """True for whoever may act on it by right."""
    if await is_entitled(by, task):
        return True
    role = await role_of_hand(by, task)
    holder = here.team.person(task["claimed_by"])
    left = task["claimed_by"] is not None and (holder is None or not holder.present)
    if role is None or not may_give_on(role, TaskKind(task["kind"]), given=False, left=left):
        raise MayNotAct("This case waits for a decision of those who give care: it was not given to this person.")
    return False


async def escalate_task(ref: str, *, practice: int, by: Hand, now: datetime, shown: str | None = None) -> bool:
    """One rung up, now. False when it is with the last person of the ladder already. Only `shown` tells a press that
    arrives twice from a second one."""

    async def change(_insist: bool) -> bool:
        task = await task_for(by, ref, practice)
        _must_be_open(task)
        must_be_as_shown(task, shown)
        here = await here_for(task, now)
        people = up_the_ladder(task, here.team)
        if people is None:
            return False
        await give_to(task, people, here, why=Reason.BY_HAND, actor=by.actor, event=Event.TASK_ESCALATED, now=now)
        await let_messages_go(task, actor=by.actor, now=now)
        return True

    return await when_quiet(change)


def up_the_ladder(task: Row, team: Team) -> Assigned | None:
    return next_up(team, role=task["role"] or "", assignee=task["assignee"], fallback=task["fallback"])


async def postpone_task(
    ref: str, *, practice: int, until: datetime, by: Hand, now: datetime, shown: str | None = None
) -> bool:
    """A call promised for `until`: claimed by whoever promised it, and watched from then on."""
    if not now < until <= now + LONGEST_PROMISE:
        raise Refused(f"A call can be promised for the next {LONGEST_PROMISE.days} days.")

    async def change(_insist: bool) -> bool:
        task = await task_for(by, ref, practice)
        _must_be_open(task, TaskStatus.CLAIMED)
        if task["status"] == TaskStatus.CLAIMED and task["claimed_by"] != by.staff:
            raise AlreadyClaimed(await name_of(task["claimed_by"]))
        if task["promised_at"] == until:
            return False
        must_be_as_shown(task, shown, wholly=task["status"] == TaskStatus.CLAIMED)
        here = await here_for(task, now)
        await fetch(
            "UPDATE task SET status = $2, claimed_at = coalesce(claimed_at, $3), claimed_by = $4, promised_at = $5, "
            "assignee = coalesce($4, assignee), acknowledged_at = coalesce(acknowledged_at, $3), "
            "acknowledged_by = coalesce(acknowledged_by, $4), nudged_at = NULL, look_at = $6, "
            "deadline_at = greatest(deadline_at, $5) WHERE id = $1",
            task["id"],
            TaskStatus.CLAIMED,
            now,
            by.staff,
            until,
            watch({**task, "promised_at": until}, TaskStatus.CLAIMED, here, now),
        )
        entry = task_entry(Event.TASK_POSTPONED, task, until=until.isoformat())
        await record([entry], practice=practice, actor=by.actor, now=now)
        if task["kind"] in CALLS:
            await hold_messages(task, reason=Reason.CLAIMED, actor=by.actor, now=now)
        return True

    return await when_quiet(change)


async def add_note(ref: str, *, practice: int, note: str, by: Hand, now: datetime, shown: str | None = None) -> bool:
    """Replace the private note of a case; an empty one removes it. It is sealed, and only the staff pages show it.

    False when it says so already. Here `shown` is the mark of the note that whoever writes has seen."""
    text = note.strip()

    async def change(_insist: bool) -> bool:
        task = await task_for(by, ref, practice)
        if text == note_of(task):
            return False
        must_show_note(task, shown)
        sealed = vault().seal(text, owner=ref, field=NOTE_FIELD) if text else None
        await fetch("UPDATE task SET note = $2 WHERE id = $1", task["id"], sealed)
        await record([task_entry(Event.NOTE_ADDED, task)], practice=practice, actor=by.actor, now=now)
        return True

    return await when_quiet(change)


async def _has_it(task: Row, by: Hand) -> bool:
    """Whether they have claimed it; raises `AlreadyClaimed` where somebody else has."""
    if task["status"] != TaskStatus.CLAIMED:
        return False
    if by.staff is not None and task["claimed_by"] == by.staff:
        return True
    raise AlreadyClaimed(await name_of(task["claimed_by"]))


async def _must_be_free(task: Row, by: Hand) -> None:
    """What was claimed at the terminal is nobody's in particular."""
    if task["status"] == TaskStatus.CLAIMED and task["claimed_by"] not in (None, by.staff):
        raise AlreadyClaimed(await name_of(task["claimed_by"]))


def _moves(task: Row, wanted: TaskStatus) -> bool:
    return check_move("This task", TASK_MOVES, TaskStatus(task["status"]), wanted)


def _must_be_open(task: Row, wanted: TaskStatus = TaskStatus.OPEN) -> None:
    if task["status"] == TaskStatus.PLANNED:
        raise Refused("This step is not due yet: it is for nobody to take until then.")
    if task["status"] not in OPEN_TASK:
        raise IllegalTransition("This task", task["status"], wanted)

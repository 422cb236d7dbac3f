"""Ten people press at random on fifty cases, and everything that can go wrong on the way does.

What was accepted stands in the journal. Made again one by one, in its order, by the functions that any face of the
worklist calls, it must give the same state; and once all is quiet every message shows the state of the database.
"""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from litestar import Litestar

from bot.app import Bots
from db import actors
from db.actors import Hand
from db.changes._journal import Event
from db.changes.outcomes import record_outcome
from db.changes.slack import link_slack
from db.changes.worklist import acknowledge_task, claim_task, postpone_task, reassign_task, release_task
from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.practices import Profile
from db.rules.settings import Settings
from db.states import CallOutcome, TaskStatus
from jobs.delivery.slack import SlackRound
from portal.demo.slack.double import SlackDouble
from portal.demo.slack.person import NotSent
from portal.demo.slack.things import View
from tests import factories as f
from tests.bot.conftest import BASE_URL, CHANNEL, House, access, in_menu
from tests.bot.waiting import eventually
from tests.db.changes.people import CALL_DUE, RISK, TREATING, make_house, open_steps
from tests.emptying import empty_database

CASES, PRESSES = 50, 500
# So long a modal may take to open, where nothing keeps it from it.
MODAL_S = 0.5
STAFF = tuple(
    replace(f.EVERY_ROLE[n % 5], name=f"Personne {n}", email=f"p{n}@tilleuls.example", fallback="p3@tilleuls.example")
    for n in range(10)
)
# Their treating practitioner is one of them.
HERE = tuple(replace(one, staff="p4@tilleuls.example") for one in TREATING)
ACTIONS = ("seen", "mine", "mine", "release", "release", "outcome", "later", "reassign", "next", "home")
OUTCOMES = (CallOutcome.LEFT_MESSAGE, CallOutcome.NO_ANSWER, CallOutcome.REACHED_WILL_BOOK, CallOutcome.HANDLED)
METHODS = ("chat.update", "chat.postMessage", "conversations.open", "views.open", "views.publish", "response_url")
MOVES = (
    Event.TASK_ACKNOWLEDGED,
    Event.TASK_CLAIMED,
    Event.TASK_RELEASED,
    Event.TASK_REASSIGNED,
    Event.TASK_POSTPONED,
    Event.TASK_CLOSED,
)
# To whom a case went, which the journal says by role alone: written down as the change is, in its transaction.
REMEMBER = (
    "CREATE TABLE given (entry bigint, person text)",
    "CREATE FUNCTION remember_given() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO given SELECT NEW.id, "
    "s.name FROM task t JOIN staff s ON s.id = t.assignee WHERE t.ref = NEW.subject_ref; RETURN NULL; END $$",
    "CREATE TRIGGER remember AFTER INSERT ON journal FOR EACH ROW WHEN (NEW.event = 'task_reassigned') "
    "EXECUTE FUNCTION remember_given()",
)
FORGET = (
    "DROP TRIGGER IF EXISTS remember ON journal",
    "DROP FUNCTION IF EXISTS remember_given()",
    "DROP TABLE IF EXISTS given",
)


@dataclass(frozen=True)
class Move:
    """One accepted change, by case and person, whatever their references are."""

    event: str
    case: str
    who: str
    at: datetime
    data: dict[str, Any]
    to: str | None


async def begin(**changes: Any) -> Profile:
    """The same fifty calls, each open, for the same ten people."""
    clock.move_to(CALL_DUE)
    practice = await make_house(staff=STAFF, practitioners=HERE, **changes)
    rows = [f.row(patient_key=f"case{number}", risk_rules=RISK) for number in range(CASES)]
    await f.intake(rows, practice)
    await open_steps(CALL_DUE)
    return practice


async def cases() -> dict[str, str]:
    """Reference -> case, of those that are open."""
    rows = await fetch("SELECT t.ref, p.key FROM task t JOIN patient p ON p.id = t.patient WHERE t.kind = 'call'")
    return {row["ref"]: row["key"] for row in rows}


async def state() -> list[tuple[Any, ...]]:
    rows = await fetch(
        "SELECT p.key, t.kind, t.status, a.name AS assignee, c.name AS holder, k.name AS seen_by, t.outcome, "
        "t.promised_at, e.status AS sequence, e.reason FROM task t JOIN patient p ON p.id = t.patient "
        "LEFT JOIN staff a ON a.id = t.assignee LEFT JOIN staff c ON c.id = t.claimed_by "
        "LEFT JOIN staff k ON k.id = t.acknowledged_by LEFT JOIN enrolment e ON e.patient = t.patient "
        "WHERE t.status <> $1 ORDER BY p.key, t.kind, t.id",
        TaskStatus.PLANNED,
    )
    return [tuple(row.values()) for row in rows]


async def accepted() -> list[Move]:
    known = await cases()
    rows = await fetch(
        "SELECT j.event, j.subject_ref, j.at, j.data, s.name, g.person FROM journal j "
        "JOIN staff s ON $1 || s.ref = j.actor LEFT JOIN given g ON g.entry = j.id WHERE j.event = ANY($2) "
        "ORDER BY j.id",
        actors.staff(""),
        list(MOVES),
    )
    return [
        Move(row["event"], known[row["subject_ref"]], row["name"], row["at"], json.loads(row["data"]), row["person"])
        for row in rows
    ]


async def replay(moves: Sequence[Move], practice: Profile) -> None:
    refs = {case: ref for ref, case in (await cases()).items()}
    people = {row["name"]: row for row in await fetch("SELECT id, ref, name FROM staff")}
    for move in moves:
        person = people[move.who]
        usual: dict[str, Any] = {
            "practice": practice.id,
            "by": Hand(actors.staff(person["ref"]), person["id"]),
            "now": move.at,
        }
        ref = refs[move.case]
        match move.event:
            case Event.TASK_ACKNOWLEDGED:
                done: object = await acknowledge_task(ref, **usual)
            case Event.TASK_CLAIMED:
                done = await claim_task(ref, **usual)
            case Event.TASK_RELEASED:
                done = await release_task(ref, **usual)
            case Event.TASK_REASSIGNED:
                done = await reassign_task(ref, to=people[str(move.to)]["ref"], **usual)
            case Event.TASK_POSTPONED:
                done = await postpone_task(ref, until=datetime.fromisoformat(move.data["until"]), **usual)
            case _:
                done = await record_outcome(ref, outcome=CallOutcome(move.data["outcome"]), **usual)
        assert done, move


async def linked(slack: SlackDouble, route: str) -> House:
    practice = await begin(settings=Settings(slack_route=route), slack=access(slack, route=route))
    house = House(slack, practice, SlackRound(BASE_URL))
    for number, one in enumerate(STAFF):
        user = slack.workspace.add_user(one.name, one.email, user_id=f"U0PERSON{number}")
        house.users[one.name] = user.id
        ref = await fetch_value("SELECT ref FROM staff WHERE name = $1", one.name)
        await link_slack(ref, practice=practice.id, slack_user=user.id, actor=actors.SYSTEM, now=f.MONDAY)
    slack.workspace.add_channel("suivi", house.users.values(), channel_id=CHANNEL)
    return house


@dataclass
class Crowd:
    """`left`: how many presses are still to be made."""

    house: House
    refs: list[str]
    left: int = PRESSES
    made: int = 0

    async def press(self, name: str, rng: random.Random) -> None:
        """One person, until nobody has anything left to press."""
        while self.left > 0:
            self.left -= 1
            try:
                await self._one(name, rng)
                self.made += 1
            except (LookupError, NotSent):
                # Nothing of the kind stands there any more.
                self.left += 1
            await asyncio.sleep(rng.uniform(0, 0.01))

    async def _one(self, name: str, rng: random.Random) -> None:
        person, what, ref = self.house.person(name), rng.choice(ACTIONS), rng.choice(self.refs)
        if what == "next":
            await person.command("/reprise suivant")
            return
        if what == "home":
            await person.open_home()
            return
        row = await self.house.post(ref)
        message = self.house.slack.workspace.message(row["channel"] or "", row["ts"] or "")
        if message is None:
            raise LookupError
        if what in ("seen", "mine"):
            # As somebody pressed who saw the message as it was at first.
            await person.press(message, f"case_{what}", version=rng.choice((0, -1)))
        elif what == "release":
            await person.press(message, "case_more", in_menu(message, "release"))
        elif what == "reassign":
            await person.press(message, "case_more", f"reassign:{ref}")
            await self._fill(name, ref, rng)
        else:
            await person.press(message, "case_outcome", version=rng.choice((0, -1)))
            await self._fill(name, ref, rng, later=what == "later")

    async def _fill(self, name: str, ref: str, rng: random.Random, *, later: bool = False) -> None:
        person = self.house.person(name)

        def about_it() -> View | None:
            view = person.modal
            return view if view is not None and ref in view.body.get("private_metadata", "") else None

        try:
            view = await eventually(about_it, within=MODAL_S)
        except AssertionError:
            # Slack had its troubles, or somebody else has the case.
            return
        if view.body["callback_id"] == "reassign_view":
            values: dict[Any, Any] = {("to", "choice"): rng.choice(view.blocks[1]["element"]["options"])["value"]}
        elif later:
            until = clock.now().replace(microsecond=0) + timedelta(hours=rng.randint(1, 30))
            values = {("outcome", "choice"): "later", ("when", "choice"): until}
        else:
            values = {("outcome", "choice"): rng.choice(OUTCOMES)}
        await person.submit(values, view=view)

    async def trouble(self, rng: random.Random) -> None:
        """Slack fails in one way or another, brings things twice, late and in another order."""
        control, sender = self.house.slack.control, self.house.slack.sender
        while self.left > 0:
            fault = rng.choice((control.fail, control.reset, control.drop_answer))
            fault(rng.choice(METHODS), times=rng.randint(1, 2))
            control.slow(rng.choice(METHODS), seconds=0.05, times=2)
            if rng.random() < 0.3:
                control.limit("chat.update", retry_after=rng.randint(1, 20), times=1)
            sender.copies = rng.choice((0, 0, 1, 2))
            if rng.random() < 0.5:
                sender.hold()
                await asyncio.sleep(0.1)
                await sender.release(order=rng)
            clock.move_by(timedelta(seconds=rng.randint(0, 6)))
            await asyncio.sleep(0.1)
        sender.copies = 0

    async def work(self) -> None:
        while self.left > 0:
            await self.house.tick()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("route", "presses", "seed"), [("channel", PRESSES, 1), ("person", 150, 2)])
async def test_random_presses_leave_the_state_of_what_was_accepted_one_by_one(
    database: None, app: Litestar, slack: SlackDouble, route: str, presses: int, seed: int
) -> None:
    house = await linked(slack, route)
    for statement in (*FORGET, *REMEMBER):
        await fetch(statement)
    try:
        await house.settle()
        crowd = Crowd(house, list(await cases()), presses)
        people = [crowd.press(one.name, random.Random(f"{seed}{one.name}")) for one in STAFF]
        await asyncio.gather(*people, crowd.trouble(random.Random(seed)), crowd.work())
        await quiet(app)
        slack.control.all_well()
        clock.move_by(timedelta(minutes=2))
        await house.settle()
        assert crowd.made >= presses
        await every_message_shows_the_database(house, crowd.refs)
        moves, found = await accepted(), await state()
    finally:
        for statement in FORGET:
            await fetch(statement)
        await house.round.close()
    assert len({move.event for move in moves}) >= 5
    assert len(moves) > presses / 10
    await empty_database()
    await replay(moves, await begin())
    assert await state() == found


async def quiet(app: Litestar) -> None:
    """A change that took its time is made after its answer, and then told."""
    bots: Bots = app.state.services.bots
    await eventually(lambda: not any(bot.here._running for bot in bots._known.values()), within=60)


async def every_message_shows_the_database(house: House, refs: Sequence[str]) -> None:
    assert [ref for ref in refs if not await house.shows_the_database(ref)] == []
    rows = await fetch("SELECT channel, ts, stale, lease_until, error FROM slack_post")
    assert {(row["stale"], row["lease_until"], row["error"]) for row in rows} == {(False, None, None)}
    # What stands beside, but for notices, is a line in a place that a case has left, or the copy of a message whose
    # answer was lost.
    known = {(row["channel"], row["ts"]) for row in rows}
    every = house.slack.workspace.messages
    copies = [
        message
        for channel, messages in every.items()
        for ts, message in messages.items()
        if (channel, ts) not in known and any(block["type"] == "actions" for block in message.blocks)
    ]
    ambiguous = await fetch_value("SELECT count(*) FROM slack_post WHERE ambiguous")
    assert len(copies) <= ambiguous * 3

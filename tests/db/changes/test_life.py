"""Any plan, any place, any weeks in the life of a practice: whatever happens in whatever order, the laws hold at each
step, and everything ends.

A failing life is made as short as it gets, and printed: `play(World(...), [Operation(...), ...])` plays it again.
"""

import asyncio
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from db.actors import Hand
from db.changes.enrolments import resume
from db.changes.journal import seal_journal
from db.changes.outcomes import Follow, record_outcome
from db.engine import fetch
from db.queries.journal import verify_journal
from db.rules.plans import HIGH_RISK, STANDARD
from db.rules.windows import Hours
from db.states import CallOutcome, Role
from tests.db.changes.life import Life, World
from tests.db.changes.life_laws import hold, hold_in_the_end, may_go
from tests.db.changes.operations import KINDS, Operation, do
from tests.db.rules.strategies import PLACES, plans

LIVES = 30
names = st.sampled_from([name for name, kind in KINDS.items() for _ in range(kind.often)])
numbers = st.integers(0, 11)
operations = st.builds(Operation, names, numbers, numbers, numbers)

# Nights on which the clocks change, Christmas, Easter, Ascension, a plain Monday.
DAYS = [date(2026, *day) for day in ((3, 27), (4, 2), (5, 13), (10, 23), (11, 16), (12, 23))]
starts = st.builds(
    lambda day, minutes: datetime.combine(day, time(), UTC) + timedelta(minutes=minutes),
    st.sampled_from(DAYS),
    st.integers(0, 24 * 60 - 1),
)
some_hours = st.sampled_from(
    [
        Hours(),
        Hours(time(8), time(12), frozenset(range(5)), time(9)),
        Hours(time(14), time(22), frozenset(range(7)), time(15)),
        Hours(time(9), time(18), frozenset({0, 2, 4})),
    ]
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    start = draw(starts)
    closed = draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=1))
    own = draw(
        st.fixed_dictionaries(
            {},
            optional={
                STANDARD.name: plans(longest=12, most=8),
                HIGH_RISK.name: plans(longest=12, most=10),
                "psychotherapy": plans(longest=16, most=8),
            },
        )
    )
    return World(
        place=draw(st.sampled_from(PLACES)),
        start=start,
        hours=draw(some_hours),
        on_call=draw(st.dictionaries(st.sampled_from(Role).map(str), some_hours, max_size=2)),
        closed=tuple((start.date() + timedelta(days=a), start.date() + timedelta(days=a + b)) for a, b in closed),
        plans=own,
    )


async def play(world: World, happenings: list[Operation]) -> None:
    life = await Life.begin(world)
    life.watch = may_go
    # Somebody at high risk, and somebody under a crisis flag.
    await do(life, Operation("absent", 0, 0, 1))
    await do(life, Operation("absent", 2, 1, 2))
    for one in happenings:
        await do(life, one)
        await hold(life)
    await _nobody_does_anything(life)
    await _somebody_tidies_up(life)
    await _nobody_does_anything(life, in_the_end=True)
    await hold_in_the_end(life)
    while await seal_journal(now=life.now):
        pass
    assert (await verify_journal()).whole


async def _nobody_does_anything(life: Life, *, in_the_end: bool = False) -> None:
    """Weeks pass: what machines do by themselves is done, and what waits for a person is looked at again."""
    for days in (0, 2, 8, 25):
        life.now += timedelta(days=days)
        await life.tick()
        await _until_nothing_is_due(life, of_staff=in_the_end)
    waiting = await fetch("SELECT status, reason FROM enrolment WHERE status IN ('active', 'paused')")
    assert {row["status"] for row in waiting} <= {"paused"}
    assert {row["reason"] for row in waiting} <= {"replied", "escalated", "by_hand"}


async def _until_nothing_is_due(life: Life, *, of_staff: bool) -> None:
    for _ in range(200):
        await life.send()
        await hold(life)
        due = await life.next_due(of_staff=of_staff)
        if due is None:
            return
        life.now = max(life.now, due)
        await life.tick()
    raise AssertionError("What is due never ends.")


async def _somebody_tidies_up(life: Life) -> None:
    hand = Hand("staff:tidy")
    while refs := await fetch("SELECT ref FROM task WHERE status IN ('open', 'acknowledged', 'claimed') ORDER BY id"):
        for row in refs:
            await record_outcome(
                row["ref"],
                outcome=CallOutcome.HANDLED,
                practice=life.practice.id,
                by=hand,
                now=life.now,
                follow=Follow.RESUME,
            )
        await hold(life)
    for row in await fetch("SELECT ref FROM enrolment WHERE status = 'paused'"):
        await resume(row["ref"], practice=life.practice.id, actor=hand.actor, now=life.now)


async def test_laws_hold_in_any_life(database: None) -> None:
    loop = asyncio.get_running_loop()

    # The steady profile of the rules' tests is not that of this folder.
    @settings(max_examples=LIVES, deadline=None, derandomize=True, database=None)
    @given(worlds(), st.lists(operations, min_size=30, max_size=50))
    def any_life(world: World, happenings: list[Operation]) -> None:
        asyncio.run_coroutine_threadsafe(play(world, happenings), loop).result()

    # Hypothesis waits for each life; the connections belong to this loop, so it waits in a thread of its own.
    await asyncio.to_thread(any_life)

"""Stops that race their own message: whatever had not left when a stop was granted never leaves."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.changes.bookings import book
from db.changes.enrolments import stop_by_staff
from db.changes.opt_outs import opt_out_by_link
from db.clock import clock, now
from db.engine import Row, fetch, fetch_value
from db.queries.agenda import availability
from db.queries.practices import Profile
from db.states import Channel, DeliveryStatus
from tests.chaos.people import make_absences, make_practice
from tests.chaos.sink import MailServer, start_mail_server
from tests.chaos.stack import Stack
from tests.factories import local

FIRST_DUE = local(16, 10, 36)
HEAD_START = timedelta(seconds=1)
DRAINS = 2
# A stop comes between this much before its message falls due and this much after it.
EARLIEST_S, LATEST_S = -0.02, 0.05
AT_ONCE = 8
SLOTS_OF_ONE = 80
STUCK_S = 60.0
KINDS = {"opt_out": 4, "staff": 3, "book": 3}


@dataclass(frozen=True)
class Raced:
    """`left_first` and `stopped_first` say which side won; all the others must be empty. `late` left after their stop
    was granted, `astray` are rows that tell otherwise than the mail server, `disordered` sequences whose journal has a
    message sent after the stop, `under_way` stops that were granted while a message was being handed over."""

    stops: Counter[str]
    left_first: int
    stopped_first: int
    late: list[str]
    astray: list[str]
    disordered: list[str]
    under_way: list[str]

    @property
    def is_sound(self) -> bool:
        return not (self.late or self.astray or self.disordered or self.under_way)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.stops.items()))
        wrong = ", ".join(
            f"{name.replace('_', ' ')} {len(getattr(self, name))}"
            for name in ("late", "astray", "disordered", "under_way")
        )
        return (
            f"{self.stops.total()} stops ({kinds}): the message had left before {self.left_first}, never left after "
            f"{self.stopped_first}; {wrong}"
        )


async def race_stops(
    stack: Stack, *, stops: int, each_second: float, seed: int, say: Callable[[str], None] = print
) -> Raced:
    """`stops` patients, one of whose messages falls due `each_second`-th of a second, and who stop at that moment."""
    randomness = random.Random(seed)
    practitioners = 1 + stops // SLOTS_OF_ONE
    sink = start_mail_server(stack)
    practice = await make_practice(sink.port, practitioners=practitioners, now=FIRST_DUE - timedelta(hours=1))
    dues = [FIRST_DUE + timedelta(seconds=number / each_second) for number in range(stops)]
    await make_absences(practice, dues, practitioners=practitioners)
    clock.move_to(FIRST_DUE - timedelta(minutes=1))
    planned = await _plan(practice, randomness)
    for number in range(DRAINS):
        stack.start(f"drain-{number}", "tests.chaos.drain", str(stack.data), str(stack.data / f"drain-{number}.ready"))
    for number in range(DRAINS):
        stack.wait_for(stack.data / f"drain-{number}.ready")
    say("The race is on.")
    clock.move_to(FIRST_DUE - HEAD_START)
    granted = await _stop_all(planned)
    await _until_quiet()
    return await _who_won(sink, planned, granted)


@dataclass(frozen=True)
class Planned:
    """One stop to come: the moment, and what to call."""

    kind: str
    at: datetime
    enrolment: str
    practice: int
    link_id: str
    slot: datetime

    async def stop(self) -> None:
        if self.kind == "opt_out":
            await opt_out_by_link(self.link_id, channels=[Channel.EMAIL], source="link", now=now())
        elif self.kind == "staff":
            await stop_by_staff(self.enrolment, practice=self.practice, actor="staff:test", now=now())
        else:
            await book(self.link_id, starts_at=self.slot, now=now())


async def _plan(practice: Profile, randomness: random.Random) -> list[Planned]:
    rows = await fetch(
        "SELECT e.ref, e.practitioner, d.link_id, d.due_at FROM delivery d JOIN enrolment e ON e.id = d.enrolment "
        "WHERE d.step = 0 AND d.channel = 'email' ORDER BY d.due_at, d.id"
    )
    slots = {one: await _slots(one) for one in {row["practitioner"] for row in rows}}
    kinds = randomness.choices(list(KINDS), list(KINDS.values()), k=len(rows))
    planned = [
        Planned(
            kind=kind,
            at=row["due_at"] + timedelta(seconds=randomness.uniform(EARLIEST_S, LATEST_S)),
            enrolment=row["ref"],
            practice=practice.id,
            link_id=row["link_id"],
            slot=next(slots[row["practitioner"]]),
        )
        for row, kind in zip(rows, kinds, strict=True)
    ]
    return sorted(planned, key=lambda one: one.at)


async def _slots(practitioner: int) -> Iterator[datetime]:
    found = await availability(practitioner, now=now(), duration=None)
    return iter([slot.starts_at for slot in found.open_slots(now())])


async def _stop_all(planned: list[Planned]) -> dict[str, float]:
    """When each stop was granted (its call had returned), by enrolment, on the clock that the mail server uses."""
    granted: dict[str, float] = {}
    waiting = iter(planned)

    async def one_after_the_other() -> None:
        for one in waiting:
            await asyncio.sleep((one.at - now()).total_seconds())
            await one.stop()
            granted[one.enrolment] = time.monotonic()

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
    return granted


async def _until_quiet() -> None:
    deadline = time.monotonic() + STUCK_S
    while await fetch_value(
        "SELECT count(*) FROM delivery WHERE status = 'claimed' OR (step = 0 AND status = 'planned')"
    ):
        assert time.monotonic() < deadline, "Messages are left that nobody settles."
        await asyncio.sleep(0.05)


async def _who_won(sink: MailServer, planned: list[Planned], granted: dict[str, float]) -> Raced:
    rows = await fetch(
        "SELECT e.ref AS enrolment, d.message_id, d.status, EXISTS (SELECT 1 FROM journal s JOIN journal m ON "
        "m.enrolment_ref = s.enrolment_ref AND m.event = 'message_sent' AND m.id > s.id WHERE s.enrolment_ref = e.ref "
        "AND s.event IN ('sequence_stopped', 'booked')) AS disordered, EXISTS (SELECT 1 FROM journal j WHERE "
        "j.enrolment_ref = e.ref AND j.event = 'message_under_way_at_stop') AS under_way "
        "FROM delivery d JOIN enrolment e ON e.id = d.enrolment WHERE d.step = 0 AND d.channel = 'email'"
    )
    arrived = sink.by_message()
    left = [row for row in rows if row["message_id"] in arrived]
    return Raced(
        stops=Counter(one.kind for one in planned),
        left_first=len(left),
        stopped_first=len(rows) - len(left),
        late=[
            row["message_id"]
            for row in left
            if max(arrival.at for arrival in arrived[row["message_id"]]) > granted[row["enrolment"]]
        ],
        astray=[row["enrolment"] for row in rows if not _agrees(row, row["message_id"] in arrived)],
        disordered=[row["enrolment"] for row in rows if row["disordered"]],
        under_way=[row["enrolment"] for row in rows if row["under_way"]],
    )


def _agrees(row: Row, has_arrived: bool) -> bool:
    return bool(row["status"] == (DeliveryStatus.SENT if has_arrived else DeliveryStatus.CANCELLED))

"""Messages of one practice that all fall due at the same 9:00, to a mail server with a limit, while staff stop some.

Real workers send them. What is late is late for the limit alone; the order is that in which they were due; and a stop
waits for nobody but the message that is being handed over.
"""

import asyncio
import random
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

from db.changes.deliveries import claim_due
from db.changes.enrolments import stop_by_staff
from db.changes.practices import NewPractitioner
from db.clock import clock, now
from db.engine import Row, fetch, fetch_value
from db.processes import soon
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.states import Channel, DeliveryStatus
from db.tables.deliveries import BULK
from jobs.delivery.deliver import CLAIMED_FOR_EACH
from tests import factories
from tests.bench.figures import Figure
from tests.bench.sink import start_sink
from tests.chaos.people import BATCH, practitioner
from tests.chaos.sink import MailServer
from tests.chaos.stack import Stack
from tests.factories import local

# Missed and marked in the evening, due when the practice opens.
MISSED_AT, MARKED_AT, DUE_AT = local(16, 19, 0), local(16, 19, 45), local(17, 9, 0)
HEAD_START = timedelta(seconds=2)
STOP_EACH_S = 0.5
STUCK_S = 30.0
MOST_MEMORY_MB = 200.0
LONGEST_STOP_S = 1.0
LATENESS_GOAL = 1.1
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Waiting:
    """One message of the morning, and the sequence that it belongs to."""

    enrolment: str
    delivery: str


@dataclass(frozen=True)
class Stop:
    waiting: Waiting
    asked_at: float
    granted_at: float

    @property
    def took(self) -> float:
        return self.granted_at - self.asked_at


@dataclass(frozen=True)
class Morning:
    """`lateness_s` is the last message's, at the mail server; `inversion` is by how many places a message arrived
    behind one that was due after it; `memory_mb` the largest resident size that a worker ever had."""

    sent: int
    limit: float
    lateness_s: float
    inversion: int
    memory_mb: float
    stops: Sequence[Stop]
    left_first: int

    def figures(self) -> list[Figure]:
        took = sorted(stop.took for stop in self.stops)
        notes = f"{self.sent:,} messages due at the same moment, {self.limit:g} a second"
        stops = f"{len(took)} stops, median {median(took) * 1000:.0f} ms; {self.left_first} came after their message"
        return [
            Figure(
                "the last one's lateness", "s", self.lateness_s, self.sent / self.limit, LATENESS_GOAL, "at most", notes
            ),
            Figure("largest inversion", "places", self.inversion, under_way_at_most(), 1.0, "at most", notes),
            Figure("worker's resident memory", "MB", self.memory_mb, MOST_MEMORY_MB, 1.0, "at most", notes),
            Figure("longest stop", "s", took[-1], LONGEST_STOP_S, 1.0, "at most", stops),
        ]


def under_way_at_most() -> int:
    """What eight connections have in the air, what waits for them, and the next claim."""
    connections = 8
    return connections + 2 * connections * CLAIMED_FOR_EACH[Channel.EMAIL]


async def measure(stack: Stack, *, messages: int, limit: float) -> list[Figure]:
    return (await live_through(stack, messages=messages, limit=limit)).figures()


async def live_through(stack: Stack, *, messages: int, limit: float, seed: int = 900) -> Morning:
    sink = start_sink(stack)
    waiting = await _prepare(sink.port, messages, limit)
    clock.move_to(DUE_AT - timedelta(minutes=5))
    workers = [stack.worker(queue) for queue in ("human", "bulk")]
    assert soon(lambda: all("worker_started" in stack.log(f"worker-{queue}") for queue in ("human", "bulk")), 30)
    clock.move_to(DUE_AT - HEAD_START)
    began = time.monotonic() + (DUE_AT - now()).total_seconds()
    stops = await _stop_some(sink, waiting, random.Random(seed))
    memory = max(_peak_mb(worker) for worker in workers)
    arrivals = sink.look()
    order = {one.delivery: place for place, one in enumerate(waiting)}
    places = [order[_reference(arrival.message_id)] for arrival in arrivals]
    assert len(set(places)) == len(places), "A message has arrived twice."
    late = _left_after(stops, {place: arrival.at for place, arrival in zip(places, arrivals, strict=True)}, order)
    assert not late, f"Left after their stop: {late}"
    await _insist_on_rows({waiting[place].delivery for place in places}, {stop.waiting.delivery for stop in stops})
    return Morning(
        sent=len(arrivals),
        limit=limit,
        lateness_s=arrivals[-1].at - began,
        inversion=_largest_inversion(places),
        memory_mb=memory,
        stops=stops,
        left_first=sum(order[stop.waiting.delivery] in set(places) for stop in stops),
    )


async def _prepare(smtp_port: int, messages: int, limit: float) -> list[Waiting]:
    """The messages in the order in which they are due."""
    smtp = {**factories.new_practice().smtp, "port": smtp_port, "per_second": limit}
    person = NewPractitioner(practitioner(0), "general", 50, 10)
    practice = await factories.make_practice(now=MARKED_AT, smtp=smtp, practitioners=(person,))
    for start in range(0, messages, BATCH):
        rows = [_absence() for _ in range(min(BATCH, messages - start))]
        await factories.intake(rows, practice, now=MARKED_AT)
    await _skip_sms(practice)
    await fetch("VACUUM ANALYZE")
    found = await fetch(
        "SELECT d.ref, e.ref AS enrolment FROM delivery d JOIN enrolment e ON e.id = d.enrolment "
        "WHERE d.status = 'planned' AND d.channel = 'email' AND d.due_at = $1 ORDER BY d.due_at, d.id",
        DUE_AT,
    )
    assert len(found) == messages
    return [Waiting(row["enrolment"], row["ref"]) for row in found]


def _absence() -> IntakeRow:
    return factories.row(
        phone=None, phone_kind=None, phone_given=False, starts_at=MISSED_AT, practitioner=practitioner(0)
    )


async def _skip_sms(practice: Profile) -> None:
    """The SMS of patients without a telephone are no part of what is measured."""
    while (await claim_due(practice, lane=BULK, channel=Channel.SMS, limit=500, mail_domain="", now=DUE_AT)).looked_at:
        pass


async def _stop_some(sink: MailServer, waiting: Sequence[Waiting], randomness: random.Random) -> list[Stop]:
    """Stop sequences chosen among those that wait, until every message of the morning is settled."""
    practice = await fetch_value("SELECT id FROM practice")
    stops: dict[str, Stop] = {}
    seen, seen_at = 0, time.monotonic()
    while await _anything_left():
        arrived = len(sink.look())
        if arrived > seen:
            seen, seen_at = arrived, time.monotonic()
        assert time.monotonic() < seen_at + STUCK_S, f"Nothing has arrived for {STUCK_S:.0f} s."
        if seen < len(waiting):
            one = waiting[randomness.randrange(seen, len(waiting))]
            if one.enrolment not in stops:
                asked_at = time.monotonic()
                await stop_by_staff(one.enrolment, practice=practice, actor="staff:test", now=now())
                stops[one.enrolment] = Stop(one, asked_at, time.monotonic())
        await asyncio.sleep(STOP_EACH_S * randomness.uniform(0.5, 1.5))
    return list(stops.values())


async def _anything_left() -> bool:
    return bool(
        await fetch_value(
            "SELECT EXISTS (SELECT 1 FROM delivery WHERE status IN ('planned', 'claimed') AND channel = 'email' "
            "AND lane = 'bulk' AND attempt_at <= $1 AND practice = (SELECT id FROM practice))",
            DUE_AT,
        )
    )


def _reference(message_id: str) -> str:
    return message_id.strip("<").partition(".")[0]


def _left_after(stops: Sequence[Stop], arrived: dict[int, float], order: dict[str, int]) -> list[str]:
    """What arrived although its stop had been granted."""
    places = {stop: order[stop.waiting.delivery] for stop in stops}
    return [
        stop.waiting.delivery for stop, place in places.items() if place in arrived and arrived[place] > stop.granted_at
    ]


async def _insist_on_rows(arrived: set[str], stopped: set[str]) -> None:
    """Each row tells what the mail server saw."""
    rows: Sequence[Row] = await fetch(
        "SELECT ref, status FROM delivery WHERE channel = 'email' AND due_at = $1 AND step = 0", DUE_AT
    )
    for row in rows:
        expected = DeliveryStatus.SENT if row["ref"] in arrived else DeliveryStatus.CANCELLED
        assert row["status"] == expected, row
        assert row["ref"] in arrived | stopped, "Neither sent nor stopped."


def _largest_inversion(places: Sequence[int]) -> int:
    largest = furthest = 0
    for place in places:
        furthest = max(furthest, place)
        largest = max(largest, furthest - place)
    return largest


def _peak_mb(worker: "subprocess.Popen[bytes]") -> float:
    found = PEAK.search(Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) / 1024

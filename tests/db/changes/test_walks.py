"""Random weeks in the life of a practice: whatever happens in whatever order, the laws hold at each step."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from db.changes.bookings import book, cancel, move
from db.changes.deliveries import LEASE, Claimed
from db.changes.enrolments import resume, review_enrolments, stop_by_staff
from db.changes.inbound import Meaning, record_inbound
from db.changes.journal import seal_journal
from db.changes.opt_outs import opt_out_by_link
from db.changes.settlements import Outcome, expire_leases, record_receipt
from db.crypto import vault
from db.engine import fetch, fetch_value
from db.errors import Refused
from db.queries.journal import verify_journal
from db.queries.links import patient_page
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from db.rules.plans import SPACING
from db.rules.reminders import CONFIRMATION
from db.rules.windows import is_open
from db.states import AppointmentStatus, Channel
from db.tables.deliveries import BULK, HUMAN
from tests import factories as f
from tests.db.changes.acts import claim, settled

PATIENTS = 3
STEPS = 40
FINAL = {"sent", "delivered", "skipped", "cancelled", "failed"}
# What a server answers, as often as it stands here.
ANSWERS = [Outcome.SENT] * 9 + [o for o in Outcome if o is not Outcome.DELIVERED]


class Walk:
    def __init__(self, practice: Profile, seed: int) -> None:
        self.practice, self.dice = practice, random.Random(seed)
        self.now = f.MONDAY
        self.rows: list[IntakeRow] = []
        self.sent: list[Claimed] = []
        self.told = 0

    async def begin(self) -> None:
        phone = "+33611111111"
        self.rows = [f.row(phone=phone), f.row(phone=phone), f.row(email=None)][:PATIENTS]
        await self.absent()

    async def step(self) -> None:
        actions: list[Callable[[], Awaitable[object]]] = [
            *[self.work] * 6,
            *[self.wait] * 3,
            self.absent,
            self.correct,
            self.change_number,
            self.say,
            self.stop,
            self.go_on,
            self.opt_out,
            self.book,
            self.move,
            self.cancel,
            self.receipt,
            self.die,
            self.sweep,
        ]
        try:
            await self.dice.choice(actions)()
        except Refused:
            # A move that is not allowed from here; nothing was written.
            return

    async def wait(self) -> None:
        self.now += timedelta(minutes=self.dice.choice([1, 40, 300, 1000, 3000]))

    async def work(self) -> None:
        due: datetime | None = await fetch_value(
            "SELECT min(attempt_at) FROM delivery WHERE status = 'planned' AND lane = $1", BULK
        )
        if due is not None:
            self.now = max(self.now, due)
        for channel in Channel:
            for one in await self.claimed(channel):
                await settled(self.practice, one, self.dice.choice(ANSWERS), self.now, retry_after=None)
                self.sent.append(one)
        told = await claim(self.practice, Channel.EMAIL, self.now, lane=HUMAN)
        for one in told:
            if one.message == CONFIRMATION:
                assert is_open(self.now, self.practice.calendar)
                await self.may_go(one)
        await settled(self.practice, told, Outcome.SENT, self.now)

    async def die(self) -> None:
        """A worker is killed between its claim and its word."""
        await self.claimed(self.dice.choice(list(Channel)))
        self.now += LEASE
        await expire_leases(now=self.now)

    async def claimed(self, channel: Channel) -> list[Claimed]:
        going = await claim(self.practice, channel, self.now)
        for one in going:
            assert is_open(self.now, self.practice.calendar)
            await self.may_go(one)
        return list(going)

    async def may_go(self, one: Claimed) -> None:
        kind = "phone" if one.channel is Channel.SMS else "email"
        index = vault().index(one.address, kind=kind)
        stopped: bool = await fetch_value(
            "SELECT EXISTS (SELECT 1 FROM channel_opt_out WHERE channel = $1 AND address_index = $2 "
            "AND ended_at IS NULL)",
            one.channel,
            index,
        )
        allowed = await (self.may_be_told(one) if one.appointment is not None else self.may_be_followed(one))
        assert allowed, f"{one.message} by {one.channel} left at {self.now} though it must not"
        assert not stopped, f"{one.message} by {one.channel} left at {self.now} after an opt-out"

    async def may_be_followed(self, one: Claimed) -> bool:
        allowed: bool = await fetch_value(
            "SELECT e.status = 'active' AND a.status = 'no_show' AND NOT EXISTS (SELECT 1 FROM "
            "appointment b WHERE b.patient = e.patient AND b.status = 'booked' AND b.starts_at > $2) "
            "FROM enrolment e JOIN appointment a ON a.id = e.appointment WHERE e.id = $1",
            one.enrolment,
            self.now,
        )
        return allowed

    async def may_be_told(self, one: Claimed) -> bool:
        """It speaks of the appointment as it stands, which is still to come."""
        allowed: bool = await fetch_value(
            "SELECT status = 'booked' AND starts_at = $2 AND starts_at > $3 FROM appointment WHERE id = $1",
            one.appointment,
            datetime.fromisoformat(one.detail["starts_at"]),
            self.now,
        )
        return allowed

    def somebody(self) -> IntakeRow:
        return self.dice.choice(self.rows)

    async def link(self) -> str:
        return self.dice.choice(await f.link_ids(self.somebody().patient_key) or ["Unknown0"])

    async def absent(self) -> None:
        """Everyone misses another appointment."""
        at = self.now - timedelta(minutes=self.dice.choice([10, 90, 3000]))
        day = at.astimezone(f.PARIS).date()
        self.told += 1
        self.rows = [
            replace(row, appointment_key=f"{row.patient_key}/{self.told}", starts_at=at, day=day) for row in self.rows
        ]
        await f.intake(self.rows, self.practice, now=self.now)

    async def correct(self) -> None:
        status = self.dice.choice([AppointmentStatus.ATTENDED, AppointmentStatus.CANCELLED, AppointmentStatus.NO_SHOW])
        await f.intake([replace(self.somebody(), status=status)], self.practice, now=self.now)

    async def change_number(self) -> None:
        place = self.dice.randrange(len(self.rows))
        phone = self.dice.choice(["+33611111111", f"+3362222{self.dice.randrange(10000):04}"])
        self.rows[place] = replace(self.rows[place], phone=phone)
        await f.intake([self.rows[place]], self.practice, now=self.now)

    async def say(self) -> None:
        self.told += 1
        await record_inbound(
            practice=self.practice.id,
            gateway="twilio",
            provider_id=f"SM{self.told}",
            from_e164=str(self.somebody().phone),
            text="...",
            meaning=self.dice.choice(list(Meaning)),
            now=self.now,
        )

    async def a_sequence(self) -> str:
        rows = await fetch("SELECT ref FROM enrolment ORDER BY id")
        return str(self.dice.choice([row["ref"] for row in rows] or ["nobody"]))

    async def stop(self) -> None:
        await stop_by_staff(await self.a_sequence(), practice=self.practice.id, actor="staff:x", now=self.now)

    async def go_on(self) -> None:
        await resume(await self.a_sequence(), practice=self.practice.id, actor="staff:x", now=self.now)

    async def opt_out(self) -> None:
        channels = self.dice.choice([[Channel.SMS], [Channel.EMAIL], list(Channel)])
        await opt_out_by_link(await self.link(), channels=channels, source="page", now=self.now)

    async def a_slot(self, link: str) -> datetime:
        page = await patient_page(link, now=self.now, moving=True)
        return self.dice.choice([slot.starts_at for slot in page.slots] if page and page.slots else [self.now])

    async def book(self) -> None:
        link = await self.link()
        await book(link, starts_at=await self.a_slot(link), now=self.now)

    async def move(self) -> None:
        link = await self.link()
        await move(link, starts_at=await self.a_slot(link), now=self.now)

    async def cancel(self) -> None:
        await cancel(await self.link(), now=self.now)

    async def receipt(self) -> None:
        if self.sent:
            one = self.dice.choice(self.sent)
            outcome = self.dice.choice(list(Outcome))
            await record_receipt(
                practice=self.practice.id, reference=one.ref, provider_id="SM", outcome=outcome, code=None, now=self.now
            )

    async def sweep(self) -> None:
        await expire_leases(now=self.now)
        await review_enrolments(now=self.now)

    async def to_the_end(self) -> None:
        """Nothing more happens but time, and whoever is paused goes on."""
        for row in await fetch("SELECT ref FROM enrolment WHERE status = 'paused'"):
            await resume(row["ref"], practice=self.practice.id, actor="staff:x", now=self.now)
        for _ in range(200):
            if await fetch_value("SELECT count(*) FROM delivery WHERE status IN ('planned', 'claimed')") == 0:
                break
            await self.work()
            await expire_leases(now=self.now)
        self.now += timedelta(days=40)
        await review_enrolments(now=self.now)


async def laws(now: datetime) -> None:
    live = await fetch("SELECT count(*) AS n FROM enrolment WHERE status IN ('active', 'paused') GROUP BY patient")
    assert all(row["n"] == 1 for row in live)
    # What was under way at a stop that insisted comes back as planned; the claim cancels it.
    ended = await fetch(
        "SELECT 1 FROM delivery d JOIN enrolment e ON e.id = d.enrolment WHERE e.status IN ('stopped', 'completed') "
        "AND d.step IS NOT NULL AND d.status = 'planned' AND d.claimed_at IS NULL"
    )
    assert ended == []
    for row in await fetch(
        "SELECT array_agg(sent_at ORDER BY sent_at) AS at, array_agg(step ORDER BY sent_at, step) AS steps "
        "FROM delivery WHERE sent_at IS NOT NULL AND step IS NOT NULL GROUP BY enrolment, channel"
    ):
        assert all(later - earlier >= SPACING for earlier, later in pairwise(row["at"]))
        assert row["steps"] == sorted(row["steps"])
    doubled = await fetch(
        "SELECT 1 FROM appointment WHERE source = 'reprise' AND status = 'booked' AND starts_at > $1 GROUP BY patient "
        "HAVING count(*) > 1",
        now,
    )
    assert doubled == []


@pytest.mark.parametrize("seed", range(16))
async def test_laws_hold_whatever_happens(practice: Profile, seed: int) -> None:
    walk = Walk(practice, seed)
    await walk.begin()
    for _ in range(STEPS):
        await walk.step()
        await laws(walk.now)
    await walk.to_the_end()
    await laws(walk.now)
    rows = await fetch("SELECT status, reason FROM delivery")
    assert {row["status"] for row in rows} <= FINAL
    assert all(row["reason"] for row in rows)
    assert await fetch_value("SELECT count(*) FROM enrolment WHERE status IN ('active', 'paused')") == 0
    while await seal_journal(now=walk.now):
        pass
    assert (await verify_journal()).whole

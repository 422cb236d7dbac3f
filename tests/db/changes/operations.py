"""What may happen in a practice's life: what patients, staff, servers, files and the clock do, in any order.

An operation is a name and three small numbers that choose among what there is, so that a failing life can be made
shorter, and played again. Each first looks up what is meant; the call that it returns may be made twice, since
browsers, providers and workers all send twice.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from db.actors import Hand
from db.changes.bookings import book, cancel, confirm, move
from db.changes.deliveries import LEASE
from db.changes.enrolments import pause_by_staff, resume, stop_by_staff
from db.changes.inbound import Meaning, record_inbound
from db.changes.labels import end_label, set_label
from db.changes.objections import lift_objection, record_objection
from db.changes.opt_outs import opt_out_by_link
from db.changes.outcomes import Follow, record_outcome
from db.changes.practices import NewStaffAbsence
from db.changes.requests import name_barrier, request_call
from db.changes.settlements import Outcome, record_bounce, record_receipt
from db.changes.worklist import (
    acknowledge_task,
    add_note,
    claim_task,
    escalate_task,
    postpone_task,
    reassign_task,
    release_task,
)
from db.engine import fetch, fetch_value
from db.errors import Refused
from db.queries.links import patient_page
from db.queries.today import case_today
from db.rules.intake_row import IntakeRow
from db.rules.risk import RiskRule
from db.rules.telephones import TelephoneKind
from db.rules.windows import local_day
from db.states import AppointmentStatus, Barrier, CallOutcome, Channel, Role
from db.tables.deliveries import BULK
from tests import factories as f
from tests.db.changes.life import FAMILY, TEAM, Life, Patient, address

ACTOR = "staff:someone"
NO_TASK = "nothing"
MINUTES = (1, 15, 40, 200, 700, 1440, 3000, 10080, -2)
MISSED_AGO = (10, 90, 600, 1500, 2900, 4400, 7300, 12000)
RULES = (
    frozenset[RiskRule](),
    frozenset({RiskRule.CHRONIC_CONDITIONS}),
    frozenset({RiskRule.CRISIS}),
    frozenset({RiskRule.PSYCHIATRIC_DISCHARGE, RiskRule.EARLY_THERAPY}),
)

Call = Callable[[], Awaitable[object]]
Maker = Callable[[Life, int, int, int], Awaitable[Call | None]]


class Operation(NamedTuple):
    name: str
    a: int = 0
    b: int = 0
    c: int = 0


@dataclass(frozen=True)
class Kind:
    """`often`: how often it happens, beside the others. `anew`: done again, it is done anew."""

    make: Maker
    often: int
    anew: bool


KINDS: dict[str, Kind] = {}


def operation(*, often: int = 1, anew: bool = False) -> Callable[[Maker], Maker]:
    def add(make: Maker) -> Maker:
        KINDS[make.__name__.removeprefix("_")] = Kind(make, often, anew)
        return make

    return add


async def do(life: Life, happening: Operation) -> bool:
    """False when there was nothing to do, or it was refused, in which case nothing was written."""
    kind = KINDS[happening.name]
    call = await kind.make(life, happening.a, happening.b, happening.c)
    if call is None:
        return False
    journal = "SELECT count(*) FROM journal"
    before: int = await fetch_value(journal)
    try:
        await call()
    except Refused:
        assert await fetch_value(journal) == before, f"{happening} was refused, and wrote"
        return False
    if happening.name in ("go_on", "outcome"):
        life.decided_at = life.now
    if happening.name == "go_on":
        life.resumed_at = life.now
    if not kind.anew:
        before = await fetch_value(journal)
        with suppress(Refused):
            await call()
        assert await fetch_value(journal) == before, f"{happening} came twice, and did more"
    return True


# --- what the practice's software says


def _row(life: Life, who: Patient, **changes: Any) -> IntakeRow:
    life.contacts |= {one for one in (who.phone, who.email) if one}
    contact = {"phone": who.phone, "phone_kind": who.phone and who.phone_kind, "email": who.email}
    names = {"patient_key": who.key, "first_name": who.first_name, "last_name": who.last_name}
    return f.row(**(names | contact | changes))


def _patient(life: Life, number: int) -> Patient:
    """Mostly the same ones: what happens to one patient meets what happened before."""
    return life.patients[(0, 0, 0, 2, 2, 1, 0, 2, 1, 3, 0, 2)[number % 12]]


def _new_row(life: Life, who: Patient, at: datetime, *, timed: bool = True, **changes: Any) -> IntakeRow:
    life.told += 1
    at = at.replace(second=0, microsecond=0)
    row = _row(
        life,
        who,
        appointment_key=f"{who.key}/{life.told}",
        starts_at=at,
        day=local_day(at, life.practice.calendar),
        practitioner=f"Soignant {'AB'[life.told % 2]}",
        **changes,
    )
    return row if timed else replace(row, starts_at=None)


async def _import(life: Life, row: IntakeRow) -> Call:
    life.rows = [one for one in life.rows if one.appointment_key != row.appointment_key] + [row]
    return lambda: f.intake([row], life.practice, now=life.now)


@operation(often=3)
async def _absent(life: Life, a: int, b: int, c: int) -> Call | None:
    """Now and then a second one while the first is followed."""
    who = _patient(life, a)
    followed = (
        "SELECT EXISTS (SELECT 1 FROM enrolment e JOIN patient p ON p.id = e.patient WHERE p.key = $1 "
        "AND e.status IN ('active', 'paused'))"
    )
    if c % 4 != 3 and await fetch_value(followed, who.key):
        return None
    at = life.now - timedelta(minutes=MISSED_AGO[b % len(MISSED_AGO)])
    row = _new_row(life, who, at, timed=c % 5 != 4, minor=c == 11, risk_rules=RULES[c % len(RULES)])
    return await _import(life, row)


@operation(often=2)
async def _ahead(life: Life, a: int, b: int, c: int) -> Call:
    at = life.now + timedelta(days=b % 9, hours=1 + c)
    row = _new_row(life, _patient(life, a), at, timed=c != 11, status=AppointmentStatus.BOOKED)
    return await _import(life, row)


@operation(often=2)
async def _correct(life: Life, a: int, b: int, c: int) -> Call | None:
    if not life.rows:
        return None
    row = life.rows[-1 - a % len(life.rows)]
    who = life.patients[(int(row.patient_key[1]) - 1 + (c == 11)) % len(life.patients)]
    status = list(AppointmentStatus)[b % len(AppointmentStatus)]
    fresh = _row(life, who)
    # With one chance in twelve the appointment was somebody else's all along.
    return await _import(
        life,
        replace(
            fresh,
            **{name: getattr(row, name) for name in ("appointment_key", "day", "starts_at", "practitioner")},
            status=status,
        ),
    )


@operation(often=2)
async def _contact(life: Life, a: int, b: int, c: int) -> Call | None:
    who = _patient(life, a)
    mine = [row for row in life.rows if row.patient_key == who.key]
    if not mine:
        return None
    life.told += 1
    fresh = f"+3367777{life.told:04}"
    who.phone = [FAMILY, fresh, None, who.phone][b % 4]
    who.phone_kind = TelephoneKind.FIXED if c == 11 else TelephoneKind.MOBILE
    who.email = [who.email, f"nouveau{life.told}@courrier.example", None][c % 3]
    latest = max(mine, key=lambda row: row.day)
    kept = ("appointment_key", "day", "starts_at", "practitioner", "status")
    return await _import(life, replace(_row(life, who), **{name: getattr(latest, name) for name in kept}))


# --- what patients do


@operation(often=3)
async def _say(life: Life, a: int, b: int, c: int) -> Call | None:
    phone = _patient(life, a).phone or "+33699999999"
    life.told += 1
    key = f"SM{life.told}"
    meaning = list(Meaning)[b % len(Meaning)]
    return lambda: record_inbound(
        practice=life.practice.id,
        gateway="twilio",
        provider_id=key,
        from_e164=phone,
        text="...",
        meaning=meaning,
        now=life.now,
        says_more=c == 10,
        emergency=c == 11,
    )


async def _link(life: Life, a: int, b: int) -> str:
    links = await f.link_ids(_patient(life, a).key)
    links = [one for one in links if one is not None]
    return links[b % len(links)] if links else "Unknown0"


async def _slot(life: Life, link: str, c: int, *, moving: bool) -> datetime:
    page = await patient_page(link, now=life.now, moving=moving)
    slots = [slot.starts_at for slot in page.slots] if page else []
    return slots[c * 3 % len(slots)] if slots else life.now


@operation()
async def _opt_out(life: Life, a: int, b: int, c: int) -> Call:
    link = await _link(life, a, b)
    channels = [[Channel.SMS], [Channel.EMAIL], list(Channel)][c % 3]
    return lambda: opt_out_by_link(link, channels=channels, source="page", now=life.now)


@operation(often=3)
async def _book(life: Life, a: int, b: int, c: int) -> Call:
    link = await _link(life, a, b)
    starts_at = await _slot(life, link, c, moving=False)
    return lambda: book(link, starts_at=starts_at, now=life.now)


@operation()
async def _move(life: Life, a: int, b: int, c: int) -> Call:
    link = await _link(life, a, b)
    starts_at = await _slot(life, link, c, moving=True)
    return lambda: move(link, starts_at=starts_at, now=life.now)


@operation(often=2)
async def _cancel(life: Life, a: int, b: int, _c: int) -> Call:
    link = await _link(life, a, b)
    return lambda: cancel(link, now=life.now)


@operation()
async def _confirm(life: Life, a: int, b: int, _c: int) -> Call:
    link = await _link(life, a, b)
    return lambda: confirm(link, now=life.now)


@operation()
async def _ask(life: Life, a: int, b: int, c: int) -> Call:
    link = await _link(life, a, b)
    if c % 2:
        barrier = list(Barrier)[c % len(Barrier)]
        return lambda: name_barrier(link, barrier=barrier, now=life.now)
    return lambda: request_call(link, now=life.now)


# --- what staff do


async def _ref(life: Life, a: int) -> str:
    ref = await fetch_value("SELECT ref FROM patient WHERE key = $1", _patient(life, a).key)
    return str(ref or "nobody")


@operation(often=2)
async def _label(life: Life, a: int, b: int, c: int) -> Call:
    ref, rule = await _ref(life, a), list(RiskRule)[b % len(RiskRule)] if c % 2 else RiskRule.CRISIS
    until = life.now.date() + timedelta(days=c) if c % 3 == 2 else None
    return lambda: set_label(ref, rule=rule, practice=life.practice, until=until, actor=ACTOR, now=life.now)


@operation()
async def _unlabel(life: Life, a: int, b: int, c: int) -> Call:
    ref, rule = await _ref(life, a), list(RiskRule)[b % len(RiskRule)] if c % 2 else RiskRule.CRISIS
    return lambda: end_label(ref, rule=rule, practice=life.practice, actor=ACTOR, now=life.now)


@operation()
async def _object(life: Life, a: int, b: int, _c: int) -> Call:
    ref = await _ref(life, a)
    change = lift_objection if b % 3 == 2 else record_objection
    return lambda: change(ref, practice=life.practice.id, actor=ACTOR, now=life.now)


async def _sequence(life: Life, a: int) -> str:
    rows = await fetch("SELECT ref FROM enrolment ORDER BY id DESC")
    return str(rows[a // 6 % len(rows)]["ref"]) if rows else "nobody"


@operation()
async def _stop(life: Life, a: int, _b: int, _c: int) -> Call:
    ref = await _sequence(life, a)
    return lambda: stop_by_staff(ref, practice=life.practice.id, actor=ACTOR, now=life.now)


@operation()
async def _pause(life: Life, a: int, b: int, _c: int) -> Call:
    ref = await _sequence(life, a)
    until = life.now.date() + timedelta(days=b) if b % 3 else None
    return lambda: pause_by_staff(ref, practice=life.practice, actor=ACTOR, now=life.now, until=until)


@operation()
async def _go_on(life: Life, a: int, _b: int, _c: int) -> Call:
    ref = await _sequence(life, a)
    return lambda: resume(ref, practice=life.practice.id, actor=ACTOR, now=life.now)


async def _task(life: Life, a: int) -> str:
    """Nearly always one that somebody could be at."""
    rows = await fetch(
        "SELECT ref FROM task WHERE status <> 'planned' ORDER BY (status IN ('open', 'acknowledged', 'claimed')) "
        "DESC, (step IS NOT NULL) DESC, id DESC"
    )
    return str(rows[a // 3 % len(rows)]["ref"]) if rows else NO_TASK


async def _hand(life: Life, b: int) -> Hand:
    rows = await fetch("SELECT id, ref FROM staff WHERE active ORDER BY id")
    one = rows[b % len(rows)]
    return Hand(f"staff:{one['ref']}", one["id"])


@operation()
async def _acknowledge(life: Life, a: int, b: int, _c: int) -> Call:
    ref, by = await _task(life, a), await _hand(life, b)
    return lambda: acknowledge_task(ref, practice=life.practice.id, by=by, now=life.now)


@operation(often=5)
async def _claim(life: Life, a: int, b: int, _c: int) -> Call:
    ref, by = await _task(life, a), await _hand(life, b)
    return lambda: claim_task(ref, practice=life.practice.id, by=by, now=life.now)


@operation(often=3)
async def _release(life: Life, a: int, b: int, _c: int) -> Call:
    ref, by = await _task(life, a), await _hand(life, b)
    return lambda: release_task(ref, practice=life.practice.id, by=by, now=life.now)


@operation()
async def _reassign(life: Life, a: int, b: int, c: int) -> Call:
    ref, by = await _task(life, a), await _hand(life, b)
    to = str(list(Role)[c % len(Role)]) if c % 2 else (await _hand(life, c)).actor.removeprefix("staff:")
    return lambda: reassign_task(ref, practice=life.practice.id, to=to, by=by, now=life.now)


@operation()
async def _escalate(life: Life, a: int, b: int, _c: int) -> Call | None:
    ref, by = await _task(life, a), await _hand(life, b)
    if ref == NO_TASK:
        return None
    shown = (await case_today(life.practice.id, ref, now=life.now)).mark
    return lambda: escalate_task(ref, practice=life.practice.id, by=by, now=life.now, shown=shown)


@operation()
async def _postpone(life: Life, a: int, b: int, c: int) -> Call:
    ref, by = await _task(life, a), await _hand(life, b)
    until = life.now + timedelta(hours=1 + c * 11)
    return lambda: postpone_task(ref, practice=life.practice.id, until=until, by=by, now=life.now)


@operation()
async def _note(life: Life, a: int, b: int, _c: int) -> Call:
    ref, by = await _task(life, a), await _hand(life, b)
    return lambda: add_note(ref, practice=life.practice.id, note="Zéphyrine rappelle", by=by, now=life.now)


@operation(often=7)
async def _outcome(life: Life, a: int, b: int, c: int) -> Call:
    ref, by = await _task(life, a), await _hand(life, c)
    claimed_by = await fetch_value("SELECT claimed_by FROM task WHERE ref = $1", ref)
    by = replace(by, staff=claimed_by) if claimed_by else by
    outcome = list(CallOutcome)[b % len(CallOutcome)]
    follow = [None, Follow.RESUME, Follow.STOP][c % 3]
    return lambda: record_outcome(
        ref, outcome=outcome, practice=life.practice.id, by=by, now=life.now, follow=follow, note="..."
    )


@operation(often=2)
async def _leave(life: Life, a: int, b: int, c: int) -> Call:
    """The practice closes, somebody is away, or cannot be told of anything, or can be again."""
    today = local_day(life.now, life.practice.calendar)
    first = today + timedelta(days=c % 4 - 1)
    if c % 3 == 0:
        life.closed = (*life.closed, (first, first + timedelta(days=b)))
    elif c % 3 == 1:
        stand_in = address(b) if b % 2 and a % len(TEAM) != b % len(TEAM) else None
        away = NewStaffAbsence(address(a), first, first + timedelta(days=b), stand_in)
        life.away = (*life.away, away)
    else:
        life.deaf ^= {address(a)}
    return life.save


# --- what machines do


@operation(often=14, anew=True)
async def _wait(life: Life, a: int, b: int, _c: int) -> Call:
    async def wait() -> None:
        due = await life.next_due()
        if b % 4 and due is not None and due - life.now < timedelta(days=12):
            life.now = max(life.now, due)
        else:
            life.now += timedelta(minutes=MINUTES[a % len(MINUTES)])

    return wait


@operation(anew=True)
async def _tick(life: Life, _a: int, _b: int, _c: int) -> Call:
    return life.tick


@operation(often=16, anew=True)
async def _work(life: Life, a: int, b: int, _c: int) -> Call:
    async def work() -> None:
        await life.tick()
        await life.send(a, every=1 + b % 4)

    return work


@operation(anew=True)
async def _die(life: Life, a: int, _b: int, _c: int) -> Call:
    """A worker is killed between its claim and its word."""

    async def die() -> None:
        await life.claimed(list(Channel)[a % 2], BULK)
        life.now += LEASE

    return die


@operation(often=2)
async def _receipt(life: Life, a: int, b: int, c: int) -> Call | None:
    if not life.sent:
        return None
    one, outcome = life.sent[a % len(life.sent)].delivery, list(Outcome)[b % len(Outcome)]
    if c % 4 == 3:
        permanent = b % 2 == 0
        return lambda: record_bounce(reference=one.ref, permanent=permanent, code="5.1.1", now=life.now)
    return lambda: record_receipt(
        practice=life.practice.id, reference=one.ref, provider_id="SM", outcome=outcome, code=None, now=life.now
    )

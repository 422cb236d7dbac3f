"""What a tick costs with little and with much planned ahead; it may cost what is due, never what exists."""

import json
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from statistics import median
from urllib.parse import urlsplit

from pydantic import SecretStr

from db import engine
from db.changes.deliveries import Claim, claim_due
from db.config import Config
from db.migrate import migrate
from db.queries.deliveries import due_desks
from db.queries.practices import Profile, only_practice
from db.states import Channel
from db.tables.deliveries import BULK
from tests.bench.figures import Figure, interleaved
from tests.bench.statements import recorded
from tests.chaos.people import make_absences, make_practice
from tests.chaos.stack import Stack
from tests.factories import local

GOAL = 1.2
DUE_AT = local(16, 10, 30)
NOTHING_DUE_AT = DUE_AT - timedelta(minutes=3)
DUE = 24
# PostgreSQL settles on a plan after five of them.
WARMING = 10
INDEX = "delivery_due"
# Identifiers of the copies begin here, out of the way of those that the database gives.
FROM = 10_000_000
# One follow-up, copied with all that belongs to it; what is copied is due from ten days on.
COPIES = (
    "INSERT INTO patient SELECT r.* FROM patient p, generate_series(1, $1) n, LATERAL jsonb_populate_record(p, "
    "jsonb_build_object('id', {start} + n, 'ref', 'p' || n, 'key', 'copy' || n)) r "
    "WHERE p.id = (SELECT min(id) FROM patient)",
    "INSERT INTO appointment SELECT r.* FROM appointment p, generate_series(1, $1) n, LATERAL jsonb_populate_record(p, "
    "jsonb_build_object('id', {start} + n, 'ref', 'a' || n, 'key', 'copy' || n, 'patient', {start} + n)) r "
    "WHERE p.id = (SELECT min(id) FROM appointment)",
    "INSERT INTO enrolment SELECT r.* FROM enrolment p, generate_series(1, $1) n, LATERAL jsonb_populate_record(p, "
    "jsonb_build_object('id', {start} + n, 'ref', 'e' || n, 'patient', {start} + n, 'appointment', {start} + n)) r "
    "WHERE p.id = (SELECT min(id) FROM enrolment)",
    "INSERT INTO delivery SELECT r.* FROM delivery p, generate_series(1, $1) n, LATERAL jsonb_populate_record(p, "
    "jsonb_build_object('id', {start} + n * 10 + p.id, 'ref', 'd' || n || '.' || p.id, "
    "'link_id', lpad(to_hex(n * 10 + p.id), 8, '0'), 'patient', {start} + n, 'enrolment', {start} + n, "
    "'due_at', p.due_at + make_interval(days => 10 + n % 20), "
    "'attempt_at', p.due_at + make_interval(days => 10 + n % 20))) r "
    "WHERE p.enrolment = (SELECT min(enrolment) FROM delivery)",
)

Tick = Callable[[Profile], Awaitable[float]]


async def measure(stack: Stack, *, many: int, repeats: int, rounds: int) -> list[Figure]:
    few = 1_000
    small, large = [_on(stack.config, name) for name in ("few", "many")]
    for config, planned in ((small, few), (large, many)):
        await engine.fetch(f"CREATE DATABASE {urlsplit(config.database()).path.lstrip('/')}")
        await _fill(stack.config, config, planned)
    figures = []
    for name, tick in (("tick, nothing due", _idle), (f"tick, {DUE} due", _busy)):
        sides = [_side(stack.config, config, tick, repeats) for config in (large, small)]
        costs = await interleaved(*sides, rounds=rounds)
        notes = f"{many:,} planned against {few:,}, {repeats} ticks, {rounds} rounds, index {INDEX}"
        figures.append(Figure(name, "ms", *costs, GOAL, "at most", notes))
    return figures


def _on(config: Config, name: str) -> Config:
    address = urlsplit(config.database())
    return config.model_copy(update={"database_url": SecretStr(address._replace(path=f"/{name}").geturl())})


async def _fill(home: Config, config: Config, planned: int) -> None:
    await engine.connect(config.database())
    await migrate()
    practice = await make_practice(2525, now=DUE_AT - timedelta(hours=1))
    await make_absences(practice, [DUE_AT] * DUE)
    await plan_ahead(planned)
    await insist_on_index(practice)
    await engine.connect(home.database())


async def plan_ahead(touchpoints: int) -> None:
    """So many copies of the touchpoints of the first follow-up that there is; they are planned, and not due."""
    own = await engine.fetch_value(
        "SELECT count(*) FROM delivery WHERE enrolment = (SELECT min(enrolment) FROM delivery)"
    )
    for sql in COPIES:
        await engine.fetch(sql.format(start=FROM), touchpoints // own)
    await engine.fetch("VACUUM ANALYZE")


async def insist_on_index(practice: Profile) -> None:
    async with recorded() as statements:
        await due_desks(BULK, now=NOTHING_DUE_AT)
        await _claim(practice, NOTHING_DUE_AT)
    asked = [(sql, values) for sql, values in statements if "attempt_at" in sql]
    assert len(asked) == 2, "A tick asks more, or less, than what is due and what may be claimed."
    for sql, values in asked:
        plan = await engine.fetch_value(f"EXPLAIN (FORMAT JSON) {sql}", *values)
        text = json.dumps(json.loads(plan))
        assert INDEX in text, f"Not by its index: {text}"
        assert '"Seq Scan", "Parallel Aware": false, "Async Capable": false, "Relation Name": "delivery"' not in text


def _side(home: Config, config: Config, tick: Tick, repeats: int) -> Callable[[], Awaitable[float]]:
    async def side() -> float:
        await engine.connect(config.database())
        practice = await only_practice()
        for _ in range(WARMING):
            await tick(practice)
        middle = median([await tick(practice) for _ in range(repeats)])
        await engine.connect(home.database())
        return middle * 1000

    return side


async def _idle(practice: Profile) -> float:
    started = time.perf_counter()
    desks = await due_desks(BULK, now=NOTHING_DUE_AT)
    claim = await _claim(practice, NOTHING_DUE_AT)
    took = time.perf_counter() - started
    assert not desks
    assert claim.looked_at == 0
    return took


async def _busy(practice: Profile) -> float:
    started = time.perf_counter()
    desks = await due_desks(BULK, now=DUE_AT)
    claim = await _claim(practice, DUE_AT)
    took = time.perf_counter() - started
    assert desks
    assert len(claim.going) == DUE
    await engine.fetch(
        "UPDATE delivery SET status = 'planned', lease_until = NULL, attempts = 0 WHERE status = 'claimed'"
    )
    return took


async def _claim(practice: Profile, now: datetime) -> Claim:
    return await claim_due(
        practice, lane=BULK, channel=Channel.EMAIL, limit=DUE, mail_domain="tilleuls.example", now=now
    )

"""What holds at each moment of any life, and in the end."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from db.changes.deliveries import Claimed
from db.crypto import vault
from db.engine import Row, fetch, fetch_one, fetch_value
from db.rules.acting import CALLS
from db.rules.leaving import MOST_A_DAY
from db.rules.plans import SPACING
from db.rules.windows import is_open, local_day
from db.states import OPEN_TASK, AppointmentStatus, Channel
from tests.db.changes.life import Life, Sent

EVER = datetime(2000, 1, 1, tzinfo=UTC)
FINAL = ("sent", "delivered", "skipped", "cancelled", "failed")
CONFIRMATION, EMERGENCY = "confirmation", "emergency"


async def may_go(life: Life, one: Claimed) -> None:
    """Looked at when a message leaves, from what is true then and from what the life itself knows."""
    row = await fetch_one("SELECT * FROM delivery WHERE id = $1", one.id)
    assert row is not None
    assert one.is_readable
    said = f"{one.message} by {one.channel} at {life.now:%Y-%m-%d %H:%M}"
    if row["staff"] is not None:
        await _may_be_told(row, said)
        return
    if row["patient"] is None or one.message == EMERGENCY:
        return
    assert is_open(life.now, life.practice.calendar), f"{said} left outside the hours"
    await _goes_to_the_right_place(life, one, row, said)
    if row["step"] is not None:
        await _may_be_followed(life, row, said)
    elif row["appointment"] is not None:
        await _speaks_of_what_stands(life, one, row, said)


async def _may_be_told(row: Row, said: str) -> None:
    found = await fetch_one(
        "SELECT active AND alerts <> 'none' AND email_invalid_at IS NULL AS reachable FROM staff WHERE id = $1",
        row["staff"],
    )
    assert found is not None
    assert found["reachable"], f"{said} went to somebody who hears of nothing"
    if row["task"] is not None:
        status = await fetch_value("SELECT status FROM task WHERE id = $1", row["task"])
        assert status in OPEN_TASK, f"{said} went about a case that is {status}"


async def _goes_to_the_right_place(life: Life, one: Claimed, row: Row, said: str) -> None:
    patient = await fetch_one("SELECT * FROM patient WHERE id = $1", row["patient"])
    assert patient is not None
    who = next(known for known in life.patients if known.key == patient["key"])
    assert one.address == (who.phone if one.channel is Channel.SMS else who.email), f"{said} went somewhere else"
    kind = "phone" if one.channel is Channel.SMS else "email"
    opted_out = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM channel_opt_out WHERE channel = $1 AND address_index = $2 AND ended_at IS NULL)",
        one.channel,
        vault().index(one.address, kind=kind),
    )
    assert not opted_out, f"{said} left after an opt-out"
    assert patient["objected_at"] is None or one.message == CONFIRMATION, f"{said} left after an objection"
    assert patient[f"{kind}_invalid_at"] is None, f"{said} went to an address that is dead"


async def _may_be_followed(life: Life, row: Row, said: str) -> None:
    found = await fetch_one(
        "SELECT e.ref, e.status, e.reason, e.resume_at, a.status AS absence FROM enrolment e "
        "JOIN appointment a ON a.id = e.appointment WHERE e.id = $1",
        row["enrolment"],
    )
    assert found is not None
    over = found["status"] == "paused" and found["resume_at"] is not None and found["resume_at"] <= life.now
    assert found["status"] == "active" or over, f"{said} left though its sequence is {found['status']}"
    assert found["absence"] == AppointmentStatus.NO_SHOW, f"{said} left though the absence is none"
    ahead = "SELECT EXISTS (SELECT 1 FROM appointment WHERE patient = $1 AND status = 'booked' AND starts_at > $2)"
    assert not await fetch_value(ahead, row["patient"], life.now), f"{said} left though there is an appointment"
    stopped = await fetch(
        "SELECT 1 FROM journal WHERE enrolment_ref = $1 AND event IN ('sequence_stopped', 'sequence_completed')",
        found["ref"],
    )
    assert not stopped, f"{said} left after its stop"
    handled = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM task WHERE patient = $1 AND status = 'claimed' AND kind = ANY($2) "
        "AND claimed_at > $3)",
        row["patient"],
        list(CALLS),
        life.resumed_at or EVER,
    )
    assert not handled, f"{said} left while somebody speaks with the patient"
    unread = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM task WHERE patient = $1 AND status = ANY($2) AND kind IN ('reply', 'emergency') "
        "AND enrolment IS NOT NULL AND created_at > $3)",
        row["patient"],
        list(OPEN_TASK),
        life.decided_at or EVER,
    )
    assert not unread, f"{said} left though nobody has read what the patient wrote"


async def _speaks_of_what_stands(life: Life, one: Claimed, row: Row, said: str) -> None:
    stands = await fetch_value(
        "SELECT status = 'booked' AND starts_at = $2 AND starts_at > $3 FROM appointment WHERE id = $1",
        row["appointment"],
        datetime.fromisoformat(one.detail["starts_at"]),
        life.now,
    )
    assert stands, f"{said} speaks of an appointment that is not"


# Each selects what must not be.
NEVER = {
    "two rows for one step and channel": (
        "SELECT enrolment, step, channel FROM delivery WHERE step IS NOT NULL GROUP BY 1, 2, 3 HAVING count(*) > 1"
    ),
    "one link for two messages": (
        "SELECT link_id FROM delivery WHERE link_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    ),
    "two live sequences of one patient": (
        "SELECT patient FROM enrolment WHERE status IN ('active', 'paused') GROUP BY 1 HAVING count(*) > 1"
    ),
    # What was under way at a stop comes back as planned; the next claim cancels it.
    "a message planned after its sequence ended": (
        "SELECT d.message FROM delivery d JOIN enrolment e ON e.id = d.enrolment "
        "WHERE e.status IN ('stopped', 'completed') AND d.step IS NOT NULL AND d.status = 'planned' "
        "AND d.claimed_at IS NULL"
    ),
    "an end without a reason": (
        "SELECT plan_name FROM enrolment WHERE status IN ('stopped', 'completed') "
        "AND (reason IS NULL OR ended_at IS NULL)"
    ),
    "a human step ended by a machine's reason": (
        "SELECT kind, status, reason FROM task WHERE NOT (status IN ('planned', 'open', 'acknowledged', 'claimed') "
        "OR (status = 'done' AND outcome IS NOT NULL) "
        "OR (status = 'skipped' AND reason = 'answered' AND step IS NOT NULL AND unless_answered AND NOT crisis) "
        "OR (status = 'cancelled' AND reason = 'no_show_withdrawn') "
        "OR (status = 'cancelled' AND reason = 'rebooked' AND step IS NOT NULL AND NOT crisis))"
    ),
    "a case that nobody will ever look at again": (
        "SELECT kind FROM task WHERE status IN ('open', 'acknowledged', 'claimed') AND look_at IS NULL"
    ),
    "a case of nobody's": (
        "SELECT kind FROM task WHERE status IN ('open', 'acknowledged', 'claimed') AND "
        "(assignee IS NULL OR fallback IS NULL OR role IS NULL OR deadline_at IS NULL)"
    ),
    "a case whose fallback is the person who has it": (
        "SELECT kind, role FROM task WHERE status = 'open' AND assignee = fallback"
    ),
    "a claim of nobody's": (
        "SELECT kind, status FROM task WHERE status IN ('open', 'acknowledged', 'claimed') "
        "AND (status = 'claimed') <> (claimed_at IS NOT NULL)"
    ),
    "a pause that nobody will end": (
        "SELECT e.reason FROM enrolment e WHERE e.status = 'paused' AND NOT CASE e.reason "
        "WHEN 'by_hand' THEN true WHEN 'will_book' THEN e.resume_at IS NOT NULL "
        "WHEN 'claimed' THEN EXISTS (SELECT 1 FROM task t WHERE t.patient = e.patient AND t.status = 'claimed') "
        "WHEN 'escalated' THEN EXISTS (SELECT 1 FROM task t WHERE t.patient = e.patient AND (t.status = 'claimed' "
        "OR (t.kind = 'escalation' AND t.status IN ('planned', 'open', 'acknowledged')))) "
        "WHEN 'replied' THEN EXISTS (SELECT 1 FROM task t WHERE t.patient = e.patient AND t.kind IN "
        "('reply', 'emergency') AND t.status IN ('open', 'acknowledged', 'claimed')) ELSE false END"
    ),
    "a reason that is no pause's": "SELECT reason FROM enrolment WHERE status = 'active' AND reason IS NOT NULL",
}


async def hold(life: Life) -> None:
    for what, sql in NEVER.items():
        found = await fetch(sql)
        assert not found, f"{what}: {[dict(row) for row in found]}"
    doubled = await fetch(
        "SELECT patient FROM appointment WHERE source = 'reprise' AND status = 'booked' AND starts_at > $1 "
        "GROUP BY 1 HAVING count(*) > 1",
        life.now,
    )
    assert not doubled, "a patient has booked twice"
    for row in await fetch(
        "SELECT d.message, d.due_at FROM delivery d WHERE d.status = 'planned' AND d.patient IS NOT NULL "
        "AND d.message <> 'emergency'"
    ):
        assert is_open(row["due_at"], life.practice.calendar), f"{row['message']} is due outside the hours"
    _keep_their_distance(life)


def _keep_their_distance(life: Life) -> None:
    """Of one sequence and channel; and never more than two a day to one patient."""
    last: dict[tuple[int | None, Channel], Sent] = {}
    days: Counter[object] = Counter()
    for one in life.sent:
        of = one.delivery
        if one.patient is None or of.message in (CONFIRMATION, EMERGENCY):
            continue
        if of.missed_on is not None and of.appointment is None and not of.message.startswith("agreed"):
            before = last.get((of.enrolment, of.channel))
            assert before is None or one.at - before.at >= SPACING, f"{of.message} came too soon after {before}"
            last[of.enrolment, of.channel] = one
        day = (one.patient, of.channel, local_day(one.at, life.practice.calendar))
        days[day] += 1
        assert days[day] <= MOST_A_DAY, f"{days[day]} messages to one patient on one day"


OF_STATUS = {
    "sent": ("message_sent",),
    "delivered": ("message_delivered",),
    "skipped": ("message_skipped",),
    "cancelled": ("message_cancelled",),
    "failed": ("message_failed",),
}


async def hold_in_the_end(life: Life) -> None:
    """Everything has ended, but for what waits for a person who does nothing; and the journal tells how."""
    unsettled = await fetch("SELECT message, status, attempt_at FROM delivery WHERE NOT status = ANY($1)", FINAL)
    assert not unsettled, [dict(row) for row in unsettled]
    for row in await fetch(
        "SELECT d.ref, d.message, d.status, d.reason, array_remove(array_agg(j.event), NULL) AS told FROM delivery d "
        "LEFT JOIN journal j ON j.subject_ref = d.ref GROUP BY d.id"
    ):
        assert row["reason"], f"{row['message']} is {row['status']} for no reason"
        assert set(OF_STATUS[row["status"]]) & set(row["told"]), (
            f"{row['message']}: {row['status']} stands in no journal"
        )
    live = await fetch("SELECT status, reason FROM enrolment WHERE status IN ('active', 'paused')")
    assert not live, [dict(row) for row in live]
    planned = await fetch("SELECT kind, due_at FROM task WHERE status = 'planned'")
    assert not planned, [dict(row) for row in planned]
    await _journal_tells_each_case()
    await _journal_tells_each_sequence()
    await _journal_names_nobody(life)


async def _journal_tells_each_case() -> None:
    ended = {"done": "task_closed", "skipped": "task_skipped", "cancelled": "task_cancelled"}
    for row in await fetch(
        "SELECT t.kind, t.status, array_remove(array_agg(j.event), NULL) AS told, "
        "array_remove(array_agg(j.actor) FILTER (WHERE j.event = 'task_closed'), NULL) AS closed_by FROM task t "
        "LEFT JOIN journal j ON j.subject_ref = t.ref GROUP BY t.id"
    ):
        told: Counter[str] = Counter(row["told"])
        opened = 0 if row["status"] in ("skipped", "cancelled") else 1
        assert opened <= told["task_opened"] <= 1, f"{row['kind']} that is {row['status']}: {told}"
        if row["status"] in ended:
            assert told[ended[row["status"]]] == 1, f"{row['kind']} that is {row['status']}: {told}"
        assert all(who.startswith("staff:") for who in row["closed_by"] or ())


async def _journal_tells_each_sequence() -> None:
    for row in await fetch(
        "SELECT e.status, e.reason, array_agg(j.event) AS told, array_remove(array_agg(j.reason) FILTER "
        "(WHERE j.event IN ('sequence_stopped', 'sequence_completed')), NULL) AS why FROM enrolment e "
        "JOIN journal j ON j.enrolment_ref = e.ref GROUP BY e.id"
    ):
        assert row["told"].count("sequence_started") == 1
        assert row["why"] == [row["reason"]], f"a sequence that is {row['status']}: {row['why']}"


async def _journal_names_nobody(life: Life) -> None:
    names: Iterable[str] = (name for who in life.patients for name in (who.first_name, who.last_name))
    secret = [*names, *life.contacts, *(one.lstrip("+") for one in life.contacts), "@"]
    for row in await fetch("SELECT j::text AS told FROM journal j"):
        found = [one for one in secret if one.casefold() in row["told"].casefold()]
        assert not found, f"the journal tells {found}: {row['told']}"

"""What happens at the same moment, on connections of its own each.

The order in which one process sees its awaits return is the order of the commits it must be judged by.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from db.changes._sequences import lock_enrolment, stop_sequence, when_quiet
from db.changes.absences import decide_absences
from db.changes.bookings import book, move
from db.changes.deliveries import LEASE
from db.changes.enrolments import resume, stop_by_staff
from db.changes.inbound import Meaning, record_inbound
from db.changes.intake import record_appointments
from db.changes.journal import seal_journal
from db.changes.opt_outs import opt_out_by_link
from db.changes.practices import save_practice
from db.changes.requests import request_call
from db.changes.settlements import Outcome, expire_leases, record_receipt
from db.engine import fetch, fetch_value
from db.errors import MessageUnderWay, SlotTaken
from db.queries.journal import verify_journal
from db.queries.practices import Profile, only_practice, sending
from db.rules.intake_row import IntakeRow
from db.states import AppointmentStatus, Channel, Reason
from tests import factories as f
from tests.db.changes.acts import (
    FIRST_DUE,
    claim,
    claim_one,
    fates,
    minutes,
    send,
    sequence,
    settled,
    slots_of,
    statuses,
    story,
    tasks,
)

EMAIL, SMS = Channel.EMAIL, Channel.SMS
NO_PHONE: dict[str, Any] = {"phone": None, "phone_kind": None}


async def absences(practice: Profile, count: int, **changes: Any) -> list[IntakeRow]:
    rows = [f.row(**changes) for _ in range(count)]
    await f.intake(rows, practice)
    return rows


async def stop(practice: Profile, patient_key: str) -> None:
    ref = (await f.enrolment_of(patient_key))["ref"]
    await stop_by_staff(ref, practice=practice.id, actor="staff:x", now=FIRST_DUE)


async def opt_out(practice: Profile, patient_key: str) -> None:
    (link, *_) = await f.link_ids(patient_key)
    await opt_out_by_link(link, channels=list(Channel), source="page", now=FIRST_DUE)


async def booked(practice: Profile, patient_key: str) -> None:
    """Whatever slot is still free: only its effect on the messages matters here."""
    (link, *_) = await f.link_ids(patient_key)
    for at in await slots_of(link, FIRST_DUE):
        try:
            await book(link, starts_at=at, now=FIRST_DUE)
        except SlotTaken:
            continue
        return


async def withdrawn(practice: Profile, patient_key: str) -> None:
    key = await fetch_value(
        "SELECT a.key FROM appointment a JOIN patient p ON p.id = a.patient WHERE p.key = $1", patient_key
    )
    row = f.row(patient_key=patient_key, appointment_key=key[2:], status=AppointmentStatus.ATTENDED)
    await record_appointments([row], practice=practice, known=frozenset(), now=FIRST_DUE)


@pytest.mark.parametrize("end", [stop, opt_out, booked, withdrawn])
async def test_nothing_leaves_after_a_committed_stop(
    practice: Profile, end: Callable[[Profile, str], Awaitable[None]]
) -> None:
    rows = await absences(practice, 24)
    by_address = {address: row.patient_key for row in rows for address in (row.phone, row.email)}
    seen: list[tuple[str, str]] = []

    async def worker(channel: Channel) -> None:
        while claimed := await claim(practice, channel, FIRST_DUE, limit=3):
            await asyncio.sleep(0.002)
            seen.extend(("left", by_address[one.address]) for one in claimed)
            await settled(practice, claimed, Outcome.SENT, FIRST_DUE)

    async def ender(mine: Sequence[IntakeRow]) -> None:
        for row in mine:
            await end(practice, row.patient_key)
            seen.append(("ended", row.patient_key))

    await asyncio.gather(*(worker(channel) for channel in Channel), ender(rows[:12]), ender(rows[12:]))
    ended: set[str] = set()
    for what, key in seen:
        assert what == "ended" or key not in ended
        ended |= {key} if what == "ended" else set()
    assert len(ended) == 24
    assert await fetch_value("SELECT count(*) FROM delivery WHERE status = 'claimed'") == 0
    assert await story("message_under_way_at_stop") == []


async def test_stop_waits_for_the_message_that_is_being_handed_over(practice: Profile) -> None:
    missed = await f.make_absence(practice, **NO_PHONE)
    one = await claim_one(practice, EMAIL, FIRST_DUE)
    stopping = asyncio.create_task(stop(practice, missed.patient_key))
    await asyncio.sleep(0.1)
    assert not stopping.done()
    assert await sequence(missed.patient_key) == ("active", None)
    await settled(practice, one, Outcome.SENT, FIRST_DUE)
    await stopping
    assert await sequence(missed.patient_key) == ("stopped", "stopped_by_staff")
    assert (await fates(missed.patient_key))["first", "email"] == ("sent", "on_time")


@pytest.mark.parametrize("outcome", [Outcome.TEMPORARY, Outcome.AMBIGUOUS, Outcome.REFUSED])
async def test_message_that_comes_back_to_a_waiting_stop_is_cancelled(practice: Profile, outcome: Outcome) -> None:
    missed = await f.make_absence(practice, **NO_PHONE)
    one = await claim_one(practice, EMAIL, FIRST_DUE)
    stopping = asyncio.create_task(stop(practice, missed.patient_key))
    await asyncio.sleep(0.03)
    await settled(practice, one, outcome, FIRST_DUE)
    await stopping
    assert await statuses(missed.patient_key) == {"cancelled"}


async def test_stop_that_has_waited_long_enough_insists_and_says_so(practice: Profile) -> None:
    missed = await f.make_absence(practice, **NO_PHONE)
    await claim_one(practice, EMAIL, FIRST_DUE)
    enrolment = await f.enrolment_of(missed.patient_key)
    told: list[bool] = []

    async def change(insist: bool) -> bool:
        told.append(insist)
        locked = await lock_enrolment(enrolment["id"])
        return await stop_sequence(locked, Reason.REBOOKED, actor="patient", now=FIRST_DUE, insist=insist)

    assert await when_quiet(change, patience=0.05)
    assert len(told) > 1
    assert told == [False] * (len(told) - 1) + [True]
    assert await story("message_under_way_at_stop") == [("message_under_way_at_stop", "rebooked")]
    assert await sequence(missed.patient_key) == ("stopped", "rebooked")


async def test_what_never_becomes_quiet_is_refused_in_the_end(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.changes._sequences.LAST_TRIES_S", 0.03)

    async def change(_insist: bool) -> None:
        raise MessageUnderWay("still")

    with pytest.raises(MessageUnderWay):
        await when_quiet(change, patience=0.03)


async def test_claimers_get_disjoint_messages_and_together_all_of_them(practice: Profile) -> None:
    await absences(practice, 40)
    got: list[int] = []

    async def worker() -> None:
        while claimed := await claim(practice, EMAIL, FIRST_DUE, limit=3):
            got.extend(one.id for one in claimed)

    await asyncio.gather(*(worker() for _ in range(6)))
    assert len(got) == len(set(got)) == 40


async def test_stop_word_of_a_family_races_its_messages(practice: Profile) -> None:
    for number in range(6):
        await absences(practice, 2, phone=f"+3361111111{number}", email=None)
    seen: list[tuple[str, str]] = []

    async def worker() -> None:
        while claimed := await claim(practice, SMS, FIRST_DUE, limit=2):
            await asyncio.sleep(0.002)
            seen.extend(("left", one.address) for one in claimed)
            await settled(practice, claimed, Outcome.SENT, FIRST_DUE)

    async def stops() -> None:
        for number in range(6):
            phone = f"+3361111111{number}"
            await record_inbound(
                practice=practice.id,
                gateway="twilio",
                provider_id=f"SM{number}",
                from_e164=phone,
                text="STOP",
                meaning=Meaning.STOP,
                now=FIRST_DUE,
            )
            seen.append(("ended", phone))

    await asyncio.gather(worker(), worker(), stops())
    for place, (what, phone) in enumerate(seen):
        assert what == "left" or ("left", phone) not in seen[place:]
    assert {row["status"] for row in await fetch("SELECT status FROM enrolment")} == {"stopped"}


async def test_two_imports_of_one_file_add_nothing_twice(practice: Profile) -> None:
    rows = [f.row() for _ in range(30)]
    await asyncio.gather(*(f.intake(order, practice) for order in (rows, rows[::-1], rows[10:] + rows[:10])))
    for table, count in (("patient", 30), ("appointment", 30), ("enrolment", 30), ("delivery", 240)):
        assert await fetch_value(f"SELECT count(*) FROM {table}") == count
    assert len(await story("absence_marked")) == 30


async def test_two_deciders_decide_each_absence_once(practice: Profile) -> None:
    rows = [f.row() for _ in range(20)]
    await record_appointments(rows, practice=practice, known=f.ALL_CONTACTS, now=f.MONDAY)
    decided = await asyncio.gather(*(decide_absences(practice, now=f.MONDAY) for _ in range(4)))
    assert sum(one.enrolled for one in decided) == 20
    assert await fetch_value("SELECT count(*) FROM enrolment") == 20


async def test_absence_decided_while_the_patient_books_by_an_older_link(practice: Profile) -> None:
    """Whichever comes first, nobody is followed who has an appointment ahead."""
    first = await absences(practice, 12)
    links = [(await f.link_ids(row.patient_key))[0] for row in first]
    now = f.local(17, 15, 10)
    slots = await slots_of(links[0], now)
    again = [replace(row, appointment_key=f"{row.patient_key} again", starts_at=f.local(17, 15)) for row in first]
    again = [replace(row, day=date(2026, 11, 17)) for row in again]
    await record_appointments(again, practice=practice, known=f.ALL_CONTACTS, now=now)
    await asyncio.gather(
        decide_absences(practice, now=now),
        *(book(link, starts_at=at, now=now) for link, at in zip(links, slots, strict=False)),
    )
    assert await fetch_value("SELECT count(*) FROM appointment WHERE source = 'reprise'") == 12
    assert await fetch_value("SELECT count(*) FROM enrolment WHERE status IN ('active', 'paused')") == 0
    planned = "SELECT count(*) FROM delivery WHERE step IS NOT NULL AND status = 'planned'"
    assert await fetch_value(planned) == 0


async def test_import_of_an_appointment_races_the_booking_of_one(practice: Profile) -> None:
    rows = await absences(practice, 10)
    links = [(await f.link_ids(row.patient_key))[0] for row in rows]
    slots = await slots_of(links[0], FIRST_DUE)
    ahead = [
        replace(
            row,
            appointment_key=f"ahead {row.patient_key}",
            starts_at=f.local(30, 20),
            day=date(2026, 11, 30),
            status=AppointmentStatus.BOOKED,
        )
        for row in rows
    ]
    await asyncio.gather(
        record_appointments(ahead, practice=practice, known=f.ALL_CONTACTS, now=FIRST_DUE),
        *(book(link, starts_at=at, now=FIRST_DUE) for link, at in zip(links, slots, strict=False)),
    )
    assert {tuple(r.values()) for r in await fetch("SELECT status, reason FROM enrolment")} == {("stopped", "rebooked")}
    assert len(await story("sequence_stopped")) == 10
    imported = await fetch_value("SELECT count(*) FROM appointment WHERE key LIKE 'n:ahead%' AND status = 'booked'")
    assert imported == 10


async def test_one_of_many_gets_the_slot(practice: Profile) -> None:
    rows = await absences(practice, 25)
    links = [(await f.link_ids(row.patient_key))[0] for row in rows]
    at = (await slots_of(links[0], FIRST_DUE))[0]
    results = await asyncio.gather(*(book(link, starts_at=at, now=FIRST_DUE) for link in links), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["SlotTaken"] * 24 + ["str"]
    assert await fetch_value("SELECT count(*) FROM enrolment WHERE status = 'active'") == 24
    assert await fetch_value("SELECT count(*) FROM delivery WHERE message = 'notice_booked'") == 1


async def test_one_patient_who_presses_many_times_books_once(practice: Profile) -> None:
    (row,) = await absences(practice, 1)
    links = await f.link_ids(row.patient_key)
    slots = await slots_of(links[0], FIRST_DUE)
    refs = await asyncio.gather(
        *(book(link, starts_at=slots[place % 3], now=FIRST_DUE) for place, link in enumerate(links * 2))
    )
    assert len(set(refs)) == 1
    assert len(await story("booked")) == 1


async def test_moving_and_booking_race_for_one_slot(practice: Profile) -> None:
    rows = await absences(practice, 12)
    links = [(await f.link_ids(row.patient_key))[0] for row in rows]
    slots = await slots_of(links[0], FIRST_DUE)
    movers, bookers = links[:6], links[6:]
    for link, at in zip(movers, slots[1:], strict=False):
        await book(link, starts_at=at, now=FIRST_DUE)
    wanted = slots[0]
    results = await asyncio.gather(
        *(move(link, starts_at=wanted, now=FIRST_DUE) for link in movers),
        *(book(link, starts_at=wanted, now=FIRST_DUE) for link in bookers),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(str) == 1
    assert all(isinstance(result, str | SlotTaken) for result in results)
    live = await fetch_value("SELECT count(*) FROM appointment WHERE starts_at = $1 AND status = 'booked'", wanted)
    assert live == 1


async def test_two_who_swap_their_times_do_not_block_each_other(practice: Profile) -> None:
    rows = await absences(practice, 2)
    links = [(await f.link_ids(row.patient_key))[0] for row in rows]
    slots = await slots_of(links[0], FIRST_DUE)
    for link, at in zip(links, slots, strict=False):
        await book(link, starts_at=at, now=FIRST_DUE)
    results = await asyncio.gather(
        move(links[0], starts_at=slots[1], now=FIRST_DUE),
        move(links[1], starts_at=slots[0], now=FIRST_DUE),
        return_exceptions=True,
    )
    assert all(isinstance(result, str | SlotTaken) for result in results)


async def test_failures_of_a_family_race_its_opt_out_without_a_deadlock_that_shows(practice: Profile) -> None:
    """A settling goes from messages to patients, an opt-out from patients to messages."""
    phone = "+33611111111"
    rows = await absences(practice, 6, phone=phone)
    claimed = list(await claim(practice, SMS, FIRST_DUE))
    emails = await claim(practice, EMAIL, FIRST_DUE)
    links = [(await f.link_ids(row.patient_key))[0] for row in rows]
    kinds = [Outcome.BLOCKED, Outcome.ADDRESS_INVALID, Outcome.FAILED] * 2
    await asyncio.gather(
        *(settled(practice, one, kind, FIRST_DUE) for one, kind in zip(claimed, kinds, strict=True)),
        *(settled(practice, one, Outcome.ADDRESS_INVALID, FIRST_DUE) for one in emails),
        *(opt_out_by_link(link, channels=[SMS], source="page", now=FIRST_DUE) for link in links),
        *(request_call(link, now=FIRST_DUE) for link in links),
        record_appointments(rows, practice=practice, known=f.ALL_CONTACTS, now=FIRST_DUE),
    )
    assert {row["status"] for row in await fetch("SELECT status FROM enrolment")} == {"stopped"}
    left = "SELECT count(*) FROM delivery WHERE status IN ('planned', 'claimed') AND patient IS NOT NULL"
    assert await fetch_value(left) == 0
    assert (await tasks()).count("bounce") == 6


async def test_receipts_that_come_at_once_are_told_once(practice: Profile) -> None:
    await absences(practice, 1)
    one = await claim_one(practice, SMS, FIRST_DUE)
    told = {"practice": practice.id, "reference": one.ref, "provider_id": "SM1", "code": None, "now": FIRST_DUE}
    await asyncio.gather(
        settled(practice, one, Outcome.SENT, FIRST_DUE, provider_id="SM1"),
        *(record_receipt(outcome=outcome, **told) for outcome in [Outcome.DELIVERED, Outcome.SENT] * 4),  # type: ignore[arg-type]
    )
    assert len(await story("message_sent")) == 1
    assert len(await story("message_delivered")) == 1


async def test_inbound_message_that_comes_twice_at_once_is_taken_once(practice: Profile) -> None:
    await absences(practice, 1, phone="+33611111111")
    reply = {"gateway": "twilio", "provider_id": "SM1", "from_e164": "+33611111111", "text": "Merci"}
    told = await asyncio.gather(
        *(
            record_inbound(practice=practice.id, meaning=Meaning.REPLY, now=FIRST_DUE, **reply)  # type: ignore[arg-type]
            for _ in range(5)
        )
    )
    assert sorted(told) == [False] * 4 + [True]
    assert await tasks() == ["reply"]


async def test_leases_expire_while_their_senders_report(practice: Profile) -> None:
    await absences(practice, 20)
    claimed = await claim(practice, EMAIL, FIRST_DUE)
    later = FIRST_DUE + LEASE
    await asyncio.gather(
        *(settled(practice, one, Outcome.SENT, later) for one in claimed),
        *(expire_leases(now=later) for _ in range(3)),
    )
    rows = await fetch("SELECT DISTINCT status FROM delivery WHERE channel = 'email' AND step = 0")
    assert [row["status"] for row in rows] == ["sent"]
    assert len(await story("message_sent")) == 20


async def test_resuming_races_a_claim_and_a_stop(practice: Profile) -> None:
    rows = await absences(practice, 10)
    await fetch("UPDATE enrolment SET status = 'paused', reason = 'replied'")
    refs = [(await f.enrolment_of(row.patient_key))["ref"] for row in rows]
    change = {"practice": practice.id, "actor": "staff:x", "now": FIRST_DUE}
    results = await asyncio.gather(
        *(resume(ref, **change) for ref in refs),  # type: ignore[arg-type]
        send(practice, FIRST_DUE),
        *(stop_by_staff(ref, **change) for ref in refs[::2]),  # type: ignore[arg-type]
        return_exceptions=True,
    )
    assert not [r for r in results if isinstance(r, Exception) and type(r).__name__ != "IllegalTransition"]
    stopped = await fetch_value("SELECT count(*) FROM enrolment WHERE status = 'stopped'")
    assert stopped == 5
    left = await fetch_value(
        "SELECT count(*) FROM delivery d JOIN enrolment e ON e.id = d.enrolment WHERE e.status = 'stopped' "
        "AND d.status IN ('planned', 'claimed')"
    )
    assert left == 0


async def test_many_sealers_make_one_chain(practice: Profile) -> None:
    await absences(practice, 30)

    async def sealer() -> None:
        for _ in range(8):
            await seal_journal(now=f.MONDAY, most=10)

    await asyncio.gather(*(sealer() for _ in range(4)), absences(practice, 5))
    while await seal_journal(now=f.MONDAY, most=10):
        pass
    found = await verify_journal()
    assert found.whole
    assert found.waiting == 0


async def test_practice_set_up_twice_at_once_can_be_opened(database: None) -> None:
    await asyncio.gather(*(save_practice(f.new_practice(name=name), now=f.MONDAY) for name in "ABC"))
    access = await sending((await only_practice()).id)
    assert access.sms["provider"] == "twilio"


async def test_late_stop_of_a_claim_whose_worker_died_waits_for_nobody(practice: Profile) -> None:
    """Its lease is over: nobody can be handing it over any more."""
    missed = await f.make_absence(practice, **NO_PHONE)
    await claim_one(practice, EMAIL, FIRST_DUE)
    ref = (await f.enrolment_of(missed.patient_key))["ref"]
    await stop_by_staff(ref, practice=practice.id, actor="staff:x", now=FIRST_DUE + LEASE + timedelta(seconds=1))
    assert await story("message_under_way_at_stop") == []
    assert await claim(practice, EMAIL, FIRST_DUE + minutes(2)) == []

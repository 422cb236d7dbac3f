"""What patients answer by SMS."""

from collections.abc import Callable
from datetime import datetime

import pytest

from db.changes.inbound import Meaning, record_inbound
from db.crypto import vault
from db.engine import fetch, fetch_value
from db.queries.practices import Profile
from db.queries.worklist import task_in_full
from tests import factories as f
from tests.db.changes.acts import FIRST_DUE, run_until, send, sequence, statuses, story, tasks

PHONE = "+33611111111"
TEXT = "Pouvez-vous m'appeler demain ?"


async def answer(
    practice: Profile,
    meaning: Meaning,
    *,
    provider_id: str = "SM1",
    phone: str = PHONE,
    now: datetime = FIRST_DUE,
) -> bool:
    return await record_inbound(
        practice=practice.id,
        gateway="twilio",
        provider_id=provider_id,
        from_e164=phone,
        text=TEXT,
        meaning=meaning,
        now=now,
    )


async def bodies(practice: Profile) -> list[str | None]:
    refs = [row["ref"] for row in await fetch("SELECT ref FROM task ORDER BY id")]
    return [(await task_in_full(practice.id, ref)).text for ref in refs]


async def test_stop_word_opts_out_of_sms_at_once(practice: Profile) -> None:
    missed = await f.make_absence(practice, phone=PHONE)
    assert await answer(practice, Meaning.STOP)
    assert await fetch_value("SELECT source FROM channel_opt_out") == "sms"
    assert {one.channel.value for _, one in await run_until(practice, f.local(30, 12))} == {"email"}
    assert await sequence(missed.patient_key) == ("completed", "completed")
    assert await tasks() == []


async def test_start_word_lifts_it(practice: Profile) -> None:
    await f.make_absence(practice, phone=PHONE)
    await answer(practice, Meaning.STOP)
    await answer(practice, Meaning.START, provider_id="SM2")
    assert await fetch_value("SELECT count(*) FROM channel_opt_out WHERE ended_at IS NULL") == 0
    assert await story("opted_out", "opted_in") == [("opted_out", None), ("opted_in", None)]


@pytest.mark.parametrize("meaning", list(Meaning))
async def test_same_message_told_twice_counts_once(practice: Profile, meaning: Meaning) -> None:
    await f.make_absence(practice, phone=PHONE)
    told = [await answer(practice, meaning) for _ in range(3)]
    assert told == [True, False, False]
    assert len(await tasks()) == (1 if meaning is Meaning.REPLY else 0)


async def test_stop_that_is_told_again_after_a_start_does_not_undo_the_start(practice: Profile) -> None:
    await f.make_absence(practice, phone=PHONE)
    await answer(practice, Meaning.STOP)
    await answer(practice, Meaning.START, provider_id="SM2")
    await answer(practice, Meaning.STOP)
    assert await fetch_value("SELECT count(*) FROM channel_opt_out WHERE ended_at IS NULL") == 0


async def test_reply_pauses_the_sequence_and_a_person_gets_the_text(practice: Profile) -> None:
    missed = await f.make_absence(practice, phone=PHONE)
    await answer(practice, Meaning.REPLY)
    assert await sequence(missed.patient_key) == ("paused", "replied")
    assert await send(practice, FIRST_DUE) == []
    assert await statuses(missed.patient_key) == {"planned"}
    assert await tasks() == ["reply"]
    assert await bodies(practice) == [TEXT]
    row = await fetch_value("SELECT assignee FROM task")
    assert row == await fetch_value("SELECT id FROM staff WHERE name = 'Camille Roux'")


async def test_text_of_a_reply_stands_in_clear_nowhere(practice: Profile) -> None:
    await f.make_absence(practice, phone=PHONE)
    await answer(practice, Meaning.REPLY)
    for table in ("task", "journal", "inbound"):
        assert "appeler" not in repr([tuple(row.values()) for row in await fetch(f"SELECT * FROM {table}")])


async def test_family_reply_pauses_each_sequence_with_a_task_of_its_own(practice: Profile) -> None:
    """Nobody knows who wrote, and a pause without a task would last for ever."""
    members = [await f.make_absence(practice, phone=PHONE) for _ in range(2)]
    assert await answer(practice, Meaning.REPLY)
    for member in members:
        assert await sequence(member.patient_key) == ("paused", "replied")
    assert await tasks() == ["reply", "reply"]
    assert await fetch_value("SELECT count(DISTINCT enrolment) FROM task") == 2


async def test_second_reply_to_a_paused_sequence_is_another_task(practice: Profile) -> None:
    missed = await f.make_absence(practice, phone=PHONE)
    await answer(practice, Meaning.REPLY)
    await answer(practice, Meaning.REPLY, provider_id="SM2")
    assert await tasks() == ["reply", "reply"]
    assert await sequence(missed.patient_key) == ("paused", "replied")


async def test_reply_of_a_patient_whom_nothing_follows_is_a_task_too(practice: Profile) -> None:
    missed = await f.make_absence(practice, phone=PHONE)
    await run_until(practice, f.local(30, 12))
    await answer(practice, Meaning.REPLY, now=f.local(30, 13))
    assert await tasks() == ["reply"]
    assert await sequence(missed.patient_key) == ("completed", "completed")


async def test_stranger_who_writes_is_a_task_that_says_from_which_number(practice: Profile) -> None:
    await answer(practice, Meaning.REPLY, phone="+33699999999")
    assert await tasks() == ["unknown_sender"]
    assert await bodies(practice) == [f"+33699999999\n{TEXT}"]


@pytest.mark.parametrize("meaning", [Meaning.STOP, Meaning.START])
async def test_stranger_who_stops_is_remembered_without_a_name(practice: Profile, meaning: Meaning) -> None:
    await answer(practice, meaning)
    expected: dict[Meaning, Callable[[int], bool]] = {
        Meaning.STOP: lambda count: count == 1,
        Meaning.START: lambda count: count == 0,
    }
    index = vault().index(PHONE, kind="phone")
    found = await fetch_value("SELECT count(*) FROM channel_opt_out WHERE address_index = $1", index)
    assert expected[meaning](found)
    assert await tasks() == []

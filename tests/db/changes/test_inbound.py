"""What patients answer by SMS."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from db.changes.inbound import Meaning, record_inbound
from db.crypto import vault
from db.engine import Row, fetch, fetch_value
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
    emergency: bool = False,
) -> bool:
    return await record_inbound(
        practice=practice.id,
        gateway="twilio",
        provider_id=provider_id,
        from_e164=phone,
        text=TEXT,
        meaning=meaning,
        now=now,
        emergency=emergency,
    )


async def answers() -> list[Row]:
    """The emergency numbers that are to be sent, each with the number it goes to."""
    return list(await fetch("SELECT * FROM delivery WHERE message = 'emergency' ORDER BY id"))


def number_of(row: Row) -> str:
    return vault().open(row["address"], owner=row["ref"], field="delivery.address")


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


async def test_emergency_is_an_urgent_crisis_task_and_the_number_is_told_whom_to_call(practice: Profile) -> None:
    missed = await f.make_absence(practice, phone=PHONE)
    assert await answer(practice, Meaning.REPLY, emergency=True)
    assert await sequence(missed.patient_key) == ("paused", "replied")
    (task,) = await fetch("SELECT kind, urgent, crisis, enrolment, due_at FROM task")
    enrolment = await f.enrolment_of(missed.patient_key)
    assert tuple(task.values()) == ("emergency", True, True, enrolment["id"], FIRST_DUE)
    assert await bodies(practice) == [TEXT]
    (told,) = await answers()
    assert (told["channel"], told["lane"], told["status"], told["step"]) == ("sms", "human", "planned", None)
    assert (told["due_at"], told["attempt_at"]) == (FIRST_DUE, FIRST_DUE)
    assert (told["patient"], told["enrolment"]) == (enrolment["patient"], enrolment["id"])
    assert (number_of(told), told["address_index"]) == (PHONE, vault().index(PHONE, kind="phone"))


async def test_number_and_text_of_an_emergency_stand_in_clear_nowhere(practice: Profile) -> None:
    await answer(practice, Meaning.REPLY, emergency=True)
    for table in ("task", "journal", "inbound", "delivery"):
        rows = repr([tuple(row.values()) for row in await fetch(f"SELECT * FROM {table}")])
        assert "appeler" not in rows
        assert PHONE.removeprefix("+") not in rows


async def test_emergency_beside_a_stop_takes_both_effects(practice: Profile) -> None:
    missed = await f.make_absence(practice, phone=PHONE)
    await answer(practice, Meaning.STOP, emergency=True)
    assert await fetch_value("SELECT source FROM channel_opt_out WHERE ended_at IS NULL") == "sms"
    assert await sequence(missed.patient_key) == ("paused", "replied")
    planned = await fetch("SELECT DISTINCT channel FROM delivery WHERE status = 'planned' AND step IS NOT NULL")
    assert [row["channel"] for row in planned] == ["email"]
    assert await tasks() == ["emergency"]
    assert [number_of(told) for told in await answers()] == [PHONE]


async def test_stop_or_start_that_follows_leaves_task_and_answer(practice: Profile) -> None:
    await f.make_absence(practice, phone=PHONE, email=None)
    await answer(practice, Meaning.REPLY, emergency=True)
    await answer(practice, Meaning.STOP, provider_id="SM2")
    await answer(practice, Meaning.START, provider_id="SM3")
    assert await tasks() == ["emergency"]
    assert [told["status"] for told in await answers()] == ["planned"]


async def test_stop_of_the_last_channel_with_an_emergency_ends_the_sequence_and_opens_the_task(
    practice: Profile,
) -> None:
    missed = await f.make_absence(practice, phone=PHONE, email=None)
    await answer(practice, Meaning.STOP, emergency=True)
    assert await sequence(missed.patient_key) == ("stopped", "opted_out")
    assert await tasks() == ["emergency"]
    (told,) = await answers()
    assert (told["patient"] is not None, told["enrolment"]) == (True, None)


@pytest.mark.parametrize("meaning", list(Meaning))
async def test_emergency_told_twice_opens_and_answers_nothing_twice(practice: Profile, meaning: Meaning) -> None:
    await f.make_absence(practice, phone=PHONE)
    told = [await answer(practice, meaning, emergency=True) for _ in range(3)]
    assert told == [True, False, False]
    assert await tasks() == ["emergency"]
    assert len(await answers()) == 1


async def test_each_message_is_a_task_and_all_of_them_have_one_answer(practice: Profile) -> None:
    await f.make_absence(practice, phone=PHONE)
    for count in range(10):
        at = FIRST_DUE + timedelta(minutes=count)
        await answer(practice, Meaning.REPLY, emergency=True, provider_id=f"SM{count}", now=at)
    assert await tasks() == ["emergency"] * 10
    assert [told["due_at"] for told in await answers()] == [FIRST_DUE]


@pytest.mark.parametrize(("hours", "count"), [(1, 1), (12, 2), (24, 2)])
async def test_whoever_writes_again_later_gets_the_numbers_again(practice: Profile, hours: int, count: int) -> None:
    await answer(practice, Meaning.REPLY, emergency=True)
    later = FIRST_DUE + timedelta(hours=hours)
    await answer(practice, Meaning.REPLY, emergency=True, provider_id="SM2", now=later)
    assert len(await answers()) == count


async def test_two_emergencies_at_the_same_moment_have_one_answer_and_a_task_each(practice: Profile) -> None:
    await f.make_absence(practice, phone=PHONE)
    both = [answer(practice, Meaning.REPLY, emergency=True, provider_id=name) for name in ("SM1", "SM2")]
    assert await asyncio.gather(*both) == [True, True]
    assert await tasks() == ["emergency"] * 2
    assert len(await answers()) == 1


async def test_stranger_in_an_emergency_is_answered_and_a_person_sees_the_number(practice: Profile) -> None:
    await answer(practice, Meaning.REPLY, emergency=True, phone="+33699999999")
    assert await tasks() == ["emergency"]
    assert await bodies(practice) == [f"+33699999999\n{TEXT}"]
    (told,) = await answers()
    assert (told["patient"], told["enrolment"], number_of(told)) == (None, None, "+33699999999")


@pytest.mark.parametrize("sender", ["36180", "Operateur"])
async def test_sender_that_takes_no_answer_is_a_task_alone(practice: Profile, sender: str) -> None:
    await answer(practice, Meaning.REPLY, emergency=True, phone=sender)
    assert await tasks() == ["emergency"]
    assert await answers() == []


async def test_family_emergency_is_a_task_for_each_pause_and_one_answer_that_names_nobody(practice: Profile) -> None:
    members = [await f.make_absence(practice, phone=PHONE) for _ in range(2)]
    await answer(practice, Meaning.REPLY, emergency=True)
    for member in members:
        assert await sequence(member.patient_key) == ("paused", "replied")
    assert await tasks() == ["emergency", "emergency"]
    assert await fetch_value("SELECT count(DISTINCT enrolment) FROM task") == 2
    (told,) = await answers()
    assert (told["patient"], told["enrolment"], number_of(told)) == (None, None, PHONE)


async def test_patient_whom_nothing_follows_is_answered_too(practice: Profile) -> None:
    await f.make_absence(practice, phone=PHONE)
    await run_until(practice, f.local(30, 12))
    await answer(practice, Meaning.REPLY, emergency=True, now=f.local(30, 13))
    assert await tasks() == ["emergency"]
    (told,) = await answers()
    assert (told["patient"] is not None, told["enrolment"]) == (True, None)


async def test_ordinary_messages_get_no_answer(practice: Profile) -> None:
    for meaning in Meaning:
        await answer(practice, meaning, provider_id=meaning)
    assert await answers() == []

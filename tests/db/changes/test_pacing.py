import asyncio

from db.changes.pacing import reserve_slots
from db.engine import fetch_one
from db.queries.practices import Profile
from db.states import Channel
from tests.factories import MONDAY


async def test_workers_share_one_limit(practice: Profile) -> None:
    given = await asyncio.gather(
        *(reserve_slots(practice.id, channel=Channel.EMAIL, per_second=100, wanted=5, now=MONDAY) for _ in range(10))
    )
    assert sum(one.slots for one in given) == 20, "A fifth of a second's worth, however many ask."
    assert all(one.wait_s > 0 for one in given if not one.slots)


async def test_each_channel_has_a_limit_of_its_own(practice: Profile) -> None:
    await reserve_slots(practice.id, channel=Channel.EMAIL, per_second=1, wanted=1, now=MONDAY)
    assert (await reserve_slots(practice.id, channel=Channel.SMS, per_second=1, wanted=1, now=MONDAY)).slots == 1


async def test_what_is_owed_is_written_down_without_a_new_slot(practice: Profile) -> None:
    given = await reserve_slots(practice.id, channel=Channel.SMS, per_second=10, wanted=0, owed=5, now=MONDAY)
    row = await fetch_one("SELECT sms_next_at, email_next_at FROM practice")
    assert row is not None
    assert (given.slots, row["sms_next_at"], row["email_next_at"]) == (0, given.next_at, None)
    assert (given.next_at - MONDAY).total_seconds() == 0.5

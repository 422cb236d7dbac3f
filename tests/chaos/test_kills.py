from tests.chaos.kills import survive_kills
from tests.chaos.stack import Stack


async def test_killed_workers_lose_no_message_and_send_none_twice_but_under_its_own_message_id(stack: Stack) -> None:
    survived = await survive_kills(stack, messages=300, kills=4, seed=20261116)
    assert survived.is_sound, survived

import asyncio
from datetime import timedelta

import pytest

from db.clock import clock
from db.engine import fetch, fetch_value
from db.errors import Refused
from db.queries.practices import only_practice
from db.rules.rehearsing import Speed
from portal.commands.rehearse import Started, Wanted, follow, start
from tests import factories as f
from tests.jobs.delivery.conftest import Wired, wired
from tests.portal.commands.conftest import Terminal
from tests.rehearsals import STAFF_EMAIL, STAFF_PHONE

__all__ = ["wired"]

TO = ("--to-email", STAFF_EMAIL, "--to-phone", "06 39 98 12 34")


async def planned() -> int:
    count: int = await fetch_value("SELECT count(*) FROM delivery WHERE rehearsal AND status = 'planned'")
    return count


def test_a_rehearsal_is_planned_and_can_be_stopped(shop: Terminal) -> None:
    shown = shop.json("rehearse", "high_risk", *TO, "--speed", "1d=10s", "--no-wait")
    assert [step["message"] for step in shown["steps"]].count("case_opened") == 3
    assert shop.do(planned()) == len(shown["steps"]) == 9
    assert shop.json("rehearse", "--stop", shown["rehearsal"]) == {"rehearsal": shown["rehearsal"], "cancelled": 9}
    assert shop.do(planned()) == 0


def test_what_has_no_address_is_said_to_be_left_out(shop: Terminal) -> None:
    told = shop.run("rehearse", "high_risk", "--to-phone", STAFF_PHONE, "--no-wait").out
    assert "Sans --to-email" in told
    assert shop.do(planned()) == 2
    assert "Sans --to-phone" in shop.run("rehearse", "standard", "--to-email", STAFF_EMAIL, "--no-wait").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("standard",), "--to-email"),
        (("nope", *TO), "known: high_risk"),
        (("standard", *TO, "--speciality", "x"), "Known: dental"),
        (("standard", *TO, "--language", "x"), "Known: en, fr"),
        (("standard", *TO, "--speed", "fast"), "1d=10s"),
        (("standard", *TO, "--speed", "1d=30m"), "an hour at most"),
        (("standard", "--to-email", "camille"), "not an address"),
        (("standard", "--to-email", "stranger@mail.example"), "nobody who works here"),
        (("standard", "--to-phone", "01 42 00 00 01"), "not a mobile"),
        (("standard", "--to-phone", "x"), "not a mobile"),
        ((), "Give a plan"),
        (("standard", "--stop", "x"), "Give a plan"),
        (("--stop", "nothing"), "no rehearsal nothing"),
    ],
)
def test_what_cannot_be_rehearsed_is_refused_with_the_reason(shop: Terminal, words: tuple[str, ...], says: str) -> None:
    told = shop.run("rehearse", *words, code=2).err
    assert says in told
    assert shop.do(planned()) == 0


def test_a_patients_number_is_refused_however_it_is_written(shop: Terminal) -> None:
    shop.do(_absence("+33639980001"))
    told = shop.run("rehearse", "standard", "--to-phone", "06.39.98.00.01", code=2).err
    assert "a patient's" in told
    assert "39980001" not in told


async def _absence(phone: str) -> None:
    await f.make_absence(await only_practice(), phone=phone)


async def _started(seconds: float) -> Started:
    clock.move_to(f.MONDAY)
    speed = Speed(timedelta(seconds=seconds))
    return await start(Wanted("high_risk", STAFF_EMAIL, STAFF_PHONE, speed, "general", None, "Alix"))


async def test_it_is_followed_to_its_end(wired: Wired) -> None:
    started = await _started(0.1)
    lines: list[str] = []

    async def worker() -> None:
        while await planned():
            await wired.tick()
            await wired.human.send_due()
            await asyncio.sleep(0.05)

    ended, _ = await asyncio.gather(follow(started, lambda one: lines.append(one.message), lines.append), worker())
    assert all(one.has_left for one in ended.deliveries)
    assert lines[-1] == "La répétition est terminée : 9 envois partis, 0 en échec."
    assert len(lines) == 10
    assert (len(wired.smtp.received), len(wired.twilio.sent)) == (7, 2)


async def test_when_nothing_leaves_it_is_cancelled_and_says_why(wired: Wired) -> None:
    started = await _started(0.1)
    said: list[str] = []
    with pytest.raises(Refused, match="is the worker running"):
        await follow(started, lambda _one: None, said.append, patience_s=0.2)
    assert await planned() == 0
    assert "arrêtée : 9 envois annulés" in said[0]


async def test_interrupting_it_stops_it(wired: Wired) -> None:
    started = await _started(60)
    following = asyncio.create_task(follow(started, lambda _one: None, lambda _line: None))
    await asyncio.sleep(0.3)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    rows = await fetch("SELECT status, reason FROM delivery WHERE rehearsal")
    assert {(row["status"], row["reason"]) for row in rows} == {("cancelled", "by_hand")}

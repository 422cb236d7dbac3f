"""Setting up a practice, again and again."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from db.changes.channels import hold_channel
from db.changes.practices import NewClosure, NewPractitioner, NewStaff, change_access, save_practice
from db.crypto import vault
from db.engine import fetch, fetch_one, fetch_value
from db.errors import ConfigurationError, NotFound
from db.queries.practices import all_practices, only_practice, practice_by_ref, sending
from db.rules.settings import Settings
from db.states import Channel
from tests import factories as f
from tests.db.changes.acts import story

LATER = f.MONDAY + timedelta(hours=1)
TABLES = ("practice", "staff", "practitioner", "closure", "journal")


async def snapshot() -> list[Any]:
    return [await fetch(f"SELECT * FROM {table} ORDER BY id") for table in TABLES]


async def test_same_file_again_changes_nothing(database: None) -> None:
    new = f.new_practice(closures=(NewClosure(date(2026, 12, 24), date(2027, 1, 2)),))
    assert await save_practice(new, now=f.MONDAY)
    before = await snapshot()
    assert not await save_practice(new, now=LATER)
    assert await snapshot() == before


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Autre nom"},
        {"settings": Settings(worth_sms=False)},
        {"sms": {"provider": "twilio"}},
        {"closures": (NewClosure(date(2026, 12, 24), date(2026, 12, 24)),)},
        {"practitioners": (NewPractitioner("Maxime Lefèvre", "dental", 30, 5),)},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_edited_file_updates_in_place(database: None, change: dict[str, Any]) -> None:
    await save_practice(f.new_practice(), now=f.MONDAY)
    first = await only_practice()
    assert await save_practice(f.new_practice(**change), now=LATER)
    assert (await only_practice()).ref == first.ref
    assert await fetch_value("SELECT count(*) FROM practitioner") == 1
    assert await story("practice_saved") == [("practice_saved", None)] * 2


async def test_settings_come_back_as_they_were_given(database: None) -> None:
    settings = Settings(weekdays=(0, 1), horizon_days=7, strict=True, max_age_days=3)
    practice = await f.make_practice(settings=settings)
    assert practice.settings == settings


async def test_people_who_are_not_in_the_file_any_more_stay_and_closures_do_not(database: None) -> None:
    closed = (NewClosure(date(2026, 12, 24), date(2026, 12, 24)),)
    await save_practice(f.new_practice(closures=closed), now=f.MONDAY)
    await save_practice(f.new_practice(staff=(), practitioners=()), now=LATER)
    assert await fetch_value("SELECT count(*) FROM staff") == 2
    assert await fetch_value("SELECT count(*) FROM practitioner") == 1
    assert await fetch_value("SELECT count(*) FROM closure") == 0


async def test_access_is_sealed_and_comes_back(database: None) -> None:
    practice = await f.make_practice()
    access = await sending(practice.id)
    assert access.sms["token"] == "token-of-the-tests"
    assert "token-of-the-tests" not in repr(await snapshot())
    assert "camille@" not in repr(await snapshot())


async def test_staff_address_is_sealed_under_its_own_row_after_an_update(database: None) -> None:
    for role in ("front_desk", "admin"):
        await save_practice(f.new_practice(staff=(NewStaff("Camille", "c@x.example", role, "fr"),)), now=f.MONDAY)
    row = await fetch_one("SELECT ref, email, role FROM staff")
    assert row is not None
    assert vault().open(row["email"], owner=row["ref"], field="staff.email") == "c@x.example"
    assert row["role"] == "admin"


@pytest.mark.parametrize("how", ["the file", "the access alone"])
async def test_new_access_lifts_the_hold(database: None, how: str) -> None:
    practice = await f.make_practice()
    for channel in Channel:
        await hold_channel(practice, channel, until=f.MONDAY + timedelta(days=1), code="535", now=f.MONDAY)
    if how == "the file":
        await save_practice(f.new_practice(smtp={"host": "mx"}), now=LATER)
    else:
        await change_access(practice.id, smtp={"host": "mx"}, sms={}, now=LATER)
    row = await fetch_one("SELECT email_refused_until, sms_refused_until FROM practice")
    assert row is not None
    assert set(row.values()) == {None}


async def test_access_that_is_the_same_changes_nothing(database: None) -> None:
    practice = await f.make_practice()
    access = await sending(practice.id)
    assert not await change_access(practice.id, smtp=access.smtp, sms=access.sms, now=LATER)
    assert await change_access(practice.id, smtp={"host": "mx"}, sms=access.sms, now=LATER)
    assert await save_practice(f.new_practice(), now=LATER), "The file has the last word."
    assert (await sending(practice.id)).smtp == access.smtp


async def test_practice_that_does_not_exist_is_said_so(database: None) -> None:
    with pytest.raises(ConfigurationError, match="reprise setup"):
        await only_practice()
    with pytest.raises(NotFound):
        await practice_by_ref("nobody")
    with pytest.raises(NotFound):
        await change_access(7, smtp={}, sms={}, now=LATER)


async def test_two_practices_are_told_apart(database: None) -> None:
    await save_practice(f.new_practice(), now=f.MONDAY)
    await save_practice(replace(f.new_practice(), key="ormes", name="Les Ormes"), now=f.MONDAY)
    assert [one.key for one in await all_practices()] == ["tilleuls", "ormes"]
    with pytest.raises(ConfigurationError, match="several"):
        await only_practice()

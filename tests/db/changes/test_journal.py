"""The journal: append-only, sealed into a chain, and every tampering found."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from db import crypto
from db.changes._journal import Entry, Event, record
from db.changes.journal import seal_journal
from db.crypto import make_vault, vault
from db.engine import fetch, fetch_value, transaction
from db.queries.journal import patient_story, verify_journal
from db.queries.practices import Profile
from tests import factories as f


async def tamper(*statements: str) -> None:
    """As somebody with every right in the database would."""
    async with transaction():
        await fetch("SET LOCAL session_replication_role = replica")
        for statement in statements:
            await fetch(statement)


async def written(practice: Profile, *, absences: int = 3, seals: int = 3) -> None:
    """A journal sealed in several batches."""
    for _ in range(absences):
        await f.make_absence(practice)
    most = await fetch_value("SELECT count(*) FROM journal_unsealed") // seals + 1
    while await seal_journal(now=f.MONDAY, most=most):
        pass


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET reason = 'completed'",
        "UPDATE journal SET at = at WHERE id = 1",
        "DELETE FROM journal",
        "DELETE FROM journal WHERE id = 1",
        "TRUNCATE journal",
        "UPDATE journal_seal SET seal = previous",
        "DELETE FROM journal_seal",
        "TRUNCATE journal_seal",
    ],
)
async def test_database_itself_refuses_to_change_what_was_written(practice: Profile, statement: str) -> None:
    await f.make_absence(practice)
    await seal_journal(now=f.MONDAY)
    with pytest.raises(Exception, match="append-only"):
        await fetch(statement)


async def test_entry_that_is_written_waits_for_its_seal_in_the_same_transaction(practice: Profile) -> None:
    async def told_in_vain() -> None:
        async with transaction():
            await record([Entry(Event.OBJECTED)], practice=practice.id, actor="system", now=f.MONDAY)
            raise ZeroDivisionError

    before = await fetch_value("SELECT count(*) FROM journal_unsealed")
    with pytest.raises(ZeroDivisionError):
        await told_in_vain()
    assert await fetch_value("SELECT count(*) FROM journal_unsealed") == before
    assert await fetch_value("SELECT count(*) FROM journal WHERE event = 'objected'") == 0


async def test_entries_keep_the_order_in_which_they_were_told(practice: Profile) -> None:
    entries = [Entry(Event.PATIENT_ADDED, patient=f"p{number:03}") for number in range(300)]
    async with transaction():
        await record(entries, practice=practice.id, actor="system", now=f.MONDAY)
    rows = await fetch("SELECT patient_ref FROM journal WHERE event = 'patient_added' ORDER BY id")
    assert [row["patient_ref"] for row in rows] == [entry.patient for entry in entries]


@pytest.mark.parametrize("value", [object(), b"secret", {1, 2}])
async def test_journal_takes_codes_numbers_and_times_only(practice: Profile, value: Any) -> None:
    with pytest.raises(TypeError, match="codes, numbers and times"):
        await record([Entry(Event.OBJECTED, data={"value": value})], practice=practice.id, actor="system", now=f.MONDAY)


async def test_whole_chain_verifies(practice: Profile) -> None:
    await written(practice)
    found = await verify_journal()
    assert found.whole
    assert (found.seals, found.waiting) == (3, 0)
    assert found.sealed == await fetch_value("SELECT count(*) FROM journal")


async def test_what_waits_for_its_seal_is_counted_and_harmless(practice: Profile) -> None:
    await written(practice)
    await f.make_absence(practice)
    found = await verify_journal()
    assert found.whole
    assert found.waiting > 0


async def test_empty_journal_is_whole(database: None) -> None:
    assert await seal_journal(now=f.MONDAY) == 0
    assert (await verify_journal()).whole


async def test_sealing_takes_no_more_than_it_is_told_and_nothing_twice(practice: Profile) -> None:
    await f.make_absence(practice)
    waiting = await fetch_value("SELECT count(*) FROM journal_unsealed")
    assert await seal_journal(now=f.MONDAY, most=2) == 2
    assert await seal_journal(now=f.MONDAY) == waiting - 2
    assert await seal_journal(now=f.MONDAY) == 0


async def test_entry_that_commits_late_is_sealed_later(practice: Profile) -> None:
    """Its number is smaller than that of an entry which is sealed already."""
    await tamper("SELECT nextval('journal_id_seq')")
    late = await fetch_value("SELECT last_value FROM journal_id_seq")
    await written(practice, absences=1, seals=1)
    await fetch(
        "INSERT INTO journal (id, practice, at, actor, event) VALUES ($1, $2, $3, 'system', 'objected')",
        late,
        practice.id,
        f.MONDAY,
    )
    assert await seal_journal(now=f.MONDAY) == 1
    assert (await verify_journal()).whole


COLUMNS: dict[str, str] = {
    "at": "at + interval '1 second'",
    "actor": "'staff:somebody'",
    "event": "'objected'",
    "patient_ref": "'abcdefghijkm'",
    "enrolment_ref": "'abcdefghijkm'",
    "subject_ref": "'abcdefghijkm'",
    "reason": "'completed'",
    "data": "'{}'",
    "practice": "practice + 1",
}


@pytest.mark.parametrize("column", COLUMNS)
async def test_altered_column_is_found_and_named(practice: Profile, column: str) -> None:
    await written(practice)
    entry = await fetch_value("SELECT entries[2] FROM journal_seal ORDER BY position OFFSET 1 LIMIT 1")
    await tamper(f"UPDATE journal SET {column} = {COLUMNS[column]} WHERE id = {entry}")
    found = await verify_journal()
    assert not found.whole
    (broken,) = found.broken
    assert (broken.position, broken.problem) == (2, "altered")
    assert entry in broken.entries


async def _delete(entry: int) -> None:
    await tamper(f"DELETE FROM journal WHERE id = {entry}")


async def _swap(entry: int) -> None:
    await tamper(
        f"UPDATE journal SET event = 'opted_out' WHERE id = {entry}",
        f"UPDATE journal SET event = 'booked' WHERE id = {entry + 1}",
    )


async def _forget_the_seal(entry: int) -> None:
    await tamper("DELETE FROM journal_seal WHERE position = 2")


async def _reorder(entry: int) -> None:
    await tamper("UPDATE journal_seal SET entries = array_cat(entries[2:2], array_cat(entries[1:1], entries[3:]))")


async def _drop_from_the_list(entry: int) -> None:
    await tamper("UPDATE journal_seal SET entries = entries[2:]")


async def _slip_in(entry: int) -> None:
    await tamper(f"INSERT INTO journal (practice, at, actor, event) VALUES (1, '{f.MONDAY}', 'system', 'objected')")


async def _forge_a_seal(entry: int) -> None:
    await tamper("UPDATE journal_seal SET seal = sha256(seal) WHERE position = 2")


async def _rewrite_the_past(entry: int) -> None:
    """Delete an entry, and seal the rest again without the key."""
    await tamper(
        f"DELETE FROM journal WHERE id = {entry}",
        f"UPDATE journal_seal SET entries = array_remove(entries, {entry}::bigint), seal = sha256(seal)",
    )


@pytest.mark.parametrize(
    "harm",
    [
        _delete,
        _swap,
        _forget_the_seal,
        _reorder,
        _drop_from_the_list,
        _slip_in,
        _forge_a_seal,
        _rewrite_the_past,
    ],
    ids=lambda harm: harm.__name__.strip("_").replace("_", " "),
)
async def test_tampering_is_found(practice: Profile, harm: Callable[[int], Awaitable[None]]) -> None:
    await written(practice)
    assert (await verify_journal()).whole
    await harm(await fetch_value("SELECT entries[1] FROM journal_seal WHERE position = 2"))
    assert not (await verify_journal()).whole


@pytest.mark.parametrize(
    ("harm", "position", "problem"),
    [(_delete, 2, "missing"), (_swap, 2, "altered"), (_forget_the_seal, 3, "chain"), (_forge_a_seal, 2, "altered")],
)
async def test_what_is_wrong_is_said_of_the_seal_where_it_shows(
    practice: Profile, harm: Callable[[int], Awaitable[None]], position: int, problem: str
) -> None:
    await written(practice)
    await harm(await fetch_value("SELECT entries[1] FROM journal_seal WHERE position = 2"))
    first = (await verify_journal()).broken[0]
    assert (first.position, first.problem) == (position, problem)


async def test_chain_can_be_made_with_the_key_of_this_installation_alone(practice: Profile) -> None:
    """Whoever holds the database without the key cannot seal what they rewrote."""
    usual = vault()
    crypto.use(make_vault({1: b"k" * 32}, b"another key, of 32 bytes as well"))
    try:
        await written(practice)
        assert (await verify_journal()).whole
    finally:
        crypto.use(usual)
    found = await verify_journal()
    assert [broken.problem for broken in found.broken] == ["altered"] * 3


async def test_entry_that_vanished_before_its_seal_is_found(practice: Profile) -> None:
    await f.make_absence(practice)
    await tamper("DELETE FROM journal WHERE event = 'sequence_started'")
    found = await verify_journal()
    assert len(found.vanished) == 1


async def test_seals_are_numbered_in_their_order_and_chained(practice: Profile) -> None:
    await written(practice)
    rows = await fetch("SELECT previous, seal FROM journal_seal ORDER BY position")
    assert [row["previous"] for row in rows[1:]] == [row["seal"] for row in rows[:-1]]
    assert len({row["seal"] for row in rows}) == 3


async def test_story_of_a_patient_is_found_by_number_and_by_reference(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    story = await patient_story(practice.id, missed.patient_key)
    assert [entry.event for entry in story.entries] == ["patient_added", "absence_marked", "sequence_started"]
    assert await patient_story(practice.id, story.ref) == story
    assert len(story.ahead) == 8
    assert all(isinstance(entry.at, datetime) for entry in story.entries)


async def test_sealing_says_when(practice: Profile) -> None:
    await f.make_absence(practice)
    await seal_journal(now=f.MONDAY + timedelta(minutes=1))
    assert await fetch_value("SELECT sealed_at FROM journal_seal") == f.MONDAY + timedelta(minutes=1)

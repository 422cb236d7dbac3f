"""Migrations: all or nothing, once, whoever asks, and the same tables as the code's."""

import asyncio
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path

import asyncpg
import pytest
from piccolo.columns.base import ForeignKeyMeta

from db.config import Config
from db.engine import connect, fetch, fetch_value
from db.migrate import LOCK, migrate
from db.piccolo_app import APP_CONFIG

FILES = sorted(Path(APP_CONFIG.resolved_migrations_folder_path).glob("reprise_*.py"))


@pytest.fixture
async def empty(config: Config, migrated: None) -> AsyncIterator[str]:
    """A database of its own, to which this process is connected meanwhile."""
    url, name = config.database(), "migration_test"
    await fetch(f"DROP DATABASE IF EXISTS {name}")
    await fetch(f"CREATE DATABASE {name}")
    path, mark, query = url.partition("?")
    fresh = path.rpartition("/")[0] + f"/{name}" + mark + query
    await connect(fresh, most=4)
    yield fresh
    await connect(url, most=config.database_connections)
    await fetch(f"DROP DATABASE {name}")


async def test_empty_database_gets_every_table_and_asking_again_does_nothing(empty: str) -> None:
    await migrate()
    tables = {row["tablename"] for row in await fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert tables == {table._meta.tablename for table in APP_CONFIG.table_classes} | {"migration"}
    assert await fetch_value("SELECT count(*) FROM migration") == len(FILES)
    await migrate()
    assert await fetch_value("SELECT count(*) FROM migration") == len(FILES)


async def test_two_processes_that_start_at_once_migrate_once(empty: str) -> None:
    await asyncio.gather(migrate(), migrate(), migrate())
    assert await fetch_value("SELECT count(DISTINCT name) = count(*) FROM migration")


async def test_migration_that_fails_leaves_nothing_behind(empty: str) -> None:
    await fetch("CREATE TABLE task (other int)")
    with pytest.raises(asyncpg.PostgresError):
        await migrate()
    left = [row["tablename"] for row in await fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert left == ["task"]
    await fetch("DROP TABLE task")
    await migrate()
    assert await fetch_value("SELECT count(*) FROM task") == 0


async def test_lock_is_nobody_elses(migrated: None) -> None:
    """Each change that takes an advisory lock has a number of its own."""
    named = [
        import_module("db.changes.intake").INTAKE_LOCK,
        import_module("db.changes.bookings").AGENDA_LOCK,
        import_module("db.changes.journal").SEAL_LOCK,
        import_module("db.changes.practices").SETUP_LOCK,
        LOCK,
    ]
    assert len(set(named)) == len(named)


async def test_tables_of_the_code_and_of_the_database_are_the_same(migrated: None) -> None:
    for table in APP_CONFIG.table_classes:
        rows = await fetch(
            "SELECT column_name, is_nullable FROM information_schema.columns WHERE table_name = $1 "
            "AND table_schema = 'public'",
            table._meta.tablename,
        )
        expected = {column._meta.db_column_name: column._meta.null for column in table._meta.columns}
        assert {row["column_name"]: row["is_nullable"] == "YES" for row in rows} == expected, table


async def test_no_row_that_others_stand_on_is_ever_deleted_with_them(migrated: None) -> None:
    """A foreign key cascades only from a practitioner to their closures; nothing else goes silently."""
    rows = await fetch(
        "SELECT conrelid::regclass::text AS child, confrelid::regclass::text AS parent FROM pg_constraint "
        "WHERE contype = 'f' AND confdeltype = 'c'"
    )
    assert {(row["child"], row["parent"]) for row in rows} == {("closure", "practitioner")}


async def test_nothing_points_at_the_journal_and_the_journal_points_at_nothing(migrated: None) -> None:
    rows = await fetch(
        "SELECT 1 FROM pg_constraint WHERE contype = 'f' AND ('journal'::regclass IN (conrelid, confrelid))"
    )
    assert rows == []


def test_every_row_belongs_to_a_practice() -> None:
    """By a column of its own, or as part of a patient."""
    without = {
        table._meta.tablename
        for table in APP_CONFIG.table_classes
        if not any(
            c._meta.name == "practice" or (c._meta.name == "patient" and not c._meta.null) for c in table._meta.columns
        )
    }
    assert without == {"practice", "journal_unsealed", "journal_seal"}


def test_every_foreign_key_says_what_happens_on_delete() -> None:
    for table in APP_CONFIG.table_classes:
        for column in table._meta.foreign_key_columns:
            meta = column._foreign_key_meta
            assert isinstance(meta, ForeignKeyMeta)
            assert meta.on_delete.value in ("RESTRICT", "SET NULL") or table._meta.tablename == "closure"


async def test_due_messages_and_taken_times_are_found_by_an_index(migrated: None) -> None:
    """What a tick and a page read must cost what is due, not what exists."""
    indexes = {row["indexname"] for row in await fetch("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")}
    assert {
        "delivery_due",
        "delivery_leased",
        "delivery_link",
        "delivery_provider",
        "appointment_taken",
        "appointment_undecided",
        "enrolment_one_live",
        "enrolment_review",
        "booking_one_live",
        "opt_out_one",
        "patient_phone",
        "journal_patient",
    } <= indexes

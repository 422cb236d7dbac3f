"""The migrations make the tables that `db.tables` describes, and what hot queries read is indexed."""

import pytest
from piccolo.apps.migrations.commands.new import AutoMigrationManager

from db.engine import fetch
from db.piccolo_app import APP_CONFIG
from db.queries.installation import is_migrated
from db.queries.links import PAGE
from db.queries.practices import Profile
from tests import factories as f

MANY = 5_000


async def test_a_new_migration_would_be_empty(migrated: None) -> None:
    wanted = await AutoMigrationManager().get_alter_statements(app_config=APP_CONFIG)
    assert [statement for part in wanted for statement in part.statements] == []


async def test_the_database_knows_that_it_is_migrated(migrated: None) -> None:
    assert await is_migrated()


async def many_appointments(practice: Profile) -> str:
    """A link of the one follow-up, beside thousands of appointments of another patient."""
    link = await f.make_absence(practice)
    await f.make_absence(practice, starts_at=f.local(1, 9))
    await fetch(
        "INSERT INTO appointment (practice, practitioner, patient, ref, key, source, day, status, undecided, "
        "calendar_sequence, created_at, updated_at) SELECT practice, practitioner, patient, 'x' || g, 'x' || g, "
        "source, day - g, CASE g % 2 WHEN 0 THEN 'cancelled' ELSE 'no_show' END, g % 2 = 1, 0, created_at, "
        "updated_at "
        "FROM appointment CROSS JOIN generate_series(1, $1) g WHERE id = (SELECT max(id) FROM appointment)",
        MANY,
    )
    await fetch("ANALYZE appointment")
    return (await f.link_ids(link.patient_key))[0]


@pytest.mark.parametrize("query", ["page", "undecided"])
async def test_what_is_asked_often_reads_no_table_from_end_to_end(practice: Profile, query: str) -> None:
    link = await many_appointments(practice)
    if query == "page":
        plan = await fetch(f"EXPLAIN {PAGE}", link, f.MONDAY, None, False)
    else:
        plan = await fetch(
            "EXPLAIN SELECT id FROM appointment WHERE practice = $1 AND undecided "
            "ORDER BY day, starts_at NULLS FIRST, id LIMIT 500",
            practice.id,
        )
    text = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "Seq Scan on appointment" not in text
    assert query != "undecided" or "Sort" not in text

"""What waits for its hour at Slack waits no longer once the case changes: whoever changed it is at work."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.engine import fetch

ID = "2026-11-25T10:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "a case that changes is looked at again at once"

STATEMENTS = [
    # One whose last attempt failed (attempts are counted then) waits all the same: Slack asked to be left alone.
    """CREATE OR REPLACE FUNCTION task_is_stale_at_slack() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN UPDATE slack_post SET stale = true, attempt_at = CASE WHEN attempts = 0 AND lease_until IS NULL
    AND ts IS NOT NULL THEN created_at ELSE attempt_at END
    WHERE task = NEW.id AND (NOT stale OR attempts = 0); RETURN NULL; END $$""",
]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="reprise", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await fetch(statement)

    manager.add_raw(run)
    return manager

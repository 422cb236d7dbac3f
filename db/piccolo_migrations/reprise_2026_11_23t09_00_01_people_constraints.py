"""Constraints and indexes of the steps that people take, in a file of their own because `add_raw` runs before the table
changes of its own file."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.engine import fetch

ID = "2026-11-23T09:00:01:000000"
VERSION = "1.38.0"
DESCRIPTION = "constraints and indexes of the steps that people take"

STATEMENTS = [
    "ALTER TABLE task DROP CONSTRAINT task_status",
    "ALTER TABLE task ADD CONSTRAINT task_status CHECK (status IN "
    "('planned', 'open', 'acknowledged', 'claimed', 'done', 'skipped', 'cancelled'))",
    "ALTER TABLE delivery ADD CONSTRAINT delivery_dedupe UNIQUE (practice, dedupe)",
    "ALTER TABLE staff_absence ADD CONSTRAINT staff_absence_days CHECK (ends_on >= starts_on)",
    "DROP INDEX task_open",
    "CREATE INDEX task_open ON task (practice, due_at) WHERE status IN ('open', 'acknowledged', 'claimed')",
    "CREATE INDEX task_due ON task (due_at) WHERE status = 'planned'",
    "CREATE INDEX task_look ON task (look_at) WHERE look_at IS NOT NULL",
    "CREATE INDEX delivery_task ON delivery (task) WHERE task IS NOT NULL",
    "CREATE INDEX delivery_rehearsal ON delivery (link_id) WHERE rehearsal",
    "CREATE INDEX staff_absence_ahead ON staff_absence (staff, ends_on)",
]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="reprise", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await fetch(statement)

    manager.add_raw(run)
    return manager

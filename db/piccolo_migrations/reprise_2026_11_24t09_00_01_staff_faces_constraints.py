"""Constraints, indexes and triggers of the staff's faces, in a file of their own because `add_raw` runs before the table
changes of its own file."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.engine import fetch

ID = "2026-11-24T09:00:01:000000"
VERSION = "1.38.0"
DESCRIPTION = "constraints, indexes and triggers of accounts, words and Slack"

STATEMENTS = [
    "CREATE UNIQUE INDEX staff_slack_user ON staff (practice, slack_user) WHERE slack_user IS NOT NULL",
    "ALTER TABLE recovery_code ADD CONSTRAINT recovery_code_one UNIQUE (staff, code)",
    "ALTER TABLE tone_variant ADD CONSTRAINT tone_variant_version "
    "UNIQUE (practice, message, channel, speciality, language, version)",
    "ALTER TABLE tone_variant ADD CONSTRAINT tone_variant_state CHECK (state IN ('draft', 'published', 'retired'))",
    "CREATE UNIQUE INDEX tone_variant_live ON tone_variant (practice, message, channel, speciality, language, state) "
    "WHERE state IN ('draft', 'published')",
    "CREATE INDEX slack_post_stale ON slack_post (attempt_at) WHERE stale",
    "CREATE INDEX slack_post_leased ON slack_post (lease_until) WHERE lease_until IS NOT NULL",
    "CREATE INDEX appointment_day ON appointment (practice, day)",
    "CREATE INDEX security_log_at ON security_log (practice, at)",
    # Whatever changes a case changes what stands of it at Slack; no change can forget to say so.
    """CREATE FUNCTION task_is_stale_at_slack() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN UPDATE slack_post SET stale = true WHERE task = NEW.id AND NOT stale; RETURN NULL; END $$""",
    "CREATE TRIGGER task_stale AFTER UPDATE ON task FOR EACH ROW EXECUTE FUNCTION task_is_stale_at_slack()",
    "CREATE TRIGGER security_log_append_only BEFORE UPDATE ON security_log FOR EACH ROW "
    "EXECUTE FUNCTION journal_refuse()",
]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="reprise", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await fetch(statement)

    manager.add_raw(run)
    return manager

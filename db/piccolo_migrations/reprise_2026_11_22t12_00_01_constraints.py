"""What Piccolo's columns cannot say: partial and expression indexes, the exclusion of overlapping bookings, status
checks, and the triggers that keep the journal append-only. It stands in a file of its own because `add_raw` runs before
the table changes of its own file."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.engine import fetch

ID = "2026-11-22T12:00:01:000000"
VERSION = "1.38.0"
DESCRIPTION = "constraints, indexes and the journal's triggers"

CONSTRAINTS = [
    "ALTER TABLE practitioner ADD CONSTRAINT practitioner_key UNIQUE (practice, key)",
    "ALTER TABLE staff ADD CONSTRAINT staff_email UNIQUE (practice, email_index)",
    "ALTER TABLE patient ADD CONSTRAINT patient_key UNIQUE (practice, key)",
    "ALTER TABLE inbound ADD CONSTRAINT inbound_once UNIQUE (practice, gateway, provider_id)",
    "ALTER TABLE appointment ADD CONSTRAINT appointment_key UNIQUE (practice, key)",
    "ALTER TABLE appointment ADD CONSTRAINT appointment_times CHECK (ends_at > starts_at AND blocked_until >= ends_at)",
    # Two live bookings made here never overlap for one practitioner. Imported ones are facts, and may.
    "ALTER TABLE appointment ADD CONSTRAINT appointment_no_overlap EXCLUDE USING gist ("
    "int4range(practitioner, practitioner, '[]') WITH &&, tstzrange(starts_at, blocked_until) WITH &&) "
    "WHERE (source = 'reprise' AND status = 'booked')",
    "ALTER TABLE delivery ADD CONSTRAINT delivery_once UNIQUE (enrolment, step, channel)",
    "ALTER TABLE delivery ADD CONSTRAINT delivery_link UNIQUE (link_id)",
    "ALTER TABLE delivery ADD CONSTRAINT delivery_message_id UNIQUE (message_id)",
    "ALTER TABLE task ADD CONSTRAINT task_dedupe UNIQUE (practice, dedupe)",
    "ALTER TABLE appointment ADD CONSTRAINT appointment_status CHECK (status IN "
    "('booked', 'attended', 'no_show', 'was_not_brought', 'cancelled'))",
    "ALTER TABLE enrolment ADD CONSTRAINT enrolment_status CHECK (status IN "
    "('active', 'paused', 'stopped', 'completed'))",
    "ALTER TABLE delivery ADD CONSTRAINT delivery_status CHECK (status IN "
    "('planned', 'claimed', 'sent', 'delivered', 'skipped', 'cancelled', 'failed'))",
    "ALTER TABLE task ADD CONSTRAINT task_status CHECK (status IN ('open', 'acknowledged', 'claimed', 'done'))",
]

INDEXES = [
    "CREATE UNIQUE INDEX enrolment_one_live ON enrolment (patient) WHERE status IN ('active', 'paused')",
    "CREATE UNIQUE INDEX booking_one_live ON appointment (enrolment) "
    "WHERE enrolment IS NOT NULL AND source = 'reprise' AND status = 'booked'",
    "CREATE UNIQUE INDEX patient_risk_one ON patient_risk (patient, rule) WHERE ended_at IS NULL",
    "CREATE UNIQUE INDEX opt_out_one ON channel_opt_out (practice, channel, address_index) WHERE ended_at IS NULL",
    # What a tick reads costs what is due, not what is planned or past.
    "CREATE INDEX delivery_due ON delivery (practice, lane, channel, attempt_at, id) WHERE status = 'planned'",
    "CREATE INDEX delivery_leased ON delivery (lease_until) WHERE status = 'claimed'",
    "CREATE INDEX delivery_enrolment ON delivery (enrolment, step)",
    "CREATE INDEX delivery_provider ON delivery (provider_id) WHERE provider_id IS NOT NULL",
    "CREATE INDEX delivery_patient ON delivery (patient) WHERE status IN ('planned', 'claimed')",
    "CREATE INDEX enrolment_review ON enrolment (review_at) WHERE status IN ('active', 'paused')",
    "CREATE INDEX enrolment_patient ON enrolment (patient)",
    "CREATE INDEX enrolment_appointment ON enrolment (appointment)",
    "CREATE INDEX appointment_taken ON appointment (practitioner, starts_at) "
    "WHERE status = 'booked' AND starts_at IS NOT NULL",
    # In the order in which they are decided, so that each batch of a large import reads no more than itself.
    "CREATE INDEX appointment_undecided ON appointment (practice, day, starts_at NULLS FIRST, id) WHERE undecided",
    "CREATE INDEX appointment_enrolment ON appointment (enrolment) WHERE enrolment IS NOT NULL",
    "CREATE INDEX appointment_patient ON appointment (patient, day)",
    "CREATE INDEX patient_phone ON patient (practice, phone_index) WHERE phone_index IS NOT NULL",
    "CREATE INDEX patient_email ON patient (practice, email_index) WHERE email_index IS NOT NULL",
    "CREATE INDEX closure_ahead ON closure (practice, ends_on)",
    "CREATE INDEX task_open ON task (practice, due_at) WHERE status <> 'done'",
    "CREATE INDEX task_patient ON task (patient)",
    "CREATE INDEX task_enrolment ON task (enrolment) WHERE enrolment IS NOT NULL",
    "CREATE INDEX journal_patient ON journal (patient_ref, id)",
    "CREATE INDEX journal_at ON journal (at)",
]

TRIGGERS = [
    """CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'The journal is append-only: % is refused.', TG_OP USING ERRCODE = '42501'; END $$""",
    "CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON journal FOR EACH ROW "
    "EXECUTE FUNCTION journal_refuse()",
    "CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON journal EXECUTE FUNCTION journal_refuse()",
    "CREATE TRIGGER journal_seal_append_only BEFORE UPDATE OR DELETE ON journal_seal FOR EACH ROW "
    "EXECUTE FUNCTION journal_refuse()",
    "CREATE TRIGGER journal_seal_no_truncate BEFORE TRUNCATE ON journal_seal EXECUTE FUNCTION journal_refuse()",
    """CREATE FUNCTION journal_note_unsealed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO journal_unsealed (entry) SELECT id FROM added; RETURN NULL; END $$""",
    "CREATE TRIGGER journal_unsealed AFTER INSERT ON journal REFERENCING NEW TABLE AS added "
    "FOR EACH STATEMENT EXECUTE FUNCTION journal_note_unsealed()",
]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="reprise", description=DESCRIPTION)

    async def run() -> None:
        for statement in [*CONSTRAINTS, *INDEXES, *TRIGGERS]:
            await fetch(statement)

    manager.add_raw(run)
    return manager

"""Patients, and what they refused."""

from piccolo.columns import BigSerial, Boolean, Bytea, Date, ForeignKey, Timestamptz, Varchar
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.practice import Practice


class Patient(Table, db=ENGINE):
    """`key` is the practice's own patient number; names and addresses are sealed under `ref`.

    `intake_mark` is a keyed hash of what the last import said, so that the same row again is seen to change nothing;
    `contact_on` is the day of the appointment that said it: an older row never overwrites what a newer one said.
    """

    id = BigSerial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    ref = Varchar(12, unique=True, null=False, default=None)
    key = Varchar(120, null=False, default=None)
    first_name = Bytea(null=True, default=None)
    last_name = Bytea(null=True, default=None)
    phone = Bytea(null=True, default=None)
    phone_index = Bytea(null=True, default=None)
    phone_kind = Varchar(10, null=True, default=None)
    email = Bytea(null=True, default=None)
    email_index = Bytea(null=True, default=None)
    language = Varchar(8, null=True, default=None)
    minor = Boolean(default=False, null=False)
    phone_invalid_at = Timestamptz(null=True, default=None)
    email_invalid_at = Timestamptz(null=True, default=None)
    objected_at = Timestamptz(null=True, default=None)
    intake_mark = Bytea(null=True, default=None)
    contact_on = Date(null=True, default=None)
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)


class PatientRisk(Table, db=ENGINE, tablename="patient_risk"):
    """That a patient is at high risk, by which rule, since when and, where that is known, until when (that day
    included): nothing of what the rule read."""

    id = BigSerial(primary_key=True)
    patient = ForeignKey(Patient, on_delete=OnDelete.restrict, null=False)
    rule = Varchar(30, null=False, default=None)
    since = Timestamptz(null=False, default=None)
    until = Date(null=True, default=None)
    ended_at = Timestamptz(null=True, default=None)


class ChannelOptOut(Table, db=ENGINE):
    """No more messages to this number or mailbox: it outlives the patient's contact details, and holds for a family."""

    id = BigSerial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    channel = Varchar(10, null=False, default=None)
    address_index = Bytea(null=False, default=None)
    source = Varchar(20, null=False, default=None)
    created_at = Timestamptz(null=False, default=None)
    ended_at = Timestamptz(null=True, default=None)


class Inbound(Table, db=ENGINE):
    """What came in by SMS, once per message of the provider; the text goes to the task, sealed."""

    id = BigSerial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    gateway = Varchar(20, null=False, default=None)
    provider_id = Varchar(80, null=False, default=None)
    meaning = Varchar(10, null=False, default=None)
    received_at = Timestamptz(null=False, default=None)

"""One attempt-tracked message to one recipient on one channel."""

from piccolo.columns import (
    JSONB,
    BigInt,
    BigSerial,
    Boolean,
    Bytea,
    ForeignKey,
    Integer,
    SmallInt,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.agenda import Appointment
from db.tables.people import Patient
from db.tables.practice import Practice, Staff
from db.tables.sequences import Enrolment

BULK = "bulk"
HUMAN = "human"


class Delivery(Table, db=ENGINE):
    """A touchpoint of a sequence (`enrolment` and `step` set), a service message to a patient (`patient` set, no
    `step`), or a notice to the practice or to a member of staff.

    `dedupe` names the event behind a service message or a notice: told again, it sends nothing anew. `task` is the
    case that a notice is about. `address` is sealed, and set where neither a patient's nor a staff member's row holds
    the address: an answer to an unknown number, a rehearsal.

    `due_at` is when it should go and moves only with the opening hours; `attempt_at` is when it is tried next, so that
    lateness is `sent_at - due_at`. `message_id` and `link_id` stay the same over all attempts.
    `claimed_at` is the first attempt's; `address_index` is the blind index of the address of the latest one.
    `wording` names the words of the latest attempt that was begun, as `jobs.delivery.wordings` writes it; none where
    they are not of the catalogue, and where no attempt was begun.
    """

    id = BigSerial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    ref = Varchar(12, unique=True, null=False, default=None)
    lane = Varchar(6, null=False, default=None)
    message = Varchar(40, null=False, default=None)
    channel = Varchar(10, null=False, default=None)
    enrolment = ForeignKey(Enrolment, on_delete=OnDelete.restrict, null=True, default=None)
    step = SmallInt(null=True, default=None)
    patient = ForeignKey(Patient, on_delete=OnDelete.restrict, null=True, default=None)
    appointment = ForeignKey(Appointment, on_delete=OnDelete.restrict, null=True, default=None)
    detail = JSONB(null=True, default=None)
    due_at = Timestamptz(null=False, default=None)
    attempt_at = Timestamptz(null=False, default=None)
    status = Varchar(10, null=False, default=None)
    reason = Varchar(30, null=True, default=None)
    attempts = Integer(null=False, default=0)
    claimed_at = Timestamptz(null=True, default=None)
    address_index = Bytea(null=True, default=None)
    lease_until = Timestamptz(null=True, default=None)
    sent_at = Timestamptz(null=True, default=None)
    settled_at = Timestamptz(null=True, default=None)
    message_id = Text(null=True, default=None)
    provider_id = Varchar(80, null=True, default=None)
    code = Varchar(40, null=True, default=None)
    ambiguous = Boolean(null=False, default=False)
    wording = Varchar(120, null=True, default=None)
    link_id = Varchar(8, null=True, default=None)
    staff = ForeignKey(Staff, on_delete=OnDelete.set_null, null=True, default=None)
    task = BigInt(null=True, default=None)
    address = Bytea(null=True, default=None)
    dedupe = Varchar(120, null=True, default=None)
    rehearsal = Boolean(null=False, default=False)
    created_at = Timestamptz(null=False, default=None)

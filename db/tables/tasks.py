"""Something a named person must handle."""

from piccolo.columns import BigSerial, Boolean, Bytea, ForeignKey, SmallInt, Timestamptz, Varchar
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.agenda import Appointment
from db.tables.deliveries import Delivery
from db.tables.people import Patient
from db.tables.practice import Practice, Staff
from db.tables.sequences import Enrolment


class Task(Table, db=ENGINE):
    """A step of a plan that a person takes (`step` set; `planned` until it is due), or what an event asks of one.

    `dedupe` makes the second telling of one event find the first one's task. `body` is a patient's sealed reply, `note`
    what a member of staff wrote, sealed too, which only the staff pages show. `assignee` is whom the task is addressed
    to now, on behalf of `role`; until a step is due, `role` and `fallback_role` hold whom the plan names, a role or a
    person's reference. `rung` counts how often it went up the ladder. `look_at` is when somebody is to be
    nudged, or the task moved on; `nudged_at` when that last happened in its present state. `promised_at`: a call
    that somebody promised to make then. `crisis`: opened under a crisis flag, only a person's outcome ends it.
    """

    id = BigSerial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    ref = Varchar(12, unique=True, null=False, default=None)
    kind = Varchar(30, null=False, default=None)
    status = Varchar(14, null=False, default=None)
    patient = ForeignKey(Patient, on_delete=OnDelete.restrict, null=True, default=None)
    enrolment = ForeignKey(Enrolment, on_delete=OnDelete.restrict, null=True, default=None)
    delivery = ForeignKey(Delivery, on_delete=OnDelete.restrict, null=True, default=None)
    assignee = ForeignKey(Staff, on_delete=OnDelete.set_null, null=True, default=None)
    fallback = ForeignKey(Staff, on_delete=OnDelete.set_null, null=True, default=None)
    reason = Varchar(30, null=True, default=None)
    body = Bytea(null=True, default=None)
    urgent = Boolean(null=False, default=False)
    due_at = Timestamptz(null=False, default=None)
    dedupe = Varchar(120, null=False, default=None)
    created_at = Timestamptz(null=False, default=None)
    closed_at = Timestamptz(null=True, default=None)
    outcome = Varchar(30, null=True, default=None)
    appointment = ForeignKey(Appointment, on_delete=OnDelete.restrict, null=True, default=None)
    step = SmallInt(null=True, default=None)
    role = Varchar(20, null=True, default=None)
    fallback_role = Varchar(20, null=True, default=None)
    rung = SmallInt(null=False, default=0)
    crisis = Boolean(null=False, default=False)
    unless_answered = Boolean(null=False, default=False)
    deadline_at = Timestamptz(null=True, default=None)
    acknowledged_at = Timestamptz(null=True, default=None)
    acknowledged_by = ForeignKey(Staff, on_delete=OnDelete.set_null, null=True, default=None)
    claimed_at = Timestamptz(null=True, default=None)
    claimed_by = ForeignKey(Staff, on_delete=OnDelete.set_null, null=True, default=None)
    promised_at = Timestamptz(null=True, default=None)
    look_at = Timestamptz(null=True, default=None)
    nudged_at = Timestamptz(null=True, default=None)
    note = Bytea(null=True, default=None)

"""Something a named person must handle."""

from piccolo.columns import BigSerial, Boolean, Bytea, ForeignKey, Timestamptz, Varchar
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.deliveries import Delivery
from db.tables.people import Patient
from db.tables.practice import Practice, Staff
from db.tables.sequences import Enrolment


class Task(Table, db=ENGINE):
    """`dedupe` makes the second telling of one event find the first one's task; `body` is a patient's sealed reply."""

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

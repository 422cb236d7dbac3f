"""One patient in one follow-up."""

from piccolo.columns import JSONB, BigSerial, Boolean, ForeignKey, Timestamptz, Varchar
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.agenda import Appointment
from db.tables.people import Patient
from db.tables.practice import Practice, Practitioner


class Enrolment(Table, db=ENGINE):
    """`plan` is the plan as it was at the start: editing the practice's plan changes no running sequence.

    `reason` says why it ended. `review_at` is when a sweep looks whether anything is left to do.
    """

    id = BigSerial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    patient = ForeignKey(Patient, on_delete=OnDelete.restrict, null=False)
    practitioner = ForeignKey(Practitioner, on_delete=OnDelete.restrict, null=False)
    appointment = ForeignKey(Appointment, on_delete=OnDelete.restrict, null=False)
    ref = Varchar(12, unique=True, null=False, default=None)
    plan_name = Varchar(40, null=False, default=None)
    plan = JSONB(null=False, default=None)
    speciality = Varchar(20, null=False, default=None)
    language = Varchar(8, null=False, default=None)
    late_entry = Boolean(null=False, default=False)
    status = Varchar(12, null=False, default=None)
    reason = Varchar(30, null=True, default=None)
    started_at = Timestamptz(null=False, default=None)
    ended_at = Timestamptz(null=True, default=None)
    resume_at = Timestamptz(null=True, default=None)
    review_at = Timestamptz(null=False, default=None)
    links_expire_at = Timestamptz(null=False, default=None)
    links_revoked_at = Timestamptz(null=True, default=None)

"""Appointments: the practice's own, which are facts, and those booked through Reprise, which may never overlap."""

from piccolo.columns import BigInt, BigSerial, Boolean, Date, ForeignKey, Integer, Timestamptz, Varchar
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.people import Patient
from db.tables.practice import Practice, Practitioner

IMPORTED = "import"
BOOKED_HERE = "reprise"


class Appointment(Table, db=ENGINE):
    """Without a time of day, `starts_at` and `ends_at` are null and only `day` (local) is known.

    `undecided` marks an absence of which nobody has decided yet whether a sequence follows it. `blocked_until` is the
    end plus the practitioner's buffer. `enrolment` and `link_id` say through which follow-up and which touchpoint a
    booking came; `calendar_sequence` rises with every move; `confirmed_at` is when the patient pressed the button.
    """

    id = BigSerial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    practitioner = ForeignKey(Practitioner, on_delete=OnDelete.restrict, null=False)
    patient = ForeignKey(Patient, on_delete=OnDelete.restrict, null=False)
    ref = Varchar(12, unique=True, null=False, default=None)
    key = Varchar(200, null=False, default=None)
    source = Varchar(10, null=False, default=None)
    day = Date(null=False, default=None)
    starts_at = Timestamptz(null=True, default=None)
    ends_at = Timestamptz(null=True, default=None)
    blocked_until = Timestamptz(null=True, default=None)
    status = Varchar(20, null=False, default=None)
    marked_at = Timestamptz(null=True, default=None)
    undecided = Boolean(null=False, default=False)
    enrolment = BigInt(null=True, default=None)
    link_id = Varchar(8, null=True, default=None)
    calendar_sequence = Integer(null=False, default=0)
    confirmed_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)

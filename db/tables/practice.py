"""The practice, the people who work there, and when it is open."""

from piccolo.columns import (
    JSONB,
    BigInt,
    Boolean,
    Bytea,
    Date,
    ForeignKey,
    Integer,
    Serial,
    SmallInt,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from db.engine import ENGINE


class Practice(Table, db=ENGINE):
    """`settings` holds what `db.queries.practices.Settings` reads; `sending` the sealed SMTP and gateway access.

    `setup_mark` is a keyed hash of the practice file, so that the same file again changes nothing.
    While `email_refused_until` (or `sms_refused_until`) lies ahead, the server takes nothing from us and nothing is
    claimed for it; `email_trips` counts how often in a row that was so, and `email_next_at` is when the server's limit
    lets the next message go.
    """

    id = Serial(primary_key=True)
    ref = Varchar(12, unique=True, null=False, default=None)
    key = Varchar(80, unique=True, null=False, default=None)
    name = Text(null=False, default=None)
    discreet_name = Text(null=False, default=None)
    country = Varchar(2, null=False, default=None)
    subdivision = Varchar(40, null=True, default=None)
    zone = Varchar(60, null=False, default=None)
    language = Varchar(8, null=False, default=None)
    phone = Varchar(20, null=False, default=None)
    address = Text(null=True, default=None)
    notice_email = Text(null=True, default=None)
    reply_to = Text(null=False, default=None)
    settings = JSONB(null=False, default="{}")
    sending = Bytea(null=True, default=None)
    setup_mark = Bytea(null=True, default=None)
    email_refused_until = Timestamptz(null=True, default=None)
    sms_refused_until = Timestamptz(null=True, default=None)
    email_trips = SmallInt(null=False, default=0)
    sms_trips = SmallInt(null=False, default=0)
    email_next_at = Timestamptz(null=True, default=None)
    sms_next_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)


class Staff(Table, db=ENGINE):
    """A person tasks are given to. The email address is sealed; its blind index is what sign-in looks up.

    `slack_user` is the person's id at Slack, once linked. `days` lists the weekdays worked, Monday 0, null for all;
    `alerts` says how the person hears of a task (`email`, or `none`: not at all); `email_invalid_at` is when a message
    to them came back.
    """

    id = Serial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    ref = Varchar(12, unique=True, null=False, default=None)
    name = Text(null=False, default=None)
    email = Bytea(null=False, default=None)
    email_index = Bytea(null=False, default=None)
    role = Varchar(20, null=False, default=None)
    language = Varchar(8, null=False, default="fr")
    fallback = ForeignKey("self", on_delete=OnDelete.set_null, null=True, default=None)
    active = Boolean(default=True, null=False)
    slack_user = Varchar(20, null=True, default=None)
    slack_linked_at = Timestamptz(null=True, default=None)
    days = JSONB(null=True, default=None)
    alerts = Varchar(10, null=False, default="email")
    email_invalid_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz(null=False, default=None)


class StaffAccess(Table, db=ENGINE, tablename="staff_access"):
    """How somebody signs in. `link` is a keyed hash of the one link that may still be used, `totp` the sealed secret of
    the second factor, in force since `totp_since`; `totp_step` is the last time step used, which is used once.
    Sessions from before `signed_out_at` are over."""

    id = Serial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    staff = ForeignKey(Staff, on_delete=OnDelete.restrict, null=False, unique=True)
    link = Bytea(null=True, default=None)
    link_expires_at = Timestamptz(null=True, default=None)
    totp = Bytea(null=True, default=None)
    totp_since = Timestamptz(null=True, default=None)
    totp_step = BigInt(null=True, default=None)
    failures = SmallInt(null=False, default=0)
    locked_until = Timestamptz(null=True, default=None)
    signed_out_at = Timestamptz(null=True, default=None)
    signed_in_at = Timestamptz(null=True, default=None)


class RecoveryCode(Table, db=ENGINE, tablename="recovery_code"):
    """A way in without the second factor, once; `code` is a keyed hash."""

    id = Serial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    staff = ForeignKey(Staff, on_delete=OnDelete.restrict, null=False)
    code = Bytea(null=False, default=None)
    used_at = Timestamptz(null=True, default=None)


class StaffAbsence(Table, db=ENGINE, tablename="staff_absence"):
    """Leave, both days included; without a stand-in, the person's own fallback stands in."""

    id = Serial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    staff = ForeignKey(Staff, on_delete=OnDelete.restrict, null=False)
    starts_on = Date(null=False, default=None)
    ends_on = Date(null=False, default=None)
    stand_in = ForeignKey(Staff, on_delete=OnDelete.set_null, null=True, default=None)


class Practitioner(Table, db=ENGINE):
    """`key` is the folded name that an import is matched on; `week` is null while the practice's week applies."""

    id = Serial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    ref = Varchar(12, unique=True, null=False, default=None)
    key = Varchar(120, null=False, default=None)
    name = Text(null=False, default=None)
    speciality = Varchar(20, null=False, default=None)
    duration_min = Integer(null=False, default=50)
    buffer_min = Integer(null=False, default=10)
    week = JSONB(null=True, default=None)
    staff = ForeignKey(Staff, on_delete=OnDelete.set_null, null=True, default=None)
    created_at = Timestamptz(null=False, default=None)


class Closure(Table, db=ENGINE):
    """Days without appointments, both ends included; without a practitioner it closes the whole practice."""

    id = Serial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    practitioner = ForeignKey(Practitioner, on_delete=OnDelete.cascade, null=True, default=None)
    starts_on = Date(null=False, default=None)
    ends_on = Date(null=False, default=None)

"""The append-only record of everything done for or about a patient, and its seals."""

from piccolo.columns import JSONB, Array, BigInt, BigSerial, Bytea, Integer, Timestamptz, Varchar
from piccolo.table import Table

from db.engine import ENGINE


class Journal(Table, db=ENGINE):
    """Random references and codes only; a trigger refuses UPDATE and DELETE. No foreign key points here, so that whole
    months can be detached and dropped."""

    id = BigSerial(primary_key=True)
    practice = Integer(null=False, default=None)
    at = Timestamptz(null=False, default=None)
    actor = Varchar(40, null=False, default=None)
    event = Varchar(40, null=False, default=None)
    patient_ref = Varchar(12, null=True, default=None)
    enrolment_ref = Varchar(12, null=True, default=None)
    subject_ref = Varchar(12, null=True, default=None)
    reason = Varchar(30, null=True, default=None)
    data = JSONB(null=True, default=None)


class JournalUnsealed(Table, db=ENGINE, tablename="journal_unsealed"):
    """Entries that no seal covers yet; a trigger fills it in the entry's own transaction."""

    entry = BigInt(primary_key=True)


class JournalSeal(Table, db=ENGINE, tablename="journal_seal"):
    """One link of the hash chain over a batch of entries, in the order in which they are listed."""

    position = BigSerial(primary_key=True)
    sealed_at = Timestamptz(null=False, default=None)
    entries = Array(base_column=BigInt(), null=False, default=None)
    previous = Bytea(null=False, default=None)
    seal = Bytea(null=False, default=None)


class SecurityLog(Table, db=ENGINE, tablename="security_log"):
    """Who signed in, and who looked at whom: apart from the care journal, append-only, kept for twelve months."""

    id = BigSerial(primary_key=True)
    practice = Integer(null=False, default=None)
    at = Timestamptz(null=False, default=None)
    actor = Varchar(40, null=False, default=None)
    event = Varchar(40, null=False, default=None)
    subject_ref = Varchar(12, null=True, default=None)
    data = JSONB(null=True, default=None)

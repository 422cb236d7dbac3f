"""The practice's own words, version by version."""

from piccolo.columns import BigSerial, ForeignKey, Integer, Text, Timestamptz, Varchar
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.practice import Practice, Staff


class ToneVariant(Table, db=ENGINE, tablename="tone_variant"):
    """One version of one text: message, channel, speciality, language. `state` is draft, published or retired; a text
    without a published version is the shipped one. An SMS has no subject."""

    id = BigSerial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    message = Varchar(40, null=False, default=None)
    channel = Varchar(10, null=False, default=None)
    speciality = Varchar(20, null=False, default=None)
    language = Varchar(8, null=False, default=None)
    version = Integer(null=False, default=None)
    state = Varchar(10, null=False, default=None)
    subject = Text(null=False, default="")
    body = Text(null=False, default=None)
    author = ForeignKey(Staff, on_delete=OnDelete.set_null, null=True, default=None)
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)
    published_at = Timestamptz(null=True, default=None)

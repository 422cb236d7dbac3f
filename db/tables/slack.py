"""What stands at Slack of each case."""

from piccolo.columns import BigInt, BigSerial, Boolean, ForeignKey, Integer, Timestamptz, Varchar
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from db.engine import ENGINE
from db.tables.practice import Practice
from db.tables.tasks import Task


class SlackPost(Table, db=ENGINE, tablename="slack_post"):
    """One message for each case, in one channel (a person's direct messages, or the practice's), re-rendered in place.

    `stale`: the case has changed since it was rendered; a trigger sets it. `ts` is Slack's name of the message, null
    until it is posted. `threaded` is the last journal entry told in the thread. `ambiguous`: an earlier post may have
    arrived without an answer. `error` is Slack's own word for the last failure.
    """

    id = BigSerial(primary_key=True)
    practice = ForeignKey(Practice, on_delete=OnDelete.restrict, null=False)
    task = ForeignKey(Task, on_delete=OnDelete.restrict, null=False, unique=True)
    channel = Varchar(20, null=True, default=None)
    ts = Varchar(30, null=True, default=None)
    stale = Boolean(null=False, default=True)
    attempt_at = Timestamptz(null=False, default=None)
    attempts = Integer(null=False, default=0)
    lease_until = Timestamptz(null=True, default=None)
    threaded = BigInt(null=True, default=None)
    ambiguous = Boolean(null=False, default=False)
    error = Varchar(60, null=True, default=None)
    posted_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz(null=False, default=None)

"""When the service messages of a new appointment are due: its confirmation, and a reminder on each channel.

Every moment given is aware; every moment returned is in UTC.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from db.rules.windows import ONE_DAY, Calendar, closing_of, is_working_day, local_day, next_opening, opening_of
from db.states import Channel

CONFIRMATION = "confirmation"

# How long before the start each reminder is due. Elapsed hours: a night of 23 or 25 hours counts as what it is.
REMINDERS = (
    ("reminder_email", Channel.EMAIL, timedelta(hours=48)),
    ("reminder_sms", Channel.SMS, timedelta(hours=24)),
)

# A reminder is due an hour before the close at the latest: a gateway's queue must not carry it over a night.
ROOM = timedelta(hours=1)

# A reminder that comes nearer than this to what the patient has just read only repeats it. Half a day keeps what comes
# on the next day, and leaves out what would come on the same one.
APART = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class ServiceMessage:
    message: str
    channel: Channel
    due_at: datetime


def service_messages(starts_at: datetime, *, now: datetime, calendar: Calendar) -> tuple[ServiceMessage, ...]:
    """What follows an appointment that is booked or moved `now`, the earliest first.

    The reminder by email keeps its distance from the confirmation, which is an email too; the one by SMS keeps it from
    the page on which the appointment was booked, since not everybody has a mailbox.
    """
    confirmed_at = next_opening(now, calendar)
    read_at = {Channel.SMS: now, Channel.EMAIL: confirmed_at}
    planned = [ServiceMessage(CONFIRMATION, Channel.EMAIL, confirmed_at)]
    for message, channel, lead in REMINDERS:
        due_at = last_moment(starts_at.astimezone(UTC) - lead, calendar)
        if due_at - read_at[channel] >= APART:
            planned.append(ServiceMessage(message, channel, due_at))
    return tuple(one for one in planned if one.due_at < starts_at)


def last_moment(moment: datetime, calendar: Calendar) -> datetime:
    """The latest moment, not after this one, at which a reminder may be due. Backwards, and not to the next opening
    like other messages: that could lie after the appointment."""
    day = local_day(moment, calendar)
    while True:
        opens, closes = opening_of(day, calendar), closing_of(day, calendar)
        # Hours that lie within the hour the clocks skip can turn inside out on that one night.
        if opens < closes and opens <= moment and is_working_day(day, calendar):
            return min(moment.astimezone(UTC), max(opens, closes - ROOM))
        day -= ONE_DAY

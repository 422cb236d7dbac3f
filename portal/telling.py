"""Codes, days and moments as sentences, in a language and in the practice's own time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from db.actors import SYSTEM
from db.queries.journal import PlannedMessage, StoryEntry
from db.queries.practices import Profile
from db.queries.words import Words, words
from db.states import DeliveryStatus

STAFF = "staff:"


@dataclass(frozen=True)
class Teller:
    """Says what happened, to staff. No sentence holds a name, a number or an address."""

    words: Words
    zone: ZoneInfo

    @classmethod
    def of(cls, practice: Profile) -> Self:
        return cls(words(practice.language), ZoneInfo(practice.zone))

    def moment(self, moment: datetime) -> str:
        return format_datetime(
            moment.astimezone(self.zone), self.words.day_and_time, tzinfo=self.zone, locale=self.words.language
        )

    def day(self, day: date) -> str:
        return format_date(day, self.words.day, locale=self.words.language)

    def date(self, moment: datetime) -> str:
        """The local day of a moment, with its name of the week."""
        return format_date(moment.astimezone(self.zone), self.words.date, locale=self.words.language)

    def time(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%H:%M}"

    def actor(self, actor: str) -> str:
        return self.words.of("actors", "staff" if actor.startswith(STAFF) else actor)

    def event(self, entry: StoryEntry) -> str:
        """What happened, by whom, and why."""
        values = self._values(entry.data) | {"task": self.words.of("tasks", entry.reason)}
        said = self.words.of("events", entry.event).format_map(_Blank(values))
        return " — ".join([said, *self._remarks(entry)])

    def planned(self, message: PlannedMessage) -> str:
        label = "under_way" if message.status == DeliveryStatus.CLAIMED else "planned"
        said = self.words.label(label).format(
            channel=self.words.of("channels", message.channel), message=self.words.of("messages", message.message)
        )
        return f"{said} — {self.words.of('reasons', message.reason)}" if message.reason else said

    def _remarks(self, entry: StoryEntry) -> list[str]:
        remarks = []
        if entry.reason and not entry.event.startswith("task_"):
            remarks.append(self.words.of("reasons", entry.reason))
        if entry.data.get("late_entry"):
            remarks.append(self.words.label("late_entry"))
        if until := entry.data.get("until"):
            remarks.append(self.words.label("until").format(until=self.moment(datetime.fromisoformat(until))))
        if entry.actor != SYSTEM:
            remarks.append(self.words.label("by").format(actor=self.actor(entry.actor)))
        return remarks

    def _values(self, data: Mapping[str, Any]) -> dict[str, str]:
        of = self.words.of
        values = {
            "message": of("messages", data.get("message")),
            "channel": of("channels", data.get("channel")),
            "status": of("appointment_statuses", data.get("status")),
            "plan": of("plans", data.get("plan")),
            "barrier": of("barriers", data.get("detail")),
        }
        if "day" in data:
            values["day"] = self.day(date.fromisoformat(data["day"]))
        for name in ("starts_at", "previous"):
            if data.get(name):
                values[name] = self.moment(datetime.fromisoformat(data[name]))
        return values


class _Blank(dict[str, str]):
    """A value that an old entry does not have leaves a gap, never an error."""

    def __missing__(self, key: str) -> str:
        return "…"

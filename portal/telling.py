"""Codes, days and moments as sentences, in a language and in the practice's own time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from db.actors import SYSTEM
from db.queries.journal import PlannedMessage, PlannedStep, StoryEntry
from db.queries.practices import Profile
from db.queries.words import Words, words
from db.states import DeliveryStatus

STAFF = "staff:"
ABOUT_A_TASK = "task_"
ENDED = ("task_closed", "task_released")
# Their reason is the name of a rule.
ABOUT_A_RULE = ("high_risk_noted", "label_set", "label_ended")


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

    def kind_of_actor(self, actor: str) -> str:
        """Of a member of staff no more than that."""
        return "staff" if actor.startswith(STAFF) else actor

    def actor(self, actor: str) -> str:
        return self.words.of("actors", self.kind_of_actor(actor))

    def event(self, entry: StoryEntry) -> str:
        """What happened, by whom, and why."""
        return " — ".join([self.happened(entry), *self._remarks(entry)])

    def happened(self, entry: StoryEntry) -> str:
        """What happened, and no more."""
        values = self._values(entry.data) | {"task": self.words.of("tasks", task_kind(entry))}
        return self.words.of("events", entry.event).format_map(_Blank(values))

    def reason(self, entry: StoryEntry) -> str:
        return self.words.of("risk_rules" if entry.event in ABOUT_A_RULE else "reasons", reason_of(entry))

    def planned(self, message: PlannedMessage) -> str:
        label = "under_way" if message.status == DeliveryStatus.CLAIMED else "planned"
        said = self.words.label(label).format(
            channel=self.words.of("channels", message.channel), message=self.words.of("messages", message.message)
        )
        return f"{said} — {self.words.of('reasons', message.reason)}" if message.reason else said

    def step(self, step: PlannedStep) -> str:
        """A step that a person will take: for whom, until when, and what would make it needless."""
        of, label = self.words.of, self.words.label
        name = step.assignee or of("roles", step.role)
        remarks = (
            of("reasons", step.reason),
            label("for_role").format(role=name) if name else "",
            label("deadline").format(moment=self.moment(step.deadline_at)) if step.deadline_at else "",
            label("unless_answered") if step.unless_answered else "",
        )
        return " — ".join([label("planned_step").format(task=of("tasks", step.kind)), *filter(None, remarks)])

    def _remarks(self, entry: StoryEntry) -> list[str]:
        remarks = [reason] if (reason := self.reason(entry)) else []
        if entry.event in ENDED and (outcome := entry.data.get("outcome")):
            remarks.append(self.words.label("outcome").format(outcome=self.words.of("outcomes", outcome)))
        if entry.data.get("late_entry"):
            remarks.append(self.words.label("late_entry"))
        if until := entry.data.get("until"):
            remarks.append(self.words.label("until").format(until=self._day_or_moment(until)))
        if entry.actor != SYSTEM:
            remarks.append(self.words.label("by").format(actor=self.actor(entry.actor)))
        return remarks

    def _day_or_moment(self, iso: str) -> str:
        moment = datetime.fromisoformat(iso)
        return self.moment(moment) if moment.tzinfo else self.day(moment.date())

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


def task_kind(entry: StoryEntry) -> str | None:
    """An entry about a task names its kind, or has it as its reason; the task itself knows it otherwise."""
    named: str | None = entry.data.get("task")
    return named or entry.task or entry.reason


def reason_of(entry: StoryEntry) -> str | None:
    """Why, as a code of the reasons. The kind of a task says what is to be done, and is no reason for it."""
    is_kind = entry.event.startswith(ABOUT_A_TASK) and "task" not in entry.data and entry.reason == task_kind(entry)
    return None if is_kind else entry.reason


class _Blank(dict[str, str]):
    """A value that an old entry does not have leaves a gap, never an error."""

    def __missing__(self, key: str) -> str:
        return "…"

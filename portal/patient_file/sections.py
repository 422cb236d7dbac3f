"""A patient's file as tables of words, for a person to read: what the printed page and the table of a spreadsheet show.

Everything here is plain text; whoever prints it escapes it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from db.queries.export import Identity, KeptAppointment, KeptMessage, KeptStep, PatientFile
from db.rules.telephones import display
from portal.telling import Teller

Row = tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """`name` is a fixed one, for the document's own anchors; `empty` says it where there are no rows."""

    name: str
    title: str
    columns: Row
    rows: tuple[Row, ...]
    empty: str = ""


class Sayer:
    """The words of an export, with the dates and names of one practice."""

    def __init__(self, teller: Teller, country: str) -> None:
        self.teller, self.country = teller, country
        self.of = teller.words.of

    def label(self, label: str, /, **values: str) -> str:
        return self.of("export", label).format(**values)

    def labels(self, names: str) -> Row:
        return tuple(self.label(name) for name in names.split())

    def moment(self, moment: datetime | None) -> str:
        return self.teller.moment(moment) if moment else ""

    def day(self, day: date | None) -> str:
        return self.teller.day(day) if day else ""

    def time(self, moment: datetime | None) -> str:
        return self.teller.time(moment) if moment else ""

    def seen_by(self, moment: datetime | None, name: str | None) -> str:
        if moment is None:
            return ""
        return self.label("by_whom", moment=self.moment(moment), name=name) if name else self.moment(moment)

    def identity(self, who: Identity) -> tuple[Row, ...]:
        phone = display(who.phone, self.country) if who.phone else self.label("none")
        facts = (
            ("number", who.number),
            ("reference", who.ref),
            ("first_name", who.first_name or self.label("none")),
            ("last_name", who.last_name or self.label("none")),
            ("phone", self._address(phone, who.phone_invalid_at)),
            ("email", self._address(who.email or self.label("none"), who.email_invalid_at)),
            ("language", who.language or self.label("by_default")),
            ("minor", self.label("yes" if who.minor else "no")),
            ("recorded", self.moment(who.created_at)),
            ("updated", self.moment(who.updated_at)),
        )
        return tuple((self.label(name), value) for name, value in facts)

    def _address(self, address: str, invalid_at: datetime | None) -> str:
        return f"{address} ({self.label('does_not_work', moment=self.moment(invalid_at))})" if invalid_at else address

    def remarks_on(self, message: KeptMessage) -> str:
        said = (self.of("reasons", message.reason), self.label("ambiguous") if message.ambiguous else "")
        return _joined(said)

    def remarks_about(self, step: KeptStep) -> str:
        said = (
            self.of("reasons", step.reason),
            self.label("promised", moment=self.moment(step.promised_at)) if step.promised_at else "",
            self.label("reply", text=step.reply) if step.reply else "",
            self.label("reply_withheld") if step.reply_withheld else "",
            self.label("note") if step.has_note else "",
        )
        return _joined(said)

    def when(self, appointment: KeptAppointment) -> tuple[str, str]:
        return self.day(appointment.day), self.time(appointment.starts_at)


def sections(file: PatientFile, say: Sayer) -> tuple[Section, ...]:
    return (
        Section("who", say.label("who"), (), say.identity(file.identity)),
        _refusals(file, say),
        _priority(file, say),
        _appointments(file, say),
        _sequences(file, say),
        _messages(file, say),
        _steps(file, say),
        _journal(file, say),
    )


def _refusals(file: PatientFile, say: Sayer) -> Section:
    objected = file.identity.objected_at
    rows = [(say.label("objection"), "", say.moment(objected), "")] if objected else []
    rows += [
        (
            say.label("opt_out", channel=say.of("channels", one.channel)),
            say.of("sources", one.source),
            say.moment(one.since),
            say.moment(one.ended_at),
        )
        for one in file.opt_outs
    ]
    columns = say.labels("refusals source since ended")
    return Section("refusals", say.label("refusals"), columns, tuple(rows), say.label("no_refusals"))


def _priority(file: PatientFile, say: Sayer) -> Section:
    rows = (
        (say.of("risk_rules", one.rule), say.moment(one.since), say.day(one.until), say.moment(one.ended_at))
        for one in file.priorities
    )
    columns = say.labels("rule since until ended")
    return Section("priority", say.label("priority"), columns, tuple(rows), say.label("no_priority"))


def _appointments(file: PatientFile, say: Sayer) -> Section:
    rows = (
        (
            *say.when(one),
            one.practitioner,
            say.of("appointment_statuses", one.status),
            say.of("sources", one.source),
            say.moment(one.created_at),
        )
        for one in file.appointments
    )
    columns = say.labels("day time practitioner status source recorded")
    return Section("appointments", say.label("appointments"), columns, tuple(rows), say.label("no_appointments"))


def _sequences(file: PatientFile, say: Sayer) -> Section:
    rows = (
        (
            say.of("plans", one.plan),
            say.moment(one.started_at),
            say.moment(one.ended_at),
            say.of("enrolment_statuses", one.status),
            say.of("reasons", one.reason),
        )
        for one in file.sequences
    )
    columns = say.labels("sequences started finished status reason")
    return Section("sequences", say.label("sequences"), columns, tuple(rows), say.label("no_sequences"))


def _messages(file: PatientFile, say: Sayer) -> Section:
    rows = (
        (
            say.of("messages", one.message),
            say.of("channels", one.channel),
            say.of("recipients", one.recipient),
            say.moment(one.due_at),
            say.moment(one.sent_at),
            say.of("delivery_statuses", one.status),
            say.remarks_on(one),
        )
        for one in file.messages
    )
    columns = say.labels("message channel recipient due sent status reason")
    return Section("messages", say.label("messages"), columns, tuple(rows), say.label("no_messages"))


def _steps(file: PatientFile, say: Sayer) -> Section:
    rows = (
        (
            say.of("tasks", one.kind),
            one.assignee or say.of("roles", one.role),
            say.moment(one.due_at),
            say.seen_by(one.acknowledged_at, one.acknowledged_by),
            say.seen_by(one.claimed_at, one.claimed_by),
            say.seen_by(one.closed_at, one.closed_by),
            say.of("task_statuses", one.status),
            say.of("outcomes", one.outcome),
            say.remarks_about(one),
        )
        for one in file.steps
    )
    columns = say.labels("step assignee due seen taken closed status outcome detail")
    return Section("steps", say.label("steps"), columns, tuple(rows), say.label("no_steps"))


def _journal(file: PatientFile, say: Sayer) -> Section:
    teller = say.teller
    rows = (
        (say.moment(one.at), teller.happened(one), teller.reason(one), teller.actor(one.actor)) for one in file.journal
    )
    columns = say.labels("when what why who_did")
    return Section("journal", say.label("journal"), columns, tuple(rows), say.label("no_journal"))


def _joined(said: Iterable[str]) -> str:
    return " ; ".join(filter(None, said))

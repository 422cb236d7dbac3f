"""A patient's file as one table, in the order of time, that a spreadsheet opens.

French, Swiss and Belgian spreadsheets part columns at semicolons, and know UTF-8 by the mark at its start.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from db.queries.export import PatientFile
from portal.patient_file.sections import Sayer

MARK = "\ufeff"
# A cell that starts so would be run as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
COLUMNS = "kind day time what channel status why who_did due sent detail code moment"


@dataclass(frozen=True)
class Line:
    """`at` is the moment that sorts it; an identity has none, and an appointment may have a day alone."""

    kind: str
    what: str
    code: str
    at: datetime | None = None
    on: date | None = None
    channel: str = ""
    status: str = ""
    why: str = ""
    who: str = ""
    due_at: datetime | None = None
    done_at: datetime | None = None
    detail: str = ""


def as_csv(file: PatientFile, say: Sayer) -> str:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";", lineterminator="\r\n")
    writer.writerow(say.labels(COLUMNS))
    for line in (*_identity(file, say), *sorted(_timeline(file, say), key=lambda line: _sorted_by(line, say))):
        writer.writerow([harmless(cell) for cell in _cells(line, say)])
    return MARK + written.getvalue()


def harmless(cell: str) -> str:
    """A leading apostrophe makes a spreadsheet take for text what it would else run."""
    return f"'{cell}" if cell.startswith(FORMULA) or cell.strip().startswith(FORMULA) else cell


def _cells(line: Line, say: Sayer) -> tuple[str, ...]:
    zone = say.teller.zone
    local = line.at.astimezone(zone) if line.at else None
    day = local.date() if local else line.on
    return (
        say.label(f"kind_{line.kind}"),
        day.isoformat() if day else "",
        f"{local:%H:%M}" if local else "",
        line.what,
        line.channel,
        line.status,
        line.why,
        line.who,
        say.moment(line.due_at),
        say.moment(line.done_at),
        line.detail,
        line.code,
        local.isoformat() if local else "",
    )


def _sorted_by(line: Line, say: Sayer) -> tuple[str, str]:
    if line.at is None:
        return f"{line.on or ''}", ""
    return f"{line.at.astimezone(say.teller.zone):%Y-%m-%d}", f"{line.at:%Y-%m-%dT%H:%M:%S.%f}"


def _identity(file: PatientFile, say: Sayer) -> Iterator[Line]:
    for name, value in say.identity(file.identity):
        yield Line("identity", name, "", detail=value)


def _timeline(file: PatientFile, say: Sayer) -> Iterator[Line]:
    yield from _labels(file, say)
    yield from _agenda(file, say)
    yield from _messages(file, say)
    yield from _steps(file, say)
    for entry in file.journal:
        teller = say.teller
        said, who = teller.happened(entry), teller.actor(entry.actor)
        yield Line("journal", said, entry.event, at=entry.at, why=teller.reason(entry), who=who)


def _labels(file: PatientFile, say: Sayer) -> Iterator[Line]:
    if file.identity.objected_at:
        yield Line("refusal", say.label("objection"), "objection", at=file.identity.objected_at)
    for refusal in file.opt_outs:
        channel = say.of("channels", refusal.channel)
        yield Line(
            "refusal",
            say.label("opt_out", channel=channel),
            "opt_out",
            at=refusal.since,
            channel=channel,
            why=say.of("sources", refusal.source),
            done_at=refusal.ended_at,
        )
    for one in file.priorities:
        until = f"{say.label('until')} {say.day(one.until)}" if one.until else ""
        rule = say.of("risk_rules", one.rule)
        yield Line("priority", rule, one.rule, at=one.since, done_at=one.ended_at, detail=until)


def _agenda(file: PatientFile, say: Sayer) -> Iterator[Line]:
    for visit in file.appointments:
        yield Line(
            "appointment",
            say.label("appointments"),
            visit.status,
            at=visit.starts_at,
            on=visit.day,
            status=say.of("appointment_statuses", visit.status),
            who=visit.practitioner,
            detail=say.of("sources", visit.source),
        )
    for one in file.sequences:
        yield Line(
            "sequence",
            say.of("plans", one.plan),
            one.status,
            at=one.started_at,
            status=say.of("enrolment_statuses", one.status),
            why=say.of("reasons", one.reason),
            done_at=one.ended_at,
        )


def _messages(file: PatientFile, say: Sayer) -> Iterator[Line]:
    for one in file.messages:
        yield Line(
            "message",
            say.of("messages", one.message),
            one.status,
            at=one.sent_at or one.due_at,
            channel=say.of("channels", one.channel),
            status=say.of("delivery_statuses", one.status),
            why=say.remarks_on(one),
            due_at=one.due_at,
            done_at=one.sent_at,
            detail=say.of("recipients", one.recipient),
        )


def _steps(file: PatientFile, say: Sayer) -> Iterator[Line]:
    for one in file.steps:
        path = (
            (say.label("seen"), say.seen_by(one.acknowledged_at, one.acknowledged_by)),
            (say.label("taken"), say.seen_by(one.claimed_at, one.claimed_by)),
            (say.label("closed"), say.seen_by(one.closed_at, one.closed_by)),
            (say.label("outcome"), say.of("outcomes", one.outcome)),
        )
        said = [f"{name} : {value}" for name, value in path if value]
        yield Line(
            "step",
            say.of("tasks", one.kind),
            one.status,
            at=one.due_at,
            status=say.of("task_statuses", one.status),
            who=one.assignee or say.of("roles", one.role),
            due_at=one.due_at,
            done_at=one.closed_at,
            detail=" ; ".join(filter(None, [*said, say.remarks_about(one)])),
        )

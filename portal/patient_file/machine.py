"""A patient's file for machines: one JSON document, each code with its words beside it."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from db.queries.export import PatientFile
from db.queries.journal import StoryEntry
from portal.telling import Teller

NAME, VERSION = "reprise-patient-file", 1


def document(file: PatientFile, teller: Teller, *, practice: str, made_at: datetime) -> dict[str, Any]:
    """Plain values only. Times are ISO 8601 with the offset of the practice's zone; a null is a thing not known."""
    spoken: dict[str, Any] = {
        "format": NAME,
        "version": VERSION,
        "made_at": made_at,
        "practice": practice,
        "language": teller.words.language,
        "zone": teller.zone.key,
        "patient": vars(file.identity),
        "opt_outs": _worded(file.opt_outs, teller, channel="channels", source="sources"),
        "priority": _worded(file.priorities, teller, rule="risk_rules"),
        "appointments": _worded(file.appointments, teller, status="appointment_statuses", source="sources"),
        "sequences": _worded(file.sequences, teller, plan="plans", status="enrolment_statuses", reason="reasons"),
        "messages": _worded(
            file.messages,
            teller,
            message="messages",
            channel="channels",
            recipient="recipients",
            status="delivery_statuses",
            reason="reasons",
        ),
        "steps": _worded(
            file.steps,
            teller,
            kind="tasks",
            status="task_statuses",
            reason="reasons",
            role="roles",
            outcome="outcomes",
        ),
        "journal": [_entry(entry, teller) for entry in file.journal],
    }
    plain: dict[str, Any] = _plain(spoken, teller.zone)
    return plain


def _worded(rows: Iterable[object], teller: Teller, **groups: str) -> list[dict[str, Any]]:
    """`status="delivery_statuses"` puts `status_text` beside `status`."""
    return [_with_words(vars(row), teller, groups) for row in rows]


def _with_words(values: Mapping[str, Any], teller: Teller, groups: Mapping[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, value in values.items():
        said[name] = value
        if name in groups:
            said[f"{name}_text"] = teller.words.of(groups[name], value) or None
    return said


def _entry(entry: StoryEntry, teller: Teller) -> dict[str, Any]:
    """Who did it as a kind of actor: a member of staff stands by name beside the steps, not here."""
    return {
        "at": entry.at,
        "event": entry.event,
        "text": teller.event(entry),
        "reason": entry.reason,
        "reason_text": teller.reason(entry) or None,
        "actor": teller.kind_of_actor(entry.actor),
        "actor_text": teller.actor(entry.actor),
        "enrolment": entry.enrolment,
        "subject": entry.subject,
        "data": entry.data,
    }


def _plain(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one, zone) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one, zone) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat()
    return value.isoformat() if isinstance(value, date) else value

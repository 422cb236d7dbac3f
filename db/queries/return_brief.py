"""What the practitioner should know before a patient who was followed up comes back: what was sent and done, and
nothing of the patient's health, name or words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from db.engine import Row, fetch, fetch_one
from db.queries.people import SHOWN_NUMBER
from db.states import OPEN_TASK, DeliveryStatus, TaskKind, TaskStatus

LEFT = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.FAILED)
HAPPENED = (*OPEN_TASK, TaskStatus.DONE)
# Contacts with the patient. What a kind alone would tell of somebody's health, and what is the machinery's own
# business, is not among them.
TOLD_KINDS = (
    TaskKind.CALL,
    TaskKind.ALERT,
    TaskKind.ESCALATION,
    TaskKind.CALL_REQUEST,
    TaskKind.REPLY,
    TaskKind.BARRIER,
    TaskKind.DECLINED,
    TaskKind.UNREACHABLE,
    TaskKind.NOT_A_MOBILE,
)
NUMBER = "{number}"


@dataclass(frozen=True, slots=True)
class SentMessage:
    """`at` is when it left, or was to leave where it failed before."""

    message: str
    channel: str
    at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class HumanStep:
    """`at` is when it was closed, or since when it is due; without an `outcome`, its status says how far it is."""

    kind: str
    at: datetime
    status: str
    outcome: str | None


@dataclass(frozen=True, slots=True)
class ReturnBrief:
    """Codes and moments; `number` is the patient's as the practice's own software knows it, and `record_url` leads to
    the file there: empty where the practice has set no address, or its software gave the patient no number."""

    number: str
    record_url: str
    practitioner: str
    booked_on: date
    booked_at: datetime | None
    missed_on: date
    missed_at: datetime | None
    messages: tuple[SentMessage, ...]
    steps: tuple[HumanStep, ...]
    barriers: tuple[str, ...]


async def return_brief(practice: int, appointment: int) -> ReturnBrief | None:
    """By the row of the new appointment. None where it is gone, or its patient was not followed up before it."""
    row = await _appointment(practice, appointment)
    if row is None:
        return None
    # A follow-up that replaced another one of the same absence goes on with what that one had sent.
    followed = await fetch(
        "SELECT id, ref FROM enrolment WHERE patient = $1 AND appointment = $2", row["patient"], row["missed"]
    )
    ids = [one["id"] for one in followed]
    return ReturnBrief(
        number=row["number"],
        record_url=_record_url(row),
        practitioner=row["practitioner"],
        booked_on=row["day"],
        booked_at=row["starts_at"],
        missed_on=row["missed_on"],
        missed_at=row["missed_at"],
        messages=await _messages(ids),
        steps=await _steps(row, ids),
        barriers=await _barriers(row["patient_ref"], followed),
    )


async def _appointment(practice: int, appointment: int) -> Row | None:
    """The new appointment beside the one that was missed: that of the patient's latest follow-up by then."""
    return await fetch_one(
        f"SELECT a.day, a.starts_at, r.name AS practitioner, a.patient, p.ref AS patient_ref, c.settings, "
        f"{SHOWN_NUMBER} AS number, p.key LIKE 'h:%' AS without_number, m.id AS missed, m.day AS missed_on, "
        "m.starts_at AS missed_at, e.started_at FROM appointment a JOIN patient p ON p.id = a.patient "
        "JOIN practice c ON c.id = a.practice JOIN practitioner r ON r.id = a.practitioner "
        "JOIN LATERAL (SELECT x.appointment, x.started_at FROM enrolment x "
        "WHERE x.patient = a.patient AND x.started_at <= a.updated_at AND x.appointment <> a.id "
        "ORDER BY x.started_at DESC, x.id DESC LIMIT 1) e ON true JOIN appointment m ON m.id = e.appointment "
        "WHERE a.id = $1 AND a.practice = $2",
        appointment,
        practice,
    )


def _record_url(row: Row) -> str:
    """The number is data: no part of it may change where the address leads."""
    template: str = json.loads(row["settings"]).get("record_url", "")
    if row["without_number"] or not template.startswith(("https://", "http://")):
        return ""
    return template.replace(NUMBER, quote(row["number"], safe=""))


async def _messages(enrolments: Sequence[int]) -> tuple[SentMessage, ...]:
    rows: Any = await fetch(
        "SELECT message, channel, coalesce(sent_at, due_at) AS at, status FROM delivery WHERE enrolment = ANY($1) "
        "AND status = ANY($2) AND staff IS NULL ORDER BY at, step, channel DESC",
        list(enrolments),
        list(LEFT),
    )
    return tuple(SentMessage(**dict(row)) for row in rows)


async def _steps(row: Row, enrolments: Sequence[int]) -> tuple[HumanStep, ...]:
    """Those of the follow-up, and those of the patient since it began that belong to none."""
    rows: Any = await fetch(
        "SELECT kind, coalesce(closed_at, due_at) AS at, status, outcome FROM task WHERE patient = $1 "
        "AND (enrolment = ANY($2) OR appointment = $3 OR enrolment IS NULL AND created_at >= $4) "
        "AND kind = ANY($5) AND status = ANY($6) ORDER BY at, id",
        row["patient"],
        list(enrolments),
        row["missed"],
        row["started_at"],
        list(TOLD_KINDS),
        list(HAPPENED),
    )
    return tuple(HumanStep(**dict(one)) for one in rows)


async def _barriers(patient_ref: str, followed: Sequence[Row]) -> tuple[str, ...]:
    """What the patient said stands in the way, in the order in which it was first said."""
    rows = await fetch(
        "SELECT data ->> 'detail' AS barrier FROM journal WHERE patient_ref = $1 AND event = 'barrier_named' "
        "AND enrolment_ref = ANY($2) ORDER BY id",
        patient_ref,
        [one["ref"] for one in followed],
    )
    return tuple(dict.fromkeys(row["barrier"] for row in rows if row["barrier"]))

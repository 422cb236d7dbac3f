"""`reprise patient`, `risk` and `objection`: who a patient is for whoever has to call, and what holds for them."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from db import clock
from db.changes import labels, objections
from db.config import Config
from db.queries.people import PatientCard, patient_card, patient_ref
from db.queries.practices import Profile, only_practice
from db.rules.risk import RiskRule
from db.rules.telephones import display
from db.rules.windows import local_day
from portal.commands._codes import Code
from portal.commands._common import command, emit, out, run_connected, scope
from portal.commands._hands import by_whom, hand
from portal.telling import Teller

# A patient by our reference, a practice, the actor and the moment.
Change = Callable[[str, Profile, str, datetime], Awaitable[bool]]


@click.command("patient")
@click.argument("number")
@command
def patient(data: Path, as_json: bool, number: str) -> None:
    """Who a patient is: by the practice's own number, or by the reference that a task or a notice names."""

    async def work(_config: Config) -> tuple[Profile, PatientCard]:
        practice = await only_practice()
        return practice, await patient_card(practice.id, number, on=local_day(clock.now(), practice.calendar))

    practice, card = run_connected(data, work)
    if as_json:
        emit(card)
        return
    name = " ".join(part for part in (card.first_name, card.last_name) if part)
    phone = display(card.phone, practice.country) if card.phone else "-"
    out().print(f"[bold]{escape(name or card.number)}[/bold] ({escape(card.number)})")
    out().print(escape(phone + ("" if card.phone_works else "  (does not work)")))
    out().print(escape((card.email or "-") + ("" if card.email_works else "  (does not work)")))
    if card.opted_out:
        out().print(f"No messages by: {', '.join(card.opted_out)}")
    for line in _standing(Teller.of(practice), card):
        out().print(escape(line))


def _standing(teller: Teller, card: PatientCard) -> list[str]:
    of, label = teller.words.of, teller.words.label
    said = [label("opposition").format(moment=teller.moment(card.objected_at))] if card.objected_at else []
    for one in card.labels:
        line = label("priority").format(rule=of("risk_rules", one.rule), moment=teller.moment(one.since))
        said.append(f"{line}, {label('until').format(until=teller.day(one.until))}" if one.until else line)
    return said


@click.group("risk")
@scope
def risk() -> None:
    """Labels of priority follow-up, by the rule's name; the practitioner's own is practitioner_label."""


RULE = Code(RiskRule)


@risk.command("set")
@click.argument("number")
@click.argument("rule", type=RULE)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The label's last day.")
@by_whom
@command
def set_(data: Path, as_json: bool, number: str, rule: RiskRule, until: datetime | None, email: str | None) -> None:
    """Label a patient from now on: a running follow-up becomes the one of high risk."""
    last: date | None = until.date() if until is not None else None

    async def change(ref: str, practice: Profile, actor: str, now: datetime) -> bool:
        return await labels.set_label(ref, rule=rule, practice=practice, until=last, actor=actor, now=now)

    _make(data, as_json, number, email, change, "The label is set.", "The label stood like this already.")


@risk.command("end")
@click.argument("number")
@click.argument("rule", type=RULE)
@by_whom
@command
def end(data: Path, as_json: bool, number: str, rule: RiskRule, email: str | None) -> None:
    """End a label. What runs goes on; the next absence is followed up as usual."""

    async def change(ref: str, practice: Profile, actor: str, now: datetime) -> bool:
        return await labels.end_label(ref, rule=rule, practice=practice, actor=actor, now=now)

    _make(data, as_json, number, email, change, "The label has ended.", "There was no such label.")


@click.group("objection")
@scope
def objection() -> None:
    """No automated follow-up at all, as a patient asked."""


@objection.command("record")
@click.argument("number")
@by_whom
@command
def record(data: Path, as_json: bool, number: str, email: str | None) -> None:
    """Stop all automated messages to a patient, now and after later absences; what people do goes on."""

    async def change(ref: str, practice: Profile, actor: str, now: datetime) -> bool:
        return await objections.record_objection(ref, practice=practice.id, actor=actor, now=now)

    _make(data, as_json, number, email, change, "The objection is recorded.", "The objection stood already.")


@objection.command("lift")
@click.argument("number")
@by_whom
@command
def lift(data: Path, as_json: bool, number: str, email: str | None) -> None:
    """The patient agrees to messages again, from the next absence on."""

    async def change(ref: str, practice: Profile, actor: str, now: datetime) -> bool:
        return await objections.lift_objection(ref, practice=practice.id, actor=actor, now=now)

    _make(data, as_json, number, email, change, "The objection is lifted.", "There was no objection.")


def _make(
    data: Path, as_json: bool, number: str, email: str | None, change: Change, said: str, said_already: str
) -> None:
    async def work(_config: Config) -> dict[str, Any]:
        practice = await only_practice()
        by = await hand(practice.id, email)
        ref = await patient_ref(practice.id, number)
        return {"patient": number, "changed": await change(ref, practice, by.actor, clock.now())}

    result = run_connected(data, work)
    if as_json:
        emit(result)
    else:
        out().print(said if result["changed"] else said_already)

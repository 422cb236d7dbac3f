"""`reprise patient`: name, telephone and mailbox of one patient, for whoever has to call."""

from pathlib import Path

import click
from rich.markup import escape

from db.config import Config
from db.queries.people import PatientCard, patient_card
from db.queries.practices import only_practice
from db.rules.telephones import display
from portal.commands._common import command, emit, out, run_connected


@click.command("patient")
@click.argument("number")
@command
def patient(data: Path, as_json: bool, number: str) -> None:
    """Who a patient is: by the practice's own number, or by the reference that a task or a notice names."""

    async def work(_config: Config) -> tuple[str, PatientCard]:
        practice = await only_practice()
        return practice.country, await patient_card(practice.id, number)

    country, card = run_connected(data, work)
    if as_json:
        emit(card)
        return
    name = " ".join(part for part in (card.first_name, card.last_name) if part)
    phone = display(card.phone, country) if card.phone else "-"
    out().print(f"[bold]{escape(name or card.number)}[/bold] ({escape(card.number)})")
    out().print(escape(phone + ("" if card.phone_works else "  (does not work)")))
    out().print(escape((card.email or "-") + ("" if card.email_works else "  (does not work)")))
    if card.opted_out:
        out().print(f"No messages by: {', '.join(card.opted_out)}")

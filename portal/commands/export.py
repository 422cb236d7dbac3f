"""`reprise export`: everything kept about one patient, for whoever asks for it by right."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click

from db import clock
from db.actors import staff
from db.changes.rights import record_export
from db.config import Config
from db.queries.export import PatientFile, patient_file
from db.queries.practices import Profile, only_practice
from portal.commands._common import command, emit, notes, run_connected
from portal.patient_file.machine import document
from portal.patient_file.paper import as_html
from portal.patient_file.sections import Sayer
from portal.patient_file.spreadsheet import as_csv
from portal.private_file import private_file
from portal.telling import Teller

# Whoever may use the terminal of the installation; the staff pages will name the person.
ACTOR = staff("terminal")
JSON, CSV, HTML = FORMATS = ("json", "csv", "html")
STANDARD_OUTPUT = "-"


@click.command("export")
@click.argument("patient")
@click.option("--format", "form", type=click.Choice(FORMATS), default=JSON, show_default=True)
@click.option("--to", "target", type=click.Path(dir_okay=False), help="A file, or - for standard output.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@command
def export(data: Path, as_json: bool, patient: str, form: str, target: str | None, force: bool) -> None:
    """Everything kept about one patient, by the practice's own number or our reference: for the right of access.

    The journal keeps that a copy was made. Hand it to the patient alone, and delete it afterwards.
    """
    if form == HTML and target is None:
        raise click.UsageError("Name a file for the page with --to, or --to - for standard output.")
    on_screen = target in (None, STANDARD_OUTPUT)
    if as_json and on_screen and form != JSON:
        raise click.UsageError(f"--json says that one JSON document is printed: name a file for the {form} with --to.")

    async def work(_config: Config) -> tuple[Profile, PatientFile]:
        practice, now = await only_practice(), clock.now()
        # Kept before it is read: no copy leaves without its entry, which the copy itself holds.
        ref = await record_export(patient, practice=practice.id, form=form, actor=ACTOR, now=now)
        return practice, await patient_file(practice.id, ref)

    with _opened(target, force) as written:
        practice, file = run_connected(data, work)
        written.write(_written(form, practice, file, clock.now()))
    if not on_screen:
        _say(as_json, file, form, str(target))


@contextmanager
def _opened(target: str | None, force: bool) -> Iterator[TextIO]:
    if target is None or target == STANDARD_OUTPUT:
        yield sys.stdout
        return
    with private_file(Path(target), force=force) as file:
        yield file


def _written(form: str, practice: Profile, file: PatientFile, made_at: datetime) -> str:
    teller = Teller.of(practice)
    if form == JSON:
        found = document(file, teller, practice=practice.name, made_at=made_at)
        return json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    say = Sayer(teller, practice.country)
    return as_csv(file, say) if form == CSV else as_html(file, say, practice=practice.name, made_at=made_at)


def _say(as_json: bool, file: PatientFile, form: str, target: str) -> None:
    if as_json:
        emit({"patient": file.identity.number, "ref": file.identity.ref, "format": form, "file": target})
    else:
        notes().print(f"Written to {target}: for the patient alone. Delete it once it is handed over.", markup=False)

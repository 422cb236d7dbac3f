"""`reprise import FILE`: an export of the practice's own software, in."""

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from db import clock
from db.config import Config
from db.errors import ConfigurationError
from db.queries.practices import Profile, only_practice
from jobs.intake.mapping import FileMap, load
from jobs.intake.reader import Intake, open_file
from jobs.intake.rejects import RejectsFile, rejects_path
from portal.commands._common import command, emit, notes, out, run_connected
from portal.commands._loading import Counted, Import, Imported, Moved
from portal.telling import Teller

MOST_SHOWN = 10


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--map", "map_file", type=click.Path(path_type=Path), help="What the file's headers and words mean.")
@click.option("--dry-run", is_flag=True, help="Do everything, then undo it: nothing is changed.")
@command
def import_(data: Path, as_json: bool, file: Path, map_file: Path | None, dry_run: bool) -> None:
    """Import a CSV export: patients, appointments, absences. The same file again changes nothing."""
    if str(file) == "-":
        raise ConfigurationError("Write the export to a file first: an import that stops half way is run again.")
    file_map = load(map_file) if map_file is not None else None

    async def work(_config: Config) -> tuple[Profile, Imported]:
        return await _import(file, file_map, dry_run=dry_run)

    try:
        practice, done = run_connected(data, work)
    except KeyboardInterrupt:
        notes().print(
            "Interrupted; nothing was changed."
            if dry_run
            else "Interrupted. What was imported so far stands; import the same file again, and the rest follows."
        )
        raise
    if as_json:
        emit(done)
    else:
        _tell(done, Teller.of(practice))
    if done.rejected:
        raise SystemExit(1)


async def _import(path: Path, file_map: FileMap | None, *, dry_run: bool) -> tuple[Profile, Imported]:
    practice, now = await only_practice(), clock.now()
    zone = ZoneInfo(practice.zone)
    intake = open_file(path, file_map, country=practice.country, zone=zone, today=now.astimezone(zone).date())
    with _progress() as progress:
        task = progress.add_task("Importing", total=intake.bytes_total)

        def moved(read: int) -> None:
            progress.update(task, completed=read)

        if dry_run:
            return practice, await Import(path, intake, practice, Counted(), now, moved).rehearse()
        return practice, await _keeping_rejects(path, intake, practice, now, moved)


async def _keeping_rejects(path: Path, intake: Intake, practice: Profile, now: datetime, moved: Moved) -> Imported:
    if not os.access(path.parent, os.W_OK):
        raise ConfigurationError(
            "Rows that cannot be imported are written beside the file, and nothing may be written to "
            f"{path.parent}: copy the file elsewhere first."
        )
    with RejectsFile(path, intake.recognised) as rejects:
        done = await Import(path, intake, practice, rejects, now, moved).run()
        return replace(done, rejected_file=rejects.keep())


def _progress() -> Progress:
    console = notes()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _tell(done: Imported, teller: Teller) -> None:
    say = out().print
    if done.dry_run:
        say("[bold]Dry run: nothing was changed.[/bold]")
    say(
        f"{done.rows} rows: {done.patients} patients, {done.appointments} appointments, {done.absences} absences "
        f"({done.history} of them history)."
    )
    say(
        f"New: {done.patients_added} patients, {done.appointments_added} appointments. Changed: "
        f"{done.patients_updated} patients, {done.appointments_changed} appointments."
    )
    say(
        f"Follow-ups: {done.enrolled} started, {done.stopped} stopped by an appointment ahead, {done.withdrawn} "
        f"withdrawn. Tasks: {done.tasks}."
    )
    if done.practitioners_added:
        say(f"New practitioners, with the practice's week: {escape(', '.join(done.practitioners_added))}.")
    _tell_of_doubts(done, teller)


def _tell_of_doubts(done: Imported, teller: Teller) -> None:
    say = out().print
    if done.overlaps:
        say("[yellow]Appointments ahead overlap[/yellow] in the practice's agenda (they are kept as they are):")
    for one in done.overlaps[:MOST_SHOWN]:
        say(
            f"  {teller.moment(one.starts_at)}, {escape(one.practitioner)}: patients {escape(one.first_patient)} "
            f"and {escape(one.second_patient)}"
        )
    if len(done.overlaps) > MOST_SHOWN:
        say("  ... (--json lists them all)")
    if done.rounded_numbers:
        say(
            f"[yellow]{done.rounded_numbers} patient numbers were rounded by a spreadsheet[/yellow] (2.98725E+13): two "
            "patients may share one. Export again with the column as text."
        )
    if done.rejected:
        place = escape(str(done.rejected_file or rejects_path(Path(done.file))))
        verb = "would be" if done.dry_run else "are"
        say(
            f"[yellow]{done.rejected} rows could not be imported[/yellow]. They {verb} listed, with reasons, in {place}"
        )

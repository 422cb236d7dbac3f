"""`reprise setup` makes a practice from its file; `reprise migrate` brings the database to this version."""

from dataclasses import replace
from pathlib import Path

import click
from rich.markup import escape

from db import clock
from db.changes.practices import save_practice
from db.config import Config
from db.migrate import migrate as bring_up_to_date
from portal.commands._common import command, configure, emit, notes, out, run_connected
from portal.demo.seed import demo_sms, demo_smtp
from portal.forms.practice_file import PracticeFile, PracticeFileRefused, read_practice_file

DEMO_KEEPS = "This is a demo: it keeps its own mail server and SMS gateway, and nothing leaves this machine."


@click.command("migrate")
@command
def migrate(data: Path, as_json: bool) -> None:
    """Bring the database to this version; harmless when it is there already."""

    async def work(_config: Config) -> str:
        return await bring_up_to_date()

    said = run_connected(data, work).strip()
    if as_json:
        emit({"done": True, "said": said.splitlines()})
    else:
        notes().print(escape(said), style="dim")
        out().print("The database is up to date.")


@click.command("setup")
@click.argument("practice_file", type=click.Path(dir_okay=False, path_type=Path), metavar="PRACTICE.TOML")
@command
def setup(data: Path, as_json: bool, practice_file: Path) -> None:
    """Make the practice, or change it: the same file again changes nothing."""
    config = configure(data)
    try:
        file = read_practice_file(practice_file, base_url=config.base_url)
    except PracticeFileRefused as refused:
        _refuse(practice_file, refused)
    if config.is_demo:
        file = _for_the_demo(file, config)

    async def work(_config: Config) -> bool:
        return await save_practice(file.new, now=clock.now())

    _tell(file, run_connected(data, work), as_json)


def _refuse(path: Path, refused: PracticeFileRefused) -> None:
    notes().print(escape(f"{path.name}: nothing was changed. Mend these and run it again:"))
    for problem in refused.problems:
        notes().print(f"  - {escape(problem)}")
    raise SystemExit(2)


def _for_the_demo(file: PracticeFile, config: Config) -> PracticeFile:
    """A demo may be tried with the practice's own names and hours; whom it writes to stays invented."""
    smtp = demo_smtp(config) | {name: file.new.smtp[name] for name in ("from_address", "from_name")}
    new = replace(file.new, smtp=smtp, sms=demo_sms(config))
    return PracticeFile(new, (*file.warnings, DEMO_KEEPS))


def _tell(file: PracticeFile, changed: bool, as_json: bool) -> None:
    new = file.new
    counts = {
        "practitioners": len(new.practitioners),
        "staff": len(new.staff),
        "closures": len(new.closures),
    }
    if as_json:
        emit({"practice": new.name, "changed": changed, **counts, "warnings": file.warnings})
        return
    for warning in file.warnings:
        notes().print(f"[yellow]Note[/yellow] {escape(warning)}")
    if not changed:
        out().print(f"{escape(new.name)} is set up like this already: nothing was changed.")
        return
    listed = ", ".join(f"{number} {name}" for name, number in counts.items())
    out().print(f"{escape(new.name)} is set up: {listed}. `reprise doctor` checks that it can send.")

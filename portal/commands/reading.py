"""`reprise status`, `journal` and `bookings`: how things stand and what happened, in the practice's language."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import click
from rich.markup import escape

from db import clock
from db.config import Config
from db.queries.bookings import TELEPHONE, BookingMade, bookings_since
from db.queries.journal import Story, Verification, patient_story, verify_journal
from db.queries.practices import only_practice
from db.queries.status import Status
from db.queries.status import status as read_status
from db.queries.worklist import OpenTask, open_tasks
from portal.commands._common import command, emit, out, run_connected
from portal.commands._periods import Since, start_of
from portal.commands._table import print_table
from portal.telling import Teller

BROKEN = {
    "chain": "does not follow the seal before it: a seal was removed or changed",
    "missing": "covers entries that are gone",
    "altered": "does not match its entries: one of them was altered",
}


@click.command("status")
@command
def status(data: Path, as_json: bool) -> None:
    """What is open, and for whom."""

    async def work(_config: Config) -> tuple[Teller, Status, list[OpenTask]]:
        practice = await only_practice()
        now = clock.now()
        return Teller.of(practice), await read_status(practice.id, now=now), await open_tasks(practice.id, now=now)

    teller, found, tasks = run_connected(data, work)
    if as_json:
        emit(_status_document(teller, found, tasks))
    else:
        _print_status(teller, found, tasks)


def _status_document(teller: Teller, found: Status, tasks: list[OpenTask]) -> dict[str, object]:
    return {
        "practitioners": found.practitioners,
        "open_tasks": found.open_tasks,
        "worklist": {"crisis": found.crisis_tasks, "urgent": found.urgent_tasks, "overdue": found.overdue_tasks},
        "tasks": [vars(task) | {"what": teller.words.of("tasks", task.kind)} for task in tasks],
        "sequences": {"running": found.running, "paused": found.paused},
        "deliveries": {"planned": found.planned, "overdue": found.overdue, "failed": found.failed},
        "held": found.held,
    }


def _print_status(teller: Teller, found: Status, tasks: list[OpenTask]) -> None:
    label = teller.words.label
    out().print(f"[bold]{label('open_tasks')} ({found.open_tasks})[/bold]" if tasks else label("nothing_open"))
    for task in tasks:
        _print_task(teller, task)
    if found.open_tasks > len(tasks):
        out().print(f"  ... (+{found.open_tasks - len(tasks)})")
    if tasks:
        counts = {"crisis": found.crisis_tasks, "urgent": found.urgent_tasks, "overdue": found.overdue_tasks}
        out().print(label("pressing").format(**counts))
    out().print(label("sequences").format(running=found.running, paused=found.paused))
    out().print(label("deliveries").format(planned=found.planned, overdue=found.overdue, failed=found.failed))
    for held in found.held:
        channel = teller.words.of("channels", held.channel)
        said = label("held").format(channel=channel, until=teller.moment(held.until), tries=held.tries)
        out().print(said, style="yellow")


def _print_task(teller: Teller, task: OpenTask) -> None:
    of, label = teller.words.of, teller.words.label
    kind = of("tasks", task.kind) + (f" ({of('barriers', task.barrier)})" if task.barrier else "")
    pressing = label("crisis") if task.crisis else label("urgent") if task.urgent else ""
    urgent = f" [red bold]{pressing}[/red bold]" if pressing else ""
    out().print(f"  [bold]{task.ref}[/bold]  {escape(kind)}{urgent}")
    details = (
        label("patient_number").format(number=task.patient) if task.patient else "",
        label("assignee").format(name=task.assignee or label("nobody")),
        label("fallback").format(name=task.fallback) if task.fallback else "",
        label("holder").format(name=task.holder) if task.holder else "",
        label("due").format(moment=teller.moment(task.due_at)),
        label("overdue") if task.overdue else "",
        of("reasons", task.reason),
        label("paused_sequence") if task.paused else "",
    )
    out().print(f"{'':16}{escape(', '.join(filter(None, details)))}", style="dim")


@click.command("journal")
@click.argument("patient", required=False, metavar="[PATIENT_REF]")
@click.option("--verify", is_flag=True, help="Check the chain of seals instead.")
@command
def journal(data: Path, as_json: bool, patient: str | None, verify: bool) -> None:
    """All that was done for a patient, by the practice's own patient number, and why."""
    if verify == (patient is not None):
        raise click.UsageError("Give a patient number, or --verify.")
    if verify:
        _verify(data, as_json)
    else:
        assert patient is not None
        _tell_story(data, as_json, patient)


def _tell_story(data: Path, as_json: bool, patient: str) -> None:
    async def work(_config: Config) -> tuple[Teller, Story]:
        practice = await only_practice()
        return Teller.of(practice), await patient_story(practice.id, patient)

    teller, story = run_connected(data, work)
    if as_json:
        emit(_story_document(teller, story))
    else:
        _print_story(teller, story)


def _story_document(teller: Teller, story: Story) -> dict[str, object]:
    return {
        "patient": story.patient,
        "ref": story.ref,
        "entries": [vars(entry) | {"text": teller.event(entry)} for entry in story.entries],
        "ahead": [vars(message) | {"text": teller.planned(message)} for message in story.ahead],
        "steps_ahead": [vars(step) | {"text": teller.step(step)} for step in story.steps_ahead],
    }


def _print_story(teller: Teller, story: Story) -> None:
    label = teller.words.label
    out().print(f"[bold]{label('patient')} {escape(story.patient)}[/bold] [dim]({story.ref})[/dim]")
    for day, entries in groupby(story.entries, key=lambda entry: teller.date(entry.at)):
        out().print(f"\n[bold]{day}[/bold]")
        for entry in entries:
            out().print(f"  {teller.time(entry.at)}  {escape(teller.event(entry))}")
    out().print(f"\n[bold]{label('ahead')}[/bold]")
    ahead = [(message.due_at, teller.planned(message)) for message in story.ahead]
    ahead += [(step.due_at, teller.step(step)) for step in story.steps_ahead]
    for due_at, said in sorted(ahead, key=itemgetter(0)):
        out().print(f"  {teller.moment(due_at)}  {escape(said)}")
    if not ahead:
        out().print(f"  {label('nothing_ahead')}")


def _verify(data: Path, as_json: bool) -> None:
    async def work(_config: Config) -> Verification:
        return await verify_journal()

    found = run_connected(data, work)
    if as_json:
        emit(vars(found) | {"whole": found.whole})
    else:
        _print_verification(found)
    if not found.whole:
        raise SystemExit(2)


def _print_verification(found: Verification) -> None:
    sealed = f"{found.sealed} entries under {found.seals} seals, {found.waiting} wait for theirs"
    if found.whole:
        out().print(f"The journal is whole: {sealed}.")
        # Noted elsewhere, it would show that the newest end was cut off, which no chain can tell of itself.
        out().print(f"Its last seal is {found.last_seal[:16]}.")
        return
    out().print(f"[red bold]The journal is broken[/red bold] ({sealed}).")
    for seal in found.broken:
        what = f"{BROKEN[seal.problem]} ({_span(seal.entries)})"
        out().print(f"  Seal {seal.position} of {seal.sealed_at:%Y-%m-%d %H:%M} UTC {what}.")
    if found.unaccounted:
        out().print(f"  Neither sealed nor waiting for a seal: {_span(found.unaccounted)}.")
    if found.vanished:
        out().print(f"  Gone before they were sealed: {_span(found.vanished)}.")


def _span(entries: Iterable[int]) -> str:
    numbers = list(entries)
    return f"entry {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} entries, {numbers[0]} to {numbers[-1]}"


@click.command("bookings")
@click.option("--since", type=Since(), default="30d", show_default=True, help="A day, or how long ago: 7d.")
@command
def bookings(data: Path, as_json: bool, since: date | timedelta) -> None:
    """Appointments booked, moved or cancelled through Reprise, and through which message."""

    async def work(_config: Config) -> tuple[Teller, str, list[BookingMade]]:
        practice = await only_practice()
        start = start_of(since, practice.zone, clock.now())
        teller = Teller.of(practice)
        return teller, teller.moment(start), await bookings_since(practice.id, start)

    teller, start, found = run_connected(data, work)
    if as_json:
        emit(found)
    elif found:
        _print_bookings(teller, found)
    else:
        out().print(teller.words.label("no_bookings").format(since=start))


def _print_bookings(teller: Teller, found: list[BookingMade]) -> None:
    names = ("when", "what", "appointment", "practitioner", "patient", "through")
    rows: list[tuple[str, ...]] = [tuple(map(teller.words.label, names))]
    for one in found:
        row: tuple[str, ...] = (
            teller.moment(one.at),
            _what(teller, one),
            teller.moment(one.starts_at) if one.starts_at else "",
            one.practitioner or "",
            one.patient,
            _through(teller, one),
        )
        rows.append(row)
    print_table(rows)


def _what(teller: Teller, one: BookingMade) -> str:
    said = teller.words.of("bookings", one.what)
    return f"{said}, {teller.words.of('bookings', 'confirmed')}" if one.confirmed else said


def _through(teller: Teller, one: BookingMade) -> str:
    if one.through == TELEPHONE:
        return teller.words.of("bookings", TELEPHONE)
    parts = (teller.words.of("channels", one.channel), teller.words.of("messages", one.message))
    return ", ".join(filter(None, parts))

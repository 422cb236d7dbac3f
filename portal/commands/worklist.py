"""`reprise worklist`: what waits for a person, the most pressing first."""

from pathlib import Path

import click

from db import clock
from db.config import Config
from db.queries.practices import only_practice
from db.queries.worklist import OpenTask, open_tasks
from db.states import TaskKind
from portal.commands._codes import Code
from portal.commands._common import command, emit, out, run_connected
from portal.commands._hands import by_whom, member
from portal.commands._table import print_table
from portal.telling import Teller

HEADINGS = ("ref", "what", "patient", "for_whom", "state", "by_when", "remarks")


@click.command("worklist")
@by_whom
@click.option("--mine", is_flag=True, help="What this member of staff has, or is asked to do.")
@click.option("--unclaimed", is_flag=True, help="What nobody has claimed.")
@click.option("--kind", "kinds", type=Code(TaskKind), multiple=True, help="Only this kind; may be repeated.")
@command
def worklist(
    data: Path, as_json: bool, email: str | None, mine: bool, unclaimed: bool, kinds: tuple[TaskKind, ...]
) -> None:
    """What waits for a person: under a crisis flag first, then what is urgent, then by deadline."""
    if mine and email is None:
        raise click.UsageError("--mine needs --as with the email address of a member of staff.")

    async def work(_config: Config) -> tuple[Teller, list[OpenTask]]:
        practice = await only_practice()
        person = (await member(practice.id, email)).id if email is not None else None
        tasks = await open_tasks(
            practice.id, now=clock.now(), mine=person if mine else None, kinds=kinds, unclaimed=unclaimed
        )
        return Teller.of(practice), tasks

    teller, found = run_connected(data, work)
    if as_json:
        emit([vars(task) | {"what": teller.words.of("tasks", task.kind)} for task in found])
    elif found:
        print_table([tuple(map(teller.words.label, HEADINGS)), *(_row(teller, task) for task in found)])
    else:
        out().print(teller.words.label("nothing_open"))


def _row(teller: Teller, task: OpenTask) -> tuple[str, ...]:
    of, label = teller.words.of, teller.words.label
    barrier = f" ({of('barriers', task.barrier)})" if task.barrier else ""
    late = f" {label('overdue')}" if task.overdue else ""
    return (
        task.ref,
        of("tasks", task.kind) + barrier,
        task.patient or "",
        task.holder or task.assignee or of("roles", task.role) or label("nobody"),
        of("task_statuses", task.status),
        teller.moment(task.deadline_at) + late if task.deadline_at else "",
        ", ".join(remarks(teller, task)),
    )


def remarks(teller: Teller, task: OpenTask) -> list[str]:
    """What is worth knowing before one takes it, the most pressing first."""
    label = teller.words.label
    said = (
        label("crisis") if task.crisis else label("urgent") if task.urgent else "",
        label("promised").format(moment=teller.moment(task.promised_at)) if task.promised_at else "",
        label("nudged") if task.nudged else "",
        teller.words.of("reasons", task.reason),
        label("paused_sequence") if task.paused else "",
    )
    return [one for one in said if one]

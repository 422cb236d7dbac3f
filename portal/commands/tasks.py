"""`reprise tasks`: read one, close it, and let a paused follow-up go on."""

from pathlib import Path

import click
from rich.markup import escape

from db import clock
from db.actors import staff
from db.changes.enrolments import resume as resume_sequence
from db.changes.enrolments import stop_by_staff
from db.changes.tasks import close_task
from db.config import Config
from db.errors import Refused
from db.queries.practices import only_practice
from db.queries.worklist import TaskInFull, task_in_full
from db.states import LIVE_ENROLMENT
from portal.commands._common import command, emit, out, run_connected, scope
from portal.telling import Teller

# Whoever may use the terminal of the installation; the staff pages will name the person.
ACTOR = staff("terminal")
# For the journal, which takes codes and no free text.
OUTCOMES = ("handled", "reached", "not_reached", "nothing_to_do")


@click.group("tasks")
@scope
def tasks() -> None:
    """What waits for a person; `reprise status` lists it."""


@tasks.command("show")
@click.argument("ref")
@command
def show(data: Path, as_json: bool, ref: str) -> None:
    """One task in full, with what the patient wrote."""

    async def work(_config: Config) -> tuple[Teller, TaskInFull]:
        practice = await only_practice()
        return Teller.of(practice), await task_in_full(practice.id, ref)

    teller, task = run_connected(data, work)
    if as_json:
        emit(task)
        return
    of, label = teller.words.of, teller.words.label
    out().print(f"[bold]{escape(of('tasks', task.kind))}[/bold] ({escape(of('task_statuses', task.status))})")
    out().print(label("due").format(moment=teller.moment(task.created_at)))
    if task.patient:
        out().print(escape(label("patient_number").format(number=task.patient)))
    if task.paused:
        out().print(label("paused_sequence"))
    if task.text:
        out().print(f"\n{escape(_harmless(task.text))}")


def _harmless(text: str) -> str:
    """Anybody may have written it: nothing in it may steer the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


@tasks.command("done")
@click.argument("ref")
@click.option("--resume", is_flag=True, help="Let the patient's paused follow-up go on.")
@click.option("--stop", is_flag=True, help="End the patient's follow-up.")
@click.option("--outcome", type=click.Choice(OUTCOMES), default=OUTCOMES[0], show_default=True)
@command
def done(data: Path, as_json: bool, ref: str, resume: bool, stop: bool, outcome: str) -> None:
    """Close a task. A follow-up that it paused goes on, or ends: say which."""
    if resume and stop:
        raise click.UsageError("Give --resume or --stop, not both.")

    async def work(_config: Config) -> dict[str, object]:
        practice = await only_practice()
        return await _close(await task_in_full(practice.id, ref), practice.id, outcome, resume=resume, stop=stop)

    result = run_connected(data, work)
    if as_json:
        emit(result)
    else:
        out().print(_said(result))


async def _close(task: TaskInFull, practice: int, outcome: str, *, resume: bool, stop: bool) -> dict[str, object]:
    """The follow-ups first: were the closing to fail, the task still stands."""
    if task.paused and task.waits_alone and not (resume or stop):
        raise Refused(
            f"The follow-up of this patient is paused until somebody decides: add --resume to let it go on, or --stop "
            f"to end it (reprise tasks done {task.ref} --resume)."
        )
    resumed = stopped = 0
    if resume:
        for ref in task.paused:
            resumed += await resume_sequence(ref, practice=practice, actor=ACTOR, now=clock.now())
    if stop:
        running = (task.enrolment,) if task.enrolment and task.enrolment_status in LIVE_ENROLMENT else ()
        for ref in dict.fromkeys((*running, *task.paused)):
            stopped += await stop_by_staff(ref, practice=practice, actor=ACTOR, now=clock.now())
    closed = await close_task(task.ref, practice=practice, outcome=outcome, actor=ACTOR, now=clock.now())
    return {"task": task.ref, "closed": closed, "resumed": resumed, "stopped": stopped}


def _said(result: dict[str, object]) -> str:
    said = ["The task is done." if result["closed"] else "The task was done already."]
    if result["resumed"]:
        said.append("The follow-up goes on.")
    if result["stopped"]:
        said.append("The follow-up has ended.")
    return " ".join(said)

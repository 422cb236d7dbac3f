"""One case on a terminal: what is asked, of whom and by when, and what happened with it so far."""

from rich.markup import escape

from db.queries.journal import StoryEntry
from db.queries.worklist import CaseEvent, TaskInFull
from portal.commands._common import out
from portal.telling import Teller


def print_case(teller: Teller, task: TaskInFull) -> None:
    of, label = teller.words.of, teller.words.label
    barrier = f" ({of('barriers', task.barrier)})" if task.barrier else ""
    pressing = label("crisis") if task.crisis else label("urgent") if task.urgent else ""
    mark = f" [red bold]{pressing}[/red bold]" if pressing else ""
    state = escape(f"({of('task_statuses', task.status)})")
    out().print(f"[bold]{escape(of('tasks', task.kind) + barrier)}[/bold] {state}{mark}")
    for line in filter(None, _facts(teller, task)):
        out().print(escape(line))
    for title, text in (("wrote", task.text), ("note", task.note)):
        if text:
            out().print(f"\n[bold]{label(title)}[/bold]\n{escape(_harmless(text))}")
    if task.welfare_check:
        out().print(f"\n[bold]{label('welfare_check')}[/bold]")
        for step in task.welfare_check:
            out().print(escape(f"  - {step}"))
    out().print(f"\n[bold]{label('so_far')}[/bold]")
    for event in task.timeline:
        out().print(f"  {teller.moment(event.at)}  {escape(_told(teller, event))}")


def _facts(teller: Teller, task: TaskInFull) -> tuple[str, ...]:
    of, label, moment = teller.words.of, teller.words.label, teller.moment
    return (
        label("due").format(moment=moment(task.due_at)),
        label("deadline").format(moment=moment(task.deadline_at)) if task.deadline_at else "",
        label("patient_number").format(number=task.patient) if task.patient else "",
        label("missed_on").format(day=teller.day(task.missed_on)) if task.missed_on else "",
        label("assignee").format(name=task.assignee or of("roles", task.role) or label("nobody")),
        label("fallback").format(name=task.fallback) if task.fallback else "",
        label("holder").format(name=task.holder) if task.holder else "",
        label("promised").format(moment=moment(task.promised_at)) if task.promised_at else "",
        of("reasons", task.reason),
        label("outcome").format(outcome=of("outcomes", task.outcome)) if task.outcome else "",
        _paused(teller, task) if task.paused else "",
        label("has_note") if task.has_note and task.note is None else "",
    )


def _paused(teller: Teller, task: TaskInFull) -> str:
    why = teller.words.of("reasons", task.paused_reason)
    said = teller.words.label("paused_sequence")
    return f"{said} ({why})" if why else said


def _told(teller: Teller, event: CaseEvent) -> str:
    """A colleague by name: the list is for those who work there."""
    entry = StoryEntry(event.at, event.event, event.actor, event.reason, None, None, event.data, event.task)
    return teller.event(entry) if event.who is None else f"{teller.event(entry)} ({event.who})"


def _harmless(text: str) -> str:
    """Anybody may have written it: nothing in it may steer the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)

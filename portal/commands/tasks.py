"""`reprise tasks`: one case in full, and every move that a person makes with it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from db import clock
from db.actors import Hand
from db.changes import worklist
from db.changes.outcomes import Follow, Recorded, record_outcome
from db.config import Config
from db.errors import AlreadyClaimed, Refused, Undecided
from db.queries.practices import Profile, only_practice
from db.queries.worklist import TaskInFull, task_in_full
from db.rules.windows import at_local_time
from db.states import PLAIN_OUTCOMES, CallOutcome
from portal.commands._case import print_case
from portal.commands._codes import Code
from portal.commands._common import command, emit, notes, out, run_connected, scope
from portal.commands._hands import by_whom, hand, own_hand, target
from portal.telling import Teller

Change = Callable[[Profile, Hand, datetime], Awaitable[Any]]

LONGEST_NOTE = 4000
# What the first version knew, and what to say instead.
OLD_OUTCOMES = {
    "reached": "reached_rebooked, reached_will_book or declined",
    "not_reached": "left_message, no_answer or wrong_number",
}
# Of these the outcome itself says what becomes of the messages.
DECIDES = (
    "This outcome says by itself what becomes of the messages: leave --resume and --stop to handled and nothing_to_do."
)
MESSAGES = {
    "resumed": "The follow-up goes on.",
    "resumed_later": "The follow-up goes on in 48 hours.",
    "stopped": "The follow-up has ended.",
    "waiting": "The follow-up still waits.",
}


OUTCOME = Code(CallOutcome, OLD_OUTCOMES)


@click.group("tasks")
@scope
def tasks() -> None:
    """What waits for a person; `reprise worklist` lists it."""


@tasks.command("show")
@click.argument("ref")
@click.option("--note", is_flag=True, help="With the private note of the case.")
@command
def show(data: Path, as_json: bool, ref: str, note: bool) -> None:
    """One task in full, with what the patient wrote."""

    async def work(_config: Config) -> tuple[Teller, TaskInFull]:
        practice = await only_practice()
        return Teller.of(practice), await task_in_full(practice.id, ref, with_note=note)

    teller, task = run_connected(data, work)
    if as_json:
        emit(task)
    else:
        print_case(teller, task)


@tasks.command("ack")
@click.argument("ref")
@by_whom
@command
def ack(data: Path, as_json: bool, ref: str, email: str | None) -> None:
    """Seen, which is not yet somebody's."""

    async def change(practice: Profile, by: Hand, now: datetime) -> bool:
        return await worklist.acknowledge_task(ref, practice=practice.id, by=by, now=now)

    _make(data, as_json, ref, email, change, "Seen.", "It was seen already.")


@tasks.command("claim")
@click.argument("ref")
@by_whom
@command
def claim(data: Path, as_json: bool, ref: str, email: str | None) -> None:
    """Mine. The patient's messages wait while it lasts."""

    async def change(practice: Profile, by: Hand, now: datetime) -> bool:
        return await worklist.claim_task(ref, practice=practice.id, by=by, now=now)

    _make(data, as_json, ref, email, change, "It is yours.", "It was yours already.", owned=True)


@tasks.command("release")
@click.argument("ref")
@by_whom
@command
def release(data: Path, as_json: bool, ref: str, email: str | None) -> None:
    """Open again for somebody else; the patient's messages go on."""

    async def change(practice: Profile, by: Hand, now: datetime) -> bool:
        return await worklist.release_task(ref, practice=practice.id, by=by, now=now)

    _make(data, as_json, ref, email, change, "It is open again.", "Nobody had it.")


@tasks.command("assign")
@click.argument("ref")
@click.option("--to", "to", required=True, metavar="EMAIL|ROLE", help="Whom it is for from now on.")
@by_whom
@command
def assign(data: Path, as_json: bool, ref: str, to: str, email: str | None) -> None:
    """Give it to a person, or to whoever has a role; they are told."""

    async def change(practice: Profile, by: Hand, now: datetime) -> bool:
        person = await target(practice.id, to)
        return await worklist.reassign_task(ref, practice=practice.id, to=person, by=by, now=now)

    _make(data, as_json, ref, email, change, "It is theirs now, and they are told.", "They have it already.")


@tasks.command("escalate")
@click.argument("ref")
@by_whom
@command
def escalate(data: Path, as_json: bool, ref: str, email: str | None) -> None:
    """One rung up the ladder, now."""

    async def change(practice: Profile, by: Hand, now: datetime) -> bool:
        return await worklist.escalate_task(ref, practice=practice.id, by=by, now=now)

    said = "It went up, and whoever has it now is told."
    _make(data, as_json, ref, email, change, said, "It is with the last person of the ladder already.")


@tasks.command("later")
@click.argument("ref")
@click.option(
    "--at",
    "at",
    required=True,
    type=click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]),
    help="When the call is promised, in the practice's time.",
)
@by_whom
@command
def later(data: Path, as_json: bool, ref: str, at: datetime, email: str | None) -> None:
    """A call that was promised: yours, and not asked for again before then."""

    async def change(practice: Profile, by: Hand, now: datetime) -> bool:
        until = at_local_time(at.date(), at.time(), practice.calendar)
        return await worklist.postpone_task(ref, practice=practice.id, until=until, by=by, now=now)

    _make(data, as_json, ref, email, change, "It is yours, and promised for then.", "It was so already.", owned=True)


@tasks.command("note")
@click.argument("ref")
@click.argument("file", type=click.File("rb"))
@by_whom
@command
def note_(data: Path, as_json: bool, ref: str, file: Any, email: str | None) -> None:
    """Replace the private note of a case by a file, or by standard input (-); an empty one removes it."""
    text = _note(file)

    async def change(practice: Profile, by: Hand, now: datetime) -> bool:
        return await worklist.add_note(ref, practice=practice.id, note=text, by=by, now=now)

    said = "The note is kept." if text else "The note is gone."
    _make(data, as_json, ref, email, change, said, "The note was so already.")


@tasks.command("outcome")
@click.argument("ref")
@click.argument("outcome", type=OUTCOME)
@click.option("--note-file", type=click.File("rb"), help="A private note, - for standard input.")
@click.option("--resume", is_flag=True, help="Let the patient's paused follow-up go on.")
@click.option("--stop", is_flag=True, help="End the patient's follow-up.")
@by_whom
@command
def outcome_(
    data: Path,
    as_json: bool,
    ref: str,
    outcome: CallOutcome,
    note_file: Any,
    resume: bool,
    stop: bool,
    email: str | None,
) -> None:
    """Close a task by how it ended, with all that follows from it."""
    note = _note(note_file) if note_file is not None else ""
    _record(data, as_json, ref, outcome, _follow(outcome, resume=resume, stop=stop), email, note)


@tasks.command("done")
@click.argument("ref")
@click.option("--resume", is_flag=True, help="Let the patient's paused follow-up go on.")
@click.option("--stop", is_flag=True, help="End the patient's follow-up.")
@click.option("--outcome", type=OUTCOME, default=CallOutcome.HANDLED.value, show_default=True)
@by_whom
@command
def done(
    data: Path, as_json: bool, ref: str, resume: bool, stop: bool, outcome: CallOutcome, email: str | None
) -> None:
    """Close a task. A follow-up that it paused goes on, or ends: say which."""
    _record(data, as_json, ref, outcome, _follow(outcome, resume=resume, stop=stop), email)


def _follow(outcome: CallOutcome, *, resume: bool, stop: bool) -> Follow | None:
    if resume and stop:
        raise click.UsageError("Give --resume or --stop, not both.")
    if (resume or stop) and outcome not in PLAIN_OUTCOMES:
        raise click.UsageError(DECIDES)
    return Follow.RESUME if resume else Follow.STOP if stop else None


def _record(
    data: Path,
    as_json: bool,
    ref: str,
    outcome: CallOutcome,
    follow: Follow | None,
    email: str | None,
    note: str = "",
) -> None:
    async def change(practice: Profile, by: Hand, now: datetime) -> Recorded:
        try:
            return await record_outcome(
                ref, outcome=outcome, practice=practice.id, by=by, now=now, note=note, follow=follow
            )
        except Undecided as undecided:
            raise Refused(f"{undecided} Add --resume or --stop (reprise tasks done {ref} --resume).") from None

    recorded: Recorded = _run(data, as_json, ref, email, change)
    if as_json:
        counted = {name: int(recorded.messages == name) for name in ("resumed", "stopped")}
        emit({"task": ref, "closed": recorded.closed, "messages": recorded.messages, **counted})
        return
    said = ["The task is done." if recorded.closed else "The task was done already."]
    if recorded.messages is not None:
        said.append(MESSAGES[recorded.messages])
    out().print(" ".join(said))


def _make(
    data: Path,
    as_json: bool,
    ref: str,
    email: str | None,
    change: Change,
    said: str,
    said_already: str,
    *,
    owned: bool = False,
) -> None:
    """`owned`: only a person can do it. Doing it again changes nothing, and says so."""
    changed: bool = _run(data, as_json, ref, email, change, owned=owned)
    if as_json:
        emit({"task": ref, "changed": changed})
    else:
        out().print(said if changed else said_already)


def _run(data: Path, as_json: bool, ref: str, email: str | None, change: Change, *, owned: bool = False) -> Any:
    async def work(_config: Config) -> Any:
        practice = await only_practice()
        by = await (own_hand if owned else hand)(practice.id, email)
        return await change(practice, by, clock.now())

    try:
        return run_connected(data, work)
    except AlreadyClaimed as taken:
        if as_json:
            emit({"task": ref, "changed": False, "holder": taken.holder})
        notes().print(str(taken))
        raise SystemExit(1) from None


def _note(file: Any) -> str:
    try:
        text = str(file.read().decode("utf-8-sig")).strip()
    except UnicodeDecodeError:
        raise Refused("The note is not UTF-8 text: save it again as UTF-8.") from None
    if len(text) > LONGEST_NOTE:
        raise Refused(f"A note has at most {LONGEST_NOTE} letters: this one has {len(text)}.")
    return text

"""`reprise preview`: a whole sequence as the patient would get it, without a patient and without sending."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import click
from rich.markup import escape

from db import clock, session
from db.config import Config
from db.errors import ConfigurationError, Refused
from db.queries.practices import Profile, all_practices
from db.queries.rehearsals import names_of_staff
from db.queries.team import staffing
from db.rules.human_steps import Hours
from db.rules.plans import Plan
from db.rules.settings import Settings
from db.rules.windows import Calendar, at_local_time, local_day
from db.states import Channel
from jobs.delivery.answers import takes_answers
from jobs.messages.catalogue import Key, Wording
from jobs.messages.edited import edited_texts
from jobs.messages.gsm7 import ONE_SEGMENT
from jobs.messages.preview import PreviewedMessage, PreviewedStep, Scene, plan_as_followed
from jobs.messages.preview import preview as preview_of
from portal.commands._choosing import language_named, speciality_named
from portal.commands._common import command, configure, emit, notes, out, run_async
from portal.telling import Teller

USUAL_TIME = time(10)
Shown = Sequence[PreviewedMessage | PreviewedStep]

# Numbers that France keeps for fiction begin with 01 99 00.
EXAMPLE = Profile(
    id=0,
    ref="",
    key="example",
    name="Maison de santé des Tilleuls",
    discreet_name="Les Tilleuls",
    country="FR",
    subdivision=None,
    zone="Europe/Paris",
    language="fr",
    phone="+33199001234",
    address="4 rue des Tilleuls, 75011 Paris",
    notice_email=None,
    reply_to="accueil@tilleuls.example",
    settings=Settings(),
)


@dataclass(frozen=True)
class Stage:
    """The practice of this installation, or the example where there is none; `names` are those of staff, `edited` the
    words that it has published."""

    practice: Profile
    hours_of: Hours
    receives: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    edited: Mapping[Key, Wording] = field(default_factory=dict)
    made_up: bool = False


@click.command("preview")
@click.argument("plan")
@click.option("--speciality", default="general", show_default=True)
@click.option("--language", help="Default: the practice's.")
@click.option("--missed", help="When the appointment was, as in 2026-11-16T10:00. Default: today at 10:00.")
@click.option("--first-name", default="Alix", show_default=True)
@command
def preview(
    data: Path,
    as_json: bool,
    plan: str,
    speciality: str,
    language: str | None,
    missed: str | None,
    first_name: str,
) -> None:
    """The whole sequence of PLAN as the patient would get it. Exit code 1: a message could not go as it stands."""
    config = configure(data)
    stage = run_async(_stage(config))
    practice = stage.practice
    chosen = plan_as_followed(practice.settings, plan)
    scene = Scene(
        practice,
        config.base_url,
        stage.receives,
        first_name,
        speciality_named(speciality),
        language_named(language or practice.language),
        missed_at(missed, practice.calendar),
        stage.edited,
    )
    shown = preview_of(chosen, scene, stage.hours_of)
    if as_json:
        emit(_document(chosen, scene, stage, shown))
    else:
        _print(chosen, scene, stage, shown)
    if any(one.refused for one in shown if isinstance(one, PreviewedMessage)):
        raise SystemExit(1)


async def _stage(config: Config) -> Stage:
    """Reads, and only that; without a database, or before a practice is set up, an example stands in."""
    try:
        async with session.opened(config, connections=1):
            found = await all_practices()
            if len(found) > 1:
                raise Refused("This installation has several practices: name one.")
            if found:
                return await _stage_of(found[0])
    except (ConfigurationError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
        notes().print(f"({escape(str(problem).splitlines()[0])})", style="dim")
    return Stage(EXAMPLE, _always(EXAMPLE.calendar), made_up=True)


async def _stage_of(practice: Profile) -> Stage:
    staff = await staffing(practice, practitioner=None, now=clock.now())
    return Stage(
        practice,
        staff.hours_of,
        await takes_answers(practice.id),
        await names_of_staff(practice.id),
        await edited_texts(practice.id),
    )


def _always(calendar: Calendar) -> Callable[[str], Calendar]:
    return lambda _target: calendar


def missed_at(text: str | None, calendar: Calendar) -> datetime:
    """A local time of the practice, unless it says its own zone."""
    if text is None:
        return at_local_time(local_day(clock.now(), calendar), USUAL_TIME, calendar)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no moment: write 2026-11-16T10:00.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(calendar.zone))


def _document(plan: Plan, scene: Scene, stage: Stage, shown: Shown) -> dict[str, object]:
    return {
        "plan": plan.name,
        "speciality": scene.speciality,
        "language": scene.language,
        "missed_at": scene.missed_at,
        "practice": None if stage.made_up else stage.practice.ref,
        "steps": [
            {"kind": "message"} | _plain(one) if isinstance(one, PreviewedMessage) else _plain(one) for one in shown
        ],
    }


def _plain(one: PreviewedMessage | PreviewedStep) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def _print(plan: Plan, scene: Scene, stage: Stage, shown: Shown) -> None:
    teller = Teller.of(stage.practice)
    said = teller.words.groups["preview"]
    heading = said["heading"].format(
        plan=teller.words.of("plans", plan.name),
        speciality=scene.speciality,
        language=scene.language,
        moment=teller.moment(scene.missed_at),
    )
    out().print(f"[bold]{escape(heading)}[/bold]")
    if stage.made_up:
        out().print(said["made_up"], style="yellow")
    for one in shown:
        out().print()
        if isinstance(one, PreviewedMessage):
            _print_message(teller, said, one)
        else:
            _print_step(teller, one, stage.names)


def _print_message(teller: Teller, said: Mapping[str, str], one: PreviewedMessage) -> None:
    channel, name = teller.words.of("channels", one.channel), teller.words.of("messages", one.message)
    title = f"{teller.moment(one.due_at)}  {channel} « {name} »"
    length = _length(said, one)
    out().print(f"[bold]{escape(title)}[/bold]{f'  [dim]{length}[/dim]' if length else ''}")
    for why in one.refused:
        out().print(f"  [red]{escape(said['refused'].format(why=why))}[/red]")
    for why in one.remarks:
        out().print(f"  [yellow]{escape(said['remark'].format(why=why))}[/yellow]")
    lines = [said["subject"].format(subject=one.subject), ""] if one.subject else []
    for line in (*lines, *one.text.rstrip().splitlines()):
        out().print(f"  {escape(line)}" if line else "")
    if one.depends and one.channel is Channel.EMAIL:
        out().print(f"  ({said['only_then']})", style="dim")


def _length(said: Mapping[str, str], one: PreviewedMessage) -> str:
    if one.septets is None:
        return ""
    return said["length" if one.septets <= ONE_SEGMENT else "too_long"].format(
        septets=one.septets, segments=one.segments
    )


def _print_step(teller: Teller, one: PreviewedStep, names: Mapping[str, str]) -> None:
    label = teller.words.label

    def who(target: str) -> str:
        return names.get(target) or teller.words.of("roles", target)

    out().print(f"[bold]{teller.moment(one.due_at)}  {escape(teller.words.of('tasks', one.kind))}[/bold]")
    details = (
        label("for_role").format(role=who(one.assignee)),
        label("fallback").format(name=who(one.fallback)) if one.fallback else "",
        label("deadline").format(moment=teller.moment(one.deadline_at)),
        label("unless_answered") if one.unless_answered else "",
    )
    out().print(f"  {escape(', '.join(filter(None, details)))}")

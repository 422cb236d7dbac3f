"""`reprise staff`: who is on leave, who stands in, and who may sign in."""

from datetime import date, time
from pathlib import Path

import click
from rich.markup import escape

from db import clock
from db.actors import staff as by
from db.changes.staff import Away, Leave, end_leave, set_leave
from db.config import Config
from db.queries.practices import Profile, only_practice
from db.queries.team import StaffMember, staff_member, staffing
from db.rules.windows import at_local_time, local_day
from portal.commands import accounts
from portal.commands._addresses import Address, member_at
from portal.commands._common import command, emit, notes, out, run_connected, scope
from portal.forms.toml_reader import Wrong, day

ACTOR = by("terminal")


class Day(click.ParamType[date]):
    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return day(value)
        except Wrong as problem:
            self.fail(str(problem), param, ctx)


@click.group("staff")
@scope
def staff() -> None:
    """Accounts and leave of staff."""


for one in (accounts.add, accounts.list_, accounts.sign_in_link, accounts.reset, accounts.deactivate):
    staff.add_command(one)


@staff.command("away")
@click.argument("email", type=Address())
@click.option("--from", "first", type=Day(), help="First day away (default: today).")
@click.option("--to", "last", type=Day(), required=True, help="Last day away.")
@click.option("--stand-in", type=Address(), help="Address of whoever gets their cases (default: their fallback).")
@command
def away(data: Path, as_json: bool, email: str, first: date | None, last: date, stand_in: str | None) -> None:
    """Record leave, both days included. What waits for the person moves at once when it has begun."""

    async def work(_config: Config) -> tuple[StaffMember, Away, str | None]:
        practice = await only_practice()
        now = clock.now()
        person = await member_at(practice, email)
        instead = await member_at(practice, stand_in) if stand_in is not None else None
        leave = Leave(first or local_day(now, practice.calendar), last, instead.ref if instead is not None else None)
        done = await set_leave(person.ref, practice=practice.id, leave=leave, actor=ACTOR, now=now)
        return person, done, await _who_stands_in(practice, person, leave.starts_on)

    person, done, instead = run_connected(data, work)
    if as_json:
        emit({"staff": person.ref, "changed": done.changed, "moved": done.moved, "stands_in": instead})
        return
    said = "is recorded as away" if done.changed else "was recorded as away already,"
    out().print(f"{escape(person.name)} {said} until {last}. {_cases(done.moved)}")
    if instead is None:
        notes().print(
            "[yellow]Note[/yellow] Nobody stands in: their cases go up the ladder. Name somebody with --stand-in, or a "
            "fallback under \\[\\[staff]]."
        )
    else:
        out().print(f"{escape(instead)} stands in.")


@staff.command("back")
@click.argument("email", type=Address())
@click.option("--planned", is_flag=True, help="Take back the leave that lies ahead, too.")
@command
def back(data: Path, as_json: bool, email: str, planned: bool) -> None:
    """Somebody is there again from today on; what went to their stand-in stays there."""

    async def work(_config: Config) -> tuple[StaffMember, bool]:
        practice = await only_practice()
        person = await member_at(practice, email)
        changed = await end_leave(person.ref, practice=practice.id, planned=planned, actor=ACTOR, now=clock.now())
        return person, changed

    person, changed = run_connected(data, work)
    if as_json:
        emit({"staff": person.ref, "changed": changed})
    else:
        out().print(f"{escape(person.name)} {'is back' if changed else 'was not away: nothing was changed'}.")


async def _who_stands_in(practice: Profile, person: StaffMember, on: date) -> str | None:
    """Their name, as things stand on the first day of the leave."""
    here = await staffing(practice, practitioner=None, now=at_local_time(on, time(12), practice.calendar))
    away = here.team.person(person.ref)
    found = here.team.instead_of(away) if away is not None else None
    return (await staff_member(practice.id, ref=found.ref)).name if found is not None else None


def _cases(moved: int) -> str:
    if moved == 0:
        return "Nothing had to move."
    return f"{moved} {'case' if moved == 1 else 'cases'} went to whoever is there."

"""`reprise staff add`, `list`, `sign-in-link`, `reset`, `deactivate`, and `reprise security-log`: who may come in, and
who did."""

from datetime import date, datetime, timedelta
from pathlib import Path

import click
from rich.markup import escape

from db import clock
from db.actors import staff as by
from db.changes.accounts import LINK_LIFE, add_member, deactivate_member, forget_factor, make_link
from db.config import Config
from db.queries.accounts import Account, SecurityEntry, accounts, link_path, security_entries
from db.queries.practices import only_practice
from db.queries.team import StaffMember
from db.states import Role
from jobs.messages.languages import languages
from portal.commands._addresses import Address, member_at
from portal.commands._common import command, emit, out, run_connected
from portal.commands._periods import Since, start_of
from portal.commands._table import print_table
from portal.telling import Teller

ACTOR = by("terminal")
MINUTES = int(LINK_LIFE.total_seconds() // 60)


@click.command("add")
@click.argument("email", type=Address())
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--name", default="", help="First and last name; needed for somebody new.")
@click.option("--language", type=click.Choice(sorted(languages())), help="Default: the practice's.")
@command
def add(data: Path, as_json: bool, email: str, role: str, name: str, language: str | None) -> None:
    """Give somebody an account. Who is known already gets the role, and works here again.

    People under [[staff]] of practice.toml have an account without it; their role there applies again when the file
    changes.
    """

    async def work(config: Config) -> tuple[str, bool, str]:
        practice = await only_practice()
        ref, fresh = await add_member(
            email,
            practice=practice.id,
            name=" ".join(name.split()),
            role=Role(role),
            language=language or practice.language,
            actor=ACTOR,
            now=clock.now(),
        )
        return ref, fresh, config.base_url

    ref, fresh, base_url = run_connected(data, work)
    if as_json:
        emit({"staff": ref, "new": fresh, "role": role})
        return
    said = f"may now sign in as {role}" if fresh else f"was known already; their role is {role}"
    out().print(f"{escape(email)} {said}.")
    out().print(f"Sign-in: {base_url}/staff/sign-in (without mail: `reprise staff sign-in-link {escape(email)}`).")


@click.command("list")
@command
def list_(data: Path, as_json: bool) -> None:
    """Everybody who works or worked here, with their role and how they sign in."""

    async def work(_config: Config) -> tuple[Teller, list[Account]]:
        practice = await only_practice()
        return Teller.of(practice), await accounts(practice.id)

    teller, found = run_connected(data, work)
    if as_json:
        emit(found)
        return
    rows = [("Name", "Email", "Role", "Second factor", "Last sign-in")]
    rows += [(one.name, one.email or "(unreadable)", one.role.value, _factor(one), _last(one, teller)) for one in found]
    print_table(rows)


def _factor(one: Account) -> str:
    if not one.active:
        return "left"
    return "yes" if one.has_factor else "not yet"


def _last(one: Account, teller: Teller) -> str:
    return teller.moment(one.signed_in_at) if one.signed_in_at else "-"


@click.command("sign-in-link")
@click.argument("email", type=Address())
@command
def sign_in_link(data: Path, as_json: bool, email: str) -> None:
    """Print a one-time link, for when mail does not work. Whoever opens it still needs the second factor."""

    async def work(config: Config) -> tuple[StaffMember, str]:
        practice = await only_practice()
        person = await member_at(practice, email)
        token = await make_link(person.ref, practice=practice.id, actor=ACTOR, now=clock.now())
        return person, config.base_url + link_path(token)

    person, link = run_connected(data, work)
    if as_json:
        emit({"staff": person.ref, "link": link, "minutes": MINUTES})
        return
    out().print(f"For {escape(person.name)} ({person.role}), once, for {MINUTES} minutes:")
    out().print(escape(link))


@click.command("reset")
@click.argument("email", type=Address())
@command
def reset(data: Path, as_json: bool, email: str) -> None:
    """Forget somebody's second factor: they set one up anew. Make sure first who is asking."""

    async def work(_config: Config) -> tuple[StaffMember, bool]:
        practice = await only_practice()
        person = await member_at(practice, email)
        done = await forget_factor(person.ref, practice=practice.id, actor=ACTOR, now=clock.now())
        return person, done

    person, done = run_connected(data, work)
    if as_json:
        emit({"staff": person.ref, "changed": done})
    elif done:
        out().print(f"{escape(person.name)} sets up a second factor at the next sign-in; their sessions are over.")
    else:
        out().print(f"{escape(person.name)} has no second factor: nothing was changed.")


@click.command("deactivate")
@click.argument("email", type=Address())
@command
def deactivate(data: Path, as_json: bool, email: str) -> None:
    """Somebody leaves: no more sign-in, no more cases; their sessions end at once."""

    async def work(_config: Config) -> tuple[StaffMember, int]:
        practice = await only_practice()
        person = await member_at(practice, email)
        return person, await deactivate_member(person.ref, practice=practice.id, actor=ACTOR, now=clock.now())

    person, moved = run_connected(data, work)
    if as_json:
        emit({"staff": person.ref, "active": False, "moved": moved})
    else:
        cases = "1 case of theirs is" if moved == 1 else f"{moved} cases of theirs are"
        out().print(
            f"{escape(person.name)} does not work here any more. Take them out of practice.toml as well. {cases} with "
            "somebody else now."
        )


@click.command("security-log")
@click.option("--since", type=Since(), default=timedelta(days=7), help="A day or a duration (default: 7d).")
@command
def security_log(data: Path, as_json: bool, since: date | timedelta) -> None:
    """Who signed in, who was kept out, and whose record was opened; by references."""

    async def work(_config: Config) -> tuple[Teller, list[SecurityEntry], dict[str, str]]:
        practice = await only_practice()
        start: datetime = start_of(since, practice.zone, clock.now())
        names = {by(one.ref): one.name for one in await accounts(practice.id)}
        return Teller.of(practice), await security_entries(practice.id, since=start), names

    teller, entries, names = run_connected(data, work)
    if as_json:
        emit(entries)
        return
    if not entries:
        out().print("Nothing is written there since then.")
        return
    rows = [("When", "Who", "What", "About", "More")]
    rows += [_row(one, teller, names) for one in entries]
    print_table(rows)


def _row(one: SecurityEntry, teller: Teller, names: dict[str, str]) -> tuple[str, str, str, str, str]:
    more = ", ".join(f"{name}: {value}" for name, value in (one.data or {}).items())
    when = f"{teller.date(one.at)} {teller.time(one.at)}"
    return when, names.get(one.actor, one.actor), one.event, one.subject or "", more

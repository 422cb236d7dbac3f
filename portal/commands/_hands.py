"""Who acts from a terminal, and on whom: a member of staff by their address, a task's new holder by address or role."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

from db.actors import Hand, staff
from db.crypto import vault
from db.errors import Refused
from db.queries.team import StaffMember, staff_member
from db.rules import emails
from db.states import Role

P = ParamSpec("P")
T = TypeVar("T")

# Whoever may use the terminal of the installation.
TERMINAL = Hand(staff("terminal"))

by_whom: Callable[[Callable[P, T]], Callable[P, T]] = click.option(
    "--as", "email", metavar="EMAIL", help="The member of staff who acts."
)


async def hand(practice: int, email: str | None) -> Hand:
    if email is None:
        return TERMINAL
    person = await member(practice, email)
    return Hand(staff(person.ref), person.id)


async def own_hand(practice: int, email: str | None) -> Hand:
    """For what only a person can do."""
    if email is None:
        raise Refused("Say whose it is: add --as with the email address of a member of staff.")
    return await hand(practice, email)


async def member(practice: int, email: str) -> StaffMember:
    address = emails.read(email)
    if address is None:
        raise Refused(f"{email} is not an email address.")
    return await staff_member(practice, index=vault().index(address, kind="email"))


async def target(practice: int, to: str) -> str:
    """A role as it is, a person's reference for their address."""
    if to in tuple(Role):
        return to
    if "@" not in to:
        raise Refused(f"{to} is neither an email address nor a role ({', '.join(Role)}).")
    return (await member(practice, to)).ref

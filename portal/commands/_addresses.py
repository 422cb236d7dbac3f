"""An email address on the command line, and whose it is."""

import click

from db.crypto import vault
from db.queries.practices import Profile
from db.queries.team import StaffMember, staff_member
from portal.forms.sending_access import email_address
from portal.forms.toml_reader import Wrong


class Address(click.ParamType[str]):
    name = "email"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return email_address(value)
        except Wrong as problem:
            self.fail(str(problem), param, ctx)


async def member_at(practice: Profile, email: str) -> StaffMember:
    return await staff_member(practice.id, index=vault().index(email, kind="email"))

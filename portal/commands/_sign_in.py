"""What `reprise doctor` says of accounts: whether somebody can come in, and administer the practice."""

from collections.abc import Sequence

from db.queries.accounts import Account
from db.states import Role
from portal.commands._findings import Finding, failed, ok, warning

ADD = "`reprise staff add ADDRESS --role admin --name NAME`"


def sign_in_finding(accounts: Sequence[Account]) -> Finding:
    here = [one for one in accounts if one.active]
    admins = [one for one in here if one.role is Role.ADMIN]
    if not any(one.email is not None for one in here):
        return failed("sign-in", f"nobody can sign in to the staff pages: {ADD}.")
    if not admins:
        return warning("sign-in", f"nobody is an administrator, so nobody edits the texts: {ADD}.")
    names = ", ".join(one.name for one in admins)
    if not any(one.gets_mail for one in admins):
        return warning(
            "sign-in",
            f"no administrator ({names}) gets the mail with the link: correct the address, and meanwhile use `reprise "
            "staff sign-in-link ADDRESS`.",
        )
    if not any(one.has_factor for one in admins):
        return ok("sign-in", f"{names} may administer; no second factor is set up yet.")
    return ok("sign-in", f"{names} may administer.")

"""The guided tour's way in, without typing. These routes exist in demo mode alone."""

from typing import Any

from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from db.changes.accounts import sign_in_demo
from db.clock import now
from db.queries.accounts import Account, accounts
from db.queries.practices import all_practices
from portal.services import AnyRequest
from portal.staff.calm import own_page, words_of
from portal.staff.render import plain_page
from portal.staff.session import form_of
from portal.staff.sign_in import HOME, begin


@get("/demo")
async def choose_anybody(request: AnyRequest) -> Response[str]:
    return plain_page("demo", words_of(request), people=await _people(None))


@get("/demo/{role:str}")
async def choose(request: AnyRequest, role: FromPath[str]) -> Response[str]:
    return plain_page("demo", words_of(request), people=await _people(role))


@post("/demo/{role:str}", status_code=200)
async def enter(request: AnyRequest, role: FromPath[str]) -> Response[Any]:
    """As the first of that role, or as whoever the form names."""
    form = await form_of(request)
    wanted = form.get("staff", "")
    person = next((one for one in await _people(role) if wanted in ("", one.ref)), None)
    if person is None:
        raise NotFoundException
    await sign_in_demo(person.id, now=now())
    return Redirect(own_page(form.get("to", "")) or HOME, status_code=303, cookies=[await begin(request, person.id)])


async def _people(role: str | None) -> list[Account]:
    found = [one for practice in await all_practices() for one in await accounts(practice.id)]
    people = [one for one in found if one.active and role in (None, one.role)]
    if not people:
        raise NotFoundException
    return people


HANDLERS: list[Any] = [choose_anybody, choose, enter]

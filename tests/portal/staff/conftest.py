"""A practice with somebody in every role, and a browser for each of them."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from litestar import Litestar

from db.clock import clock
from db.queries.practices import Profile
from db.states import Role
from portal.services import Services
from tests import factories
from tests.portal.conftest import visitor
from tests.portal.staff.desk import Desk, link_for

NewDesk = Callable[[], Desk]
StaffClient = Callable[..., Awaitable[Desk]]


@pytest.fixture
async def practice(database: None) -> Profile:
    clock.move_to(factories.MONDAY)
    return await factories.make_practice(staff=factories.EVERY_ROLE)


@pytest.fixture
async def new_desk(app: Litestar, database: None) -> AsyncIterator[NewDesk]:
    """Browsers of nobody yet, each at an address of its own; sessions and counts are forgotten."""
    here: Services = app.state.services
    await here.redis.flushdb()
    here.contact = None
    numbers = itertools.count(1)
    opened: list[Desk] = []

    def open_one() -> Desk:
        opened.append(Desk(visitor(app, f"198.51.100.{next(numbers)}"), app))
        return opened[-1]

    yield open_one
    for desk in opened:
        await desk.client.aclose()


@pytest.fixture
def staff_client(new_desk: NewDesk, practice: Profile) -> StaffClient:
    """`await staff_client("admin")`: the first of that role, signed in; `practice=` of another house."""

    async def sign_in(role: str | Role, practice: Profile = practice) -> Desk:
        desk = new_desk()
        await desk.sign_in(await link_for(role, practice))
        return desk

    return sign_in

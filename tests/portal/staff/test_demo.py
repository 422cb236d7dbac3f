"""The guided tour's way in: only in a demo, without typing, through the same sessions."""

from collections.abc import AsyncIterator

import pytest
from litestar import Litestar

from db.config import Config
from db.engine import fetch
from db.queries.practices import Profile
from db.states import Role
from portal.app import create_app
from portal.services import make_services
from tests.portal.conftest import FORM, everything, visitor
from tests.portal.staff.conftest import NewDesk
from tests.portal.staff.desk import Desk


@pytest.fixture
async def demo(app: Litestar, config: Config, practice: Profile) -> AsyncIterator[Desk]:
    """As `reprise run` starts it: plain http on this machine. The database is the one that is open already."""
    settings = config.model_copy(update={"mode": "demo", "base_url": "http://rdv.example"})
    application = create_app(settings)
    application.state.services = make_services(settings)
    await application.state.services.redis.flushdb()
    client = visitor(application)
    client.base_url = settings.base_url
    yield Desk(client, application)
    await client.aclose()
    await application.state.services.close()


async def test_everybody_is_one_press_away(demo: Desk, practice: Profile) -> None:
    page = await demo.page("/staff/demo")
    assert len([button for button in page.iter("button") if button.get("class") == "main"]) == 5


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_comes_in_without_typing(demo: Desk, practice: Profile, role: Role) -> None:
    assert (await demo.get(f"/staff/demo/{role}")).status_code == 200
    entered = await demo.post(f"/staff/demo/{role}", csrf=False)
    assert (entered.status_code, entered.headers["location"]) == (303, "/staff/today")
    flags = {part.strip().lower() for part in entered.headers["set-cookie"].split(";")[1:]}
    assert flags == {"path=/", "httponly", "samesite=lax"}
    assert entered.headers["set-cookie"].startswith("reprise=")
    assert (await demo.get("/staff/account")).status_code == 200
    (logged,) = await fetch("SELECT event, data->>'way' AS way FROM security_log")
    assert tuple(logged.values()) == ("signed_in", "demo")


async def test_it_leads_to_the_page_that_was_asked_for(demo: Desk, practice: Profile) -> None:
    entered = await demo.post("/staff/demo/admin", {"to": "/staff/account"}, csrf=False)
    assert entered.headers["location"] == "/staff/account"


async def test_looking_signs_nobody_in_and_other_sites_cannot(demo: Desk, practice: Profile) -> None:
    before = await everything()
    for path in ("/staff/demo", "/staff/demo/admin"):
        assert "set-cookie" not in (await demo.get(path)).headers
    foreign = await demo.client.post("/staff/demo/admin", headers=FORM | {"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    assert (await demo.client.post("/staff/demo/boss", headers=FORM)).status_code == 404
    assert await everything() == before


async def test_outside_a_demo_there_is_no_such_door(new_desk: NewDesk, practice: Profile) -> None:
    desk = new_desk()
    for path in ("/staff/demo", "/staff/demo/admin"):
        assert (await desk.client.get(path)).status_code == 404
        assert (await desk.client.post(path, headers=FORM)).status_code == 404

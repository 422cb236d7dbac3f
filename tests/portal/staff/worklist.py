"""Members of staff who work the list, and how it stands."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
from litestar import Litestar

from db.changes.worklist import claim_task
from db.clock import clock
from db.engine import fetch_value
from db.queries.practices import Profile
from portal.services import Services
from portal.staff.store import Sessions, Stage, cookie_name
from tests.db.changes import people
from tests.db.changes.people import ANDREA, CALL_DUE, CAMILLE, MAXIME, SACHA
from tests.portal.conftest import visitor
from tests.portal.staff.checker import as_read, check_staff_page
from tests.portal.staff.desk import Desk

NOW = CALL_DUE + timedelta(minutes=5)
HTMX = {"hx-request": "true"}
EVERYBODY = (SACHA, ANDREA, MAXIME, CAMILLE, "Dominique Petit")
MOVES: dict[str, dict[str, Any]] = {
    "acknowledge": {},
    "claim": {},
    "release": {},
    "outcome": {"outcome": "no_answer"},
    "later": {"at": "2026-11-18T10:00"},
    "reassign": {"to": "clinical_lead"},
    "escalate": {},
    "note": {"note": "Rappeler le matin."},
}


class CaseDesk(Desk):
    """With few words for what a person does with cases."""

    async def text(self, path: str) -> str:
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return as_read(answer.text)

    async def news(self, path: str) -> httpx.Response:
        """As the page asks by itself."""
        return self.checked(await self.client.get(path, headers=HTMX | {"x-background": "1"}))

    async def send(self, ref: str, move: str, *, script: bool = False, back: str = "", **fields: Any) -> httpx.Response:
        """Only what is given here, as a form does; as htmx does with `script`."""
        path = f"/staff/cases/{ref}/{move}{back}"
        if not script:
            return await self.post(path, fields)
        return self.checked(await self.swap(path, fields))

    async def move(self, ref: str, move: str, *, script: bool = False, back: str = "", **fields: Any) -> httpx.Response:
        """With what the page's own form carries."""
        mark, note_mark = await self.marks(ref)
        return await self.send(ref, move, script=script, back=back, **({"mark": mark, "note_mark": note_mark} | fields))

    async def marks(self, ref: str) -> tuple[str, str]:
        """What the forms of a case's page say of its state, and of its note."""
        page = (await self.get(f"/staff/cases/{ref}")).text
        found = (re.search(rf'name="{name}" value="(\w*)"', page) for name in ("mark", "note_mark"))
        one, two = (match[1] if match else "" for match in found)
        return one, two

    def checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.content:
            check_staff_page(answer, self.app)
        return answer


class Desks:
    """Everybody's browser, each signed in by a session of its own."""

    def __init__(self, app: Litestar) -> None:
        self.app, self.open = app, list[CaseDesk]()

    async def of(self, name: str) -> CaseDesk:
        staff = (await people.hand_of(name)).staff
        assert staff is not None
        here: Services = self.app.state.services
        sessions = Sessions(here.redis)
        cookie = await sessions.begin(staff, Stage.FULL, now=clock.now())
        session = await sessions.find(cookie)
        assert session is not None
        desk = CaseDesk(visitor(self.app), self.app)
        desk.client.cookies.set(cookie_name(here.config.base_url), cookie)
        desk.csrf = session.csrf
        self.open.append(desk)
        return desk


@asynccontextmanager
async def open_desks(app: Litestar) -> AsyncIterator[Desks]:
    here: Services = app.state.services
    await here.redis.flushdb()
    desks = Desks(app)
    yield desks
    for one in desks.open:
        await one.client.aclose()


async def state(ref: str) -> tuple[str, str | None]:
    row = await people.task(ref)
    return row["status"], await fetch_value("SELECT name FROM staff WHERE id = $1", row["claimed_by"])


async def looked_up() -> int:
    return int(await fetch_value("SELECT count(*) FROM security_log WHERE event = 'looked_up'"))


async def journal() -> int:
    return int(await fetch_value("SELECT count(*) FROM journal"))


async def claimed_by(name: str, ref: str, practice: Profile, now: datetime = NOW) -> None:
    await claim_task(ref, practice=practice.id, by=await people.hand_of(name), now=now)


def news_of(page: str) -> str:
    found = re.search(r'data-hx-get="([^"]+)"', page)
    assert found
    return html.unescape(found[1])

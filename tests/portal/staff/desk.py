"""A member of staff at a browser, who signs in as a person does: with a link and a code."""

import json
from datetime import timedelta
from typing import Any
from xml.etree.ElementTree import Element

import httpx
from litestar import Litestar

from db.changes.accounts import make_link
from db.clock import clock, now
from db.engine import fetch_one, fetch_value
from db.queries.accounts import LINK_PATH, sign_in_path
from db.queries.practices import Profile
from db.rules.second_factor import STEP_SECONDS, code_at
from tests.portal.conftest import FORM
from tests.portal.staff.checker import check_staff_page

COOKIE = "__Host-reprise"


class Desk:
    """One member of staff at a browser. Pages are checked as they come; forms carry what a browser's would."""

    def __init__(self, client: httpx.AsyncClient, app: Litestar) -> None:
        self.client, self.app = client, app
        self.secret = ""
        self.recovery: list[str] = []
        self.csrf = ""

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return self._seen(await self.client.get(path, **options))

    async def page(self, path: str) -> Element:
        answer = await self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("location"))
        return check_staff_page(answer, self.app)

    async def post(
        self,
        path: str,
        data: dict[str, str] | None = None,
        *,
        csrf: bool = True,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """With the session's token, unless told otherwise."""
        form = dict(data or {}) | ({"csrf": self.csrf} if csrf else {})
        return self._seen(await self.client.post(path, data=form, headers=FORM | (headers or {})))

    async def swap(self, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        """As htmx asks: the token in a header; `data` None is a GET."""
        headers = {"hx-request": "true", "x-csrftoken": self.csrf, "sec-fetch-site": "same-origin"}
        if data is None:
            return await self.client.get(path, headers=headers)
        return await self.client.post(path, data=data, headers=headers)

    def _seen(self, answer: httpx.Response) -> httpx.Response:
        if answer.headers.get("content-type", "").startswith("text/html") and answer.content:
            tree = check_staff_page(answer, self.app)
            self.csrf = csrf_of(tree) or self.csrf
        return answer

    async def sign_in(self, token: str) -> httpx.Response:
        """Through a link, and with the second factor: set up at the first time, used later. The last answer."""
        path = LINK_PATH + token
        await self.get(path)
        taken = await self.post(path, csrf=False)
        assert taken.status_code == 303, taken.text
        asked = await self.get(taken.headers["location"])
        if taken.headers["location"].endswith("/enrol"):
            self.secret = secret_on(asked.text)
            done = await self.post("/staff/sign-in/enrol", {"code": code_at(self.secret, now())})
            assert done.status_code == 200
            self.recovery = codes_on(done.text)
        else:
            done = await self.enter_code(self.code())
            assert done.status_code == 303, done.text
        await self.get("/staff/account")
        return done

    async def enter_code(self, code: str) -> httpx.Response:
        return await self.post("/staff/sign-in/code", {"code": code})

    def code(self) -> str:
        """The next code of the authenticator: each is good once."""
        clock.move_by(timedelta(seconds=STEP_SECONDS))
        return code_at(self.secret, now())


def secret_on(page: str) -> str:
    return page.partition("<code>")[2].partition("</code>")[0].replace(" ", "")


def codes_on(page: str) -> list[str]:
    return [part.partition("</code>")[0] for part in page.split("<code>")[1:]]


def csrf_of(tree: Element) -> str:
    found = [field.get("value") or "" for field in tree.iter("input") if field.get("name") == "csrf"]
    assert len(set(found)) <= 1
    return found[0] if found else ""


async def member_ref(role: str, practice: Profile) -> str:
    ref: str = await fetch_value(
        "SELECT ref FROM staff WHERE role = $1 AND practice = $2 ORDER BY id LIMIT 1", role, practice.id
    )
    return ref


async def link_for(role: str, practice: Profile) -> str:
    """The token of a fresh link, as the installation's terminal gives it."""
    ref = await member_ref(role, practice)
    return await make_link(ref, practice=practice.id, actor="staff:terminal", now=now())


async def mailed_link() -> str:
    """The path in the newest sign-in email that is due."""
    row = await fetch_one("SELECT ref, detail FROM delivery WHERE message = 'sign_in' ORDER BY id DESC LIMIT 1")
    assert row is not None
    return sign_in_path(row["ref"], json.loads(row["detail"]))

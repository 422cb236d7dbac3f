"""Every staff route, with every role, without a session, from another site, and with another practice's ids."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from db.changes.practices import save_practice
from db.engine import fetch
from db.queries.practices import Profile, practice_by_ref
from db.states import Role
from portal.staff.permissions import ALLOWED, Guard, May, may
from tests import factories
from tests.portal.conftest import FORM, everything
from tests.portal.staff.conftest import NewDesk, StaffClient

# Ways in, which have no session yet.
DOORS = ("/staff/sign-in",)
NOWHERE = "nowhere00000"
THEIRS = "Theophraste"
# What is written down when somebody is refused, or looks.
LOG = "security_log"


@dataclass(frozen=True)
class Place:
    method: str
    path: str
    needs: tuple[May, ...]

    def with_(self, value: str) -> str:
        return re.sub(r"\{[^}]*:int\}", "1", re.sub(r"\{[^}]*:str\}", value, self.path))


def handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute) and (route.path == "/staff" or route.path.startswith("/staff/")):
            for handler in route.route_handlers:
                yield route.path, handler


def places(app: Litestar) -> list[Place]:
    """Every route of a signed-in page."""
    found = []
    for path, handler in handlers(app):
        if path.startswith(DOORS):
            continue
        guards = [one for one in handler.guards or () if isinstance(one, Guard)]
        needs = tuple(need for one in guards for need in one.needs)
        found += [Place(str(method), path, needs) for method in handler.http_methods if method != "OPTIONS"]
    return sorted(found, key=lambda place: (place.path, place.method))


async def send(client: httpx.AsyncClient, place: Place, value: str, csrf: str = "") -> httpx.Response:
    data = {"csrf": csrf} if csrf else None
    return await client.request(place.method, place.with_(value), data=data, headers=FORM)


def test_every_role_is_in_the_table_and_every_permission_belongs_to_somebody() -> None:
    assert set(ALLOWED) == set(May)
    assert all(ALLOWED.values())
    assert set.union(*map(set, ALLOWED.values())) == set(Role)


def test_every_signed_in_route_says_what_it_needs(app: Litestar) -> None:
    found = places(app)
    assert len(found) > 15
    assert [place for place in found if not place.needs] == []


def test_no_page_of_the_demo_exists_elsewhere(app: Litestar) -> None:
    assert [path for path, _ in handlers(app) if "demo" in path] == []


async def test_without_a_session_every_route_leads_to_the_sign_in(
    app: Litestar, new_desk: NewDesk, practice: Profile
) -> None:
    before = await everything()
    client = new_desk().client
    for place in places(app):
        answer = await send(client, place, NOWHERE)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/staff/sign-in"), place
        swapped = await client.request(place.method, place.with_(NOWHERE), headers=FORM | {"hx-request": "true"})
        assert (swapped.status_code, swapped.content) == (401, b""), place
        assert swapped.headers["hx-redirect"].partition("?")[0] == "/staff/sign-in"
    assert await everything() == before


@pytest.mark.parametrize("cookie", ["x", "A" * 43, "é", "a" * 5000, "../..", "*"])
async def test_a_made_up_session_is_none(new_desk: NewDesk, practice: Profile, cookie: str) -> None:
    answer = await new_desk().client.get("/staff/account", headers={b"cookie": f"__Host-reprise={cookie}".encode()})
    assert answer.status_code == 303


@pytest.mark.parametrize("role", list(Role))
async def test_every_route_opens_for_the_roles_of_the_table_and_for_no_other(
    app: Litestar, staff_client: StaffClient, role: Role
) -> None:
    desk = await staff_client(role)
    for place in places(app):
        if place.path == "/staff/sign-out" or place.path.endswith("everywhere"):
            continue
        answer = await send(desk.client, place, NOWHERE, desk.csrf)
        if all(may(role, need) for need in place.needs):
            assert answer.status_code not in (401, 403, 405, 500), (place, answer.status_code)
            assert not answer.headers.get("location", "").startswith("/staff/sign-in"), place
        else:
            assert answer.status_code == 403, place
            assert "Votre fonction" in answer.text
    refused = await fetch("SELECT data->>'role' AS role FROM security_log WHERE event = 'role_refused'")
    assert {row["role"] for row in refused} <= {role}


async def test_a_form_without_the_sessions_token_changes_nothing(app: Litestar, staff_client: StaffClient) -> None:
    desk, other = await staff_client("admin"), await staff_client("clinical_lead")
    before = await everything()
    for place in places(app):
        if place.method != "POST":
            continue
        for token in ("", "x", other.csrf):
            answer = await send(desk.client, place, NOWHERE, token)
            assert answer.status_code == 403, (place, token)
            swapped = await desk.client.post(
                place.with_(NOWHERE), headers=FORM | {"hx-request": "true", "x-csrftoken": token or "x"}
            )
            assert swapped.status_code == 403, place
            assert swapped.headers["hx-retarget"] == "#problem"
    assert await everything() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": "https://rdv.example.evil.example"},
    ],
)
async def test_another_site_posts_nothing_even_with_the_token(
    app: Litestar, staff_client: StaffClient, headers: dict[str, str]
) -> None:
    desk = await staff_client("admin")
    before = await everything()
    for path, handler in handlers(app):
        if "POST" in handler.http_methods:
            place = Place("POST", path, ())
            data = {"csrf": desk.csrf, "email": "dominique@tilleuls.example"}
            answer = await desk.client.post(place.with_(NOWHERE), data=data, headers=headers)
            assert answer.status_code == 403, place
    assert await everything() == before


async def test_the_token_in_the_header_is_as_good_as_in_the_form(staff_client: StaffClient) -> None:
    desk = await staff_client("admin")
    answer = await desk.swap("/staff/account/language", {"language": "en"})
    assert answer.status_code == 303


async def test_no_page_may_be_framed_by_another_site_or_kept(app: Litestar, staff_client: StaffClient) -> None:
    desk = await staff_client("admin")
    for place in places(app):
        if place.method == "GET":
            answer = await send(desk.client, place, NOWHERE)
            policy = answer.headers["content-security-policy"]
            assert re.search(r"frame-ancestors '(none|self)'", policy), place
            assert answer.headers["x-frame-options"] in ("DENY", "SAMEORIGIN"), place
            assert answer.headers["cache-control"] == "no-store", place
            assert "'unsafe-inline'" not in policy or "sandbox" in policy, place
            assert "content-encoding" not in answer.headers, place


async def house_of(name: str) -> Profile:
    """Another practice of the same installation, with a patient, a case and all that belongs to them."""
    there = factories.new_practice(key=name, name=name, staff=factories.EVERY_ROLE)
    await save_practice(there, now=factories.MONDAY)
    (row,) = await fetch("SELECT ref FROM practice WHERE key = $1", name)
    other = await practice_by_ref(row["ref"])
    await factories.make_absence(other, first_name=THEIRS, last_name=THEIRS)
    await factories.make_absence(other, first_name=THEIRS, last_name=THEIRS, phone=None, email=None)
    return other


async def references(practice: Profile) -> list[str]:
    """One or two of each kind of thing that belongs to the practice."""
    tables = ("patient", "task", "enrolment", "appointment", "practitioner", "staff", "delivery")
    found = [
        await fetch(f"SELECT ref FROM {table} WHERE practice = $1 ORDER BY id DESC LIMIT 2", practice.id)
        for table in tables
    ]
    assert all(found)
    return [row["ref"] for rows in found for row in rows]


@pytest.mark.parametrize("role", [Role.ADMIN, Role.CLINICAL_LEAD])
async def test_the_ids_of_another_practice_lead_nowhere(
    app: Litestar, staff_client: StaffClient, practice: Profile, role: Role
) -> None:
    refs = await references(await house_of("ailleurs"))
    desk = await staff_client(role)
    before = await everything()
    asked = [place for place in places(app) if "{" in place.path]
    assert asked
    for place in asked:
        for ref in refs:
            answer = await send(desk.client, place, ref, desk.csrf)
            assert answer.status_code != 500, (place, ref)
            assert THEIRS not in answer.text, (place, ref)
            if place.method == "GET":
                assert answer.status_code in (303, 400, 403, 404), (place, ref)
    after = await everything()
    assert {name for name in after if after[name] != before[name]} <= {LOG}


async def test_the_pages_of_one_practice_hold_nothing_of_another(
    app: Litestar, staff_client: StaffClient, practice: Profile
) -> None:
    await house_of("ailleurs")
    desk = await staff_client("admin")
    for place in places(app):
        if place.method == "GET" and "{" not in place.path:
            assert THEIRS not in (await send(desk.client, place, NOWHERE)).text, place
    found = await desk.post("/staff/patients", {"q": THEIRS})
    assert THEIRS not in found.text.replace(f'value="{THEIRS}"', "")


async def test_a_role_that_is_taken_away_counts_at_the_next_request(staff_client: StaffClient) -> None:
    desk = await staff_client("admin")
    assert (await desk.client.get("/staff/texts")).status_code == 200
    await fetch("UPDATE staff SET role = 'front_desk' WHERE role = 'admin'")
    assert (await desk.client.get("/staff/texts")).status_code == 403

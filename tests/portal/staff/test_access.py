"""Every staff route, with every role, without a session, from another site, and with another practice's ids."""

import re

import httpx
import pytest
from litestar import Litestar

from db.changes.practices import save_practice
from db.engine import fetch
from db.queries.practices import Profile, practice_by_ref
from db.states import Role
from portal.staff.permissions import ALLOWED, May, may
from tests import factories
from tests.portal.conftest import FORM, everything
from tests.portal.staff.conftest import NewDesk, StaffClient
from tests.portal.staff.desk import COOKIE, link_for
from tests.portal.staff.walk import LEAVING, NOWHERE, Place, every_place, handlers, places, send

THEIRS = "Theophraste"
# What is written down when somebody is refused, or looks.
LOG = "security_log"


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
        assert swapped.status_code == 401, place
        if "hx-retarget" in swapped.headers:
            # Whoever was writing keeps what stands on the page, and is told.
            assert (swapped.headers["hx-retarget"], practice.name in swapped.text) == ("#problem", False), place
        else:
            assert swapped.content == b"", place
            assert swapped.headers["hx-redirect"].partition("?")[0] == "/staff/sign-in", place
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
        if place.path in LEAVING:
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
        {"origin": "https://[evil"},
        {"origin": "rdv.example"},
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


async def test_whoever_has_not_entered_a_code_is_bound_to_their_own_forms_too(
    app: Litestar, new_desk: NewDesk, practice: Profile
) -> None:
    """Between link and code: the posts of the sign-in that a session already stands behind."""
    desk = new_desk()
    await desk.post("/staff/sign-in/link/" + await link_for("admin", practice), csrf=False)
    before = await everything()
    for token in ("", "x"):
        data = {"code": "123456"} | ({"csrf": token} if token else {})
        assert (await desk.client.post("/staff/sign-in/enrol", data=data, headers=FORM)).status_code == 403
    assert await everything() == before


async def test_no_answer_may_be_framed_by_another_site_or_kept(app: Litestar, staff_client: StaffClient) -> None:
    """Pages and refusals alike: 200, 303, 400, 403, 404, 405, 413."""
    desk, seen = await staff_client("admin"), set[int]()
    for place in every_place(app):
        if place.path in LEAVING:
            continue
        forms = [{}, {"csrf": desk.csrf}, {"csrf": "x" * 300_000}] if place.method == "POST" else [None]
        for data in forms:
            answer = await desk.client.request(place.method, place.with_(NOWHERE), data=data, headers=FORM)
            seen.add(answer.status_code)
            check_headers(answer)
            # By this the script of the pages tells our refusals from a proxy's.
            assert answer.headers["x-reprise"]
            assert answer.status_code != 413 or "votre texte y est encore" in answer.text
        wrong = await desk.client.request("DELETE", place.with_(NOWHERE), headers=FORM)
        seen.add(wrong.status_code)
        check_headers(wrong)
    assert seen >= {200, 303, 400, 403, 404, 405, 413}
    assert 500 not in seen


async def test_a_failure_of_ours_may_not_be_framed_either(staff_client: StaffClient) -> None:
    desk = await staff_client("admin")
    await fetch("ALTER TABLE recovery_code RENAME TO elsewhere")
    try:
        answer = await desk.client.get("/staff/account")
    finally:
        await fetch("ALTER TABLE elsewhere RENAME TO recovery_code")
    assert answer.status_code == 500
    check_headers(answer)
    assert "recovery_code" not in answer.text


def check_headers(answer: httpx.Response) -> None:
    policy, place = answer.headers["content-security-policy"], answer.request.url.path
    assert re.search(r"frame-ancestors '(none|self)'", policy), place
    assert "default-src 'none'" in policy, place
    assert "form-action 'self'" in policy, place
    assert "base-uri 'none'" in policy, place
    assert answer.headers["x-frame-options"] in ("DENY", "SAMEORIGIN"), place
    assert answer.headers["x-content-type-options"] == "nosniff", place
    assert answer.headers["referrer-policy"] == "no-referrer", place
    assert answer.headers["cross-origin-opener-policy"] == "same-origin", place
    assert answer.headers["strict-transport-security"], place
    assert answer.headers["cache-control"] == "no-store", place
    assert not re.search(r"'unsafe-(inline|eval)'", policy) or "sandbox" in policy, place
    # A compressed page that holds the session's token would tell of it by its size.
    assert "content-encoding" not in answer.headers or 'name="csrf"' not in answer.text, place


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


async def test_more_rights_want_a_sign_in_of_their_own(staff_client: StaffClient, practice: Profile) -> None:
    """A session that was opened, or taken, at the front desk never becomes an administrator's."""
    desk = await staff_client("front_desk")
    await fetch("UPDATE staff SET role = 'admin' WHERE role = 'front_desk'")
    for path in ("/staff/today", "/staff/texts"):
        refused = await desk.client.get(path)
        assert (refused.status_code, refused.headers["location"].partition("?")[0]) == (303, "/staff/sign-in")
    known = (desk.client.cookies[COOKIE], desk.csrf)
    await desk.sign_in(await link_for("admin", practice))
    assert (await desk.client.get("/staff/texts")).status_code == 200
    assert set(known).isdisjoint({desk.client.cookies[COOKIE], desk.csrf})

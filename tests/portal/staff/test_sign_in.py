"""The way in, over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar

from db.changes.accounts import (
    LINK_LIFE,
    LOCK,
    Answer,
    LinkUsed,
    deactivate_member,
    forget_factor,
    use_code,
    use_link,
)
from db.clock import clock, now
from db.engine import fetch, fetch_value
from db.queries.accounts import LINK_PATH
from db.queries.practices import Profile
from db.rules.second_factor import code_at
from db.tokens import sign_ins
from portal.staff.limits import MOST_LINKS_BY_ACCOUNT
from portal.staff.store import KEY
from tests.portal.conftest import everything
from tests.portal.staff.conftest import NewDesk, StaffClient
from tests.portal.staff.desk import COOKIE, Desk, link_for, mailed_link, member_ref

ADMIN = "dominique@tilleuls.example"
WRONG = "000000"


async def security() -> list[str]:
    return [row["event"] for row in await fetch("SELECT event FROM security_log ORDER BY id")]


async def ask(desk: Desk, email: str, **more: str) -> Any:
    return await desk.post("/staff/sign-in", {"email": email, **more}, csrf=False)


async def test_somebody_new_comes_in_with_a_link_and_the_first_code(new_desk: NewDesk, practice: Profile) -> None:
    desk = new_desk()
    asked = await ask(desk, ADMIN)
    assert (asked.status_code, asked.headers["location"]) == (303, "/staff/sign-in/sent")
    done = await desk.sign_in((await mailed_link()).removeprefix(LINK_PATH))
    assert len(set(desk.recovery)) == 10
    assert "Dominique Petit" in (await desk.get("/staff/account")).text
    assert done.headers["cache-control"] == "no-store"
    assert await security() == ["link_requested", "link_used", "factor_enrolled", "signed_in"]


async def test_the_next_time_a_code_is_enough_and_nothing_shows_the_secret(
    staff_client: StaffClient, practice: Profile
) -> None:
    desk = await staff_client("admin")
    await desk.post("/staff/sign-out")
    assert (await desk.get("/staff/account")).status_code == 303
    done = await desk.sign_in(await link_for("admin", practice))
    assert done.headers["location"] == "/staff/today"
    assert (await desk.get("/staff/sign-in/enrol")).status_code == 303


@pytest.mark.parametrize("email", [ADMIN, "personne@tilleuls.example"])
async def test_the_answer_tells_nobody_who_works_here(new_desk: NewDesk, practice: Profile, email: str) -> None:
    desk = new_desk()
    asked = await ask(desk, email)
    assert (asked.status_code, asked.headers["location"], asked.content) == (303, "/staff/sign-in/sent", b"")
    assert "set-cookie" not in asked.headers
    sent = await fetch_value("SELECT count(*) FROM delivery")
    assert sent == (email == ADMIN)


async def test_somebody_who_left_gets_no_link(new_desk: NewDesk, practice: Profile) -> None:
    await fetch("UPDATE staff SET active = false WHERE role = 'admin'")
    await ask(new_desk(), ADMIN)
    assert await fetch_value("SELECT count(*) FROM delivery") == 0


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "x" * 300 + "@tilleuls.example"])
async def test_what_is_no_address_is_said_at_the_field(new_desk: NewDesk, practice: Profile, email: str) -> None:
    asked = await ask(new_desk(), email)
    assert asked.status_code == 400
    assert 'aria-invalid="true"' in asked.text


async def test_looking_at_a_link_uses_nothing_up(new_desk: NewDesk, practice: Profile) -> None:
    path = LINK_PATH + await link_for("admin", practice)
    before = await everything()
    scanner, person = new_desk(), new_desk()
    for method in ("GET", "HEAD", "OPTIONS"):
        await scanner.client.request(method, path)
    assert await everything() == before
    assert (await person.post(path, csrf=False)).status_code == 303


async def test_a_link_works_once(new_desk: NewDesk, practice: Profile) -> None:
    path = LINK_PATH + await link_for("admin", practice)
    assert (await new_desk().post(path, csrf=False)).status_code == 303
    again = await new_desk().post(path, csrf=False)
    assert again.status_code == 404
    assert "ne sert plus" in again.text
    assert "set-cookie" not in again.headers


async def test_a_new_link_ends_the_one_before(new_desk: NewDesk, practice: Profile) -> None:
    first = LINK_PATH + await link_for("admin", practice)
    second = LINK_PATH + await link_for("admin", practice)
    assert (await new_desk().post(first, csrf=False)).status_code == 404
    assert (await new_desk().post(second, csrf=False)).status_code == 303


async def test_a_link_lasts_ten_minutes(new_desk: NewDesk, practice: Profile) -> None:
    path = LINK_PATH + await link_for("admin", practice)
    clock.move_by(LINK_LIFE + timedelta(seconds=1))
    assert (await new_desk().post(path, csrf=False)).status_code == 404


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "a", lambda t: "A" * 22 + t[22:], lambda _: "x"])
async def test_a_forged_link_leads_nowhere(new_desk: NewDesk, practice: Profile, change: Callable[[str], str]) -> None:
    path = LINK_PATH + change(await link_for("admin", practice))
    for answer in (await new_desk().get(path), await new_desk().post(path, csrf=False)):
        assert answer.status_code == 404


async def test_the_database_holds_neither_link_nor_secret_nor_codes_in_clear(
    new_desk: NewDesk, practice: Profile
) -> None:
    desk = new_desk()
    await ask(desk, ADMIN)
    token = (await mailed_link()).removeprefix(LINK_PATH)
    await desk.sign_in(token)
    tables = ("delivery", "staff_access", "recovery_code", "security_log")
    stored = "".join([str(await fetch_value(f"SELECT string_agg(t::text, '') FROM {name} t")) for name in tables])
    hidden = [token[:22], token, desk.secret, *desk.recovery, *(one.replace("-", "") for one in desk.recovery)]
    for text in hidden:
        assert text not in stored
        assert text.encode().hex() not in stored


async def test_a_link_alone_opens_no_page(new_desk: NewDesk, practice: Profile) -> None:
    desk = new_desk()
    await desk.post(LINK_PATH + await link_for("admin", practice), csrf=False)
    for path in ("/staff/today", "/staff/account"):
        answer = await desk.get(path)
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            f"/staff/sign-in?to={path.replace('/', '%2F')}",
        )


async def test_a_code_works_once_even_within_its_half_minute(staff_client: StaffClient, practice: Profile) -> None:
    desk = await staff_client("admin")
    code = desk.code()
    for expected in (303, 400):
        await desk.post(LINK_PATH + await link_for("admin", practice), csrf=False)
        await desk.get("/staff/sign-in/code")
        assert (await desk.enter_code(code)).status_code == expected


@pytest.mark.parametrize(("off", "taken"), [(-60, False), (-29, True), (0, True), (29, True), (60, False)])
async def test_a_clock_half_a_minute_off_is_forgiven(
    staff_client: StaffClient, practice: Profile, off: int, taken: bool
) -> None:
    desk = await staff_client("admin")
    clock.move_by(timedelta(minutes=5))
    clock.move_to(now().replace(second=0, microsecond=0))
    await desk.post(LINK_PATH + await link_for("admin", practice), csrf=False)
    await desk.get("/staff/sign-in/code")
    answer = await desk.enter_code(code_at(desk.secret, now() + timedelta(seconds=off)))
    assert answer.status_code == (303 if taken else 400)


async def test_five_wrong_codes_lock_the_account_for_a_quarter_of_an_hour(
    staff_client: StaffClient, practice: Profile
) -> None:
    desk = await staff_client("admin")
    await desk.post(LINK_PATH + await link_for("admin", practice), csrf=False)
    await desk.get("/staff/sign-in/code")
    statuses = [(await desk.enter_code(WRONG)).status_code for _ in range(5)]
    assert statuses == [400, 400, 400, 400, 429]
    right = await desk.enter_code(desk.code())
    assert right.status_code == 429
    assert "15 minutes" in right.text
    assert (await security()).count("sign_in_failed") == 5
    assert "locked" in await security()
    clock.move_by(LOCK)
    assert (await desk.enter_code(desk.code())).status_code == 303


async def test_a_right_code_wipes_the_slate(staff_client: StaffClient, practice: Profile) -> None:
    desk = await staff_client("admin")
    for _ in range(2):
        await desk.post(LINK_PATH + await link_for("admin", practice), csrf=False)
        await desk.get("/staff/sign-in/code")
        for _ in range(4):
            assert (await desk.enter_code(WRONG)).status_code == 400
        assert (await desk.enter_code(desk.code())).status_code == 303


async def test_wrong_codes_count_while_the_factor_is_set_up(new_desk: NewDesk, practice: Profile) -> None:
    desk = new_desk()
    await desk.post(LINK_PATH + await link_for("admin", practice), csrf=False)
    await desk.get("/staff/sign-in/enrol")
    answers = [await desk.post("/staff/sign-in/enrol", {"code": WRONG}) for _ in range(5)]
    assert [one.status_code for one in answers] == [400, 400, 400, 400, 429]


@pytest.mark.parametrize("spelt", [str, str.upper, lambda code: code.replace("-", " ")])
async def test_a_recovery_code_lets_in_once(
    staff_client: StaffClient, practice: Profile, spelt: Callable[[str], str]
) -> None:
    desk = await staff_client("admin")
    for expected in (303, 400):
        await desk.post(LINK_PATH + await link_for("admin", practice), csrf=False)
        await desk.get("/staff/sign-in/code")
        assert (await desk.enter_code(spelt(desk.recovery[3]))).status_code == expected
    assert "recovery_used" in await security()


async def test_the_recovery_codes_of_somebody_else_are_worth_nothing(
    staff_client: StaffClient, practice: Profile
) -> None:
    admin, lead = await staff_client("admin"), await staff_client("clinical_lead")
    await admin.post(LINK_PATH + await link_for("admin", practice), csrf=False)
    await admin.get("/staff/sign-in/code")
    assert (await admin.enter_code(lead.recovery[0])).status_code == 400


async def test_the_id_of_a_session_is_never_one_that_a_browser_brought(
    staff_client: StaffClient, new_desk: NewDesk, practice: Profile
) -> None:
    """Fixation: somebody plants a cookie, or knows the one of before the code."""
    desk, planted = new_desk(), "A" * 43
    desk.client.cookies.set(COOKIE, planted, domain="rdv.example", path="/")
    await desk.post(LINK_PATH + await link_for("admin", practice), csrf=False)
    half = desk.client.cookies[COOKIE]
    await desk.get("/staff/sign-in/enrol")
    known = new_desk()
    known.client.cookies.set(COOKIE, half, domain="rdv.example", path="/")
    page = (await desk.get("/staff/sign-in/enrol")).text
    secret = page.partition("<code>")[2].partition("</code>")[0].replace(" ", "")
    await desk.post("/staff/sign-in/enrol", {"code": code_at(secret, now())})
    assert len({planted, half, desk.client.cookies[COOKIE]}) == 3
    assert (await desk.get("/staff/account")).status_code == 200
    for stale in (planted, half):
        known.client.cookies.set(COOKIE, stale, domain="rdv.example", path="/")
        assert (await known.get("/staff/account")).status_code == 303


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_hosts(
    staff_client: StaffClient, new_desk: NewDesk, practice: Profile
) -> None:
    taken = await new_desk().post(LINK_PATH + await link_for("admin", practice), csrf=False)
    name, *flags = [part.strip() for part in taken.headers["set-cookie"].split(";")]
    assert name.startswith(f"{COOKIE}=")
    assert {flag.lower() for flag in flags} == {"path=/", "secure", "httponly", "samesite=lax"}


async def test_redis_holds_no_cookie(staff_client: StaffClient, app: Litestar) -> None:
    desk = await staff_client("admin")
    redis = app.state.services.redis
    keys = await redis.keys("*")
    assert [key for key in keys if key.startswith(KEY)]
    values = "".join([str(await redis.get(key)) for key in keys])
    assert desk.client.cookies[COOKIE] not in "".join(keys) + values


async def test_after_signing_in_the_page_that_was_asked_for_opens(new_desk: NewDesk, practice: Profile) -> None:
    desk = new_desk()
    asked = await desk.get("/staff/account")
    page = await desk.get(asked.headers["location"])
    assert 'name="to" value="/staff/account"' in page.text
    await ask(desk, ADMIN, to="/staff/account")
    link = await mailed_link()
    assert link.endswith("?to=%2Fstaff%2Faccount")
    assert 'name="to" value="/staff/account"' in (await desk.get(link)).text
    await desk.post(link.partition("?")[0], {"to": "/staff/account"}, csrf=False)
    page = await desk.get("/staff/sign-in/enrol")
    secret = page.text.partition("<code>")[2].partition("</code>")[0].replace(" ", "")
    done = await desk.post("/staff/sign-in/enrol", {"code": code_at(secret, now())})
    assert 'href="/staff/account"' in done.text


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example/staff/x",
        "/staff/../r/x",
        "/r/x",
        "/staff/sign-in/link/x",
        "/staff/x?y",
        "/staff/\u6f22",
        "/staff/x\r\nA: b",
    ],
)
async def test_nobody_is_led_elsewhere(new_desk: NewDesk, practice: Profile, to: str) -> None:
    desk = new_desk()
    assert 'name="to" value=""' in (await desk.get("/staff/sign-in", params={"to": to})).text
    await ask(desk, ADMIN, to=to)
    assert "?" not in await mailed_link()


async def test_one_address_may_ask_so_often_and_one_mailbox_too(new_desk: NewDesk, practice: Profile) -> None:
    desk = new_desk()
    asked = await asyncio.gather(*(ask(desk, f"n{number}@tilleuls.example") for number in range(21)))
    assert sorted(one.status_code for one in asked) == [303] * 20 + [429]
    await asyncio.gather(*(ask(new_desk(), ADMIN) for _ in range(MOST_LINKS_BY_ACCOUNT)))
    await asyncio.gather(*(ask(new_desk(), ADMIN) for _ in range(3)))
    assert await fetch_value("SELECT count(*) FROM delivery") == 5


async def test_a_stranger_who_asks_again_and_again_keeps_nobody_out(new_desk: NewDesk, practice: Profile) -> None:
    """Past the limit nothing more is sent while a link is under way; when none is, one more may be asked for."""
    await asyncio.gather(*(ask(new_desk(), ADMIN) for _ in range(MOST_LINKS_BY_ACCOUNT + 1)))
    used = LINK_PATH + (await mailed_link()).removeprefix(LINK_PATH)
    assert (await new_desk().post(used, csrf=False)).status_code == 303
    for over in (False, True):
        before = await fetch_value("SELECT count(*) FROM delivery")
        await asyncio.gather(*(ask(new_desk(), ADMIN) for _ in range(3)))
        assert await fetch_value("SELECT count(*) FROM delivery") == before + 1
        assert not over or (await new_desk().post(await mailed_link(), csrf=False)).status_code == 303
        clock.move_by(LINK_LIFE)


async def test_what_is_used_once_is_used_once_by_two_at_the_same_instant(
    staff_client: StaffClient, practice: Profile
) -> None:
    desk = await staff_client("admin")
    nonce = sign_ins().read(await link_for("admin", practice))
    used = await asyncio.gather(*(use_link(nonce, now=now()) for _ in range(4)), return_exceptions=True)
    assert [isinstance(one, LinkUsed) for one in used].count(True) == 1
    staff = await fetch_value("SELECT id FROM staff WHERE role = 'admin'")
    for code in (desk.code(), desk.recovery[0]):
        answers = await asyncio.gather(*(use_code(staff, code=code, now=now()) for _ in range(4)))
        assert answers.count(Answer.ACCEPTED) == 1


async def test_whoever_used_an_earlier_link_does_not_see_what_the_later_one_sets_up(
    new_desk: NewDesk, practice: Profile
) -> None:
    """Somebody else reads the mailbox first: the secret of the second factor is then shown to one browser alone."""
    stranger, person = new_desk(), new_desk()
    for desk in (stranger, person):
        await desk.post(LINK_PATH + await link_for("admin", practice), csrf=False)
    assert (await stranger.get("/staff/sign-in/enrol")).status_code == 303
    assert (await person.get("/staff/sign-in/enrol")).status_code == 200


@pytest.mark.parametrize("end", [deactivate_member, forget_factor], ids=["left", "factor_forgotten"])
async def test_half_a_sign_in_ends_like_a_session(
    staff_client: StaffClient, new_desk: NewDesk, practice: Profile, end: Callable[..., Awaitable[Any]]
) -> None:
    await staff_client("admin")
    desk = new_desk()
    await desk.post(LINK_PATH + await link_for("admin", practice), csrf=False)
    assert (await desk.get("/staff/sign-in/code")).status_code == 200
    await end(await member_ref("admin", practice), practice=practice.id, actor="staff:terminal", now=now())
    for path in ("/staff/sign-in/code", "/staff/sign-in/enrol"):
        assert (await desk.get(path)).status_code == 303


async def test_guessing_links_is_slowed_down(new_desk: NewDesk, practice: Profile) -> None:
    desk = new_desk()
    statuses = {(await desk.client.get(f"{LINK_PATH}guess{number}")).status_code for number in range(45)}
    assert statuses == {404, 429}


async def test_the_pages_speak_the_language_of_the_browser(new_desk: NewDesk, practice: Profile) -> None:
    desk = new_desk()
    assert "Your email address" in (await desk.get("/staff/sign-in", headers={"accept-language": "en-GB,en"})).text
    assert "Votre adresse e-mail" in (await desk.get("/staff/sign-in", headers={"accept-language": "de"})).text

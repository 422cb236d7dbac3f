"""How long somebody stays signed in, and what ends it."""

from datetime import timedelta

import pytest
from litestar import Litestar

from db.changes.accounts import deactivate_member, forget_factor
from db.clock import clock, now
from db.engine import fetch, fetch_value
from db.queries.practices import Profile
from portal.staff.store import IDLE_SECONDS, KEY, LIMIT, WHOLE_SECONDS
from tests.portal.conftest import Site
from tests.portal.staff.conftest import NewDesk, StaffClient
from tests.portal.staff.desk import COOKIE, Desk, link_for, member_ref
from tests.portal.test_health import without_redis

__all__ = ["without_redis"]

TERMINAL = "staff:terminal"


async def is_in(desk: Desk) -> bool:
    status = (await desk.client.get("/staff/account")).status_code
    assert status in (200, 303)
    return status == 200


async def keys(app: Litestar) -> tuple[str, str]:
    """The session's key, and the one that limits it."""
    redis = app.state.services.redis
    (session,), (limit,) = await redis.keys(f"{KEY}*"), await redis.keys(f"{LIMIT}*")
    return session, limit


async def test_half_an_hour_without_a_request_ends_it(app: Litestar, staff_client: StaffClient) -> None:
    desk, redis = await staff_client("admin"), app.state.services.redis
    session, _ = await keys(app)
    await redis.expire(session, 60)
    assert await is_in(desk)
    assert await redis.ttl(session) > IDLE_SECONDS - 10
    await redis.expire(session, 0)
    assert not await is_in(desk)


async def test_a_page_that_asks_for_news_by_itself_keeps_nobody_signed_in(
    app: Litestar, staff_client: StaffClient
) -> None:
    desk, redis = await staff_client("admin"), app.state.services.redis
    session, _ = await keys(app)
    await redis.expire(session, 60)
    answer = await desk.client.get("/staff/account", headers={"x-background": "1"})
    assert answer.status_code == 200
    assert await redis.ttl(session) <= 60


async def test_the_worklists_own_polling_is_such_a_page(staff_client: StaffClient) -> None:
    page = (await (await staff_client("admin")).client.get("/staff/today")).text
    polling = [tag for tag in page.split("<") if "every " in tag.partition(">")[0]]
    assert polling
    assert all("x-background" in tag for tag in polling)


async def test_half_a_day_ends_it_whatever_is_done(app: Litestar, staff_client: StaffClient) -> None:
    desk, redis = await staff_client("admin"), app.state.services.redis
    _, limit = await keys(app)
    assert WHOLE_SECONDS - 10 < await redis.ttl(limit) <= WHOLE_SECONDS
    before = await redis.ttl(limit)
    assert await is_in(desk)
    assert await redis.ttl(limit) <= before
    await redis.delete(limit)
    assert not await is_in(desk)


async def test_a_clock_that_the_demo_moves_ends_no_session(staff_client: StaffClient) -> None:
    desk = await staff_client("admin")
    clock.move_by(timedelta(days=3))
    assert await is_in(desk)


async def test_signing_out_ends_the_session_itself_and_not_only_the_cookie(
    new_desk: NewDesk, staff_client: StaffClient
) -> None:
    desk, copy = await staff_client("admin"), new_desk()
    copy.client.cookies.set(COOKIE, desk.client.cookies[COOKIE], domain="rdv.example", path="/")
    assert await is_in(copy)
    out = await desk.post("/staff/sign-out")
    assert (out.status_code, out.headers["location"]) == (303, "/staff/sign-in")
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert COOKIE not in desk.client.cookies
    assert not await is_in(copy)


async def test_signing_out_everywhere_ends_every_session_of_that_person_alone(
    staff_client: StaffClient, new_desk: NewDesk, practice: Profile
) -> None:
    here, lead = await staff_client("admin"), await staff_client("clinical_lead")
    elsewhere = new_desk()
    elsewhere.secret = here.secret
    await elsewhere.sign_in(await link_for("admin", practice))
    assert await is_in(here)
    assert await is_in(elsewhere)
    await here.post("/staff/account/sign-out-everywhere")
    assert [await is_in(desk) for desk in (here, elsewhere, lead)] == [False, False, True]
    elsewhere.csrf = ""
    await elsewhere.sign_in(await link_for("admin", practice))
    assert await is_in(elsewhere)


@pytest.mark.parametrize("end", [deactivate_member, forget_factor], ids=["left", "factor_forgotten"])
async def test_whoever_leaves_or_lost_the_factor_is_out_at_the_next_request(
    staff_client: StaffClient, practice: Profile, end: type
) -> None:
    desk, lead = await staff_client("admin"), await staff_client("clinical_lead")
    await end(await member_ref("admin", practice), practice=practice.id, actor=TERMINAL, now=now())
    assert not await is_in(desk)
    assert await is_in(lead)


async def test_whoever_lost_the_factor_sets_up_another(staff_client: StaffClient, practice: Profile) -> None:
    desk = await staff_client("admin")
    lost, codes = desk.secret, desk.recovery
    await forget_factor(await member_ref("admin", practice), practice=practice.id, actor=TERMINAL, now=now())
    await desk.sign_in(await link_for("admin", practice))
    assert desk.secret != lost
    assert set(desk.recovery).isdisjoint(codes)


async def test_without_redis_the_pages_say_so_and_patients_notice_nothing(
    site: Site, token: str, practice: Profile, new_desk: NewDesk, without_redis: None
) -> None:
    desk = new_desk()
    desk.client.cookies.set(COOKIE, "A" * 43, domain="rdv.example", path="/")
    for answer in (
        await desk.get("/staff/today"),
        await desk.post("/staff/sign-in", {"email": "dominique@tilleuls.example"}, csrf=False),
    ):
        assert answer.status_code == 503
        assert "reviennent bientôt" in answer.text
        assert answer.headers["retry-after"] == "60"
    assert (await desk.get("/staff/sign-in")).status_code == 200
    assert (await site.get(f"/r/{token}")).status_code == 200


async def test_a_page_that_asks_by_itself_is_left_as_it_is_while_sessions_are_away(
    new_desk: NewDesk, practice: Profile, without_redis: None
) -> None:
    """It would scroll away under its reader every two seconds; `staff.js` says once that it is not up to date."""
    desk = new_desk()
    desk.client.cookies.set(COOKIE, "A" * 43, domain="rdv.example", path="/")
    asked = {"hx-request": "true", "x-background": "1"}
    quiet = await desk.client.get("/staff/today/news", headers=asked)
    assert (quiet.status_code, quiet.content) == (503, b"")
    assert quiet.headers["hx-reswap"] == "none"
    assert "hx-retarget" not in quiet.headers
    pressed = await desk.client.get("/staff/today", headers={"hx-request": "true"})
    assert (pressed.status_code, pressed.headers["hx-retarget"]) == (503, "#problem")


async def test_an_address_that_is_none_leads_to_the_sign_in_all_the_same(new_desk: NewDesk, practice: Profile) -> None:
    for page in ("https://[x", "\x00", "javascript:alert(1)"):
        answer = await new_desk().client.get("/staff/today", headers={"hx-request": "true", "hx-current-url": page})
        assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/staff/sign-in")


async def test_an_emptied_redis_costs_a_sign_in_and_nothing_else(
    app: Litestar, staff_client: StaffClient, practice: Profile
) -> None:
    desk = await staff_client("admin")
    await app.state.services.redis.flushdb()
    assert not await is_in(desk)
    await desk.sign_in(await link_for("admin", practice))
    assert await is_in(desk)


async def test_the_language_of_the_pages_is_chosen_by_each_person(staff_client: StaffClient) -> None:
    desk = await staff_client("admin")
    assert 'lang="fr"' in (await desk.get("/staff/account")).text
    changed = await desk.post("/staff/account/language", {"language": "en"})
    page = await desk.get(changed.headers["location"])
    assert "The language is changed." in page.text
    assert '<html lang="en">' in page.text
    await desk.post("/staff/account/language", {"language": "xx"})
    assert await fetch_value("SELECT language FROM staff WHERE role = 'admin'") == "en"


async def test_new_recovery_codes_want_a_code_and_end_the_old_ones(
    staff_client: StaffClient, practice: Profile
) -> None:
    desk = await staff_client("admin")
    wrong = await desk.post("/staff/account/recovery", {"code": "000000"})
    assert wrong.status_code == 400
    assert 'aria-invalid="true"' in wrong.text
    done = await desk.post("/staff/account/recovery", {"code": desk.code()})
    assert done.status_code == 200
    assert done.text.count("<code>") == 10
    assert not [code for code in desk.recovery if code in done.text]
    await desk.post("/staff/sign-out")
    await desk.client.get("/staff/sign-in")
    await desk.post("/staff/sign-in/link/" + await link_for("admin", practice), csrf=False)
    await desk.get("/staff/sign-in/code")
    assert (await desk.enter_code(desk.recovery[0])).status_code == 400


async def test_stored_script_in_a_name_stays_text(staff_client: StaffClient) -> None:
    desk = await staff_client("admin")
    await fetch("UPDATE staff SET name = '<script>alert(1)</script>\"''' WHERE role = 'admin'")
    page = await desk.get("/staff/account")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


async def test_a_notice_is_one_of_ours(staff_client: StaffClient) -> None:
    desk = await staff_client("admin")
    for notice in ("<b>x</b>", "__class__", "nothing_of_the_kind", "Vous avez gagné"):
        page = await desk.get("/staff/account", params={"notice": notice})
        assert 'class="notice"' not in page.text

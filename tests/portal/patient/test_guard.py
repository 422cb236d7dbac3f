import pytest
from litestar import Litestar

from db.clock import clock
from db.engine import fetch, fetch_value, transaction
from db.tokens import links
from portal.patient.guard import MOST_FAILURES
from tests import factories
from tests.portal.checker import check_page, main_text
from tests.portal.conftest import FORM, Site, everything, visitor
from tests.portal.test_health import without_redis

__all__ = ["without_redis"]

LOOKING = ("/r/{}", "/r/{}/move", "/r/{}/cancel", "/r/{}/stop", "/u/{}", "/r/{}/appointment.ics")
POSTING = (
    "/r/{}/choose",
    "/r/{}/book",
    "/r/{}/move",
    "/r/{}/cancel",
    "/r/{}/stop",
    "/r/{}/call",
    "/r/{}/barrier",
    "/u/{}",
)
# An old message still lets its reader opt out.
STOPPING = ("/r/{}/stop", "/u/{}")
GARBAGE = [
    "x",
    "0" * 25,
    "é" * 25,
    "%00" * 25,
    "a" * 5000,
    "..%2f..%2fetc%2fpasswd",
    "'%20OR%201=1--",
    "%F0%9F%92%A9",
    "<script>",
]


async def dead_links(token: str) -> dict[str, str]:
    """Every way in which a link can lead nowhere. The link of `token` itself is expired or revoked by the caller."""
    other = "0" if token[-1] != "0" else "1"
    return {
        "forged": token[:-1] + other,
        "cut": token[:-1],
        "longer": token + "a",
        "never given out": links().sign("00000000"),
        "garbage": "hello",
    }


async def ended(column: str) -> None:
    async with transaction():
        await fetch(f"UPDATE enrolment SET {column} = now() - interval '10 years'")


@pytest.mark.parametrize("column", ["links_expire_at", "links_revoked_at"])
async def test_every_link_that_leads_nowhere_shows_the_same_page(site: Site, token: str, column: str) -> None:
    answers = [await site.get(f"/r/{dead}") for dead in (await dead_links(token)).values()]
    await ended(column)
    answers.append(await site.get(f"/r/{token}"))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
    assert "01 42 00 00 00" in main_text(check_page(answers[0], site.app))


@pytest.mark.parametrize("dead", GARBAGE)
async def test_garbage_gets_the_calm_page_everywhere(site: Site, token: str, dead: str) -> None:
    for place in LOOKING:
        assert (await site.get(place.format(dead))).status_code == 404


async def test_an_ended_link_changes_nothing(site: Site, token: str) -> None:
    slot = (await site.offered(token))[0]
    await ended("links_expire_at")
    before = await everything()
    for place in (place for place in POSTING if place not in STOPPING):
        answer = await site.post(place.format(token), {"slot": slot, "channel": "both", "barrier": "cost"})
        assert answer.status_code == 404
    assert await everything() == before


@pytest.mark.parametrize("place", STOPPING)
async def test_an_expired_link_still_stops_messages(site: Site, token: str, place: str) -> None:
    await ended("links_expire_at")
    assert (await site.get(place.format(token))).status_code == 200
    answer = await site.post(place.format(token), {"channel": "email"})
    assert answer.status_code in (200, 303)
    assert await fetch_value("SELECT channel FROM channel_opt_out") == "email"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://elsewhere.example"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "null"},
        {"origin": "https://elsewhere.example"},
        {"origin": "https://rdv.example.elsewhere.example"},
    ],
)
async def test_another_site_cannot_post(site: Site, token: str, headers: dict[str, str]) -> None:
    slot = (await site.offered(token))[0]
    before = await everything()
    for place in (place for place in POSTING if place != "/u/{}"):
        answer = await site.post(place.format(token), {"slot": slot, "channel": "both"}, headers=headers)
        assert answer.status_code == 403
    assert await everything() == before


async def test_one_click_may_come_from_a_mail_program_in_a_browser(site: Site, token: str) -> None:
    headers = {"sec-fetch-site": "cross-site", "origin": "https://mail.example"}
    answer = await site.post(f"/u/{token}", {"List-Unsubscribe": "One-Click"}, headers=headers)
    assert answer.status_code == 200
    assert await fetch_value("SELECT source FROM channel_opt_out") == "one_click"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        FORM,
        {"origin": "null"},
        {"origin": "https://rdv.example"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin"},
    ],
)
async def test_our_own_forms_and_old_browsers_can_post(site: Site, token: str, headers: dict[str, str]) -> None:
    slot = (await site.offered(token))[0]
    assert (await site.post(f"/r/{token}/choose", {"slot": slot}, headers=headers)).status_code == 200


async def test_a_link_opened_from_another_site_works(site: Site, token: str) -> None:
    answer = await site.get(f"/r/{token}", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200


async def test_an_address_that_fails_too_often_waits_and_its_good_links_still_work(site: Site, token: str) -> None:
    for _ in range(MOST_FAILURES):
        assert (await site.client.get("/r/nothing")).status_code == 404
    refused = await site.get("/r/nothing")
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "60"
    assert (await site.post("/r/nothing/book")).status_code == 429
    assert (await site.get(f"/r/{token}")).status_code == 200


async def test_failures_are_counted_by_address_and_forgotten_after_a_minute(
    site: Site, app: Litestar, token: str
) -> None:
    for address in ("192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2"):
        async with visitor(app, address) as client:
            await client.get("/r/nothing")
    redis = app.state.services.redis
    keys = {key: (await redis.get(key), await redis.ttl(key)) for key in await redis.keys("*")}
    assert {key: count for key, (count, _) in keys.items()} == {
        "reprise:failed-links:192.0.2.1": "2",
        "reprise:failed-links:2001:db8::/64": "2",
    }
    assert all(0 < seconds <= 60 for _, seconds in keys.values())


async def test_good_links_are_not_counted(site: Site, app: Litestar, token: str) -> None:
    await site.get(f"/r/{token}")
    assert await app.state.services.redis.keys("*") == []


async def test_without_redis_links_work_and_failures_pass(
    site: Site, token: str, without_redis: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert (await site.get(f"/r/{token}")).status_code == 200
    dead = (await dead_links(token))["forged"]
    assert (await site.get(f"/r/{dead}")).status_code == 404
    written = "".join(capfd.readouterr())
    assert "failed_links_not_counted" in written
    assert dead not in written


async def test_before_a_practice_is_set_up_the_page_has_no_number(site: Site) -> None:
    answer = await site.get("/r/nothing")
    assert answer.status_code == 404
    assert "tel:" not in answer.text


async def test_the_link_of_another_touchpoint_shows_the_same_slots(site: Site) -> None:
    practice = await factories.make_practice()
    absence = await factories.make_absence(practice)
    clock.move_to(factories.MONDAY)
    tokens = [links().sign(found) for found in await factories.link_ids(absence.patient_key)]
    offers = [await site.offered(token) for token in tokens]
    assert len(offers) > 5
    assert all(offer == offers[0] for offer in offers)

"""What holds for every route there is."""

import httpx
import pytest
from litestar import Litestar

from db.engine import fetch, transaction
from portal.headers import ALWAYS, policy_of
from tests.portal.checker import check_page, routes, said
from tests.portal.conftest import FORM, Site, everything


def paths(app: Litestar, method: str, token: str) -> list[str]:
    """Every route of that method, on this link."""
    return sorted(
        path.replace("{token:str}", token).replace("{provider:str}", "twilio").replace("/{file_path:path}", "/none.css")
        for verb, path in routes(app)
        if verb == method
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("booked", [False, True])
async def test_looking_changes_nothing_whatever_the_route(
    site: Site, app: Litestar, token: str, method: str, booked: bool
) -> None:
    if booked:
        await site.book_first(token)
    before = await everything()
    for path in paths(app, "GET", token):
        for query in ("", "?slot=2026-11-18T08:00Z&channel=both&confirm=yes&barrier=cost"):
            await site.client.request(method, path + query)
    assert await everything() == before


async def test_every_page_can_be_asked_for_its_headers_alone(site: Site, app: Litestar, token: str) -> None:
    for path in paths(app, "HEAD", token):
        head, got = await site.client.head(path), await site.client.get(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers.get("content-type") == got.headers.get("content-type")
    assert {path for path in paths(app, "GET", token) if path.startswith(("/r/", "/u/"))} <= set(
        paths(app, "HEAD", token)
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_answer_carries_the_headers(site: Site, app: Litestar, token: str, method: str) -> None:
    every = {path for verb in ("GET", "POST") for path in paths(app, verb, token)} | {"/", "/r", "/nowhere", "/r/x/y/z"}
    for path in every:
        answer = await site.client.request(method, path, headers=FORM)
        assert answer.status_code != 500, (method, path)
        for name, value in (ALWAYS | {"Content-Security-Policy": policy_of(path)}).items():
            assert answer.headers[name] == value, (method, path, name)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert answer.headers["Cache-Control"] == "no-store" or path.startswith("/static/")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_wrong_method_gets_a_calm_page(site: Site, token: str, method: str) -> None:
    answer = site.checked(await site.client.request(method, f"/r/{token}"))
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert "Traceback" not in answer.text


async def test_robots_are_asked_to_stay_away(client: httpx.AsyncClient) -> None:
    assert (await client.get("/robots.txt")).text == "User-agent: *\nDisallow: /\n"


async def test_a_page_that_does_not_exist_gives_the_telephone_number(site: Site, token: str) -> None:
    await site.get("/r/x")
    tree = check_page(await site.client.get("/wp-login.php"), site.app)
    assert "01 42 00 00 00" in said(tree)


async def test_a_crash_is_a_calm_page_and_a_log_without_path_or_message(
    site: Site, token: str, capfd: pytest.CaptureFixture[str]
) -> None:
    await site.get("/r/x")
    await fetch("ALTER TABLE delivery RENAME COLUMN link_id TO link_id_away")
    try:
        answer = await site.get(f"/r/{token}")
    finally:
        async with transaction():
            await fetch("ALTER TABLE delivery RENAME COLUMN link_id_away TO link_id")
    assert answer.status_code == 500
    assert "01 42 00 00 00" in answer.text
    assert "link_id" not in answer.text
    written = "".join(capfd.readouterr())
    assert "request_failed" in written
    assert token not in written

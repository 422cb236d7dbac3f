import base64
import gzip
import hashlib
import zlib

import httpx
import pytest

from db.clock import clock
from portal.headers import CONTENT_SECURITY_POLICY
from portal.styles import SHEET, STYLES, compact
from tests import factories
from tests.portal.conftest import Site

FIRST_VIEW = 14 * 1024


async def wire(site: Site, token: str, encoding: str) -> tuple[httpx.Response, bytes]:
    """The answer, and its body as it travels."""
    request = site.client.build_request("GET", f"/r/{token}", headers={"accept-encoding": encoding})
    answer = await site.client.send(request, stream=True)
    return answer, b"".join([piece async for piece in answer.aiter_raw()])


async def test_the_first_view_with_its_styles_fits_fourteen_kilobytes(site: Site) -> None:
    practice = await factories.make_practice()
    clock.move_to(factories.MONDAY)
    token = await factories.make_link(practice, duration_min=35)
    answer, body = await wire(site, token, "gzip, deflate, br")
    page = gzip.decompress(body).decode()
    assert page.count('name="slot"') >= 180
    headers = sum(len(name) + len(value) + 4 for name, value in answer.headers.raw)
    assert len(body) + headers < FIRST_VIEW / 2
    assert STYLES in page


@pytest.mark.parametrize("encoding", ["identity", "", "br"])
async def test_who_does_not_read_gzip_gets_the_plain_page(site: Site, token: str, encoding: str) -> None:
    answer, body = await wire(site, token, encoding)
    assert "content-encoding" not in answer.headers
    assert body.startswith(b"<!doctype html>")
    assert len(body) == int(answer.headers["content-length"])


async def test_the_compressed_page_is_the_plain_page(site: Site, token: str) -> None:
    answer, packed = await wire(site, token, "gzip")
    _, plain = await wire(site, token, "identity")
    assert zlib.decompress(packed, 31) == plain
    assert answer.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["vary"]


async def test_the_policy_lets_in_the_styles_of_the_page(site: Site, token: str) -> None:
    page = (await site.get(f"/r/{token}")).text
    inside = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_compacting_styles_drops_only_what_means_nothing() -> None:
    sheet = """/* a
 b */ a:hover > b ,
 c + d {
  margin: 0 auto;
  font: 1rem/1.5 x, y;
}
@media (min-width: 1rem) {
  a {b: c}
}
"""
    assert compact(sheet) == "a:hover>b,c + d{margin:0 auto;font:1rem/1.5 x,y}@media (min-width:1rem){a{b:c}}"


@pytest.mark.parametrize(
    "feature", ["prefers-color-scheme:dark", "prefers-reduced-motion", "print", "focus-visible", "forced-colors"]
)
def test_the_styles_serve_every_reader(feature: str) -> None:
    assert feature in STYLES


def test_the_styles_fetch_nothing() -> None:
    sheet = SHEET.read_text(encoding="utf-8")
    assert "url(" not in sheet
    assert "@import" not in sheet
    assert "</" not in sheet

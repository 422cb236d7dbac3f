import httpx
import pytest

from db.engine import fetch, fetch_value
from tests import factories
from tests.portal.checker import check_page, main_text
from tests.portal.conftest import FORM, Site, everything

ONE_CLICK = "List-Unsubscribe=One-Click"


async def stopped() -> list[str]:
    rows = await fetch("SELECT channel FROM channel_opt_out WHERE ended_at IS NULL ORDER BY channel")
    return [row["channel"] for row in rows]


@pytest.mark.parametrize(
    ("choice", "expected", "says"),
    [
        ("sms", ["sms"], "Vous ne recevez plus de SMS de notre part."),
        ("email", ["email"], "Vous ne recevez plus d’e-mails de notre part."),
        ("both", ["email", "sms"], "Nous ne vous enverrons plus de messages."),
    ],
)
async def test_each_channel_can_be_stopped(site: Site, token: str, choice: str, expected: list[str], says: str) -> None:
    for _ in range(2):
        answer = await site.post(f"/r/{token}/stop", {"channel": choice})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{token}/stop")
    assert await stopped() == expected
    assert says in main_text(await site.page(f"/r/{token}/stop"))


async def test_two_boxes_ticked_stop_both(site: Site, token: str) -> None:
    headers = FORM | {"content-type": "application/x-www-form-urlencoded"}
    await site.client.post(f"/r/{token}/stop", content="channel=sms&channel=email", headers=headers)
    assert await stopped() == ["email", "sms"]


async def test_the_page_offers_what_is_left(site: Site, token: str) -> None:
    async def choices() -> list[str | None]:
        tree = await site.page(f"/r/{token}/stop")
        return [button.get("value") for button in tree.iter("button")]

    assert await choices() == ["sms", "email", "both"]
    await site.post(f"/r/{token}/stop", {"channel": "sms"})
    assert await choices() == ["email"]
    await site.post(f"/r/{token}/stop", {"channel": "email"})
    assert await choices() == []


async def test_only_the_channels_that_we_have_are_offered(site: Site) -> None:
    practice = await factories.make_practice()
    token = await factories.make_link(practice, phone=None, phone_kind=None)
    tree = await site.page(f"/r/{token}/stop")
    assert [button.get("value") for button in tree.iter("button")] == ["email"]


@pytest.mark.parametrize("form", [{}, {"channel": ""}, {"channel": "fax"}])
async def test_a_choice_that_cannot_be_read_stops_nothing(site: Site, token: str, form: dict[str, str]) -> None:
    before = await everything()
    answer = await site.post(f"/r/{token}/stop", form)
    assert answer.status_code == 400
    assert "Touchez l’un des choix" in main_text(check_page(answer, site.app))
    assert await everything() == before


async def test_who_stops_messages_can_still_book(site: Site, token: str) -> None:
    await site.post(f"/r/{token}/stop", {"channel": "both"})
    await site.book_first(token)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (ONE_CLICK, "application/x-www-form-urlencoded"),
        (
            f'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n{ONE_CLICK}\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
        ),
        ("", None),
    ],
)
async def test_one_click_from_a_mail_provider(site: Site, token: str, content: str, kind: str | None) -> None:
    """RFC 8058: no cookie, no sign-in, no redirect, and again without harm."""
    for _ in range(3):
        answer = await site.client.post(f"/u/{token}", content=content, headers={"content-type": kind} if kind else {})
        assert answer.status_code == 200
        assert "location" not in answer.headers
        assert "set-cookie" not in answer.headers
    assert await stopped() == ["email"]
    assert await fetch_value("SELECT source FROM channel_opt_out") == "one_click"


async def test_opening_the_one_click_address_shows_a_form_and_stops_nothing(site: Site, token: str) -> None:
    before = await everything()
    tree = await site.page(f"/u/{token}")
    (form,) = tree.iter("form")
    assert form.get("action") == f"/u/{token}"
    assert await everything() == before
    answer: httpx.Response = await site.post(form.attrib["action"], {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "Vous ne recevez plus d’e-mails" in main_text(check_page(answer, site.app))
    assert "Vous ne recevez plus d’e-mails" in main_text(await site.page(f"/u/{token}"))

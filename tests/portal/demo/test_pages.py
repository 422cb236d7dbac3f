import html5lib
import pytest

from jobs.delivery.sms.twilio import signature
from portal.demo.accounts import TOKEN
from tests.portal.demo.conftest import PORTAL, Demo
from tests.portal.demo.samples import an_email, an_sms

PHONE = "+33639980001"


def parsed(html: str) -> None:
    html5lib.HTMLParser(strict=True).parse(html)


@pytest.mark.parametrize("query", ["", "?mail=m1", f"?phone=%2B{PHONE[1:]}&mail=m1", "?phone=x&mail=y"])
@pytest.mark.parametrize("filled", [True, False])
async def test_the_page_is_valid_whatever_is_open(demo: Demo, query: str, filled: bool) -> None:
    if filled:
        demo.inbox.append(an_sms())
        demo.inbox.append(an_email())
    response = await demo.browser.get(f"/{query}")
    assert response.status_code == 200
    parsed(response.text)
    assert '<html lang="fr">' in response.text


async def test_messages_are_shown_with_links_that_work(demo: Demo) -> None:
    demo.inbox.append(an_sms())
    demo.inbox.append(an_email())
    page = (await demo.browser.get("/", params={"mail": "m1"})).text
    assert page.count('<a href="https://practice.example/r/abc"') == 3
    assert 'src="/mails/m1/html"' in page
    assert "été.ics" in page


async def test_hostile_text_is_only_text(demo: Demo) -> None:
    evil = "<script>alert(1)</script> javascript:alert(1) https://x.example/\"onclick='x'"
    demo.inbox.append(an_sms(text=evil, from_="38180"))
    demo.inbox.append(an_email(text=evil, subject=evil, from_=evil, to=evil, headers={"Message-ID": evil}))
    page = (await demo.browser.get("/", params={"mail": "m1"})).text
    parsed(page)
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "onclick=" not in page.replace("&#34;onclick=", "")


async def test_a_reply_is_kept_and_reaches_the_portal_signed(demo: Demo) -> None:
    demo.inbox.append(an_sms())
    response = await demo.browser.post("/reply", data={"phone": PHONE, "text": " STOP ", "mail": "m1"})
    await demo.caller.settled()
    assert response.status_code == 303
    assert response.headers["location"] == "/?phone=%2B33639980001&mail=m1#telephone"
    answer = demo.inbox.messages()[-1]
    assert (answer.from_, answer.to, answer.text, answer.reply) == (PHONE, "38180", "STOP", True)
    [request] = demo.portal.requests
    form = demo.portal.form()
    assert str(request.url) == f"{PORTAL}/webhooks/twilio/inbound"
    assert request.headers["x-twilio-signature"] == signature(TOKEN, str(request.url), form)
    assert (form["From"], form["To"], form["Body"], form["MessageSid"]) == (PHONE, "38180", "STOP", answer.id)


@pytest.mark.parametrize(
    "form", [{}, {"phone": PHONE}, {"phone": PHONE, "text": "  "}, {"phone": "+33600000000", "text": "STOP"}]
)
async def test_an_empty_reply_or_an_unknown_telephone_sends_nothing(demo: Demo, form: dict[str, str]) -> None:
    demo.inbox.append(an_sms())
    response = await demo.browser.post("/reply", data=form)
    assert response.status_code == 303
    assert len(demo.inbox.messages()) == 1


async def test_a_name_is_not_answered(demo: Demo) -> None:
    demo.inbox.append(an_sms(from_="CABINET"))
    assert "on ne peut pas lui répondre" in (await demo.browser.get("/")).text
    await demo.browser.post("/reply", data={"phone": PHONE, "text": "STOP"})
    assert len(demo.inbox.messages()) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303),
        ({"Origin": "http://127.0.0.1:8001"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8000"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_another_site_cannot_answer_for_a_patient(demo: Demo, headers: dict[str, str], status: int) -> None:
    demo.inbox.append(an_sms())
    response = await demo.browser.post("/reply", data={"phone": PHONE, "text": "STOP"}, headers=headers)
    assert response.status_code == status
    assert len(demo.inbox.messages()) == (2 if status == 303 else 1)


async def test_polling_answers_nothing_until_something_comes(demo: Demo) -> None:
    demo.inbox.append(an_sms())
    assert (await demo.browser.get("/", params={"seen": 1})).status_code == 204
    demo.inbox.append(an_email())
    fresh = await demo.browser.get("/", params={"seen": 1})
    assert fresh.status_code == 200
    assert "Votre rendez-vous" in fresh.text


async def test_an_email_is_shown_in_a_sandbox_of_its_own(demo: Demo) -> None:
    demo.inbox.append(an_email())
    response = await demo.browser.get("/mails/m1/html")
    assert '<head><base target="_top"><title>' in response.text
    policy = response.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>x</p>", '<base target="_top"><p>x</p>'),
        ("<!doctype html><p>x</p>", '<!doctype html><base target="_top"><p>x</p>'),
        ('<!doctype html><html lang="fr"><p>x', '<!doctype html><html lang="fr"><base target="_top"><p>x'),
    ],
)
async def test_links_of_an_email_leave_its_frame(demo: Demo, html: str, shown: str) -> None:
    demo.inbox.append(an_email(html=html))
    assert (await demo.browser.get("/mails/m1/html")).text == shown


async def test_an_attachment_downloads_under_its_name(demo: Demo) -> None:
    demo.inbox.append(an_email())
    response = await demo.browser.get("/mails/m1/attachments/0")
    assert response.content == b"BEGIN:VCALENDAR\r\n"
    assert response.headers["content-type"].startswith("text/calendar")
    assert response.headers["content-disposition"] == "attachment; filename*=utf-8''%C3%A9t%C3%A9.ics"


@pytest.mark.parametrize(
    "path", ["/mails/m9/html", "/mails/SM1/html", "/mails/m2/html", "/mails/m1/attachments/1", "/nothing"]
)
async def test_what_is_not_there_is_said(demo: Demo, path: str) -> None:
    demo.inbox.append(an_sms())
    demo.inbox.append(an_email())
    demo.inbox.append(an_email(id="m2", html=None))
    assert (await demo.browser.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/?seen=0", "/nothing", "/static/css/demo.css", "/mails/m9/html", "/reply"])
async def test_every_answer_carries_the_security_headers(demo: Demo, path: str) -> None:
    headers = (await demo.browser.get(path)).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "no-store" in headers["cache-control"]

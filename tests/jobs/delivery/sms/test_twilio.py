import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from jobs.delivery.errors import Ambiguous, DeliveryError, Permanent, PermanentKind, SendingRefused, Temporary
from jobs.delivery.sms.gateway import FailureKind, Inbound, Outcome, OutgoingSms, Receipt, SenderForm
from jobs.delivery.sms.twilio import Twilio, TwilioSettings, signature
from tests.fakes.wire import Answer, Wire, server_that_hangs_up

POOL = "MG" + "0" * 32
NOON = datetime(2016, 6, 6, 12, 0, 30, 400_000, tzinfo=UTC)
RECEIPTS = "https://practice.example/webhooks/twilio/receipt"


def an_sms(**changes: Any) -> OutgoingSms:
    fields = {
        "reference": "k3n2",
        "to": "+33639980000",
        "sender": "+33644600000",
        "text": "Bonjour Camille, voici le lien : https://practice.example/r/abc",
        "receipt_url": RECEIPTS,
    }
    return OutgoingSms(**{**fields, **changes})


def twilio(*answers: Answer, sender: str = "+33644600000", **changes: Any) -> tuple[Twilio, Wire]:
    wire = Wire(*answers)
    return Twilio(TwilioSettings("AC0", "t0ken", sender, **changes), transport=wire), wire


def refused(status: int, code: int | None = None, text: str = "no", **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "message": text, "status": status}, headers=headers)


ACCEPTED = httpx.Response(201, json={"sid": "SM1", "status": "queued"})


async def test_a_message_is_posted_as_twilio_wants_it() -> None:
    gateway, wire = twilio(ACCEPTED)
    accepted = await gateway.send(an_sms())
    [request] = wire.requests
    assert accepted.provider_id == "SM1"
    assert (request.method, str(request.url)) == (
        "POST",
        "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages.json",
    )
    assert request.headers["authorization"] == httpx.BasicAuth("AC0", "t0ken")._auth_header
    assert wire.form() == {
        "To": "+33639980000",
        "From": "+33644600000",
        "Body": an_sms().text,
        "StatusCallback": f"{RECEIPTS}?ref=k3n2",
    }


async def test_a_pool_sends_through_its_service_and_receipts_are_optional() -> None:
    gateway, wire = twilio(ACCEPTED, sender=POOL)
    await gateway.send(an_sms(sender=POOL, receipt_url=None))
    assert wire.form() == {"To": "+33639980000", "MessagingServiceSid": POOL, "Body": an_sms().text}


async def test_the_reference_joins_a_query_that_is_there() -> None:
    gateway, wire = twilio(ACCEPTED)
    await gateway.send(an_sms(receipt_url=f"{RECEIPTS}?practice=7", reference="a b"))
    assert wire.form()["StatusCallback"] == f"{RECEIPTS}?practice=7&ref=a+b"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 21610, PermanentKind.BLOCKED),
        (400, 21211, PermanentKind.ADDRESS_INVALID),
        (400, 21612, PermanentKind.ADDRESS_INVALID),
        (400, 21614, PermanentKind.ADDRESS_INVALID),
        (400, 30003, PermanentKind.ADDRESS_INVALID),
        (400, 30005, PermanentKind.ADDRESS_INVALID),
        (400, 30006, PermanentKind.ADDRESS_INVALID),
        (400, 30007, PermanentKind.REFUSED_CONTENT),
        (400, 21617, PermanentKind.REFUSED_CONTENT),
        (400, 99999, PermanentKind.OTHER),
        (400, None, PermanentKind.OTHER),
    ],
)
async def test_a_refused_message_is_permanent(status: int, code: int | None, kind: PermanentKind) -> None:
    gateway, _ = twilio(refused(status, code, "The 'To' number +33639980000 is not valid"))
    with pytest.raises(Permanent) as error:
        await gateway.send(an_sms())
    assert error.value.kind is kind
    assert error.value.code == str(code or status)
    assert "639980000" not in str(error.value)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, 20003),
        (401, None),
        (403, 20005),
        (404, 20404),
        (400, 20003),
        (400, 21408),
        (400, 21606),
        (400, 21212),
        (400, 30034),
        (302, None),
    ],
)
async def test_a_refused_account_is_for_staff(status: int, code: int | None) -> None:
    gateway, _ = twilio(refused(status, code))
    with pytest.raises(SendingRefused):
        await gateway.send(an_sms())


@pytest.mark.parametrize(("status", "code"), [(429, 20429), (429, None), (400, 14107), (500, None), (503, 20503)])
async def test_a_busy_gateway_is_temporary(status: int, code: int | None) -> None:
    gateway, _ = twilio(refused(status, code))
    with pytest.raises(Temporary):
        await gateway.send(an_sms())


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None)])
async def test_the_wish_to_wait_is_passed_on(header: str, seconds: float | None) -> None:
    gateway, _ = twilio(refused(429, 20429, **{"retry-after": header}))
    with pytest.raises(Temporary) as error:
        await gateway.send(an_sms())
    assert error.value.retry_after == seconds


@pytest.mark.parametrize(
    ("lost", "error"),
    [
        (httpx.ConnectError("no"), Temporary),
        (httpx.ConnectTimeout("no"), Temporary),
        (httpx.PoolTimeout("no"), Temporary),
        (httpx.ReadTimeout("no"), Ambiguous),
        (httpx.ReadError("no"), Ambiguous),
        (httpx.WriteError("no"), Ambiguous),
        (httpx.RemoteProtocolError("no"), Ambiguous),
        (httpx.Response(502), Ambiguous),
        (httpx.Response(504, text="<html>"), Ambiguous),
        (httpx.Response(201, text="<html>"), Ambiguous),
        (httpx.Response(201, json=["?"]), Ambiguous),
        (httpx.Response(500, text="<html>"), Temporary),
    ],
)
async def test_only_what_may_have_left_is_ambiguous(lost: Answer, error: type[DeliveryError]) -> None:
    gateway, _ = twilio(lost)
    with pytest.raises(error):
        await gateway.send(an_sms())


@pytest.mark.parametrize("answers", [b"", b"HTTP/1.1 201 Crea", b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{"])
async def test_a_gateway_that_hangs_up_over_its_answer_is_ambiguous(answers: bytes) -> None:
    async with server_that_hangs_up(answers=answers) as address:
        gateway = Twilio(TwilioSettings("AC0", "t0ken", "+33644600000", base_url=address))
        with pytest.raises(Ambiguous):
            await gateway.send(an_sms())
        await gateway.close()


async def test_a_gateway_that_is_not_there_is_temporary() -> None:
    async with server_that_hangs_up() as address:
        pass
    gateway = Twilio(TwilioSettings("AC0", "t0ken", "+33644600000", base_url=address))
    with pytest.raises(Temporary):
        await gateway.send(an_sms())
    await gateway.close()


async def test_a_request_has_a_budget_in_all() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

    gateway = Twilio(TwilioSettings("AC0", "t0ken", "+33644600000", timeout=0.05), transport=Silent())
    with pytest.raises(Ambiguous):
        await gateway.send(an_sms())


def listed(*messages: dict[str, str]) -> httpx.Response:
    return httpx.Response(200, json={"messages": list(messages)})


def in_list(sid: str, text: str, created: datetime) -> dict[str, str]:
    return {"sid": sid, "body": text, "date_created": created.strftime("%a, %d %b %Y %H:%M:%S +0000")}


async def test_an_ambiguous_message_is_found_by_its_body_and_date() -> None:
    text = an_sms().text
    gateway, wire = twilio(
        listed(
            in_list("SM4", "another one", NOON),
            in_list("SM3", f" {text}", NOON),
            in_list("SM2", text, NOON - timedelta(days=3)),
        )
    )
    assert await gateway.find(an_sms(), NOON) == "SM3"
    assert dict(wire.requests[0].url.params) == {
        "To": "+33639980000",
        "From": "+33644600000",
        "PageSize": "100",
    }


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [in_list("SM1", an_sms().text, NOON - timedelta(seconds=2))],
        [in_list("SM1", "x", NOON)],
        [{"sid": "SM1", "body": an_sms().text}],
    ],
)
async def test_a_message_that_never_arrived_is_not_found(messages: list[dict[str, str]]) -> None:
    gateway, _ = twilio(listed(*messages))
    assert await gateway.find(an_sms(), NOON) is None


LINK = "https://practice.example/r/abc"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (an_sms().text, "SM1"),
        (f"Bonjour, un autre jour ?\n{LINK}\nSTOP pour se désinscrire", "SM1"),
        (f"{LINK}. À bientôt", "SM1"),
        (f"Bonjour Camille, voici le lien : {LINK}d", None),
        ("Bonjour Camille, voici le lien : https://practice.example/r/xyz", None),
        ("", None),
    ],
)
async def test_a_message_with_a_link_of_its_own_is_found_by_it_whatever_else_it_says(
    body: str, found: str | None
) -> None:
    gateway, wire = twilio(listed(in_list("SM1", body, NOON)))
    assert await gateway.find(an_sms(link=LINK), NOON) == found
    # Nor does the sender matter: it may have changed with the words.
    assert "From" not in wire.requests[0].url.params


async def test_a_pool_is_searched_by_recipient_only() -> None:
    gateway, wire = twilio(listed(), sender=POOL)
    await gateway.find(an_sms(sender=POOL), NOON)
    assert "From" not in wire.requests[0].url.params


async def test_the_account_can_be_checked_without_sending() -> None:
    gateway, wire = twilio(httpx.Response(200, json={"status": "active"}), refused(401, 20003))
    await gateway.check()
    assert str(wire.requests[0].url) == "https://api.twilio.com/2010-04-01/Accounts/AC0.json"
    with pytest.raises(SendingRefused):
        await gateway.check()


@pytest.mark.parametrize(
    ("sender", "form", "receives"),
    [
        ("+33644600000", SenderForm.NUMBER, True),
        ("36180", SenderForm.NUMBER, True),
        ("CABINETLAC", SenderForm.NAME, False),
        (POOL, SenderForm.POOL, True),
    ],
)
def test_only_a_name_cannot_receive(sender: str, form: SenderForm, receives: bool) -> None:
    gateway, _ = twilio(ACCEPTED, sender=sender)
    assert (gateway.capabilities.sender_form, gateway.capabilities.receives) == (form, receives)


# The examples of Twilio's own documentation and library.
DOCUMENTED = {"CallSid": "CA1234567890ABCDE", "Digits": "1234", "To": "+18005551212"}
DOCUMENTED_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"


@pytest.mark.parametrize(
    ("caller", "expected"),
    [("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="), ("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=")],
)
def test_the_signature_is_twilios(caller: str, expected: str) -> None:
    assert signature("12345", DOCUMENTED_URL, {**DOCUMENTED, "From": caller, "Caller": caller}) == expected


FORM = {"MessageSid": "SM1", "MessageStatus": "delivered", "Body": "été"}
URL = f"{RECEIPTS}?ref=k3n2"


def signed(url: str = URL, form: dict[str, str] = FORM, token: str = "t0ken") -> dict[str, str]:
    return {"X-Twilio-Signature": signature(token, url, form)}


@pytest.mark.parametrize(
    ("url", "signed_url"),
    [
        (URL, URL),
        ("https://a.example/x", "https://a.example:443/x"),
        ("https://a.example:443/x", "https://a.example/x"),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x"),
    ],
)
def test_what_twilio_signed_is_believed(url: str, signed_url: str) -> None:
    gateway, _ = twilio(ACCEPTED)
    assert gateway.verify(url, FORM, signed(signed_url))
    assert gateway.verify(url, FORM, {key.lower(): value for key, value in signed(signed_url).items()})


@pytest.mark.parametrize(
    ("url", "form", "headers"),
    [
        (URL, FORM, {}),
        (URL, FORM, {"X-Twilio-Signature": ""}),
        (URL, FORM, {"X-Twilio-Signature": "é"}),
        (URL, FORM, signed(token="other")),
        (URL, {**FORM, "MessageStatus": "failed"}, signed()),
        (URL, {**FORM, "Extra": "1"}, signed()),
        (f"{RECEIPTS}?ref=other", FORM, signed()),
        ("http://practice.example/webhooks/twilio/receipt?ref=k3n2", FORM, signed()),
        ("http://127.0.0.1:8000/x", FORM, signed("http://127.0.0.1/x")),
    ],
)
def test_what_twilio_did_not_sign_is_not_believed(url: str, form: dict[str, str], headers: dict[str, str]) -> None:
    gateway, _ = twilio(ACCEPTED)
    assert not gateway.verify(url, form, headers)


def receipt(url: str = URL, **form: str) -> Receipt | None:
    gateway, _ = twilio(ACCEPTED)
    return gateway.parse_receipt({"MessageSid": "SM1", **form}, {}, url)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("sent", Outcome.SENT), ("delivered", Outcome.DELIVERED), ("read", Outcome.DELIVERED)],
)
def test_a_receipt_tells_how_far_a_message_is(status: str, outcome: Outcome) -> None:
    assert receipt(MessageStatus=status) == Receipt("SM1", "k3n2", outcome)


@pytest.mark.parametrize("status", ["accepted", "queued", "sending", "scheduled", ""])
def test_a_message_still_on_its_way_there_is_no_news(status: str) -> None:
    assert receipt(MessageStatus=status) is None


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        ("30005", FailureKind.PERMANENT, PermanentKind.ADDRESS_INVALID),
        ("30007", FailureKind.PERMANENT, PermanentKind.REFUSED_CONTENT),
        ("21610", FailureKind.BLOCKED, PermanentKind.BLOCKED),
        ("30008", FailureKind.TEMPORARY, None),
        ("30004", FailureKind.PERMANENT, PermanentKind.OTHER),
        ("12345", FailureKind.PERMANENT, PermanentKind.OTHER),
    ],
)
@pytest.mark.parametrize("status", ["failed", "undelivered"])
def test_a_failure_has_a_kind(status: str, code: str, kind: FailureKind, reason: PermanentKind | None) -> None:
    wanted = Receipt("SM1", "k3n2", Outcome.FAILED, code, kind, reason)
    assert receipt(MessageStatus=status, ErrorCode=code) == wanted


def test_a_failure_without_a_code_is_permanent() -> None:
    failed = receipt(MessageStatus="failed")
    assert failed is not None
    assert (failed.code, failed.kind) == (None, FailureKind.PERMANENT)


def test_a_receipt_without_our_reference_still_names_the_message() -> None:
    assert receipt(RECEIPTS, MessageStatus="sent") == Receipt("SM1", None, Outcome.SENT)


def test_an_inbound_message_is_read() -> None:
    gateway, _ = twilio(ACCEPTED)
    form = {"MessageSid": "SM9", "From": "+33639980000", "To": "+33644600000", "Body": "STOP"}
    assert gateway.parse_inbound(form, {}, URL) == Inbound("SM9", "+33639980000", "+33644600000", "STOP")
    assert gateway.parse_inbound({**form, "Body": ""}, {}, URL).text == ""


@pytest.mark.parametrize("lacking", ["MessageSid", "From", "To"])
def test_what_is_no_message_is_said(lacking: str) -> None:
    gateway, _ = twilio(ACCEPTED)
    form = {"MessageSid": "SM9", "From": "+33639980000", "To": "+33644600000", "Body": "STOP"}
    with pytest.raises(ValueError, match=lacking):
        gateway.parse_inbound({**form, lacking: ""}, {}, URL)


def test_neither_number_nor_text_is_in_a_representation() -> None:
    shown: Callable[[object], str] = repr
    assert "Camille" not in shown(an_sms())
    assert "+33639980000" not in shown(an_sms())
    assert "STOP" not in shown(Inbound("SM9", "+33639980000", "+33644600000", "STOP"))


async def test_a_page_may_open_a_gateway_for_one_question() -> None:
    """The authorities that are trusted are read once: it is what took the time."""
    settings = TwilioSettings("AC0", "t0ken", "+33644600000")
    await Twilio(settings).close()
    began = time.perf_counter()
    for _ in range(20):
        await Twilio(settings).close()
    assert time.perf_counter() - began < 0.4

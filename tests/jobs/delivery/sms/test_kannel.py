import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobs.delivery.errors import Ambiguous, DeliveryError, Permanent, PermanentKind, SendingRefused, Temporary
from jobs.delivery.sms.gateway import BODY, FailureKind, Inbound, Outcome, OutgoingSms, Receipt, SenderForm
from jobs.delivery.sms.kannel import Kannel, KannelSettings, receipt_address, sendsms_address
from tests.fakes.kannel import PASSWORD, USERNAME, real_kannel, until
from tests.fakes.wire import Answer, Wire, server_that_hangs_up

SECRET = "secret-of-the-tests-1"
RECEIPTS = "https://practice.example/webhooks/kannel/receipt?practice=abc"
INBOUND = "https://practice.example/webhooks/kannel/inbound?practice=abc&id=7a674703"
ACCENTS = "Bonjour Zoé, où ? é è à ù ì ò ñ ü Ç æ @ € {x} [y] ~ | \\ ^"


def an_sms(**changes: Any) -> OutgoingSms:
    fields = {
        "reference": "k3n2",
        "to": "+33639980000",
        "sender": "+33939000000",
        "text": "Bonjour Zoé, voici le lien : https://practice.example/r/abc",
        "receipt_url": RECEIPTS,
    }
    return OutgoingSms(**{**fields, **changes})


def settings(**changes: Any) -> KannelSettings:
    usual = {
        "url": "http://127.0.0.1:13013/cgi-bin/sendsms",
        "username": "reprise",
        "password": "pass word é",
        "sender": "+33939000000",
        "secret": SECRET,
        "country": "FR",
    }
    return KannelSettings(**{**usual, **changes})


def kannel(*answers: Answer, **changes: Any) -> tuple[Kannel, Wire]:
    wire = Wire(*answers)
    return Kannel(settings(**changes), transport=wire), wire


def said(status: int, text: str = "no", **headers: str) -> httpx.Response:
    return httpx.Response(status, text=text, headers=headers)


ACCEPTED = said(202, "0: Accepted for delivery")


@pytest.mark.parametrize("words", ["0: Accepted for delivery", "3: Queued for later delivery", "Sent."])
async def test_a_message_is_posted_as_kannel_wants_it(words: str) -> None:
    gateway, wire = kannel(said(202, words))
    accepted = await gateway.send(an_sms())
    [request] = wire.requests
    assert accepted.provider_id == "k3n2"
    assert (request.method, str(request.url)) == ("POST", "http://127.0.0.1:13013/cgi-bin/sendsms")
    assert request.content == an_sms().text.encode()
    assert request.headers["content-type"] == "text/plain; charset=UTF-8"
    told = {name: value for name, value in request.headers.raw if name.startswith(b"X-Kannel-")}
    assert told == {
        b"X-Kannel-Username": b"reprise",
        b"X-Kannel-Password": "pass word é".encode(),
        b"X-Kannel-From": b"+33939000000",
        b"X-Kannel-To": b"+33639980000",
        b"X-Kannel-Coding": b"0",
        b"X-Kannel-DLR-Mask": b"27",
        b"X-Kannel-DLR-Url": receipt_address(SECRET, RECEIPTS, "k3n2").encode(),
    }


async def test_receipts_are_optional() -> None:
    gateway, wire = kannel(ACCEPTED)
    await gateway.send(an_sms(receipt_url=None))
    assert not any("dlr" in name for name in wire.requests[0].headers)


async def test_neither_number_nor_words_stand_in_an_address() -> None:
    gateway, wire = kannel(ACCEPTED)
    await gateway.send(an_sms())
    [request] = wire.requests
    assert request.url.query == b""
    for told in ("33639980000", "Zo"):
        assert told not in request.headers["x-kannel-dlr-url"]


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, "Number(s) has/have been denied by white- and/or black-lists.", PermanentKind.OTHER),
        (403, "Not routable. Do not try again.", PermanentKind.OTHER),
        (400, "Charset or body misformed, rejected", PermanentKind.REFUSED_CONTENT),
        (400, "", PermanentKind.OTHER),
    ],
)
async def test_a_refused_message_is_permanent(status: int, text: str, kind: PermanentKind) -> None:
    gateway, _ = kannel(said(status, text))
    with pytest.raises(Permanent) as error:
        await gateway.send(an_sms())
    assert (error.value.kind, error.value.code) == (kind, str(status))


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (403, "Authorization failed for sendsms"),
        (403, ""),
        (404, "Unknown request."),
        (400, "Sender missing and no global set, rejected"),
        (400, "DLR-URL field misformed, rejected"),
        (301, ""),
        (401, ""),
    ],
)
async def test_a_refused_account_is_for_staff(status: int, text: str) -> None:
    gateway, _ = kannel(said(status, text))
    with pytest.raises(SendingRefused):
        await gateway.send(an_sms())


@pytest.mark.parametrize(
    ("status", "text"), [(503, "Temporal failure, try again later."), (500, "Sending failed."), (429, "")]
)
async def test_a_busy_gateway_is_temporary(status: int, text: str) -> None:
    gateway, _ = kannel(said(status, text))
    with pytest.raises(Temporary):
        await gateway.send(an_sms())


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None)])
async def test_the_wish_to_wait_is_passed_on(header: str, seconds: float | None) -> None:
    gateway, _ = kannel(said(503, "busy", **{"retry-after": header}))
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
        (said(502), Ambiguous),
        (said(504), Ambiguous),
        (said(200, "<html>Welcome"), Ambiguous),
    ],
)
async def test_only_what_may_have_left_is_ambiguous(lost: Answer, error: type[DeliveryError]) -> None:
    gateway, _ = kannel(lost)
    with pytest.raises(error):
        await gateway.send(an_sms())


@pytest.mark.parametrize("answers", [b"", b"HTTP/1.1 202 Acc"])
async def test_a_gateway_that_hangs_up_over_its_answer_is_ambiguous(answers: bytes) -> None:
    async with server_that_hangs_up(answers=answers) as address:
        gateway = Kannel(settings(url=f"{address}/cgi-bin/sendsms"))
        with pytest.raises(Ambiguous):
            await gateway.send(an_sms())
        await gateway.close()


async def test_a_gateway_that_is_not_there_is_temporary() -> None:
    async with server_that_hangs_up() as address:
        pass
    gateway = Kannel(settings(url=f"{address}/cgi-bin/sendsms"))
    with pytest.raises(Temporary):
        await gateway.send(an_sms())
    await gateway.close()


async def test_a_request_has_a_budget_in_all() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

    gateway = Kannel(settings(timeout=0.05), transport=Silent())
    with pytest.raises(Ambiguous):
        await gateway.send(an_sms())


async def test_the_account_can_be_checked_without_sending() -> None:
    gateway, wire = kannel(said(400, "Missing receiver(s) number(s), rejected"), said(403, "Authorization failed"))
    await gateway.check()
    assert "x-kannel-to" not in wire.requests[0].headers
    # Kannel reads a POST without a body as a GET.
    assert wire.requests[0].content.decode() == " "
    with pytest.raises(SendingRefused):
        await gateway.check()


@pytest.mark.parametrize(
    ("sender", "form", "receives"),
    [
        ("+33939000000", SenderForm.NUMBER, True),
        ("38180", SenderForm.NUMBER, True),
        ("Tilleuls", SenderForm.NAME, False),
        ("MG" + "0" * 32, SenderForm.NAME, False),
    ],
)
def test_only_a_name_cannot_receive(sender: str, form: SenderForm, receives: bool) -> None:
    declared = kannel(ACCEPTED, sender=sender)[0].capabilities
    assert (declared.sender_form, declared.receives) == (form, receives)
    assert (declared.finds_sent, declared.receipts, declared.receipts_by_get) == (False, True, True)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("http://127.0.0.1:13013", "http://127.0.0.1:13013/cgi-bin/sendsms"),
        ("https://sms.example/", "https://sms.example/cgi-bin/sendsms"),
        ("https://sms.example/kannel/sendsms", "https://sms.example/kannel/sendsms"),
    ],
)
def test_the_usual_path_may_be_left_out(given: str, asked: str) -> None:
    assert sendsms_address(given) == asked


def called(status: object, *, receipts: str = RECEIPTS, reference: str = "k3n2", secret: str = SECRET) -> str:
    """The address as Kannel fetches it."""
    return receipt_address(secret, receipts, reference).replace("%d", str(status)).replace("%%", "%")


@pytest.mark.parametrize("status", [1, 2, 4, 8, 16, 32])
def test_our_own_address_is_believed_whatever_the_status(status: int) -> None:
    assert kannel(ACCEPTED)[0].verify(called(status), {}, {})


@pytest.mark.parametrize(
    "url",
    [
        RECEIPTS,
        f"{RECEIPTS}&ref=k3n2&sig=&status=1",
        f"{RECEIPTS}&ref=k3n2&sig=é&status=1",
        called(1, secret="another-secret-of-tests"),
        called(1).replace("k3n2", "k3n3"),
        called(1).replace("practice=abc", "practice=abd"),
        called(1).replace("practice.example", "other.example"),
        called(1).replace("/receipt", "/inbound"),
        called(1).replace("&sig=", "&x=1&sig="),
        called(1).replace("&sig=", "&ref=k3n3&sig="),
    ],
)
def test_an_address_that_we_did_not_sign_is_not_believed(url: str) -> None:
    assert not kannel(ACCEPTED)[0].verify(url, {}, {})


@pytest.mark.parametrize(
    ("credentials", "believed"),
    [
        (httpx.BasicAuth("reprise", SECRET), True),
        (httpx.BasicAuth("reprise", "another"), False),
        (httpx.BasicAuth("reprise", ""), False),
        (httpx.BasicAuth("other", SECRET), False),
    ],
)
def test_an_inbound_message_carries_the_secret(credentials: httpx.BasicAuth, believed: bool) -> None:
    headers = {"Authorization": credentials._auth_header}
    assert kannel(ACCEPTED)[0].verify(INBOUND, {BODY: "STOP"}, headers) is believed


@pytest.mark.parametrize("headers", [{}, {"authorization": "é"}, {"authorization": f"Bearer {SECRET}"}])
def test_a_message_without_the_secret_is_not_believed(headers: dict[str, str]) -> None:
    assert not kannel(ACCEPTED)[0].verify(INBOUND, {BODY: "STOP"}, headers)


@pytest.mark.parametrize(("status", "outcome"), [(1, Outcome.DELIVERED), (8, Outcome.SENT)])
def test_a_receipt_tells_how_far_a_message_is(status: int, outcome: Outcome) -> None:
    assert kannel(ACCEPTED)[0].parse_receipt({}, {}, called(status)) == Receipt("k3n2", "k3n2", outcome)


@pytest.mark.parametrize("status", [4, 32])
def test_a_message_still_on_its_way_there_is_no_news(status: int) -> None:
    assert kannel(ACCEPTED)[0].parse_receipt({}, {}, called(status)) is None


@pytest.mark.parametrize("status", [2, 16])
def test_a_failure_is_for_a_person_and_closes_no_number(status: int) -> None:
    wanted = Receipt("k3n2", "k3n2", Outcome.FAILED, f"dlr-{status}", FailureKind.PERMANENT, PermanentKind.OTHER)
    assert kannel(ACCEPTED)[0].parse_receipt({}, {}, called(status)) == wanted


@pytest.mark.parametrize("url", [RECEIPTS, called(""), called("-1"), called("one"), called("²"), called("%d")])
def test_what_is_no_receipt_is_said(url: str) -> None:
    with pytest.raises(ValueError, match="gateway's"):
        kannel(ACCEPTED)[0].parse_receipt({}, {}, url)


def test_a_percent_sign_survives_kannels_own_codes() -> None:
    address = receipt_address(SECRET, "https://practice.example/r?practice=a%20b", "k 3")
    assert address.startswith("https://practice.example/r?practice=a%%20b&ref=k+3&sig=")
    assert kannel(ACCEPTED)[0].verify(address % 1, {}, {})


HEADERS = {"X-Kannel-From": "+33639980000", "X-Kannel-To": "+33939000000"}


def test_an_inbound_message_is_read() -> None:
    gateway, _ = kannel(ACCEPTED)
    wanted = Inbound("7a674703", "+33639980000", "+33939000000", "STOP")
    assert gateway.parse_inbound({BODY: "STOP"}, HEADERS, INBOUND) == wanted
    assert gateway.parse_inbound({BODY: ""}, {k.lower(): v for k, v in HEADERS.items()}, INBOUND).text == ""


@pytest.mark.parametrize(
    ("country", "spelt", "read"),
    [
        ("FR", "33639980000", "+33639980000"),
        ("FR", "0033639980000", "+33639980000"),
        ("FR", "0639980000", "+33639980000"),
        ("FR", "491701234567", "+491701234567"),
        ("FR", "262692123456", "+262692123456"),
        ("CH", "0791234567", "+41791234567"),
        ("CH", "41791234567", "+41791234567"),
        ("BE", "0470123456", "+32470123456"),
        ("FR", "38180", "38180"),
        ("FR", "Orange", "Orange"),
    ],
)
def test_a_number_is_read_however_the_operator_spells_it(country: str, spelt: str, read: str) -> None:
    gateway, _ = kannel(ACCEPTED, country=country)
    assert gateway.parse_inbound({BODY: "STOP"}, HEADERS | {"X-Kannel-From": spelt}, INBOUND).from_ == read


@pytest.mark.parametrize("lacking", ["x-kannel-from", "x-kannel-to", "id", "text"])
def test_what_is_no_message_is_said(lacking: str) -> None:
    headers = {name: value for name, value in HEADERS.items() if name.lower() != lacking}
    url = INBOUND.replace("&id=7a674703", "") if lacking == "id" else INBOUND
    with pytest.raises(ValueError, match=lacking):
        kannel(ACCEPTED)[0].parse_inbound({} if lacking == "text" else {BODY: "STOP"}, headers, url)


def test_neither_password_nor_secret_is_in_a_representation() -> None:
    shown = repr(settings())
    assert "pass word" not in shown
    assert SECRET not in shown


async def test_a_real_kannel_answers_as_we_read_it(tmp_path: Path) -> None:
    async with real_kannel(tmp_path, inbound="http://127.0.0.1:9/") as running:
        given: dict[str, Any] = {"url": sendsms_address(running.url), "username": USERNAME, "password": PASSWORD}
        gateway = Kannel(settings(**given))
        await gateway.check()
        # The centre is not there yet: Kannel keeps the message for it.
        await gateway.send(an_sms(receipt_url=None, text=ACCENTS))
        with pytest.raises(Permanent):
            await gateway.send(an_sms(to="+447400123456"))
        with pytest.raises(SendingRefused):
            await gateway.send(an_sms(sender=""))
        with pytest.raises(SendingRefused):
            await gateway.send(an_sms(receipt_url="practice.example"))
        running.connect_centre()
        await until(lambda: len(running.received()) == 1, running.received)
        assert running.received() == [("+33939000000", "+33639980000", ACCENTS)]
        await gateway.close()
        for changes in ({"password": "wrong"}, {"username": "nobody"}, {"url": f"{running.url}/cgi-bin/other"}):
            stranger = Kannel(settings(**given | changes))
            with pytest.raises(SendingRefused):
                await stranger.check()
            with pytest.raises(SendingRefused):
                await stranger.send(an_sms())
            await stranger.close()

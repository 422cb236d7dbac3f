import httpx
import pytest

from jobs.delivery.sms.twilio import signature
from portal.demo.accounts import TOKEN
from portal.demo.caller import Caller
from tests.fakes.wire import Answer, Wire

URL = "http://127.0.0.1:8000/webhooks/twilio/receipt?ref=k3n2"
OK = httpx.Response(204)


async def call(*answers: Answer, forms: int = 1) -> Wire:
    portal = Wire(*answers)
    caller = Caller(transport=portal, patience=(0.0, 0.0))
    caller.call(*((URL, {"number": str(number)}) for number in range(forms)))
    await caller.settled()
    await caller.close()
    return portal


async def test_a_call_is_signed() -> None:
    portal = await call(OK)
    assert portal.requests[0].headers["x-twilio-signature"] == signature(TOKEN, URL, {"number": "0"})


@pytest.mark.parametrize("trouble", [httpx.ConnectError("no"), httpx.ReadTimeout("no"), httpx.Response(503)])
async def test_a_portal_that_restarts_is_called_again(trouble: Answer) -> None:
    portal = await call(trouble, OK, forms=2)
    assert [portal.form(number)["number"] for number in range(3)] == ["0", "0", "1"]


@pytest.mark.parametrize(
    ("answer", "attempts"), [(httpx.ConnectError("no"), 3), (httpx.Response(500), 3), (httpx.Response(403), 1)]
)
async def test_a_portal_that_stays_away_or_refuses_is_let_be(answer: Answer, attempts: int) -> None:
    portal = await call(answer, forms=2)
    assert len(portal.requests) == attempts


async def test_closing_ends_what_is_under_way() -> None:
    caller = Caller(transport=Wire(httpx.ConnectError("no")), patience=(60.0,))
    caller.call((URL, {}))
    await caller.close()

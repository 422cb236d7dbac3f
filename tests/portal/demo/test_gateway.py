from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from db.clock import now
from jobs.delivery.errors import Ambiguous, DeliveryError, Permanent, SendingRefused, Temporary
from jobs.delivery.sms.gateway import Outcome, OutgoingSms
from jobs.delivery.sms.twilio import Twilio, TwilioSettings
from portal.demo.accounts import ACCOUNT, FATES, SENDER, TOKEN
from tests.portal.demo.conftest import PORTAL, Demo

RECEIPTS = f"{PORTAL}/webhooks/twilio/receipt"
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


def an_sms(**changes: Any) -> OutgoingSms:
    fields = {
        "reference": "k3n2",
        "to": "+33639980001",
        "sender": SENDER,
        "text": "Bonjour, https://practice.example/r/abc",
        "receipt_url": RECEIPTS,
    }
    return OutgoingSms(**{**fields, **changes})


def client(demo: Demo, token: str = TOKEN, account: str = ACCOUNT) -> Twilio:
    return Twilio(TwilioSettings(account, token, SENDER, "http://127.0.0.1:8001"), transport=demo.transport)


@pytest.fixture
async def twilio(demo: Demo) -> AsyncIterator[Twilio]:
    gateway = client(demo)
    yield gateway
    await gateway.close()


async def test_a_text_lands_on_the_telephone(demo: Demo, twilio: Twilio) -> None:
    accepted = await twilio.send(an_sms())
    [message] = demo.inbox.messages()
    assert message.id == accepted.provider_id
    assert (message.to, message.from_, message.text) == ("+33639980001", SENDER, an_sms().text)
    assert message.links == ("https://practice.example/r/abc",)


async def test_signed_receipts_say_sent_then_delivered(demo: Demo, twilio: Twilio) -> None:
    accepted = await twilio.send(an_sms())
    await demo.caller.settled()
    receipts = []
    for number, request in enumerate(demo.portal.requests):
        form = demo.portal.form(number)
        assert twilio.verify(str(request.url), form, request.headers)
        receipts.append(twilio.parse_receipt(form, request.headers, str(request.url)))
    assert [each.outcome for each in receipts if each] == [Outcome.SENT, Outcome.DELIVERED]
    assert {(each.provider_id, each.reference) for each in receipts if each} == {(accepted.provider_id, "k3n2")}


async def test_without_an_address_for_receipts_there_are_none(demo: Demo, twilio: Twilio) -> None:
    await twilio.send(an_sms(receipt_url=None))
    await demo.caller.settled()
    assert demo.portal.requests == []


@pytest.mark.parametrize("number", [number for number, fate in FATES.items() if fate.late])
async def test_a_magic_number_fails_after_it_was_taken(demo: Demo, twilio: Twilio, number: str) -> None:
    await twilio.send(an_sms(to=number))
    await demo.caller.settled()
    last = demo.portal.requests[-1]
    receipt = twilio.parse_receipt(demo.portal.form(), last.headers, str(last.url))
    assert receipt is not None
    assert (receipt.outcome, receipt.code) == (Outcome.FAILED, str(FATES[number].code))


@pytest.mark.parametrize(
    ("number", "error"),
    [
        ("+33639989901", Permanent),
        ("+33639989902", Permanent),
        ("+33639989903", Permanent),
        ("+33639989904", Temporary),
        ("+33639989905", Temporary),
        ("+33639989908", Ambiguous),
    ],
)
async def test_a_magic_number_is_refused_at_once(twilio: Twilio, number: str, error: type[DeliveryError]) -> None:
    with pytest.raises(error) as refused:
        await twilio.send(an_sms(to=number))
    assert refused.value.code in {str(FATES[number].code), str(FATES[number].status)}


async def test_a_magic_number_relents_when_tried_again(twilio: Twilio) -> None:
    busy = an_sms(to="+33639989904")
    for _ in range(2):
        with pytest.raises(Temporary) as refused:
            await twilio.send(busy)
        assert refused.value.retry_after == 1
    assert (await twilio.send(busy)).provider_id.startswith("SM")


async def test_a_message_whose_answer_was_lost_is_found(demo: Demo, twilio: Twilio) -> None:
    since = now()
    lost = an_sms(to="+33639989908")
    with pytest.raises(Ambiguous):
        await twilio.send(lost)
    assert await twilio.find(lost, since) == demo.inbox.messages()[0].id
    assert await twilio.find(lost, since + timedelta(minutes=5)) is None
    assert await twilio.find(an_sms(to="+33639980002"), since) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "0612345678"}, "21211"),
        ({"to": ""}, "21604"),
        ({"sender": ""}, "21603"),
        ({"sender": "a name too long"}, "21212"),
        ({"sender": "+33639980001"}, "21266"),
        ({"text": ""}, "21602"),
        ({"text": "x" * 1601}, "21617"),
        ({"receipt_url": "ftp://x"}, "21609"),
    ],
)
async def test_what_twilio_would_refuse_is_refused(
    demo: Demo, twilio: Twilio, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(DeliveryError) as refused:
        await twilio.send(an_sms(**changes))
    assert refused.value.code == code
    assert demo.inbox.messages() == []


@pytest.mark.parametrize("sender", ["CABINETLAC", "+33937000000", "38180", "MG" + "0" * 32])
async def test_every_form_of_sender_is_taken(demo: Demo, twilio: Twilio, sender: str) -> None:
    await twilio.send(an_sms(sender=sender))
    assert demo.inbox.messages()[0].from_ == sender


@pytest.mark.parametrize(("account", "token"), [(ACCOUNT, "wrong"), ("AC1", TOKEN)])
async def test_other_credentials_are_refused(demo: Demo, account: str, token: str) -> None:
    stranger = client(demo, token, account)
    with pytest.raises(SendingRefused):
        await stranger.send(an_sms())
    with pytest.raises(SendingRefused):
        await stranger.check()
    await stranger.close()


async def test_the_account_answers_a_check(twilio: Twilio) -> None:
    await twilio.check()


async def test_an_error_has_twilios_shape(demo: Demo) -> None:
    response = await demo.browser.post(MESSAGES, data={})
    assert response.status_code == 401
    assert response.json() == {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }


async def test_messages_are_listed_newest_first_and_by_date(demo: Demo, twilio: Twilio) -> None:
    for text in ("one", "two"):
        await twilio.send(an_sms(text=text))
    today = now().date()

    async def listed(**query: str) -> list[str]:
        answer = await ask(demo, MESSAGES, **query)
        return [message["body"] for message in answer.json()["messages"]]

    assert await listed() == ["two", "one"]
    assert await listed(PageSize="1") == ["two"]
    assert await listed(To="+33639980009") == []
    assert await listed(From=SENDER, **{"DateSent>": str(today)}) == ["two", "one"]
    assert await listed(**{"DateSent<": str(today - timedelta(days=2))}) == []
    assert (await ask(demo, MESSAGES, PageSize="many")).status_code == 400


async def test_one_message_can_be_looked_up(demo: Demo, twilio: Twilio) -> None:
    accepted = await twilio.send(an_sms())
    place = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"
    found = (await ask(demo, f"{place}/{accepted.provider_id}.json")).json()
    assert (found["status"], found["body"]) == ("delivered", an_sms().text)
    assert (await ask(demo, f"{place}/SM0.json")).json()["code"] == 20404


async def ask(demo: Demo, path: str, **query: str) -> httpx.Response:
    return await demo.browser.get(path, params=query, auth=(ACCOUNT, TOKEN))

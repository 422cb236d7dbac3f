from datetime import datetime
from urllib.parse import urlencode

import httpx
import pytest

from db.changes.deliveries import claim_due
from db.changes.settlements import Outcome, Settlement, settle
from db.engine import fetch, fetch_one, fetch_value
from db.queries.practices import Profile
from db.states import Channel
from db.tables.deliveries import BULK
from jobs.delivery.sms.twilio import signature
from tests import factories
from tests.portal.conftest import Site, everything

TOKEN = "token-of-the-tests"
SID = "SM00000000000000000000000000000001"


async def report(
    site: Site, place: str, form: dict[str, str], *, query: dict[str, str], key: str = TOKEN
) -> httpx.Response:
    """As the gateway posts it, signed over the public address."""
    path = f"/webhooks/twilio/{place}?{urlencode(query)}"
    signed = signature(key, f"https://rdv.example{path}", form)
    # The proxy in front asks us under another name: only the configured address counts.
    headers = {"x-twilio-signature": signed, "host": "10.0.0.7:8000"}
    return await site.client.post(path, data=form, headers=headers)


async def sent_sms(practice: Profile) -> str:
    """A first SMS that has left; its reference."""
    absence = await factories.make_absence(practice)
    (first, *_) = [row for row in await factories.deliveries_of(absence.patient_key) if row["channel"] == "sms"]
    due: datetime = first["due_at"]
    claim = await claim_due(practice, lane=BULK, channel=Channel.SMS, limit=1, mail_domain="rdv.example", now=due)
    (claimed,) = claim.going
    settled = Settlement(claimed.id, claimed.attempts, Outcome.SENT, due, provider_id=SID)
    await settle([settled], practice=practice.id, now=due)
    return claimed.ref


@pytest.mark.parametrize(
    ("said", "code", "status"),
    [
        ("delivered", None, "delivered"),
        ("sent", None, "sent"),
        ("undelivered", "30003", "failed"),
        ("queued", None, "sent"),
    ],
)
async def test_a_receipt_settles_its_message_once(
    site: Site, practice: Profile, said: str, code: str | None, status: str
) -> None:
    ref = await sent_sms(practice)
    form = {"MessageSid": SID, "MessageStatus": said} | ({"ErrorCode": code} if code else {})
    for _ in range(2):
        answer = await report(site, "receipt", form, query={"practice": practice.ref, "ref": ref})
        assert (answer.status_code, answer.content) == (204, b"")
    assert await fetch_value("SELECT status FROM delivery WHERE ref = $1", ref) == status


async def test_a_number_that_the_gateway_blocks_is_an_opt_out(site: Site, practice: Profile) -> None:
    ref = await sent_sms(practice)
    form = {"MessageSid": SID, "MessageStatus": "failed", "ErrorCode": "21610"}
    await report(site, "receipt", form, query={"practice": practice.ref, "ref": ref})
    assert await fetch_value("SELECT count(*) FROM channel_opt_out WHERE channel = 'sms'") == 1


async def test_a_receipt_of_a_message_that_we_do_not_know_is_harmless(site: Site, practice: Profile) -> None:
    form = {"MessageSid": SID, "MessageStatus": "delivered"}
    answer = await report(site, "receipt", form, query={"practice": practice.ref, "ref": "nothing"})
    assert answer.status_code == 204


@pytest.mark.parametrize("text", ["STOP", "Stop", "arrêt", "STOP svp"])
async def test_a_stop_takes_effect_at_once_and_once(site: Site, practice: Profile, text: str) -> None:
    absence = await factories.make_absence(practice)
    assert absence.phone is not None
    form = {"MessageSid": SID, "From": absence.phone, "To": "+33644600000", "Body": text}
    for _ in range(2):
        answer = await report(site, "inbound", form, query={"practice": practice.ref})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/xml")
        assert answer.text.endswith("<Response/>")
    assert await fetch_value("SELECT count(*) FROM channel_opt_out WHERE channel = 'sms'") == 1
    planned = await fetch("SELECT channel FROM delivery WHERE status = 'planned'")
    assert {row["channel"] for row in planned} == {"email"}


async def test_any_other_answer_goes_to_a_person(site: Site, practice: Profile) -> None:
    absence = await factories.make_absence(practice)
    assert absence.phone is not None
    form = {"MessageSid": SID, "From": absence.phone, "To": "+33644600000", "Body": "Plutôt jeudi ?\nMerci"}
    for _ in range(2):
        await report(site, "inbound", form, query={"practice": practice.ref})
    task = await fetch_one("SELECT kind, count(*) OVER () AS tasks FROM task")
    assert task is not None
    assert (task["kind"], task["tasks"]) == ("reply", 1)


@pytest.mark.parametrize(
    ("text", "opt_outs"), [("j'ai envie de mourir", 0), ("STOP\nje veux mourrir", 1), ("I want to die", 0)]
)
async def test_an_emergency_goes_to_the_top_and_has_its_one_answer(
    site: Site, practice: Profile, text: str, opt_outs: int
) -> None:
    absence = await factories.make_absence(practice)
    form = {"MessageSid": SID, "From": str(absence.phone), "To": "+33644600000", "Body": text}
    for _ in range(2):
        answer = await report(site, "inbound", form, query={"practice": practice.ref})
        # What is answered is a message of ours, which staff can see; the gateway itself is to say nothing.
        assert (answer.status_code, answer.text.endswith("<Response/>")) == (200, True)
    tasks = await fetch("SELECT kind, urgent, crisis FROM task")
    assert [tuple(row.values()) for row in tasks] == [("emergency", True, True)]
    assert await fetch_value("SELECT count(*) FROM delivery WHERE message = 'emergency' AND status = 'planned'") == 1
    assert await fetch_value("SELECT count(*) FROM channel_opt_out WHERE channel = 'sms'") == opt_outs


@pytest.mark.parametrize("place", ["receipt", "inbound"])
@pytest.mark.parametrize("wrong", ["key", "practice", "no practice", "form", "query", "signature", "provider"])
async def test_what_the_gateway_did_not_sign_is_refused(site: Site, practice: Profile, place: str, wrong: str) -> None:
    absence = await factories.make_absence(practice)
    form = {
        "MessageSid": SID,
        "From": str(absence.phone),
        "To": "+33644600000",
        "Body": "STOP",
        "MessageStatus": "failed",
    }
    path = f"/webhooks/twilio/{place}?practice={practice.ref}"
    signed = signature("another" if wrong == "key" else TOKEN, f"https://rdv.example{path}", form)
    headers = {} if wrong == "signature" else {"x-twilio-signature": signed}
    path = {
        "practice": path + "x",
        "no practice": path.partition("?")[0],
        "query": path + "&more=1",
        "provider": path.replace("twilio", "other"),
    }.get(wrong, path)
    before = await everything()
    answer = await site.client.post(path, data=form | ({"Body": "other"} if wrong == "form" else {}), headers=headers)
    assert answer.status_code == 403
    assert await everything() == before


@pytest.mark.parametrize("place", ["receipt", "inbound"])
async def test_a_signed_report_that_says_nothing_is_a_bad_request(site: Site, practice: Profile, place: str) -> None:
    answer = await report(site, place, {"Body": "x"}, query={"practice": practice.ref})
    assert answer.status_code == 400


async def test_a_huge_report_is_refused(site: Site, practice: Profile) -> None:
    answer = await site.client.post("/webhooks/twilio/inbound", content=b"a" * 70_000)
    assert answer.status_code == 413

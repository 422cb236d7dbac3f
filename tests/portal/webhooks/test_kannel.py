"""Kannel's reports, as it makes them, and the whole way through a real Kannel."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
import uvicorn

from db.clock import clock
from db.config import Config
from db.engine import fetch_one, fetch_value
from db.queries.practices import Profile, sending
from jobs.delivery.access import gateway_settings
from jobs.delivery.sms.gateway import OutgoingSms
from jobs.delivery.sms.kannel import VISITOR, receipt_address
from jobs.delivery.sms.registry import gateway
from jobs.ticks import Post
from portal.services import Services
from tests import factories
from tests.fakes.kannel import PASSWORD, PATIENCE_S, STEP_S, USERNAME, free_ports, real_kannel, until
from tests.fakes.smtp import smtp_server
from tests.portal.conftest import Site, everything
from tests.portal.webhooks.test_sms import sent_sms

SECRET = "secret-of-the-tests-1"
SENDER = "+33939000000"
KANNEL = {
    "provider": "kannel",
    "account": USERNAME,
    "token": PASSWORD,
    "sender": SENDER,
    "base_url": "http://127.0.0.1:9",
    "inbound_secret": SECRET,
    "country": "FR",
}
PLAIN = 'text/plain; charset="UTF-8"'


@pytest.fixture
async def practice(database: None) -> Profile:
    return await factories.make_practice(sms=KANNEL)


def receipt(practice: Profile, ref: str, status: int, *, secret: str = SECRET) -> str:
    """The path that Kannel fetches."""
    whole = receipt_address(secret, f"https://rdv.example/webhooks/kannel/receipt?practice={practice.ref}", ref)
    return whole.removeprefix("https://rdv.example") % status


async def say(
    site: Site, practice: Profile, body: bytes, *, sender: str, kind: str = PLAIN, secret: str = SECRET
) -> httpx.Response:
    return await site.client.post(
        f"/webhooks/kannel/inbound?practice={practice.ref}&id=7a674703",
        content=body,
        headers={"content-type": kind, "x-kannel-from": sender, "x-kannel-to": SENDER},
        auth=(VISITOR, secret),
    )


@pytest.mark.parametrize(
    ("said", "status"), [(1, "delivered"), (2, "failed"), (8, "sent"), (16, "failed"), (4, "sent")]
)
async def test_a_receipt_settles_its_message_once(site: Site, practice: Profile, said: int, status: str) -> None:
    ref = await sent_sms(practice)
    for _ in range(2):
        # Kannel asks again after any answer but 200 and 202.
        answer = await site.client.get(receipt(practice, ref, said))
        assert (answer.status_code, answer.content) == (200, b"")
    assert await fetch_value("SELECT status FROM delivery WHERE ref = $1", ref) == status


@pytest.mark.parametrize("wrong", ["secret", "practice", "reference", "signature", "place", "provider"])
async def test_an_address_that_we_did_not_sign_changes_nothing(site: Site, practice: Profile, wrong: str) -> None:
    ref = await sent_sms(practice)
    path = receipt(practice, ref, 2, secret="another" if wrong == "secret" else SECRET)
    path = {
        "practice": path.replace("practice=", "practice=x"),
        "reference": path.replace("ref=", "ref=x"),
        "signature": path.replace("&sig=", "&gis="),
        "place": path.replace("/receipt", "/inbound"),
        "provider": path.replace("kannel", "twilio"),
    }.get(wrong, path)
    before = await everything()
    answer = await site.client.get(path)
    assert answer.status_code == (405 if wrong == "place" else 403)
    assert await everything() == before


async def test_asking_for_the_headers_alone_changes_nothing(site: Site, practice: Profile) -> None:
    path = receipt(practice, await sent_sms(practice), 2)
    before = await everything()
    assert (await site.client.head(path)).status_code == 405
    assert await everything() == before


async def test_the_address_of_one_receipt_says_nothing_for_a_patient(site: Site, practice: Profile) -> None:
    ref = await sent_sms(practice)
    path = receipt(practice, ref, 1).replace("/receipt", "/inbound")
    before = await everything()
    answer = await site.client.post(
        path + "&id=1", content=b"STOP", headers={"content-type": PLAIN, "x-kannel-from": "1", "x-kannel-to": "2"}
    )
    assert answer.status_code == 403
    assert await everything() == before


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"STOP", PLAIN),
        ("arrêt".encode(), PLAIN),
        ("arrêt".encode("latin-1"), "text/plain; charset=ISO-8859-1"),
        ("arrêt".encode("utf-16-be"), 'text/plain; charset="UTF-16BE"'),
        (b"STOP", "application/octet-stream"),
        (b"STOP", "text/plain; charset=klingon"),
    ],
)
async def test_a_stop_takes_effect_at_once_and_once(site: Site, practice: Profile, body: bytes, kind: str) -> None:
    absence = await factories.make_absence(practice)
    assert absence.phone is not None
    for _ in range(2):
        # Some operators leave the + out.
        answer = await say(site, practice, body, sender=absence.phone.removeprefix("+"), kind=kind)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"].startswith("text/plain")
    assert await fetch_value("SELECT count(*) FROM channel_opt_out WHERE channel = 'sms'") == 1


async def test_any_other_answer_goes_to_a_person(site: Site, practice: Profile) -> None:
    absence = await factories.make_absence(practice)
    await say(site, practice, "Plutôt jeudi ?\nMerci & à bientôt %41".encode(), sender=str(absence.phone))
    task = await fetch_one("SELECT kind, count(*) OVER () AS tasks FROM task")
    assert task is not None
    assert (task["kind"], task["tasks"]) == ("reply", 1)


async def test_an_emergency_goes_to_the_top_and_has_its_one_answer(site: Site, practice: Profile) -> None:
    absence = await factories.make_absence(practice)
    for _ in range(2):
        body = "J’EN PEUX PLUS,\nje veux en finir 😭".encode("utf-16-be")
        await say(site, practice, body, sender=str(absence.phone), kind='text/plain; charset="UTF-16BE"')
    task = await fetch_one("SELECT kind, urgent, crisis, count(*) OVER () AS tasks FROM task")
    assert task is not None
    assert tuple(task.values()) == ("emergency", True, True, 1)
    assert await fetch_value("SELECT count(*) FROM delivery WHERE message = 'emergency' AND status = 'planned'") == 1


@pytest.mark.parametrize("lacking", ["secret", "form"])
async def test_a_message_without_the_secret_or_without_text_is_refused(
    site: Site, practice: Profile, lacking: str
) -> None:
    wrong = {"secret": "another"} if lacking == "secret" else {"kind": "application/x-www-form-urlencoded"}
    before = await everything()
    answer = await say(site, practice, b"STOP", sender="+33639980000", **wrong)
    assert answer.status_code == (403 if lacking == "secret" else 400)
    assert await everything() == before


@pytest.fixture
async def public(site: Site, config: Config) -> AsyncIterator[Config]:
    """The same application on a port of its own, which is its public address."""
    (port,) = free_ports(1)
    here: Services = site.app.state.services
    here.config = config.model_copy(update={"base_url": f"http://127.0.0.1:{port}"})
    settings = uvicorn.Config(site.app, port=port, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(settings)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield here.config
    server.should_exit = True
    await serving
    here.config = config


async def happens(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    for _ in range(int(PATIENCE_S / STEP_S)):
        if (found := await ask()) == wanted:
            return
        await asyncio.sleep(STEP_S)
    raise AssertionError(f"{found!r} instead of {wanted!r}")


async def test_a_message_its_receipts_and_an_answer_go_through_a_real_kannel(
    public: Config, database: None, tmp_path: Path
) -> None:
    inbound = public.base_url.replace("//", f"//{VISITOR}:{SECRET}@") + "/webhooks/kannel/inbound?id=%I"
    async with smtp_server() as smtp, real_kannel(tmp_path, inbound=inbound) as kannel:
        usual = factories.new_practice()
        practice = await factories.make_practice(
            smtp={**usual.smtp, "port": smtp.port}, sms=KANNEL | {"base_url": kannel.url}
        )
        absence = await factories.make_absence(practice, first_name="Zoé")
        clock.move_to(factories.local(16, 10, 41))
        kannel.connect_centre()
        post = Post(public, "bulk")
        assert await post.send_due() == 2
        await post.close()

        await until(lambda: any("STOP" in text for _, _, text in kannel.received()), kannel.received)
        ((sender, to, text),) = kannel.received()
        assert (sender, to) == (SENDER, absence.phone)
        assert "Zoé" in text
        assert f"{public.base_url}/r/" in text

        async def status() -> str:
            return str(await fetch_value("SELECT status FROM delivery WHERE channel = 'sms' AND attempts > 0"))

        await happens(status, "delivered")

        kannel.connect_centre(f"{absence.phone} {SENDER} text STOP, désolé")

        async def opt_outs() -> str:
            return str(await fetch_value("SELECT count(*) FROM channel_opt_out WHERE channel = 'sms'"))

        await happens(opt_outs, "1")

        # Kannel answers patients by itself unless it is told not to. Whatever it has to say leaves before this.
        marker = gateway(gateway_settings(await sending(practice.id)))
        await marker.send(OutgoingSms("marker", str(absence.phone), SENDER, "marker", None))
        await until(lambda: kannel.received()[-1][2] == "marker", kannel.received)
        assert len(kannel.received()) == 2
        await marker.close()

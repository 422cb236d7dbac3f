import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from jobs.delivery.email import Mailer, SmtpSettings
from jobs.delivery.errors import Ambiguous, DeliveryError, Permanent, PermanentKind, SendingRefused, Temporary
from tests.fakes.certificates import Certificate, self_signed
from tests.fakes.smtp import Script, SmtpServer, smtp_server
from tests.jobs.delivery.samples import CALENDAR, an_email

SHORT = 0.15


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("tls"))


def settings(server: SmtpServer, **changes: Any) -> SmtpSettings:
    return SmtpSettings(**{"host": "127.0.0.1", "port": server.port, "security": "none", **changes})


@asynccontextmanager
async def mailer(server: SmtpServer, *, idle_seconds: float = 30.0, **changes: Any) -> AsyncIterator[Mailer]:
    sender = Mailer(settings(server, **changes), idle_seconds=idle_seconds)
    try:
        yield sender
    finally:
        await sender.close()


async def test_a_message_arrives_whole_under_its_return_path() -> None:
    async with smtp_server() as server, mailer(server) as sender:
        answer = await sender.send(an_email(attachments=(CALENDAR,)))
    [received] = server.received
    assert answer == "250 2.0.0 Ok: queued as 4XyZ01"
    assert received.mail_from == "bounces+k3n2@practice.example"
    assert received.rcpt_tos == ["camille@patients.example"]
    message = message_from_bytes(received.content, policy=policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == an_email().text


async def test_lines_that_start_with_a_dot_arrive_as_written() -> None:
    async with smtp_server() as server, mailer(server) as sender:
        await sender.send(an_email(text=".\n..\n.hidden\nend"))
    assert b"\n.hidden\r\n" in server.received[0].content


async def test_many_messages_share_one_connection() -> None:
    async with smtp_server() as server, mailer(server) as sender:
        await sender.connect()
        await sender.connect()
        await asyncio.gather(*(sender.send(an_email(message_id=f"<{n}@x.example>")) for n in range(20)))
    assert server.connections == 1
    assert len(server.received) == 20


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "BODY"])
async def test_a_4xx_is_temporary_and_the_connection_lives_on(stage: str) -> None:
    script = Script(answers={stage: ["451 4.3.0 try again"]})
    async with smtp_server(script) as server, mailer(server) as sender:
        with pytest.raises(Temporary) as refused:
            await sender.send(an_email())
        await sender.send(an_email())
    assert refused.value.code == "451"
    assert (server.connections, len(server.received)) == (1, 1)


@pytest.mark.parametrize(
    ("stage", "answer", "kind"),
    [
        ("RCPT", "550 5.1.1 <camille@patients.example> unknown", PermanentKind.ADDRESS_INVALID),
        ("RCPT", "550 5.7.1 not here", PermanentKind.OTHER),
        ("DATA", "554 5.7.1 refused", PermanentKind.REFUSED_CONTENT),
        ("BODY", "554 5.7.1 spam", PermanentKind.REFUSED_CONTENT),
        ("BODY", "552 5.3.4 too big", PermanentKind.OTHER),
    ],
)
async def test_a_5xx_is_permanent_and_the_connection_lives_on(stage: str, answer: str, kind: PermanentKind) -> None:
    async with smtp_server(Script(answers={stage: [answer]})) as server, mailer(server) as sender:
        with pytest.raises(Permanent) as refused:
            await sender.send(an_email())
        await sender.send(an_email())
    assert refused.value.kind is kind
    assert "camille" not in str(refused.value)
    assert (server.connections, len(server.received)) == (1, 1)


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("CONNECT", "554 no service"),
        ("MAIL", "553 5.7.1 not your address"),
        ("RCPT", "554 5.7.1 Relay access denied"),
        ("MAIL", "530 5.7.0 authentication required"),
    ],
)
async def test_a_refused_sender_is_for_staff(stage: str, answer: str) -> None:
    async with smtp_server(Script(answers={stage: [answer]})) as server, mailer(server) as sender:
        with pytest.raises(SendingRefused):
            await sender.send(an_email())


@pytest.mark.parametrize("stage", ["CONNECT", "MAIL", "RCPT", "DATA", "BODY"])
async def test_a_server_that_closes_down_is_temporary_and_the_next_message_connects_anew(stage: str) -> None:
    script = Script(answers={stage: ["421 4.3.2 closing"]})
    async with smtp_server(script) as server, mailer(server) as sender:
        with pytest.raises(Temporary):
            await sender.send(an_email())
        await sender.send(an_email())
    assert (server.connections, len(server.received)) == (2, 1)


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_a_connection_lost_before_the_body_is_temporary(stage: str) -> None:
    async with smtp_server(Script(drops={stage: 9})) as server, mailer(server) as sender:
        with pytest.raises(Temporary):
            await sender.send(an_email())
    assert server.received == []


async def test_a_connection_lost_after_the_body_is_ambiguous_and_the_next_message_connects_anew() -> None:
    async with smtp_server(Script(drops={"BODY": 1})) as server, mailer(server) as sender:
        with pytest.raises(Ambiguous):
            await sender.send(an_email())
        await sender.send(an_email())
    assert (server.connections, len(server.received)) == (2, 2)


@pytest.mark.parametrize(
    ("stage", "error"),
    [
        ("CONNECT", Temporary),
        ("EHLO", Temporary),
        ("MAIL", Temporary),
        ("RCPT", Temporary),
        ("DATA", Temporary),
        ("BODY", Ambiguous),
    ],
)
async def test_a_server_that_falls_silent_is_cut_when_the_budget_is_spent(
    stage: str, error: type[DeliveryError]
) -> None:
    async with smtp_server(Script(holds={stage})) as server, mailer(server, timeout=SHORT) as sender:
        with pytest.raises(error):
            await sender.send(an_email())
        server.script.holds.clear()
        assert (await sender.send(an_email())).startswith("250")


async def test_a_used_connection_that_falls_silent_is_a_timeout_and_not_tried_again() -> None:
    async with smtp_server() as server, mailer(server, timeout=SHORT) as sender:
        await sender.send(an_email())
        server.script.holds.add("MAIL")
        with pytest.raises(Temporary) as refused:
            await sender.send(an_email())
    assert refused.value.code == "timeout"
    assert server.connections == 1


async def test_an_answer_that_is_no_smtp_after_the_body_is_ambiguous() -> None:
    async with smtp_server(Script(answers={"BODY": ["hello there"]})) as server, mailer(server) as sender:
        with pytest.raises(Ambiguous):
            await sender.send(an_email())


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_left_since_the_last_message_is_reached_again_unnoticed(stage: str) -> None:
    async with smtp_server() as server, mailer(server) as sender:
        await sender.send(an_email())
        server.script.drops[stage] = 1
        await sender.send(an_email())
    assert (server.connections, len(server.received)) == (2, 2)


async def test_a_restarted_server_is_reached_again_unnoticed() -> None:
    async with smtp_server() as server, mailer(server) as sender:
        await sender.send(an_email())
        await server.stop()
        await server.start()
        await sender.send(an_email())
    assert len(server.received) == 2


async def test_an_absent_server_is_temporary() -> None:
    async with smtp_server() as server, mailer(server) as sender:
        await server.stop()
        with pytest.raises(Temporary):
            await sender.send(an_email())


async def test_an_idle_connection_is_checked_first() -> None:
    async with smtp_server() as server, mailer(server, idle_seconds=0.0) as sender:
        await sender.send(an_email())
        await sender.send(an_email())
    assert server.connections == 1
    assert "NOOP" in server.commands


@pytest.mark.parametrize("script", [Script(drops={"NOOP": 1}), Script(answers={"NOOP": ["421 4.4.2 idle too long"]})])
async def test_an_idle_connection_that_died_is_replaced(script: Script) -> None:
    async with smtp_server(script) as server, mailer(server, idle_seconds=0.0) as sender:
        await sender.send(an_email())
        await sender.send(an_email())
    assert (server.connections, len(server.received)) == (2, 2)


@pytest.mark.parametrize("stage", ["RCPT", "BODY"])
async def test_a_cancelled_send_closes_the_connection(stage: str) -> None:
    async with smtp_server(Script(holds={stage})) as server, mailer(server) as sender:
        task = asyncio.create_task(sender.send(an_email()))
        await server.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.script.holds.clear()
        await sender.send(an_email(message_id="<after@x.example>"))
    assert server.connections == 2
    assert b"<after@x.example>" in server.received[-1].content


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_the_right_password_signs_in() -> None:
    async with (
        smtp_server(login=("practice", "s3cret")) as server,
        mailer(server, username="practice", password="s3cret") as sender,
    ):
        await sender.send(an_email())
    assert len(server.received) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_a_wrong_password_is_for_staff() -> None:
    async with (
        smtp_server(login=("practice", "s3cret")) as server,
        mailer(server, username="practice", password="wrong") as sender,
    ):
        with pytest.raises(SendingRefused):
            await sender.connect()
    assert server.received == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_encryption_that_was_asked_for_is_used(security: str, certificate: Certificate) -> None:
    async with (
        smtp_server(tls=certificate.server, implicit_tls=security == "tls") as server,
        mailer(server, security=security, ca_file=certificate.ca_file) as sender,
    ):
        await sender.send(an_email())
    assert server.received[0].encrypted


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_without_the_encryption_that_was_asked_for_nothing_goes_out_in_clear(security: str) -> None:
    async with smtp_server() as server, mailer(server, security=security) as sender:
        with pytest.raises(SendingRefused):
            await sender.send(an_email())
    assert server.received == []
    assert "MAIL" not in server.commands


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_nobody_vouches_for_is_refused(security: str, certificate: Certificate) -> None:
    async with (
        smtp_server(tls=certificate.server, implicit_tls=security == "tls") as server,
        mailer(server, security=security) as sender,
    ):
        with pytest.raises(SendingRefused):
            await sender.send(an_email())
    assert server.received == []


async def test_a_certificate_file_that_is_missing_is_for_staff(tmp_path: Path) -> None:
    async with (
        smtp_server() as server,
        mailer(server, security="tls", ca_file=str(tmp_path / "no")) as sender,
    ):
        with pytest.raises(SendingRefused):
            await sender.send(an_email())


async def test_closing_twice_is_harmless() -> None:
    async with smtp_server() as server:
        sender = Mailer(settings(server))
        await sender.close()
        await sender.connect()
        await sender.close()
        await sender.close()

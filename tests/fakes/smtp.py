"""A real SMTP server (aiosmtpd) that answers, drops or falls silent at the stage that a test names.

Stages: CONNECT, EHLO, MAIL, RCPT, DATA (before the body), BODY (after it).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Script:
    """What to do at a stage: `answers` are used up in turn, `drops` count how often they still happen. `mailboxes`
    names recipients that are always answered so."""

    answers: dict[str, list[str]] = field(default_factory=dict)
    mailboxes: dict[str, str] = field(default_factory=dict)
    drops: dict[str, int] = field(default_factory=dict)
    holds: set[str] = field(default_factory=set)

    def answer(self, stage: str) -> str | None:
        waiting = self.answers.get(stage)
        return waiting.pop(0) if waiting else None

    def drop(self, stage: str) -> bool:
        left = self.drops.get(stage, 0)
        self.drops[stage] = max(0, left - 1)
        return left > 0


@dataclass
class Received:
    mail_from: str
    rcpt_tos: list[str]
    content: bytes
    encrypted: bool


class SmtpServer:
    """Listens on a free port of this machine, in the test's own loop."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.script = script or Script()
        self.received: list[Received] = []
        self.connections = 0
        self.commands: list[str] = []
        self.reached = asyncio.Event()
        self.port = 0
        self._tls, self._implicit_tls, self._login = tls, implicit_tls, login
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.BaseTransport] = set()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        context = self._tls if self._implicit_tls else None
        self._server = await loop.create_server(self._protocol, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As a killed server: every connection ends at once, and the port is free again."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in list(self._open):
            cast(asyncio.WriteTransport, transport).abort()
        self._open.clear()
        await asyncio.sleep(0)

    def _protocol(self) -> "_Conversation":
        loop = asyncio.get_running_loop()
        return _Conversation(
            self,
            hostname="test.invalid",
            loop=loop,
            tls_context=None if self._implicit_tls else self._tls,
            authenticator=self._authenticate,
            auth_required=self._login is not None,
            auth_require_tls=False,
        )

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        user, password = self._login or ("", "")
        good = isinstance(data, LoginPassword) and data == LoginPassword(user.encode(), password.encode())
        return AuthResult(success=good, handled=False)


class _Conversation(SMTP):
    def __init__(self, owner: SmtpServer, **options: Any) -> None:
        super().__init__(_Sink(owner), **options)
        self.owner = owner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.owner.connections += 1
        self.owner._open.add(transport)
        if self.owner.script.drop("CONNECT"):
            transport.close()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.owner._open.discard(self.transport)
        super().connection_lost(error)

    async def push(self, status: Any) -> None:
        if str(status).startswith("220 test.invalid"):
            if "CONNECT" in self.owner.script.holds:
                await asyncio.Event().wait()
            status = self.owner.script.answer("CONNECT") or status
        if self.transport is not None and not self.transport.is_closing():
            await super().push(status)

    def cut(self) -> None:
        if self.transport is not None:
            cast(asyncio.WriteTransport, self.transport).abort()

    async def scripted(self, stage: str) -> bool:
        """True if the script has dealt with this command."""
        self.owner.commands.append(stage)
        script = self.owner.script
        if stage in script.holds:
            self.owner.reached.set()
            await asyncio.Event().wait()
        if script.drop(stage):
            self.cut()
            return True
        answer = script.answer(stage)
        if answer is not None:
            await self.push(answer)
        return answer is not None

    async def smtp_EHLO(self, arg: str) -> None:  # noqa: N802
        if not await self.scripted("EHLO"):
            await super().smtp_EHLO(arg)

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802
        if not await self.scripted("MAIL"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802
        if await self.scripted("RCPT"):
            return
        answers = [answer for mailbox, answer in self.owner.script.mailboxes.items() if f"<{mailbox}>" in arg]
        if answers:
            await self.push(answers[0])
        else:
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not await self.scripted("DATA"):
            await super().smtp_DATA(arg)

    async def smtp_NOOP(self, arg: str) -> None:  # noqa: N802
        if not await self.scripted("NOOP"):
            await super().smtp_NOOP(arg)


class _Sink:
    def __init__(self, owner: SmtpServer) -> None:
        self.owner = owner

    async def handle_DATA(self, server: _Conversation, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        script = self.owner.script
        answer = script.answer("BODY")
        if answer is None or answer.startswith("2"):
            mail_from = envelope.mail_from or ""
            assert server.transport is not None
            encrypted = server.transport.get_extra_info("sslcontext") is not None
            self.owner.received.append(Received(mail_from, list(envelope.rcpt_tos), content, encrypted))
        if "BODY" in script.holds:
            self.owner.reached.set()
            await asyncio.Event().wait()
        if script.drop("BODY"):
            server.cut()
        self.owner.commands.append("BODY")
        return answer or "250 2.0.0 Ok: queued as 4XyZ01"


@asynccontextmanager
async def smtp_server(
    script: Script | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    implicit_tls: bool = False,
    login: tuple[str, str] | None = None,
) -> AsyncIterator[SmtpServer]:
    server = SmtpServer(script, tls=tls, implicit_tls=implicit_tls, login=login)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()

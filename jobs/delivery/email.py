"""Email over one long-lived SMTP connection; the only module that knows aiosmtplib.

The client's commands are driven one by one rather than through its `sendmail`, for the sake of one
distinction: a connection that dies before the body was handed over is a temporary failure, one that dies
after it is ambiguous.
"""

import asyncio
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final, Literal, cast

import aiosmtplib

from jobs.delivery.errors import Ambiguous, DeliveryError, SendingRefused, Temporary, without_contacts
from jobs.delivery.mime import Attachment, OutgoingEmail, build, recipient, sender
from jobs.delivery.smtp_answers import Stage, refusal

__all__ = ["Attachment", "Mailer", "OutgoingEmail", "SmtpSettings", "build"]

IDLE_SECONDS: Final = 30.0
OK: Final = 250
WILL_FORWARD: Final = 251
START_INPUT: Final = 354
CLOSING: Final = 421


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """`timeout`: seconds that one send may take in all; `ca_file`: an authority of the practice's own."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 10.0
    ca_file: str | None = None


class _Lost(Exception):
    """The connection ended before the body was handed over."""


class Mailer:
    """One connection, one message at a time: keep one per consumer.

    Never put `asyncio.wait_for` around a call. Each has a budget of its own, and a call that is cancelled
    closes the connection, because nobody could tell any more which answer belongs to which command.
    """

    def __init__(self, settings: SmtpSettings, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._settings = settings
        self._idle_seconds = idle_seconds
        self._client: aiosmtplib.SMTP | None = None
        self._hostname: str | None = None
        self._used_at = 0.0
        self._turn = asyncio.Lock()

    async def connect(self) -> None:
        """Have a living connection: opens one, or checks (NOOP) the one that has been idle for long."""
        async with self._turn:
            await self._ready(self._deadline())

    async def send(self, mail: OutgoingEmail) -> str:
        """Hand one message over; returns the server's answer. Raises a `DeliveryError`."""
        body = build(mail).replace(b"\r\n.", b"\r\n..") + b".\r\n"
        envelope = (sender(mail.return_path), recipient(mail.to))
        async with self._turn:
            deadline = self._deadline()
            reused = await self._ready(deadline)
            try:
                return await self._guarded(self._transaction(*envelope, body), deadline)
            except _Lost:
                if not reused:
                    raise Temporary("lost", "The mail server ended the connection.") from None
            # The server had left since the last message, which only a command could tell.
            await self._ready(deadline)
            try:
                return await self._guarded(self._transaction(*envelope, body), deadline)
            except _Lost:
                raise Temporary("lost", "The mail server ended the connection twice.") from None

    async def close(self) -> None:
        """Say goodbye where that takes no waiting, and let go in any case."""
        async with self._turn:
            client = self._client
            if client is None or not client.is_connected:
                self._drop()
                return
            try:
                await client.quit(timeout=min(1.0, self._settings.timeout))
            except (aiosmtplib.SMTPException, OSError):
                pass
            finally:
                self._drop()

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._settings.timeout

    async def _ready(self, deadline: float) -> bool:
        """True if the connection has been used before."""
        if self._client is not None and self._client.is_connected:
            idle = asyncio.get_running_loop().time() - self._used_at
            if idle < self._idle_seconds or await self._answers(deadline):
                return True
        self._drop()
        await self._open(deadline)
        return False

    async def _answers(self, deadline: float) -> bool:
        try:
            await self._guarded(self._expect(Stage.CONNECT, OK, b"NOOP"), deadline)
        except (_Lost, DeliveryError):
            return False
        return True

    async def _open(self, deadline: float) -> None:
        try:
            client = self._new_client()
            async with asyncio.timeout_at(deadline):
                await client.connect()
                await _greet(client)
        except aiosmtplib.SMTPResponseException as refused:
            raise refusal(Stage.CONNECT, refused.code, refused.message) from None
        except ssl.SSLError as problem:
            raise _no_encryption(problem) from None
        except (FileNotFoundError, ValueError):
            raise SendingRefused("settings", "The mail server's name or certificate file is not usable.") from None
        except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected, OSError) as problem:
            if isinstance(problem.__cause__, ssl.SSLError):
                raise _no_encryption(problem.__cause__) from None
            raise Temporary("connect", "The mail server cannot be reached.") from None
        except aiosmtplib.SMTPException as problem:
            # The server offers no STARTTLS, or no way to sign in, while the settings ask for it.
            raise SendingRefused("settings", problem.message) from None
        self._client, self._hostname = client, client.local_hostname
        self._used_at = asyncio.get_running_loop().time()

    def _new_client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=settings.password if settings.username else None,
            local_hostname=self._hostname,
            timeout=settings.timeout,
            use_tls=settings.security == "tls",
            # Left to itself the client goes on in clear where the server offers no encryption.
            start_tls=settings.security == "starttls",
            cert_bundle=settings.ca_file,
        )

    async def _guarded(self, conversation: Awaitable[str], deadline: float) -> str:
        """Await it under a watchdog that cuts the connection: the client's futures then end by themselves."""
        loop = asyncio.get_running_loop()
        watchdog = loop.call_at(deadline, self._drop)
        try:
            answer = await conversation
        except _Lost:
            self._drop()
            if loop.time() >= deadline:
                raise Temporary("timeout", "The mail server took too long to answer.") from None
            raise
        except (asyncio.CancelledError, Ambiguous):
            self._drop()
            raise
        finally:
            watchdog.cancel()
        self._used_at = loop.time()
        return answer

    async def _transaction(self, envelope_from: str, envelope_to: str, body: bytes) -> str:
        try:
            await self._expect(Stage.SENDER, OK, b"MAIL", b"FROM:<%b>" % envelope_from.encode("ascii"))
            await self._expect(Stage.RECIPIENT, OK, b"RCPT", b"TO:<%b>" % envelope_to.encode("ascii"))
            await self._expect(Stage.DATA, START_INPUT, b"DATA")
        except DeliveryError:
            await self._forget_envelope()
            raise
        return await self._hand_over(body)

    async def _expect(self, stage: Stage, wanted: int, *command: bytes) -> str:
        client = self._client
        if client is None:
            raise _Lost
        try:
            # No timeout of the client's own: the watchdog cuts, and a cut is one kind of end instead of two.
            code, text = await client.execute_command(*command, timeout=None)
        except aiosmtplib.SMTPResponseException as garbled:
            self._drop()
            raise refusal(stage, garbled.code, garbled.message) from None
        except (aiosmtplib.SMTPException, OSError):
            raise _Lost from None
        if code == wanted or (stage is Stage.RECIPIENT and code == WILL_FORWARD):
            return f"{code} {text}"
        raise refusal(stage, code, text)

    async def _hand_over(self, body: bytes) -> str:
        protocol = self._client.protocol if self._client is not None else None
        if protocol is None:
            raise _Lost
        try:
            protocol.write(body)
        except aiosmtplib.SMTPServerDisconnected:
            raise _Lost from None
        try:
            code, text = await protocol.read_response(timeout=None)
        except (aiosmtplib.SMTPException, OSError):
            raise Ambiguous("lost", "The connection ended after the message was handed over.") from None
        if 200 <= code < 300:
            return without_contacts(f"{code} {text}")
        if code == CLOSING:
            self._drop()
        raise refusal(Stage.BODY, code, text)

    async def _forget_envelope(self) -> None:
        """After a refusal the server still holds the sender; the next message needs a clean start."""
        if self._client is None or not self._client.is_connected:
            return
        try:
            await self._expect(Stage.CONNECT, OK, b"RSET")
        except (_Lost, DeliveryError):
            self._drop()

    def _drop(self) -> None:
        """Cut at once. A polite close would wait for a server that has stopped reading."""
        client, self._client = self._client, None
        if client is None:
            return
        if client.transport is not None:
            cast(asyncio.WriteTransport, client.transport).abort()
        client.close()


async def _greet(client: aiosmtplib.SMTP) -> None:
    if not client.is_ehlo_or_helo_needed:
        return
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


def _no_encryption(problem: ssl.SSLError) -> SendingRefused:
    return SendingRefused(
        "tls", f"The mail server's encryption cannot be trusted: {problem.reason or 'no reason given'}."
    )

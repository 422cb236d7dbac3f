"""`reprise doctor`: whether everything that Reprise leans on is there, one line each."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import click
from redis.asyncio import Redis
from redis.exceptions import RedisError
from rich.markup import escape

from db import clock, crypto, session
from db.config import Config
from db.errors import ConfigurationError
from db.queries.accounts import accounts
from db.queries.coverage import coverage
from db.queries.installation import is_migrated, people_without_fallback
from db.queries.practices import Profile, Sending, all_practices, sending
from db.queries.status import status
from jobs.delivery.access import gateway_settings, smtp_settings
from jobs.delivery.email import Mailer
from jobs.delivery.errors import DeliveryError
from jobs.delivery.sms.registry import gateway
from portal.commands._common import command, configure, emit, out, run_async
from portal.commands._findings import STYLES, Finding, State, failed, ok, warning
from portal.commands._people import people_findings
from portal.commands._sign_in import sign_in_finding
from portal.commands._slack import slack_findings
from portal.forms.practice_file import LONGEST_BASE_URL
from portal.heartbeats import alive

PATIENCE_S = 5.0


@click.command("doctor")
@command
def doctor(data: Path, as_json: bool) -> None:
    """Check configuration, database, Redis, workers, mail server, SMS gateway and Slack; sends nothing."""
    config = configure(data)
    findings = run_async(_examine(config, (lambda _one: None) if as_json else _print))
    healthy = not any(one.state is State.FAILED for one in findings)
    if as_json:
        emit({"healthy": healthy, "findings": findings})
    if not healthy:
        raise SystemExit(2)


def _print(one: Finding) -> None:
    shown = one.state.upper() if one.state is State.FAILED else one.state
    out().print(f"[{STYLES[one.state]}]{shown:8}[/] {one.name:14} {escape(one.text)}")


async def _examine(config: Config, tell: Callable[[Finding], None]) -> list[Finding]:
    findings = []
    async for one in _findings(config):
        findings.append(one)
        tell(one)
    return findings


async def _findings(config: Config) -> AsyncIterator[Finding]:
    keys = _keys(config)
    yield keys
    yield _address(config)
    async with AsyncExitStack() as closing:
        database = failed("database", "not looked at: the keys come first.")
        if keys.state is State.OK:
            database = await _database(config, closing)
        yield database
        async for one in _redis(config):
            yield one
        if database.state is State.OK:
            async for one in _practices(config):
                yield one


def _keys(config: Config) -> Finding:
    try:
        session.use_keys(config)
    except ConfigurationError as problem:
        return failed("keys", str(problem))
    return ok("keys", f"{len(crypto.vault().ring)} for contacts, {len(config.signing_key_list())} for links.")


def _address(config: Config) -> Finding:
    url = config.base_url
    if not config.is_demo and not url.startswith("https://"):
        return failed("address", f"{url} is not secure: set REPRISE_BASE_URL to the https address that patients open.")
    if len(url) > LONGEST_BASE_URL:
        return warning(
            "address",
            f"{url} has {len(url)} characters; with more than {LONGEST_BASE_URL} an SMS may take two segments.",
        )
    return ok("address", f"{url} ({config.mode}).")


async def _database(config: Config, closing: AsyncExitStack) -> Finding:
    """The database stays open for what is looked at next."""
    try:
        await closing.enter_async_context(session.opened(config, connections=2))
    except ConfigurationError as problem:
        return failed("database", str(problem))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
        return failed("database", f"it does not answer ({_first_line(problem)}): check DATABASE_URL, start it.")
    if not await is_migrated():
        return failed("database", "its tables are not those of this version: run `reprise migrate`.")
    return ok("database", "it answers, and its tables are those of this version.")


async def _redis(config: Config) -> AsyncIterator[Finding]:
    try:
        redis = Redis.from_url(
            config.redis(),
            decode_responses=True,
            socket_timeout=PATIENCE_S,
            socket_connect_timeout=PATIENCE_S,
        )
    except (ConfigurationError, ValueError) as problem:
        yield failed("redis", str(problem))
        return
    try:
        workers = await alive(redis)
    except (RedisError, OSError) as problem:
        yield failed("redis", f"it does not answer ({_first_line(problem)}): check REDIS_URL, start it.")
        return
    finally:
        await redis.aclose()
    yield ok("redis", "it answers.")
    for name, lives in workers.items():
        if lives:
            yield ok(name, "alive.")
        else:
            yield failed(name, f"no sign of life: start it (`reprise run`, or `reprise {_with_queue(name)}`).")


def _with_queue(name: str) -> str:
    return name.replace(" ", " --queue ")


async def _practices(config: Config) -> AsyncIterator[Finding]:
    practices = await all_practices()
    if not practices:
        yield failed("practice", "none is set up: run `reprise setup practice.toml`.")
    for practice in practices:
        yield await _practice(practice)
        async for one in _access(practice, config):
            yield one
        for one in people_findings(
            await people_without_fallback(practice.id), await coverage(practice, now=clock.now())
        ):
            yield one
        yield sign_in_finding(await accounts(practice.id))


async def _practice(practice: Profile) -> Finding:
    held = (await status(practice.id, now=clock.now())).held
    if held:
        names = " and ".join(f"{one.channel} ({one.tries} in a row)" for one in held)
        return warning(
            "practice",
            f"{practice.name}: nothing is sent for the moment, because tries failed: {names}. What the server answers "
            "stands below; if it refuses the access, correct it in practice.toml and run `reprise setup`.",
        )
    return ok("practice", f"{practice.name}, {practice.zone}.")


async def _access(practice: Profile, config: Config) -> AsyncIterator[Finding]:
    try:
        access = await sending(practice.id)
    except ConfigurationError as problem:
        yield failed("mail server", str(problem))
        return
    yield await _asked("mail server", "answers, and accepts the credentials.", _ask_mail_server(access))
    yield await _asked("sms gateway", "answers, and accepts the credentials.", _ask_gateway(access))
    async for one in slack_findings(practice, access, base_url=config.base_url):
        yield one


async def _asked(name: str, well: str, asking: Coroutine[Any, Any, str]) -> Finding:
    try:
        return ok(name, f"{await asking} {well}")
    except (DeliveryError, ConfigurationError) as problem:
        return failed(name, f"{problem} Check it in practice.toml, then run `reprise setup`.")


async def _ask_mail_server(access: Sending) -> str:
    settings = smtp_settings(access)
    mailer = Mailer(settings)
    try:
        await mailer.connect()
    finally:
        await mailer.close()
    return f"{settings.host}:{settings.port} ({settings.security})"


async def _ask_gateway(access: Sending) -> str:
    settings = gateway_settings(access)
    asked = gateway(settings)
    try:
        await asked.check()
    finally:
        await asked.close()
    return settings.provider


def _first_line(problem: BaseException) -> str:
    return (str(problem) or type(problem).__name__).splitlines()[0]

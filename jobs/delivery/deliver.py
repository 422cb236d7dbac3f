"""Claim, send, settle: the way of every message. It is claimed in one transaction, sent with none open, and settled in
another; the belt does the three at the same time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from db import clock
from db.changes.channels import Gate
from db.changes.deliveries import Claim, Claimed
from db.changes.settlements import Outcome, Settlement
from db.errors import ConfigurationError
from db.states import Channel
from jobs.delivery.belt import FRESH_S, Belt
from jobs.delivery.breaker import Breaker
from jobs.delivery.compose import compose_email, compose_sms
from jobs.delivery.desk import Desk
from jobs.delivery.email import Mailer
from jobs.delivery.errors import Ambiguous, DeliveryError, Permanent, PermanentKind, SendingRefused, Temporary
from jobs.delivery.lookups import surroundings
from jobs.delivery.sms.gateway import Gateway
from jobs.delivery.wordings import words_of
from jobs.messages.errors import MissingValues, TextRefused

log = structlog.get_logger()

Send = Callable[[Claimed], Awaitable[tuple[str | None, str | None]]]
SMS_AT_ONCE = 8
# A mail server nearby takes a message in milliseconds, a gateway in tenths of a second.
CLAIMED_FOR_EACH = {Channel.EMAIL: 4, Channel.SMS: 1}

PERMANENT = {
    PermanentKind.ADDRESS_INVALID: Outcome.ADDRESS_INVALID,
    PermanentKind.BLOCKED: Outcome.BLOCKED,
    PermanentKind.REFUSED_CONTENT: Outcome.FAILED,
    PermanentKind.OTHER: Outcome.FAILED,
}


async def drain_email(desk: Desk, mailers: Sequence[Mailer]) -> int:
    """Send what is due by email over these connections until nothing is left; returns how many messages were tried.

    The connections are opened before anything is claimed: a server that is down costs no message an attempt.
    """

    def over(mailer: Mailer) -> Send:
        async def send(one: Claimed) -> tuple[str | None, str | None]:
            now = clock.now()
            around = await surroundings(one, desk.sender.practice, now)
            words = await words_of(one, desk.sender)
            await mailer.send(compose_email(one, desk.sender, around, words, now=now))
            return None, "250"

        return send

    async def connect(trial: bool) -> list[Send]:
        ready = await _connected(desk, mailers[:1] if trial else mailers, trial=trial)
        return [over(mailer) for mailer in ready]

    return await _serve(desk, connect)


async def drain_sms(desk: Desk, gateway: Gateway) -> int:
    """Send what is due by SMS; a message that an earlier attempt may have sent is first looked for at the provider."""

    async def send(one: Claimed) -> tuple[str | None, str | None]:
        words = await words_of(one, desk.sender)
        sms = compose_sms(one, desk.sender, words, receives=gateway.capabilities.receives)
        if one.ambiguous and gateway.capabilities.finds_sent:
            asked_at = time.monotonic()
            found = await gateway.find(sms, one.created_at)
            if found is not None:
                return found, "found"
            if time.monotonic() > asked_at + FRESH_S:
                raise Temporary("late", "The look-up took so long that the decision to send is stale.")
        accepted = await gateway.send(sms)
        return accepted.provider_id, "accepted"

    async def connect(_trial: bool) -> list[Send]:
        return [send] * SMS_AT_ONCE

    return await _serve(desk, connect)


async def _serve(desk: Desk, connect: Callable[[bool], Awaitable[Sequence[Send]]]) -> int:
    """As the channel's gate allows. A trial that succeeds opens it for everything else."""
    gate, done = await desk.enter(), 0
    if gate is Gate.HELD:
        return 0
    if gate is Gate.TRIAL:
        sends = await connect(True)
        done, is_back = await _try(desk, sends[0]) if sends else (0, False)
        if not is_back:
            return done
    sends = await connect(False)
    return done + (await _drain(desk, sends) if sends else 0)


async def _drain(desk: Desk, sends: Sequence[Send]) -> int:
    breaker = desk.breaker
    belt = Belt(
        desk.sender.practice.id,
        desk.claim,
        [partial(_attempt, send=send, breaker=breaker) for send in sends],
        CLAIMED_FOR_EACH[desk.channel],
        desk.keep_going,
        lambda: breaker.has_tripped,
    )
    done = await belt.run()
    await desk.settle_up()
    if breaker.has_tripped:
        await desk.hold(breaker)
        breaker.reset()
    return done


async def _try(desk: Desk, send: Send) -> tuple[int, bool]:
    """One message to a server that was down; whether it took it. One that says nothing of the server, an unknown
    mailbox perhaps, leaves the question to the next."""
    breaker, last, done = Breaker(), Claim([], looked_at=1), 0

    async def claim(_most: int) -> Claim:
        nonlocal last
        last = await desk.claim_one()
        return last

    def has_none() -> bool:
        return desk.keep_going() and not last.going

    attempt = partial(_attempt, send=send, breaker=breaker)
    while desk.keep_going() and last.looked_at and not (breaker.has_sent or breaker.errors):
        last = Claim([], looked_at=1)
        done += await Belt(desk.sender.practice.id, claim, [attempt], 1, has_none).run()
    await desk.settle_up()
    if breaker.has_sent:
        await desk.reopen()
    elif breaker.errors:
        await desk.hold(breaker, trial=True)
    else:
        await desk.leave()
    return done, breaker.has_sent


async def _connected(desk: Desk, mailers: Sequence[Mailer], *, trial: bool) -> list[Mailer]:
    """Those that have a connection: a server may grant fewer than we ask for."""
    answers = await asyncio.gather(*(mailer.connect() for mailer in mailers), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, DeliveryError | ConfigurationError):
            raise answer
    ready = [mailer for mailer, answer in zip(mailers, answers, strict=True) if answer is None]
    if ready:
        return ready
    ref = desk.sender.practice.ref
    for mailer, answer in zip(mailers, answers, strict=True):
        if isinstance(answer, SendingRefused):
            # One message is allowed through to the refusal, so that it becomes a task with the server's own code.
            log.warning("mail_server_refuses_us", practice=ref, code=answer.code)
            return [mailer]
    log.warning("mail_server_unreachable", practice=ref, problem=str(answers[0]))
    await desk.hold_unreached("unreachable", trial=trial)
    return []


async def _attempt(one: Claimed, send: Send, breaker: Breaker) -> Settlement:
    """One message, one outcome; whatever the server said is mapped, nothing is raised but our own defects."""

    def settled(
        outcome: Outcome, *, code: str | None, provider_id: str | None = None, wait: float | None = None
    ) -> Settlement:
        return Settlement(one.id, one.attempts, outcome, clock.now(), provider_id, code, wait)

    if not one.is_readable:
        log.error("contact_unreadable", delivery=one.ref)
        return settled(Outcome.FAILED, code="unreadable")
    try:
        provider_id, code = await send(one)
    except DeliveryError as problem:
        breaker.note_error(one.id, one.attempts, problem)
        wait = problem.retry_after if isinstance(problem, Temporary) else None
        return settled(_outcome(problem), code=problem.code, wait=wait)
    except (TextRefused, MissingValues) as problem:
        log.error("text_refused", delivery=one.ref, message=one.message, problem=str(problem))
        return settled(Outcome.TEXT_REFUSED, code=type(problem).__name__)
    breaker.note_sent()
    return settled(Outcome.SENT, code=code, provider_id=provider_id)


def _outcome(problem: DeliveryError) -> Outcome:
    if isinstance(problem, Permanent):
        return PERMANENT[problem.kind]
    kinds = {Ambiguous: Outcome.AMBIGUOUS, Temporary: Outcome.TEMPORARY, SendingRefused: Outcome.REFUSED}
    return kinds.get(type(problem), Outcome.FAILED)

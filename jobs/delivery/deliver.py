"""Claim, send, settle: the way of every message. It is claimed in one transaction, sent with none open, and settled in
another; the belt does the three at the same time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from db import clock
from db.changes.channels import hold_channel
from db.changes.deliveries import Claim, Claimed, claim_due
from db.changes.settlements import REFUSED_PAUSE, Outcome, Settlement
from db.errors import ConfigurationError
from db.queries.agenda import availability
from db.states import Channel
from jobs.delivery.access import mail_domain
from jobs.delivery.belt import FRESH_S, Belt
from jobs.delivery.compose import Sender, compose_email, compose_sms
from jobs.delivery.email import Mailer
from jobs.delivery.errors import Ambiguous, DeliveryError, Permanent, PermanentKind, SendingRefused, Temporary
from jobs.delivery.sms.gateway import Gateway
from jobs.messages.errors import MissingValues, TextRefused

log = structlog.get_logger()

Send = Callable[[Claimed], Awaitable[tuple[str | None, str | None]]]
KeepGoing = Callable[[], bool]

SMS_AT_ONCE = 8
# A mail server nearby takes a message in milliseconds, a gateway in tenths of a second.
CLAIMED_FOR_EACH = {Channel.EMAIL: 4, Channel.SMS: 1}
SOON = timedelta(days=7)
SLOTS_WORTH_SAYING = 2
UNREACHABLE_PAUSE = timedelta(seconds=30)

PERMANENT = {
    PermanentKind.ADDRESS_INVALID: Outcome.ADDRESS_INVALID,
    PermanentKind.BLOCKED: Outcome.BLOCKED,
    PermanentKind.REFUSED_CONTENT: Outcome.FAILED,
    PermanentKind.OTHER: Outcome.FAILED,
}


async def drain_email(sender: Sender, lane: str, mailers: Sequence[Mailer], keep_going: KeepGoing) -> int:
    """Send what is due by email over these connections until nothing is left; returns how many messages were tried.

    The connections are opened before anything is claimed: a server that is down costs no message an attempt.
    """
    if not await _connected(sender, mailers):
        return 0

    def over(mailer: Mailer) -> Send:
        async def send(one: Claimed) -> tuple[str | None, str | None]:
            now = clock.now()
            soon = await _slots_soon(one, now)
            await mailer.send(compose_email(one, sender, slots_soon=soon, now=now))
            return None, "250"

        return send

    return await _drain(sender, lane, Channel.EMAIL, [over(mailer) for mailer in mailers], keep_going)


async def drain_sms(sender: Sender, lane: str, gateway: Gateway, keep_going: KeepGoing) -> int:
    """Send what is due by SMS; a message that an earlier attempt may have sent is first looked for at the provider."""

    async def send(one: Claimed) -> tuple[str | None, str | None]:
        sms = compose_sms(one, sender, receives=gateway.capabilities.receives)
        if one.ambiguous and gateway.capabilities.finds_sent:
            asked_at = time.monotonic()
            found = await gateway.find(sms, one.created_at)
            if found is not None:
                return found, "found"
            if time.monotonic() > asked_at + FRESH_S:
                raise Temporary("late", "The look-up took so long that the decision to send is stale.")
        accepted = await gateway.send(sms)
        return accepted.provider_id, "accepted"

    return await _drain(sender, lane, Channel.SMS, [send] * SMS_AT_ONCE, keep_going)


async def _drain(sender: Sender, lane: str, channel: Channel, sends: Sequence[Send], keep_going: KeepGoing) -> int:
    async def claim(limit: int) -> Claim:
        domain = mail_domain(sender.sending)
        return await claim_due(
            sender.practice, lane=lane, channel=channel, limit=limit, mail_domain=domain, now=clock.now()
        )

    attempts = [partial(_attempt, send=send) for send in sends]
    belt = Belt(sender.practice.id, claim, attempts, CLAIMED_FOR_EACH[channel], keep_going)
    done = await belt.run()
    if belt.refused:
        now = clock.now()
        await hold_channel(sender.practice, channel, until=now + REFUSED_PAUSE, code="refused", now=now)
    return done


async def _connected(sender: Sender, mailers: Sequence[Mailer]) -> bool:
    try:
        await asyncio.gather(*(mailer.connect() for mailer in mailers))
    except SendingRefused as problem:
        # One message is allowed through to the refusal, so that it becomes a task with the server's own code.
        log.warning("mail_server_refuses_us", practice=sender.practice.ref, code=problem.code)
        return True
    except (Temporary, ConfigurationError) as problem:
        log.warning("mail_server_unreachable", practice=sender.practice.ref, problem=str(problem))
        now = clock.now()
        await hold_channel(sender.practice, Channel.EMAIL, until=now + UNREACHABLE_PAUSE, code="unreachable", now=now)
        return False
    return True


async def _attempt(one: Claimed, send: Send) -> Settlement:
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
    except Ambiguous as problem:
        return settled(Outcome.AMBIGUOUS, code=problem.code)
    except Temporary as problem:
        return settled(Outcome.TEMPORARY, code=problem.code, wait=problem.retry_after)
    except Permanent as problem:
        return settled(PERMANENT[problem.kind], code=problem.code)
    except SendingRefused as problem:
        return settled(Outcome.REFUSED, code=problem.code)
    except DeliveryError as problem:
        return settled(Outcome.FAILED, code=problem.code)
    except (TextRefused, MissingValues) as problem:
        log.error("text_refused", delivery=one.ref, message=one.message, problem=str(problem))
        return settled(Outcome.TEXT_REFUSED, code=type(problem).__name__)
    return settled(Outcome.SENT, code=code, provider_id=provider_id)


async def _slots_soon(one: Claimed, now: datetime) -> bool:
    """Whether `worth` may say that some times are open this week."""
    if one.message != "worth" or one.practitioner is None:
        return False
    found = await availability(one.practitioner, now=now, duration=None)
    return sum(slot.starts_at <= now + SOON for slot in found.open_slots(now)) >= SLOTS_WORTH_SAYING

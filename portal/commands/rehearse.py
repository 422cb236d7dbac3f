"""`reprise rehearse`: a whole sequence to a member of staff, in minutes, through the real worker."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import click
from rich.markup import escape

from db import clock
from db.actors import staff
from db.changes.rehearsals import Audience, Said, start_rehearsal, stop_rehearsal
from db.config import Config
from db.errors import Refused
from db.queries.practices import Profile, Sending, only_practice, sending
from db.queries.rehearsals import RehearsedDelivery, rehearsed_deliveries
from db.queries.team import staffing
from db.rules.emails import read as read_email
from db.rules.rehearsing import USUAL_SPEED, RehearsedStep, Speed, read_speed, rehearsed
from db.rules.telephones import TelephoneKind, country_of
from db.rules.telephones import read as read_telephone
from db.rules.windows import local_day
from db.states import Channel, DeliveryStatus
from jobs.delivery.access import gateway_settings, smtp_settings
from jobs.delivery.sms.registry import gateway
from jobs.messages.preview import human_steps, plan_as_followed
from portal.commands._choosing import language_named, speciality_named
from portal.commands._common import command, emit, notes, out, run_connected
from portal.telling import Teller

ACTOR = staff("terminal")
LOOK_EVERY_S = 0.5
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Wanted:
    """What was asked for on the command line."""

    plan: str
    to_email: str | None
    to_phone: str | None
    speed: Speed
    speciality: str
    language: str | None
    first_name: str


@dataclass(frozen=True)
class Started:
    """A rehearsal under way. `left_out` are the steps whose channel has no address."""

    practice: Profile
    ref: str
    plan: str
    language: str
    length: timedelta
    left_out: tuple[RehearsedStep, ...]
    deliveries: Sequence[RehearsedDelivery]

    @property
    def teller(self) -> Teller:
        return Teller.of(self.practice)


@click.command("rehearse")
@click.argument("plan", required=False)
@click.option("--to-email", help="A member of staff's mailbox, or the practice's own.")
@click.option("--to-phone", help="A mobile number that is no patient's.")
@click.option("--speed", default=USUAL_SPEED, show_default=True, help="How long a day takes.")
@click.option("--speciality", default="general", show_default=True)
@click.option("--language", help="Default: the practice's.")
@click.option("--first-name", default="Alix", show_default=True)
@click.option("--no-wait", is_flag=True, help="Do not follow it.")
@click.option("--stop", metavar="REF", help="Cancel what has not left of a rehearsal.")
@command
def rehearse(
    data: Path,
    as_json: bool,
    plan: str | None,
    to_email: str | None,
    to_phone: str | None,
    speed: str,
    speciality: str,
    language: str | None,
    first_name: str,
    no_wait: bool,
    stop: str | None,
) -> None:
    """Send the whole sequence of PLAN to a member of staff, marked as a rehearsal. Needs the running stack.

    Exit code 1: something of it did not arrive.
    """
    if (plan is None) == (stop is None):
        raise click.UsageError("Give a plan, or --stop with the reference of a rehearsal.")
    if stop is not None:
        run_connected(data, lambda _config: _stop(stop, as_json))
        return
    assert plan is not None
    wanted = Wanted(plan, to_email, to_phone, read_speed(speed), speciality_named(speciality), language, first_name)
    finished = run_connected(data, lambda config: _rehearse(config, wanted, as_json, wait=not no_wait))
    if as_json:
        emit(_document(finished))
    if not no_wait and any(not one.has_left for one in finished.deliveries):
        raise SystemExit(1)


async def _stop(ref: str, as_json: bool) -> None:
    practice = await only_practice()
    count = await stop_rehearsal(ref, practice=practice.id, actor=ACTOR, now=clock.now())
    if as_json:
        emit({"rehearsal": ref, "cancelled": count})
    else:
        _say(out().print, Teller.of(practice), "stopped", ref=ref, count=count)


async def _rehearse(config: Config, wanted: Wanted, as_json: bool, *, wait: bool) -> Started:
    started = await start(wanted)
    # With --json, people are told beside the document.
    tell = notes().print if as_json else out().print
    _tell_start(tell, started)
    if not wait:
        _say(tell, started.teller, "no_wait", ref=started.ref)
        return started
    return await follow(started, lambda one: tell(escape(_line(started.teller, one))), tell)


async def start(wanted: Wanted) -> Started:
    """Check all that can be checked before anything is written."""
    practice = await only_practice()
    language = language_named(wanted.language or practice.language)
    now = clock.now()
    plan = plan_as_followed(practice.settings, wanted.plan)
    team = await staffing(practice, practitioner=None, now=now)
    steps = rehearsed(plan, human_steps(plan, practice, now, team.hours_of), wanted.speed)
    audience = await _audience(practice, wanted)
    said = Said(wanted.first_name, wanted.speciality, language, local_day(now, practice.calendar))
    ref = await start_rehearsal(practice, plan=plan.name, steps=steps, to=audience, said=said, actor=ACTOR, now=now)
    return Started(
        practice=practice,
        ref=ref,
        plan=plan.name,
        language=language,
        length=wanted.speed.of(plan.days[-1]),
        left_out=tuple(step for step in steps if step.channel not in audience.addresses),
        deliveries=await rehearsed_deliveries(practice.id, ref),
    )


async def _audience(practice: Profile, wanted: Wanted) -> Audience:
    audience = Audience(
        email=None if wanted.to_email is None else _mailbox(wanted.to_email),
        phone=None if wanted.to_phone is None else _mobile(wanted.to_phone, practice.country),
    )
    if not audience.addresses:
        raise Refused("A rehearsal goes to somebody: give --to-email, --to-phone, or both.")
    access = await sending(practice.id)
    if audience.email is not None:
        smtp_settings(access)
    if audience.phone is not None:
        await _check_country(audience.phone, access)
    return audience


def _mailbox(text: str) -> str:
    found = read_email(text)
    if found is None:
        raise Refused("--to-email is not an address: write it as in camille@practice.example.")
    return found


def _mobile(text: str, country: str) -> str:
    found = read_telephone(text, country)
    if found is None or found.kind is not TelephoneKind.MOBILE:
        raise Refused("--to-phone is not a mobile number: an SMS would not arrive.")
    return found.e164


async def _check_country(phone: str, access: Sending) -> None:
    one = gateway(gateway_settings(access))
    try:
        countries = one.capabilities.countries
    finally:
        await one.close()
    if countries is not None and country_of(phone) not in countries:
        raise Refused(f"The SMS gateway does not write to that country, only to {', '.join(sorted(countries))}.")


async def follow(
    started: Started,
    left: Callable[[RehearsedDelivery], None],
    tell: Callable[[str], None],
    patience_s: float = PATIENCE_S,
) -> Started:
    """Until every step has left, failed or been cancelled; whatever ends this earlier stops the rehearsal."""
    practice, ref = started.practice.id, started.ref
    shown: set[str] = set()
    began = time.monotonic()
    try:
        while True:
            deliveries = await rehearsed_deliveries(practice, ref)
            for one in deliveries:
                if one.is_settled and one.ref not in shown:
                    shown.add(one.ref)
                    left(one)
            if all(one.is_settled for one in deliveries):
                break
            if not any(one.attempts or one.is_settled for one in deliveries) and time.monotonic() > began + patience_s:
                raise Refused(
                    f"Nothing has left for {patience_s:.0f} seconds, so the rehearsal was cancelled: is the worker "
                    "running (`reprise run`, or `reprise worker`), and does `reprise status` say that sending is held?"
                )
            await asyncio.sleep(LOOK_EVERY_S)
    except BaseException:
        count = await asyncio.shield(stop_rehearsal(ref, practice=practice, actor=ACTOR, now=clock.now()))
        if count:
            _say(tell, started.teller, "stopped", ref=ref, count=count)
        raise
    sent = sum(one.has_left for one in deliveries)
    failed = sum(one.status is DeliveryStatus.FAILED for one in deliveries)
    _say(tell, started.teller, "finished", sent=sent, failed=failed)
    return replace(started, deliveries=deliveries)


def _tell_start(tell: Callable[[str], None], started: Started) -> None:
    said, seconds = _words(started.teller), int(started.length.total_seconds())
    unit = "minutes" if seconds >= 120 else "seconds"
    length = said[unit].format(count=round(seconds / 60) if unit == "minutes" else seconds)
    _say(tell, started.teller, "started", ref=started.ref, count=len(started.deliveries), length=length)
    for channel, name in ((Channel.EMAIL, "no_email"), (Channel.SMS, "no_phone")):
        if count := sum(step.channel is channel for step in started.left_out):
            _say(tell, started.teller, name, count=count)


def _line(teller: Teller, one: RehearsedDelivery) -> str:
    of = teller.words.of
    what = of("tasks", one.kind) if one.kind else of("messages", one.message)
    status = of("delivery_statuses", one.status)
    why = "" if one.has_left else f" ({', '.join(filter(None, (of('reasons', one.reason), one.code)))})"
    line = _words(teller)["line"].format(channel=of("channels", one.channel), message=what, status=status)
    return f"  {teller.time(one.sent_at or one.due_at)}  {line}{why}"


def _say(tell: Callable[[str], None], teller: Teller, name: str, **facts: object) -> None:
    tell(escape(_words(teller)[name].format(**facts)))


def _words(teller: Teller) -> Mapping[str, str]:
    return teller.words.groups["rehearsal"]


def _document(started: Started) -> dict[str, object]:
    return {
        "rehearsal": started.ref,
        "plan": started.plan,
        "language": started.language,
        "steps": [{name: getattr(one, name) for name in one.__dataclass_fields__} for one in started.deliveries],
        "left_out": started.left_out,
    }

"""A whole sequence as the patient would get it, dates included: nothing is stored, nothing is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from db.queries.practices import Profile
from db.rules.human_steps import Hours, PlannedHumanStep, planned_human_steps
from db.rules.plans import Plan, PlannedTouchpoint, planned
from db.rules.settings import Settings
from db.rules.starting import first_due
from db.rules.telephones import display
from db.rules.windows import local_day
from db.states import Channel, TaskKind
from db.tokens import TOKEN_LENGTH
from jobs.messages.catalogue import Catalogue, Found, Key, Wording, shipped
from jobs.messages.errors import MissingValues, TextRefused
from jobs.messages.languages import opt_out_text
from jobs.messages.lint.check import lint
from jobs.messages.lint.findings import Finding
from jobs.messages.parts import text_of
from jobs.messages.render import render_email, render_sms
from jobs.messages.values import MessageValues

# As long as a real one, and signed by nobody.
SAMPLE_TOKEN = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:TOKEN_LENGTH]


@dataclass(frozen=True, slots=True)
class Scene:
    """Who misses what: a made-up patient of a real or made-up practice. `missed_at` is aware; `receives`: whether an
    SMS may ask for an answer; `edited` are the practice's own words."""

    practice: Profile
    base_url: str
    receives: bool
    first_name: str
    speciality: str
    language: str
    missed_at: datetime
    edited: Mapping[Key, Wording] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreviewedMessage:
    """`wording` names the text that was found; `subject` is an email's, `segments` and `septets` are an SMS's.

    `refused` says why it could not go, `remarks` what to read again; `depends` that a sentence of it comes and goes.
    """

    day: int
    due_at: datetime
    message: str
    channel: Channel
    wording: str = ""
    subject: str = ""
    text: str = ""
    segments: int | None = None
    septets: int | None = None
    depends: bool = False
    refused: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreviewedStep:
    """What a person would be asked to do; `assignee` and `fallback` are roles or references."""

    day: int
    due_at: datetime
    kind: TaskKind
    assignee: str
    fallback: str
    deadline_at: datetime
    unless_answered: bool


def plan_as_followed(settings: Settings, name: str) -> Plan:
    """A plan by name, without the optional steps that the practice has switched off."""
    plan = settings.plan_named(name)
    if settings.worth_sms:
        return plan
    return Plan(plan.name, tuple(step for step in plan.steps if not step.optional))


def human_steps(plan: Plan, practice: Profile, missed_at: datetime, hours_of: Hours) -> tuple[PlannedHumanStep, ...]:
    return planned_human_steps(
        plan,
        missed_on=local_day(missed_at, practice.calendar),
        missed_start=missed_at,
        first_due=_first_due(missed_at),
        hours_of=hours_of,
        crisis=False,
    )


def preview(plan: Plan, scene: Scene, hours_of: Hours) -> Sequence[PreviewedMessage | PreviewedStep]:
    """In order of their due times, as if the absence were marked at the appointment's start."""
    missed_on = local_day(scene.missed_at, scene.practice.calendar)
    touchpoints = planned(
        plan, missed_on=missed_on, first_due=_first_due(scene.missed_at), calendar=scene.practice.calendar
    )
    shown: list[PreviewedMessage | PreviewedStep] = [_message(plan, one, scene) for one in touchpoints]
    shown += [_step(plan, one) for one in human_steps(plan, scene.practice, scene.missed_at, hours_of)]
    return sorted(shown, key=attrgetter("due_at"))


def _step(plan: Plan, one: PlannedHumanStep) -> PreviewedStep:
    return PreviewedStep(
        day=plan.days[one.step],
        due_at=one.due_at,
        kind=one.kind,
        assignee=one.assignee,
        fallback=one.fallback,
        deadline_at=one.deadline_at,
        unless_answered=one.unless_answered,
    )


def _first_due(missed_at: datetime) -> datetime:
    return first_due(missed_start=missed_at, marked_at=missed_at).due_at


def _message(plan: Plan, one: PlannedTouchpoint, scene: Scene) -> PreviewedMessage:
    catalogue = shipped().for_practice(scene.practice.language, scene.edited)
    day, strict = plan.days[one.step], scene.practice.settings.strict
    try:
        found = catalogue.find(text_of(one.message), one.channel.value, scene.speciality, scene.language, strict=strict)
    except TextRefused as problem:
        return PreviewedMessage(day, one.due_at, one.message, one.channel, refused=(str(problem),))
    values = sample_values(scene, one.channel)
    findings = _findings(found, one, scene, values)
    refused = [f"{finding.rule}: {finding.message}" for finding in findings if finding.severity == "error"]
    written: dict[str, str | int] = {}
    try:
        written = _written(catalogue, one, scene, values)
    except (TextRefused, MissingValues) as problem:
        refused.append(str(problem))
    return PreviewedMessage(
        day,
        one.due_at,
        one.message,
        one.channel,
        wording="/".join((found.key.message, found.key.speciality, found.key.language)),
        depends="slots_soon" in found.wording.body,
        refused=tuple(refused),
        remarks=tuple(f"{finding.rule}: {finding.message}" for finding in findings if finding.severity != "error"),
        **written,  # type: ignore[arg-type]  # text and subject, or text and two lengths
    )


def sample_values(scene: Scene, channel: Channel) -> MessageValues:
    """What a message of this scene would say of the patient and the practice."""
    practice = scene.practice
    by_sms = opt_out_text(scene.language, scene.receives, practice.language)
    return MessageValues(
        first_name=scene.first_name,
        link=f"{scene.base_url}/r/{SAMPLE_TOKEN}",
        phone=display(practice.phone, practice.country),
        practice=practice.discreet_name,
        missed_on=local_day(scene.missed_at, practice.calendar),
        opt_out=by_sms if channel is Channel.SMS else f"{scene.base_url}/u/{SAMPLE_TOKEN}",
        slots_soon=True,
        place=practice.address or "",
    )


def _findings(found: Found, one: PlannedTouchpoint, scene: Scene, values: MessageValues) -> list[Finding]:
    key, wording = found.key, found.wording

    def check(text: str, kind: str) -> list[Finding]:
        return lint(
            text,
            kind=kind,  # type: ignore[arg-type]  # the kinds of a channel
            language=key.language,
            speciality=key.speciality,
            can_receive=scene.receives,
            reader=scene.practice.language,
            values=values,
            message=one.message,
        )

    if one.channel is Channel.SMS:
        return check(wording.body, "sms")
    return check(wording.subject, "subject") + check(wording.body, "email")


def _written(catalogue: Catalogue, one: PlannedTouchpoint, scene: Scene, values: MessageValues) -> dict[str, str | int]:
    speciality, language, strict = scene.speciality, scene.language, scene.practice.settings.strict
    if one.channel is Channel.SMS:
        sms = render_sms(catalogue, one.message, speciality=speciality, language=language, values=values, strict=strict)
        return {"text": sms.text, "segments": sms.segments, "septets": sms.septets}
    mail = render_email(catalogue, one.message, speciality=speciality, language=language, values=values, strict=strict)
    return {"subject": mail.subject, "text": mail.text}

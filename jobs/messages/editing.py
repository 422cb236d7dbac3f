"""A text while it is being written: what it would look like, and what the linter has against it. Nothing is raised for
a text that could not leave: whoever writes it is not done yet."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from db.states import Channel
from jobs.messages import gsm7
from jobs.messages.catalogue import Key, Wording
from jobs.messages.email_body import Email
from jobs.messages.errors import MissingValues, TextRefused
from jobs.messages.languages import Language, language_for
from jobs.messages.lint.check import lint
from jobs.messages.lint.findings import Finding, Kind
from jobs.messages.parts import parts_of
from jobs.messages.preview import Scene, sample_values
from jobs.messages.render import Sms, fitted_sms, settled, write_patient_email, write_sms
from jobs.messages.source import CONDITIONS, compose, scan
from jobs.messages.values import MessageValues

# When the appointment ahead is, of which some texts speak: so many days after the missed one.
AHEAD = timedelta(days=9)


@dataclass(frozen=True, slots=True)
class Looked:
    """`sms` or `email` as it would arrive, none where its source cannot be read; it may lack what it needs, and an SMS
    be too long. `body` and `subject` are what the linter found, in the order of the places."""

    body: tuple[Finding, ...]
    subject: tuple[Finding, ...]
    sms: Sms | None = None
    email: Email | None = None

    @property
    def may_leave(self) -> bool:
        return all(one.severity != "error" for one in (*self.body, *self.subject))


def look_over(key: Key, wording: Wording, scene: Scene, *, reader: str, slots_soon: bool = True) -> Looked:
    """`reader` is the language of whoever writes; the rules are those that the send applies."""
    language = language_for(key.language)
    values = values_of(key, scene, slots_soon=slots_soon)
    if key.channel == Channel.SMS:
        found = _found(key, wording.body, "sms", reader, can_receive=scene.receives)
        return Looked(found, (), sms=_sms(key, wording, language, values))
    return Looked(
        _found(key, wording.body, "email", reader),
        _found(key, wording.subject, "subject", reader),
        email=_email(key, wording, language, values),
    )


def values_of(key: Key, scene: Scene, *, slots_soon: bool = True) -> MessageValues:
    sample = sample_values(scene, Channel(key.channel))
    return replace(sample, slots_soon=slots_soon, starts_at=starts_at(scene))


def starts_at(scene: Scene) -> datetime:
    """The appointment ahead, as the practice's clocks show it."""
    return scene.missed_at.astimezone(ZoneInfo(scene.practice.zone)) + AHEAD


def _found(key: Key, text: str, kind: Kind, reader: str, *, can_receive: bool = False) -> tuple[Finding, ...]:
    return tuple(
        lint(
            text,
            kind=kind,
            language=key.language,
            speciality=key.speciality,
            can_receive=can_receive,
            reader=reader,
            message=key.message,
        )
    )


def _sms(key: Key, wording: Wording, language: Language, values: MessageValues) -> Sms | None:
    try:
        return write_sms(wording, language, values, key.message)
    except (TextRefused, MissingValues):
        return _unfinished(key, wording, language, values)


def _unfinished(key: Key, wording: Wording, language: Language, values: MessageValues) -> Sms | None:
    """An SMS that is too long yet, or lacks a part: how far it is shows what is left to do."""
    parts = parts_of("sms", key.message)
    source = scan(wording.body, parts.may)
    if source.faults:
        return None
    true = [name for name in CONDITIONS if getattr(values, name)]
    text = fitted_sms(settled(compose(source, true), parts, values), language, values)
    return Sms(text, gsm7.segments(text), gsm7.septets(text))


def _email(key: Key, wording: Wording, language: Language, values: MessageValues) -> Email | None:
    try:
        return write_patient_email(wording, language, values, key.message, is_finished=False)
    except (TextRefused, MissingValues):
        return None

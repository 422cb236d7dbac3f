"""Texts as pure values: catalogue and values in, a message out. The send and the preview both come here."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from db.states import Channel
from jobs.messages import gsm7
from jobs.messages.catalogue import Catalogue, Wording
from jobs.messages.email_body import Email, write_email
from jobs.messages.errors import MissingValues, TextRefused
from jobs.messages.languages import Language, language_for
from jobs.messages.parts import Parts, parts_of, text_of
from jobs.messages.source import CONDITIONS, compose, fill, mark, marks_in, parse, without, without_line
from jobs.messages.values import SMS_FIRST_NAME, MessageValues, given_name, one_line


@dataclass(frozen=True)
class Sms:
    text: str
    segments: int
    septets: int


def render_sms(
    catalogue: Catalogue,
    message: str,
    *,
    speciality: str,
    language: str,
    values: MessageValues,
    strict: bool = False,
) -> Sms:
    found = catalogue.find(text_of(message), Channel.SMS.value, speciality, language, strict=strict)
    return write_sms(found.wording, language_for(found.key.language), values, message)


def render_email(
    catalogue: Catalogue,
    message: str,
    *,
    speciality: str,
    language: str,
    values: MessageValues,
    strict: bool = False,
) -> Email:
    found = catalogue.find(text_of(message), Channel.EMAIL.value, speciality, language, strict=strict)
    return write_patient_email(found.wording, language_for(found.key.language), values, message)


def write_sms(wording: Wording, language: Language, values: MessageValues, message: str | None = None) -> Sms:
    """The SMS of a source; raises `TextRefused` where it does not fit one segment of the SMS alphabet."""
    text = _compose(Channel.SMS, message, values, wording.body)
    written = fitted_sms(text, language, values)
    if strange := gsm7.unencodable(written):
        signs = " ".join(sorted({char for _, char in strange}))
        raise TextRefused(f"The SMS alphabet lacks {signs}: write the text without.")
    length = gsm7.septets(written)
    if length > gsm7.ONE_SEGMENT:
        raise TextRefused(f"The SMS is {length} septets long, {length - gsm7.ONE_SEGMENT} too many: shorten the text.")
    return Sms(written, gsm7.segments(written), length)


def fitted_sms(marked: str, language: Language, values: MessageValues) -> str:
    """The shortest of what may be left out of an SMS is left out, and no more; it may still be too long."""
    words = _words(values, language, brief=True)
    name = gsm7.to_gsm7(words["first_name"])
    if not name or gsm7.septets(name) > SMS_FIRST_NAME or gsm7.unencodable(name):
        marked = without(marked, "first_name")
    written = [gsm7.to_gsm7(fill(candidate, words)) for candidate in _shorter_and_shorter(marked)]
    return next((one for one in written if gsm7.septets(one) <= gsm7.ONE_SEGMENT), written[-1])


def _shorter_and_shorter(text: str) -> Iterator[str]:
    """An SMS says who writes where there is room: a line of the practice's name alone gives way."""
    yield text
    if mark("practice") in text.splitlines():
        yield without(text, "practice")


def write_patient_email(
    wording: Wording,
    language: Language,
    values: MessageValues,
    message: str | None = None,
    *,
    is_finished: bool = True,
) -> Email:
    """`is_finished` is false for a text that is being written, and may lack what it needs."""
    subject = _composed(wording.subject, _true(values), parts_of("subject", message).may)
    body = _compose(Channel.EMAIL, message, values, wording.body, beside=subject, is_finished=is_finished)
    words = _words(values, language)
    if not words["first_name"]:
        body, subject = without(body, "first_name"), without(subject, "first_name")
    return write_email(one_line(fill(subject, words)), body, words, language.code, language.not_watched)


def _compose(
    channel: Channel,
    message: str | None,
    values: MessageValues,
    source: str,
    *,
    beside: str = "",
    is_finished: bool = True,
) -> str:
    """The marked text, once it is sure that nothing is missing that it needs, or the composed text beside it."""
    parts = parts_of(channel.value, message)
    text = settled(_composed(source, _true(values), parts.may), parts, values)
    said = set(marks_in(text))
    if is_finished and (unsaid := [name for name in parts.required if name not in said]):
        raise TextRefused(f"The {channel} does not say {', '.join(unsaid)}: add them to the text.")
    needed = [*marks_in(beside + text)]
    if blank := [name for name in needed if name != "first_name" and not _given(values, name)]:
        raise MissingValues(f"The {channel}", blank)
    return text


def settled(marked: str, parts: Parts, values: MessageValues) -> str:
    """The text without the lines of what may be absent, and is."""
    for name in parts.absent:
        if not _given(values, name):
            marked = without_line(marked, name)
    return marked


def _true(values: MessageValues) -> tuple[str, ...]:
    return tuple(name for name in CONDITIONS if getattr(values, name))


@lru_cache(maxsize=1024)
def _composed(source: str, true: tuple[str, ...], names: tuple[str, ...]) -> str:
    return compose(parse(source, names), true)


def _given(values: MessageValues, name: str) -> bool:
    value = values.starts_at if name == "when" else getattr(values, name)
    return bool(one_line(value)) if isinstance(value, str) else value is not None


def _words(values: MessageValues, language: Language, *, brief: bool = False) -> dict[str, str]:
    say_moment = language.say_moment_briefly if brief else language.say_moment
    return {
        "first_name": given_name(values.first_name),
        "link": one_line(values.link),
        "phone": one_line(values.phone),
        "practice": one_line(values.practice),
        "missed_on": language.say_date(values.missed_on) if values.missed_on else "",
        "opt_out": one_line(values.opt_out),
        "when": say_moment(values.starts_at) if values.starts_at else "",
        "place": one_line(values.place),
        "numbers": one_line(values.numbers),
    }

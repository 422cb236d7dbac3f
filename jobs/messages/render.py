"""Texts as pure values: catalogue and values in, a message out. The send and the preview both come here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from db.states import Channel
from jobs.messages import gsm7
from jobs.messages.catalogue import Catalogue, Wording
from jobs.messages.email_body import Email, write_email
from jobs.messages.errors import MissingValues, TextRefused
from jobs.messages.languages import Language, language_for
from jobs.messages.source import CONDITIONS, compose, fill, mark, marks_in, parse, without
from jobs.messages.values import SMS_FIRST_NAME, MessageValues, given_name, one_line

REQUIRED: Mapping[str, tuple[str, ...]] = {
    Channel.SMS.value: ("link", "opt_out"),
    Channel.EMAIL.value: ("link", "phone", "opt_out"),
}


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
    found = catalogue.find(message, Channel.SMS.value, speciality, language, strict=strict)
    return write_sms(found.wording, language_for(found.key.language), values)


def render_email(
    catalogue: Catalogue,
    message: str,
    *,
    speciality: str,
    language: str,
    values: MessageValues,
    strict: bool = False,
) -> Email:
    found = catalogue.find(message, Channel.EMAIL.value, speciality, language, strict=strict)
    return write_patient_email(found.wording, language_for(found.key.language), values)


def write_sms(wording: Wording, language: Language, values: MessageValues) -> Sms:
    """The SMS of a source; raises `TextRefused` where it does not fit one segment of the SMS alphabet."""
    [text] = _compose(Channel.SMS, values, wording.body)
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
    words = _words(values, language)
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


def write_patient_email(wording: Wording, language: Language, values: MessageValues) -> Email:
    subject, body = _compose(Channel.EMAIL, values, wording.subject, wording.body)
    words = _words(values, language)
    if not words["first_name"]:
        body, subject = without(body, "first_name"), without(subject, "first_name")
    return write_email(one_line(fill(subject, words)), body, words, language.code, language.not_watched)


def _compose(channel: Channel, values: MessageValues, *sources: str) -> list[str]:
    """The marked texts, the body last, once it is sure that nothing they need is missing."""
    true = tuple(name for name in CONDITIONS if getattr(values, name))
    texts = [_composed(source, true) for source in sources]
    said = set(marks_in(texts[-1]))
    if unsaid := [name for name in REQUIRED[channel.value] if name not in said]:
        raise TextRefused(f"The {channel} does not say {', '.join(unsaid)}: add them to the text.")
    needed = [*marks_in("".join(texts))]
    if blank := [name for name in needed if name != "first_name" and not _given(values, name)]:
        raise MissingValues(f"The {channel}", blank)
    return texts


@lru_cache(maxsize=1024)
def _composed(source: str, true: tuple[str, ...]) -> str:
    return compose(parse(source), true)


def _given(values: MessageValues, name: str) -> bool:
    value = getattr(values, name)
    return bool(one_line(value)) if isinstance(value, str) else value is not None


def _words(values: MessageValues, language: Language) -> dict[str, str]:
    return {
        "first_name": given_name(values.first_name),
        "link": one_line(values.link),
        "phone": one_line(values.phone),
        "practice": one_line(values.practice),
        "missed_on": language.say_date(values.missed_on),
        "opt_out": one_line(values.opt_out),
    }

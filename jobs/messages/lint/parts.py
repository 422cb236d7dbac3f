"""What a text is made of: placeholders, and what an SMS costs once they are filled in."""

import difflib
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

from jobs.messages import gsm7
from jobs.messages.emergency import longest_emergency_numbers
from jobs.messages.languages import Language, language_for
from jobs.messages.lint.findings import Finding, Kind, finding
from jobs.messages.lint.fold import plain
from jobs.messages.parts import parts_of
from jobs.messages.render import fitted_sms, settled
from jobs.messages.source import CONDITIONS, PLACEHOLDERS, compose, marks_in, scan, without_line
from jobs.messages.values import SMS_FIRST_NAME, SMS_LINK, SMS_OPT_OUT, SMS_PRACTICE, MessageValues

# What people write for a placeholder, and the placeholder that they mean.
_MEANT = {
    "prenom": "first_name", "nom": "first_name", "name": "first_name", "firstname": "first_name",
    "patient": "first_name", "lien": "link", "url": "link", "adresse": "link", "telephone": "phone",
    "tel": "phone", "numero": "phone", "phone_number": "phone", "cabinet": "practice", "nom_cabinet": "practice",
    "clinic": "practice", "date": "missed_on", "jour": "missed_on", "rendez_vous": "missed_on",
    "appointment": "missed_on", "stop": "opt_out", "desinscription": "opt_out", "unsubscribe": "opt_out",
}  # fmt: skip
# The same where the text is about an appointment that is ahead.
_MEANT_AHEAD = {
    "missed_on": "when", "date": "when", "jour": "when", "heure": "when", "day": "when", "time": "when",
    "rendez_vous": "when", "appointment": "when", "starts_at": "when", "adresse": "place", "address": "place",
    "lieu": "place", "numeros": "numbers", "numero": "numbers", "urgence": "numbers", "emergency": "numbers",
}  # fmt: skip
# Jinja's statements and comments, which somebody may know from elsewhere.
_STATEMENT = re.compile(r"\{[%#]|[%#]\}")
_EVERY_CONDITION = ", ".join(f"{{% if {name} %}} ... {{% endif %}}" for name in CONDITIONS)
# Every weekday falls on every day of the month within these years.
_YEARS = range(2024, 2052)


def check_placeholders(text: str, kind: Kind, reader: str, message: str | None = None) -> Iterator[Finding]:
    names = parts_of(kind, message).may
    for fault in scan(text, names).faults:
        is_statement = _STATEMENT.search(fault.found) is not None
        hint = _EVERY_CONDITION if is_statement else _meant(fault.found, names)
        rule = "condition.broken" if is_statement else f"placeholder.{fault.kind}"
        yield finding(rule, fault.start, fault.end, reader, found=fault.found, hint=hint)
    read = plain(text)
    for other in _other_marks(names).finditer(read.text):
        start, end = read.place(*other.span())
        yield finding(
            "placeholder.broken", start, end, reader, found=text[start:end], hint=_meant(other.group(), names)
        )


def check_required(text: str, kind: Kind, reader: str, message: str | None = None) -> Iterator[Finding]:
    """A part that only a condition shows is missing wherever the condition does not hold.

    So is one on the line of a value that may be absent.
    """
    parts = parts_of(kind, message)
    always = compose(scan(text, parts.may))
    for name in parts.absent:
        always = without_line(always, name)
    said = set(marks_in(always))
    for name in parts.required:
        if name not in said:
            yield finding("placeholder.missing", len(text), len(text), reader, hint=f"{{{{ {name} }}}}")


def check_sms(
    text: str, language: str, reader: str, values: MessageValues | None, message: str | None = None
) -> Iterator[Finding]:
    """The alphabet and the length, as the real renderer writes it with the values given, else with the longest."""
    strange = [
        (at, char)
        for at, char in enumerate(text)
        if gsm7.unencodable(gsm7.to_gsm7(char)) and not _joins_the_letter_before(text, at)
    ]
    for at, char in strange:
        yield finding("sms.alphabet", at, at + 1, reader, found=char)
    parts = parts_of("sms", message)
    source = scan(text, parts.may)
    if strange or source.faults:
        return
    spoken = language_for(language)
    filled = values or _longest(spoken)
    written = fitted_sms(settled(compose(source, CONDITIONS), parts, filled), spoken, filled)
    length = gsm7.septets(written)
    if length > gsm7.ONE_SEGMENT:
        extra = length - gsm7.ONE_SEGMENT
        yield finding("sms.length", 0, len(text), reader, length=length, extra=extra)


def _joins_the_letter_before(text: str, at: int) -> bool:
    """Some keyboards write an accent apart from its letter; the renderer joins them."""
    return at > 0 and len(unicodedata.normalize("NFC", text[at - 1 : at + 1])) == 1


@cache
def _longest(language: Language) -> MessageValues:
    moments = [
        datetime(year, month, day, 20, tzinfo=UTC)
        for year in _YEARS
        for month in range(1, 13)
        for day in (1, 30)
        if (month, day) != (2, 30)
    ]
    return MessageValues(
        first_name="M" + "m" * (SMS_FIRST_NAME - 1),
        link="x" * SMS_LINK,
        phone="+33 6 00 00 00 00",
        practice="x" * SMS_PRACTICE,
        missed_on=max(moments, key=lambda moment: _length(language.say_date(moment.date()))).date(),
        opt_out="x" * SMS_OPT_OUT,
        starts_at=max(moments, key=lambda moment: _length(language.say_moment_briefly(moment))),
        numbers=longest_emergency_numbers(language),
    )


@cache
def _other_marks(names: tuple[str, ...]) -> re.Pattern[str]:
    """What other software writes around a placeholder: '[date]', '%lieu%'."""
    ahead = [word for word, meant in _MEANT_AHEAD.items() if meant in names]
    known = "|".join(dict.fromkeys([*PLACEHOLDERS, *names, *_MEANT, *ahead]))
    return re.compile(
        rf"\[\[? ?({known}) ?\]?\]|<<? ?({known}) ?>?>|%({known})%|\$\{{?({known})\b\}}?|#({known})\b", re.ASCII
    )


def _length(text: str) -> int:
    return gsm7.septets(gsm7.to_gsm7(text))


def _meant(found: str, names: tuple[str, ...]) -> str:
    """The placeholder that somebody most likely wanted, of those that the text may use."""
    word = "_".join(re.findall(r"[a-z]+", plain(found).text))
    for meant in (_MEANT_AHEAD.get(word), _MEANT.get(word)):
        if meant in names:
            return f"{{{{ {meant} }}}}"
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"{{{{ {close[0]} }}}}" if close else ", ".join(f"{{{{ {name} }}}}" for name in names)

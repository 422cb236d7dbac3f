"""What a text is made of: placeholders, and what an SMS costs once they are filled in."""

import difflib
import re
import unicodedata
from collections.abc import Iterator
from datetime import date

from jobs.messages import gsm7
from jobs.messages.languages import Language, language_for
from jobs.messages.lint.findings import Finding, Kind, finding
from jobs.messages.lint.fold import plain
from jobs.messages.render import REQUIRED, fitted_sms
from jobs.messages.source import CONDITIONS, PLACEHOLDERS, compose, marks_in, scan
from jobs.messages.values import SMS_FIRST_NAME, SMS_LINK, SMS_OPT_OUT, SMS_PRACTICE, MessageValues

# What people write for a placeholder, and the placeholder that they mean.
_MEANT = {
    "prenom": "first_name", "nom": "first_name", "name": "first_name", "firstname": "first_name",
    "patient": "first_name", "lien": "link", "url": "link", "adresse": "link", "telephone": "phone",
    "tel": "phone", "numero": "phone", "phone_number": "phone", "cabinet": "practice", "nom_cabinet": "practice",
    "clinic": "practice", "date": "missed_on", "jour": "missed_on", "rendez_vous": "missed_on",
    "appointment": "missed_on", "stop": "opt_out", "desinscription": "opt_out", "unsubscribe": "opt_out",
}  # fmt: skip
_KNOWN = "|".join([*PLACEHOLDERS, *_MEANT])
_OTHER_MARKS = re.compile(
    rf"\[\[? ?({_KNOWN}) ?\]?\]|<<? ?({_KNOWN}) ?>?>|%({_KNOWN})%|\$\{{?({_KNOWN})\b\}}?|#({_KNOWN})\b", re.ASCII
)
# The longest date that any shipped language writes in full is in September.
_LONGEST_DATE = date(2026, 9, 30)


def check_placeholders(text: str, kind: Kind, reader: str) -> Iterator[Finding]:
    for fault in scan(text).faults:
        hint = _meant(fault.found)
        rule = f"placeholder.{fault.kind}"
        yield finding(rule, fault.start, fault.end, reader, found=fault.found, hint=hint)
    read = plain(text)
    for other in _OTHER_MARKS.finditer(read.text):
        start, end = read.place(*other.span())
        yield finding("placeholder.broken", start, end, reader, found=text[start:end], hint=_meant(other.group()))


def check_required(text: str, kind: Kind, reader: str) -> Iterator[Finding]:
    """A part that only a condition shows is missing wherever the condition does not hold."""
    said = set(marks_in(compose(scan(text))))
    for name in REQUIRED.get(kind, ()):
        if name not in said:
            yield finding("placeholder.missing", len(text), len(text), reader, hint=f"{{{{ {name} }}}}")


def check_sms(text: str, language: str, reader: str, values: MessageValues | None) -> Iterator[Finding]:
    """The alphabet and the length, as the real renderer writes it with the values given, else with the longest."""
    strange = [
        (at, char)
        for at, char in enumerate(text)
        if gsm7.unencodable(gsm7.to_gsm7(char)) and not _joins_the_letter_before(text, at)
    ]
    for at, char in strange:
        yield finding("sms.alphabet", at, at + 1, reader, found=char)
    if strange or scan(text).faults:
        return
    spoken = language_for(language)
    written = fitted_sms(compose(scan(text), CONDITIONS), spoken, values or _longest(spoken))
    length = gsm7.septets(written)
    if length > gsm7.ONE_SEGMENT:
        extra = length - gsm7.ONE_SEGMENT
        yield finding("sms.length", 0, len(text), reader, length=length, extra=extra)


def _joins_the_letter_before(text: str, at: int) -> bool:
    """Some keyboards write an accent apart from its letter; the renderer joins them."""
    return at > 0 and len(unicodedata.normalize("NFC", text[at - 1 : at + 1])) == 1


def _longest(language: Language) -> MessageValues:
    return MessageValues(
        first_name="M" + "m" * (SMS_FIRST_NAME - 1),
        link="x" * SMS_LINK,
        phone="+33 6 00 00 00 00",
        practice="x" * SMS_PRACTICE,
        missed_on=_LONGEST_DATE,
        opt_out="x" * SMS_OPT_OUT,
    )


def _meant(found: str) -> str:
    """The placeholder that somebody most likely wanted."""
    word = "_".join(re.findall(r"[a-z]+", plain(found).text))
    if word in _MEANT:
        return f"{{{{ {_MEANT[word]} }}}}"
    close = difflib.get_close_matches(word, PLACEHOLDERS, n=1, cutoff=0.5)
    return f"{{{{ {close[0]} }}}}" if close else ", ".join(f"{{{{ {name} }}}}" for name in PLACEHOLDERS)

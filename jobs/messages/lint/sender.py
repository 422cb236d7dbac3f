"""The name that a telephone shows as the sender of an SMS."""

import re
from collections.abc import Iterator

from jobs.messages.lint.findings import Finding, finding
from jobs.messages.lint.fold import plain
from jobs.messages.lint.terms import terms, words_instead
from jobs.messages.lint.words import check_words

LONGEST = 11
_NUMBER = re.compile(r"\+?\d[\d\s.\-()]*")
_FRENCH_MOBILE = re.compile(r"(?:\+33|0033|33|0)0?[67]\d{8}")
# 'CMPNord', 'PsyLyon', 'Sante2': where one word ends and the next begins.
_SEAM = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z0-9])(?=[A-Z][a-z])|(?<=[0-9])(?=[A-Za-z])|(?<=[A-Z])(?=[0-9])")
# 'DrMartin' and 'DRMARTIN' say doctor; 'Drome' and 'DRAGON' do not.
_TITLE = re.compile(r"Dr(?=[A-Z. ])|DR(?=[B-DF-HJ-NP-TV-XZ. ])")


def check_sender(name: str, language: str, can_receive: bool, reader: str) -> Iterator[Finding]:
    """French operators' form: 11 letters or digits. A number is a sender only where it can receive."""
    name = name.rstrip("\r\n")
    if _NUMBER.fullmatch(name):
        yield from _number(name, can_receive, reader)
        return
    if not name:
        yield finding("sender.empty", 0, 0, reader)
    if len(name) > LONGEST:
        yield finding("sender.length", LONGEST, len(name), reader, length=len(name))
    for strange in re.finditer(r"[^A-Za-z0-9]+", name):
        yield finding("sender.letters", strange.start(), strange.end(), reader, found=strange.group())
    in_the_open = check_words(name, "sender", language, "general", True, reader)
    yield from in_the_open or _words_run_together(name, language, reader) or _hidden_words(name, language, reader)


def _number(name: str, can_receive: bool, reader: str) -> Iterator[Finding]:
    if _FRENCH_MOBILE.fullmatch(re.sub(r"[^+\d]", "", name)):
        yield finding("sender.mobile", 0, len(name), reader)
    elif not can_receive:
        yield finding("sender.digits", 0, len(name), reader)


def _words_run_together(name: str, language: str, reader: str) -> list[Finding]:
    """Capitals part the words: 'PainNord' says what 'Pain Nord' says."""
    seams = [seam.start() for seam in _SEAM.finditer(name)]
    apart = _SEAM.sub(" ", name)
    return [
        _telling(name, start, end, language, reader)
        for one in check_words(apart, "sender", language, "general", True, reader)
        for start, end in [(_before(one.start, seams), _before(one.end, seams))]
    ]


def _before(at: int, seams: list[int]) -> int:
    """The place in the name of a place in the name with a space at every seam."""
    return at - sum(seam + number < at for number, seam in enumerate(seams))


def _hidden_words(name: str, language: str, reader: str) -> Iterator[Finding]:
    """Sender names have no spaces, so a telling word may hide inside: 'CABPSYLYON'."""
    known = terms(language)
    if known is None:
        return
    read = plain(name)
    harmless = [found.span() for found in known.sender_harmless.finditer(read.text)]
    for found in known.sender_fragments.finditer(read.text):
        if not any(start <= found.start() and found.end() <= end for start, end in harmless):
            start, end = read.place(*found.span())
            yield _telling(name, start, end, language, reader)
    if title := _TITLE.match(name):
        yield _telling(name, 0, title.end(), language, reader)


def _telling(name: str, start: int, end: int, language: str, reader: str) -> Finding:
    instead = words_instead("discretion", language)
    return finding("discretion", start, end, reader, found=name[start:end], instead=instead)

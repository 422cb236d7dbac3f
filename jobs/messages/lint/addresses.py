"""Addresses typed into a text: a message has one link, the practice's own, which only a placeholder writes."""

import re
from collections.abc import Iterator

from jobs.messages.lint.findings import Finding, Kind, finding
from jobs.messages.lint.fold import Reading, plain
from jobs.messages.lint.words import masked
from jobs.messages.parts import parts_of

# Endings of names on the net that are no word of a sentence, and some that are one ("c'est net").
_ENDINGS = (
    "fr|ch|be|lu|mc|eu|ca|uk|com|org|net|io|co|ly|gl|gd|gg|gy|cc|ws|tv|nc|pf|biz|info|app|dev|link|page|site|online"
    "|shop|store|click|xyz|swiss|paris|bzh|alsace|brussels|vlaanderen|gouv|health|care|clinic|doctor|dental|ru|cn"
)
_BEFORE = r"(?<![\w@.+\-])"
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.\-]{0,19}:[/\\]{2}"
    r"|(?<!\w)(?:java|vb)script ?:|(?<!\w)data:[a-z]+/"
    r"|(?<!\w)www\d?\.(?=\w)"
    # With a path, whatever the name ends in: shorteners are at home everywhere.
    rf"|{_BEFORE}(?:[\w\-]{{1,63}}\.)+(?P<any>[a-z]{{2,24}})(?::\d+)?/(?=\w)"
    # A single letter before the ending is an abbreviation; a mailbox is no link.
    rf"|{_BEFORE}(?:[\w\-]{{1,63}}\.)*(?=[\d\-]*[a-z_])[\w\-]{{2,63}}\.(?P<known>{_ENDINGS})(?![\w@\-])"
)
_REST = re.compile(r"[^\s\"<>]*")
_CLOSING = ".,;:!?)]}'*"


def check_addresses(text: str, kind: Kind, reader: str, message: str | None = None) -> Iterator[Finding]:
    has_link = kind != "subject" and "link" in parts_of(kind, message).may
    rule = "link.typed" if has_link else "link.out_of_place"
    read = plain(masked(text))
    for start, end in _places(read, text):
        yield finding(rule, start, end, reader, found=text[start:end])


def _places(read: Reading, text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while found := _ADDRESS.search(read.text, at):
        rest = _REST.match(read.text, found.end())
        end = found.end() + len(rest.group().rstrip(_CLOSING) if rest else "")
        at = found.end()
        if not _begins_a_sentence(found, read, text):
            at = max(at, end)
            yield read.place(found.start(), end)


def _begins_a_sentence(found: re.Match[str], read: Reading, text: str) -> bool:
    """'Merci.Page suivante', where a space is missing, is no address."""
    ending = "any" if found["any"] else "known"
    if not found[ending]:
        return False
    start, end = read.place(*found.span(ending))
    word = text[start:end]
    return word[0].isupper() and not word.isupper()

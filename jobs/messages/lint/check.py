"""The linter: one function for the tests, the editor, the command line and the send."""

from collections.abc import Iterator

from jobs.messages.catalogue import Catalogue, Key
from jobs.messages.lint.addresses import check_addresses
from jobs.messages.lint.findings import Finding, Kind, finding
from jobs.messages.lint.parts import check_placeholders, check_required, check_sms
from jobs.messages.lint.sender import check_sender
from jobs.messages.lint.words import check_words
from jobs.messages.values import MessageValues


def lint(
    text: str,
    *,
    kind: Kind,
    language: str,
    speciality: str = "general",
    can_receive: bool = False,
    reader: str = "fr",
    values: MessageValues | None = None,
    message: str | None = None,
) -> list[Finding]:
    """Everything to mend in one editable source, in the order of its places.

    `language` is the text's, `reader` that of the person who mends it. `values` are the real ones where they are
    known (the send); else the longest that a practice may have. `message` is the name of a text about an
    appointment, which has parts of its own.
    """
    base = language.replace("_", "-").split("-")[0].lower()
    found = set(_check(text, kind, base, speciality, can_receive, reader, values, message))
    return sorted(found)


def lint_catalogue(
    catalogue: Catalogue, *, can_receive: bool = False, reader: str = "fr"
) -> Iterator[tuple[Key, Kind, Finding]]:
    """Every shipped and every edited text, each finding with the text and the part that it is in."""
    for key in catalogue.every_key():
        wording = catalogue.edited.get(key) or catalogue.shipped[key]
        body: Kind = "sms" if key.channel == "sms" else "email"
        parts: dict[Kind, str] = {body: wording.body}
        if body == "email":
            parts["subject"] = wording.subject
        for kind, text in parts.items():
            for one in lint(
                text,
                kind=kind,
                language=key.language,
                speciality=key.speciality,
                can_receive=can_receive,
                reader=reader,
                message=key.message,
            ):
                yield key, kind, one


def _check(
    text: str,
    kind: Kind,
    language: str,
    speciality: str,
    can_receive: bool,
    reader: str,
    values: MessageValues | None,
    message: str | None,
) -> Iterator[Finding]:
    if kind == "sender":
        yield from check_sender(text, language, can_receive, reader)
        return
    yield from check_words(text, kind, language, speciality, can_receive, reader)
    if not text.strip():
        yield finding("text.empty", 0, len(text), reader)
    yield from check_placeholders(text, kind, reader, message)
    yield from check_required(text, kind, reader, message)
    yield from check_addresses(text, kind, reader, message)
    if kind == "sms":
        yield from check_sms(text, language, reader, values, message)
    if values is not None and kind in ("sms", "subject") and "{{ practice }}" in text:
        yield from _practice(text, values.practice, language, reader)


def _practice(text: str, practice: str, language: str, reader: str) -> Iterator[Finding]:
    """The practice's own name goes where a stranger may read it."""
    at = text.index("{{ practice }}")
    for one in check_words(practice, "sms", language, "general", True, reader):
        if one.rule == "discretion":
            yield Finding(at, at + len("{{ practice }}"), one.rule, one.severity, one.message)

"""What a text says: discretion, guilt, pressure, price, days, ways out. All from the word lists."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from jobs.messages.lint.findings import Finding, Kind, finding
from jobs.messages.lint.fold import Reading, close, plain
from jobs.messages.lint.terms import Patterns, Rule, Terms, terms, words_instead

# What stands in double braces is somebody's value: to the word rules it is one unknown word.
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")


@lru_cache(maxsize=1024)
def check_words(
    text: str, kind: Kind, language: str, speciality: str, can_receive: bool, reader: str
) -> tuple[Finding, ...]:
    known = terms(language)
    if known is None:
        return (finding("language.unknown", 0, len(text), reader, severity="warning", language=language),)
    first = plain(masked(text))
    second = close(first)
    readings = (first,) if second.text == first.text else (first, second)
    found = [
        finding(rule.name, start, end, reader, severity=rule.severity, found=text[start:end], instead=instead)
        for rule in known.rules
        if rule.concerns(kind, speciality)
        for instead in (words_instead(rule.name, language),)
        for start, end in _places(rule, known, readings)
    ]
    if not can_receive:
        spans = _merged(_spans(known.reply, readings))
        found += [finding("opt_out.reply", start, end, reader, found=text[start:end]) for start, end in spans]
    return tuple(found)


def masked(text: str) -> str:
    """The text without its values and conditions, everything else at its place."""
    return _TAG.sub(lambda tag: "_" * len(tag.group()) if tag.group()[1] == "{" else " " * len(tag.group()), text)


def _places(rule: Rule, known: Terms, readings: tuple[Reading, ...]) -> list[tuple[int, int]]:
    harmless = list(_spans(rule.allow, readings))
    flagged = [*_spans(rule.flag, readings, known), *_spans(rule.always, readings)]
    return _merged([span for span in flagged if not any(_overlap(span, one) for one in harmless)])


def _spans(patterns: Patterns, readings: Iterable[Reading], unless: Terms | None = None) -> Iterator[tuple[int, int]]:
    for read in readings:
        for found in patterns.matches(read.text):
            if unless is None or not unless.negation.covers(read.text, *found.span()):
                yield read.place(*found.span())


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _merged(spans: Iterator[tuple[int, int]] | list[tuple[int, int]]) -> list[tuple[int, int]]:
    """One finding per place: spans that overlap become one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(set(spans)):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged

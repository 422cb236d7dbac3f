import re
import unicodedata
from collections.abc import Callable

import pytest

from jobs.messages.catalogue import shipped
from jobs.messages.lint.check import lint, lint_catalogue
from tests.jobs.messages.lint.corpus import Sample, faults, harmless

_WORD_OR_TAG = re.compile(r"\{\{.*?\}\}|[^\W\d_]{5,}")


def _rules(sample: Sample, text: str) -> set[str]:
    return {found.rule for found in lint(text, kind=sample.kind, language=sample.language)}


def _outside_tags(text: str, change: Callable[[str], str]) -> str:
    parts = re.split(r"(\{\{.*?\}\})", text)
    return "".join(part if part.startswith("{{") else change(part) for part in parts)


def _soft_hyphens(text: str) -> str:
    return _WORD_OR_TAG.sub(
        lambda word: word.group() if word.group()[0] == "{" else f"{word.group()[:3]}\u00ad{word.group()[3:]}", text
    )


DISGUISES: dict[str, Callable[[str], str]] = {
    "capitals": lambda text: _outside_tags(text, str.upper),
    "curly quotes": lambda text: text.replace("'", "’"),
    "no-break spaces": lambda text: _outside_tags(text, lambda part: part.replace(" ", "\u00a0")),
    "two spaces": lambda text: text.replace(" ", "  "),
    "line breaks": lambda text: _outside_tags(text, lambda part: part.replace(" ", "\n")),
    "loose accents": lambda text: unicodedata.normalize("NFD", text),
    "no accents": lambda text: "".join(
        char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn"
    ),
    "soft hyphens": _soft_hyphens,
}


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(set(faults())) >= 120
    assert len(set(harmless())) >= 60


@pytest.mark.parametrize("sample", faults(), ids=str)
def test_a_planted_fault_is_found(sample: Sample) -> None:
    found = list(lint(sample.whole, kind=sample.kind, language=sample.language))
    assert sample.rule in {one.rule for one in found}
    place = next(one for one in found if one.rule == sample.rule)
    assert 0 <= place.start < place.end <= len(sample.text)
    assert sample.text[place.start : place.end] in place.message


@pytest.mark.parametrize("disguise", DISGUISES)
def test_no_disguise_hides_a_fault(disguise: str) -> None:
    missed = [
        str(sample) for sample in faults() if sample.rule not in _rules(sample, DISGUISES[disguise](sample.whole))
    ]
    assert missed == []


@pytest.mark.parametrize("sample", harmless(), ids=str)
def test_a_harmless_text_passes(sample: Sample) -> None:
    assert lint(sample.whole, kind=sample.kind, language=sample.language) == []


@pytest.mark.parametrize("can_receive", [True, False])
def test_every_shipped_text_passes(can_receive: bool) -> None:
    assert list(lint_catalogue(shipped(), can_receive=can_receive)) == []

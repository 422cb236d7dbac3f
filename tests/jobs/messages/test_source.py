import pytest

from jobs.messages.errors import BrokenSource
from jobs.messages.source import compose, fill, parse, scan, without, without_line


@pytest.mark.parametrize(
    ("source", "kind", "found"),
    [
        ("Bonjour {{ prenom }}", "unknown", "{{ prenom }}"),
        ("Bonjour {{ first_name }", "broken", "{{ first_name }"),
        ("Bonjour { first_name }}", "broken", "{ first_name }}"),
        ("Bonjour {first_name}", "broken", "{first_name}"),
        ("Bonjour {{ first name }}", "broken", "{{ first name }}"),
        ("Bonjour {{ first_name | upper }}", "broken", "{{ first_name | upper }}"),
        ("Bonjour {{ first_name.__class__ }}", "broken", "{{ first_name.__class__ }}"),
        ("Bonjour {{{ first_name }}}", "broken", "{{{ first_name }}}"),
        ("Bonjour {{ }}", "broken", "{{ }}"),
        ("Bonjour {{ first_name", "broken", "{{ first_name"),
        ("Bonjour first_name }}", "broken", "}}"),
        ("{% for x in range(9) %}", "broken", "{% for x in range(9) %}"),
        ("{% if slots_soon %}ouvert", "broken", "{% if slots_soon %}"),
        ("{% if rich %}ouvert{% endif %}", "unknown", "{% if rich %}"),
        ("ouvert{% endif %}", "broken", "{% endif %}"),
        ("{# note #}", "broken", "{# note #}"),
    ],
)
def test_a_fault_is_named_with_its_place(source: str, kind: str, found: str) -> None:
    fault = scan(source).faults[0]
    assert (fault.kind, fault.found) == (kind, found)
    assert source[fault.start : fault.end] == found
    with pytest.raises(BrokenSource):
        parse(source)


def test_every_fault_is_listed_at_once() -> None:
    assert len(scan("{{ a }} {{ b }} {c}").faults) == 3


@pytest.mark.parametrize("source", ["{{ link }}", "{{link}}", "{{  link }}", "prix 5 % net", "a | b"])
def test_a_sound_source_has_no_fault(source: str) -> None:
    assert scan(source).faults == ()


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("Bonjour {{ first_name }}, merci", "Bonjour, merci"),
        ("Bonjour {{ first_name }},\nmerci", "Bonjour,\nmerci"),
        ("{{ first_name }}, nous sommes là", "Nous sommes là"),
        ("Merci {{ first_name }} !", "Merci !"),
        ("Bonjour\n{{ first_name }}\nmerci", "Bonjour\nmerci"),
        ("{{ first_name }}", ""),
    ],
)
def test_a_text_without_the_first_name_reads_as_if_written_so(source: str, written: str) -> None:
    assert without(compose(parse(source)), "first_name") == written


def test_a_condition_leaves_no_gap_where_it_does_not_hold() -> None:
    source = parse("Un.\n\n{% if slots_soon %}Deux.{% endif %}\n\nTrois.")
    assert compose(source, ["slots_soon"]) == "Un.\n\nDeux.\n\nTrois."
    assert compose(source) == "Un.\n\nTrois."


def test_a_value_is_never_read_as_a_source() -> None:
    marked = compose(parse("Bonjour {{ first_name }}"))
    assert fill(marked, {"first_name": "{{ link }}"}) == "Bonjour {{ link }}"


def test_private_characters_in_a_source_stand_for_nothing() -> None:
    assert compose(parse("a\ue000b\uf8ffc")) == "abc"


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("Un\n- Lieu : {{ link }}\n- Deux", "Un\n- Deux"),
        ("Un\n\nLieu : {{ link }}\n\nDeux", "Un\n\nDeux"),
        ("{{ link }}\nDeux", "Deux"),
        ("{{ link }}", ""),
    ],
)
def test_the_line_of_an_absent_value_leaves_no_gap(source: str, written: str) -> None:
    assert without_line(compose(parse(source)), "link") == written

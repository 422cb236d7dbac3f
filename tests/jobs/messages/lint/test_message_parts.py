"""The linter knows the parts of the texts about an appointment that is ahead."""

from dataclasses import replace

import pytest

from jobs.messages.catalogue import Key, Wording, shipped
from jobs.messages.lint.check import lint, lint_catalogue
from jobs.messages.lint.findings import Kind
from jobs.messages.parts import MESSAGE_PARTS, parts_of
from tests.jobs.messages.samples import AHEAD

TEXTS = [(key, name) for key in shipped().every_key() if key.message in MESSAGE_PARTS
         for name in parts_of(key.channel, key.message).required]  # fmt: skip
END = "{{ link }}\n{{ opt_out }}"


def _rules(text: str, kind: Kind, message: str, **how: object) -> list[str]:
    found = lint(text, kind=kind, language="fr", message=message, **how)  # type: ignore[arg-type]
    return [one.rule for one in found]


@pytest.mark.parametrize(("key", "name"), TEXTS)
def test_a_text_without_a_part_that_it_needs_is_found(key: Key, name: str) -> None:
    wording = shipped().shipped[key]
    mine = replace(wording, body=wording.body.replace(f"{{{{ {name} }}}}", ""))
    found = list(lint_catalogue(shipped().for_practice("fr", {key: mine})))
    assert [(where, one.rule) for where, _, one in found] == [(key, "placeholder.missing")]
    assert name in found[0][2].message


@pytest.mark.parametrize(
    ("written", "message", "kind", "meant"),
    [
        ("{{ missed_on }}", "reminder", "sms", "{{ when }}"),
        ("{{ date }}", "reminder", "sms", "{{ when }}"),
        ("{{ lieu }}", "confirmation", "email", "{{ place }}"),
        ("{{ date }}", "first", "sms", "{{ missed_on }}"),
        ("{{ adresse }}", "first", "sms", "{{ link }}"),
    ],
)
def test_the_placeholder_that_was_meant_is_one_of_the_message(
    written: str, message: str, kind: Kind, meant: str
) -> None:
    found = [one for one in lint(written, kind=kind, language="fr", message=message)
             if one.rule == "placeholder.unknown"]  # fmt: skip
    assert [meant in one.message for one in found] == [True]


@pytest.mark.parametrize(
    ("text", "message", "kind"),
    [
        (f"Rendez-vous {{{{ when }}}}\n{END}", "first", "sms"),
        (f"Rendez-vous {{{{ when }}}} {{{{ place }}}}\n{END}", "reminder", "sms"),
        ("Votre rendez-vous : {{ when }}", "agreed_booked", "subject"),
        ("Votre rendez-vous : {{ place }}", "confirmation", "subject"),
        ("Bonjour {{ first_name }}, {{ numbers }}", "emergency", "sms"),
    ],
)
def test_a_placeholder_that_the_message_has_not_is_found(text: str, message: str, kind: Kind) -> None:
    assert _rules(text, kind, message) == ["placeholder.unknown"]


@pytest.mark.parametrize(("written", "meant"), [("[lieu]", "{{ place }}"), ("%heure%", "{{ when }}")])
def test_a_placeholder_of_other_software_is_found(written: str, meant: str) -> None:
    text = shipped().shipped[Key("confirmation", "email", "general", "fr")].body
    [found] = lint(f"{text}\n\n{written}", kind="email", language="fr", message="confirmation")
    assert (found.rule, meant in found.message) == ("placeholder.broken", True)


def test_a_part_that_would_go_with_an_absent_value_is_missing() -> None:
    text = "Rendez-vous noté.\n{{ when }} {{ link }}\n{{ opt_out }}"
    assert _rules(text, "sms", "agreed_booked") == ["placeholder.missing"]
    assert _rules(text, "sms", "reminder") == []


@pytest.mark.parametrize(("spare", "rules"), [(0, []), (1, ["sms.length"])])
def test_an_sms_is_measured_with_the_longest_moment(spare: int, rules: list[str]) -> None:
    # 22 of 'mer. 1er sept. à 20:00', 52 of the link, 26 of the way out, and what stands between them.
    words = "a" * (160 - 22 - 52 - 26 - len("   ") + spare)
    assert _rules(f"{words} {{{{ when }}}} {{{{ link }}}} {{{{ opt_out }}}}", "sms", "reminder") == rules


def test_with_real_values_an_absent_line_is_not_measured() -> None:
    text = "a" * 66 + "\n{{ when }}\n" + END
    assert _rules(text, "sms", "agreed_booked") == ["sms.length"]
    assert _rules(text, "sms", "agreed_booked", values=replace(AHEAD, starts_at=None)) == []


def test_the_longest_emergency_numbers_are_counted() -> None:
    key = Key("emergency", "sms", "general", "fr")
    longer = Wording(shipped().shipped[key].body.replace("En cas", "Sachez-le. En cas"))
    [(_, _, found)] = lint_catalogue(shipped().for_practice("fr", {key: longer}))
    assert found.rule == "sms.length"

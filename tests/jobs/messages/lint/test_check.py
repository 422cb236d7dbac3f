import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.messages.catalogue import Catalogue, Key, Wording, shipped
from jobs.messages.lint.addresses import check_addresses
from jobs.messages.lint.check import lint, lint_catalogue
from jobs.messages.lint.findings import Kind
from jobs.messages.lint.terms import known_languages, terms
from jobs.messages.lint.words import check_words
from tests.jobs.messages.samples import ORDINARY

SMS = "Bonjour {{ first_name }}, à bientôt :\n{{ link }}\n{{ opt_out }}"
EMAIL = "Bonjour {{ first_name }},\n\nVoir : {{ link }}\n\nAu {{ phone }}.\n\nSortir : {{ opt_out }}"


def _rules(text: str, kind: Kind, **how: object) -> list[str]:
    return [found.rule for found in lint(text, kind=kind, language="fr", **how)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "kind"), [(SMS, "sms"), (EMAIL, "email"), ("Une autre date ?", "subject")])
def test_a_sound_text_has_no_finding(text: str, kind: Kind) -> None:
    assert _rules(text, kind) == []


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        (SMS, "sms", "link"),
        (SMS, "sms", "opt_out"),
        (EMAIL, "email", "link"),
        (EMAIL, "email", "phone"),
        (EMAIL, "email", "opt_out"),
    ],
)
def test_a_missing_part_is_named(text: str, kind: Kind, part: str) -> None:
    tag = f"{{{{ {part} }}}}"
    for without in ("", f"{{% if slots_soon %}}{tag}{{% endif %}}"):
        [found] = lint(text.replace(tag, without), kind=kind, language="fr")
        assert (found.rule, found.severity) == ("placeholder.missing", "error")
        assert tag in found.message


@pytest.mark.parametrize(
    ("written", "rule", "meant"),
    [
        ("{{ prenom }}", "placeholder.unknown", "{{ first_name }}"),
        ("{{ prénom }}", "placeholder.unknown", "{{ first_name }}"),
        ("{{ firstname }}", "placeholder.unknown", "{{ first_name }}"),
        ("{{ last_name }}", "placeholder.unknown", "{{ first_name }}"),
        ("{{ telephone }}", "placeholder.unknown", "{{ phone }}"),
        ("{{ first_name }", "placeholder.broken", "{{ first_name }}"),
        ("{ first_name }}", "placeholder.broken", "{{ first_name }}"),
        ("{first_name}", "placeholder.broken", "{{ first_name }}"),
        ("{{ first_name | upper }}", "placeholder.broken", "{{ first_name }}"),
        ("[prénom]", "placeholder.broken", "{{ first_name }}"),
        ("[first_name]", "placeholder.broken", "{{ first_name }}"),
        ("<prenom>", "placeholder.broken", "{{ first_name }}"),
        ("%date%", "placeholder.broken", "{{ missed_on }}"),
        ("$cabinet", "placeholder.broken", "{{ practice }}"),
        ("#lien", "placeholder.broken", "{{ link }}"),
    ],
)
def test_a_placeholder_that_cannot_be_read_gets_the_one_that_was_meant(written: str, rule: str, meant: str) -> None:
    text = EMAIL.replace("{{ first_name }}", written)
    found = lint(text, kind="email", language="fr")
    assert {one.rule for one in found} == {rule}
    assert text[found[0].start : found[0].end] == written
    assert meant in found[0].message


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("{% if foo %}Un mot.{% endif %}", ["{% if foo %}"]),
        ("{% if first_name %}Un mot.{% endif %}", ["{% if first_name %}"]),
        ("{% if not slots_soon %}Un mot.{% endif %}", ["{% if not slots_soon %}", "{% endif %}"]),
        ("{% if slots_soon %}Un mot.{% else %}Un autre.{% endif %}", ["{% else %}"]),
        ("{% if slots_soon %}Un mot.", ["{% if slots_soon %}"]),
        ("{% if slots_soon %}{% if slots_soon %}Un mot.{% endif %}", ["{% if slots_soon %}"]),
        ("Un mot.{% endif %}", ["{% endif %}"]),
        ("{% for jour in jours %}Un mot.{% endfor %}", ["{% for jour in jours %}", "{% endfor %}"]),
        ("{% set a = 1 %}", ["{% set a = 1 %}"]),
        ('{% include "autre" %}', ['{% include "autre" %}']),
        ("{% raw %}Un mot.", ["{% raw %}"]),
        ("{% if slots_soon", ["{% if "]),
        ("{# une remarque #}", ["{# une ", "#}"]),
    ],
)
@pytest.mark.parametrize(("reader", "nothing_else"), [("fr", "Rien d’autre n’est lu"), ("en", "Nothing else is read")])
def test_a_statement_gets_the_one_condition_that_exists(
    written: str, found: list[str], reader: str, nothing_else: str
) -> None:
    text = f"{EMAIL}\n\n{written}"
    told = lint(text, kind="email", language="fr", reader=reader)
    assert [(one.rule, text[one.start : one.end]) for one in told] == [("condition.broken", one) for one in found]
    for one in told:
        assert "{% if slots_soon %} ... {% endif %}" in one.message
        assert nothing_else in one.message


def test_the_one_condition_is_no_finding() -> None:
    assert _rules(f"{EMAIL}\n\n{{% if slots_soon %}}Un mot.{{% endif %}}", "email") == []


@pytest.mark.parametrize(
    ("kind", "message", "rule"),
    [
        ("sms", "first", "link.typed"),
        ("email", "first", "link.typed"),
        ("subject", "first", "link.out_of_place"),
        ("sms", "emergency", "link.out_of_place"),
    ],
)
def test_a_typed_address_is_replaced_by_the_link_where_there_is_one(kind: Kind, message: str, rule: str) -> None:
    body = {"sms": SMS, "email": EMAIL, "subject": ""}[kind] if message == "first" else "{{ numbers }}"
    told = lint(f"Voir bit.ly/x\n{body}", kind=kind, language="fr", message=message)
    [found] = [one for one in told if one.rule.startswith("link.")]
    assert (found.rule, found.severity, "{{ link }}" in found.message) == (rule, "error", rule == "link.typed")


@pytest.mark.parametrize("word", ["a", "a.", "a-", "http", "www.", "a.fr", "1", "_.", "x/", "https://"])
def test_a_text_without_end_is_read_for_addresses_at_once(word: str) -> None:
    began = time.perf_counter()
    list(check_addresses(word * (8_000 // len(word)), "email", "fr"))
    assert time.perf_counter() - began < 1


def test_a_character_outside_the_sms_alphabet_is_shown_at_its_place() -> None:
    text = SMS.replace("bientôt", "bientôt 😀")
    [found] = lint(text, kind="sms", language="fr")
    assert (found.rule, text[found.start : found.end]) == ("sms.alphabet", "😀")


@pytest.mark.parametrize("text", ["«\u00a0Une date\u00a0» : ça va — même l’été… ", "e\u0301te\u0301, a\u0302ge "])
def test_what_the_table_replaces_is_no_finding(text: str) -> None:
    assert _rules(text + SMS, "sms") == []


@pytest.mark.parametrize(("spare", "rules"), [(0, []), (1, ["sms.length"])])
def test_an_sms_is_measured_with_the_longest_values(spare: int, rules: list[str]) -> None:
    # 12 of the name, 52 of the link, 26 of the way out, and what stands between them.
    words = "a" * (160 - 12 - 52 - 26 - len("  ") - len(" ") + spare)
    assert _rules(f"{{{{ first_name }}}} {words} {{{{ link }}}} {{{{ opt_out }}}}", "sms") == rules


def test_with_real_values_an_sms_is_measured_as_it_will_leave() -> None:
    text = "a" * 90 + "\n{{ link }}\n{{ opt_out }}"
    assert _rules(text, "sms") == ["sms.length"]
    assert _rules(text, "sms", values=ORDINARY) == []


def test_the_practices_own_name_is_read_where_a_stranger_may_see_it() -> None:
    telling = replace(ORDINARY, practice="Cabinet de psychologie")
    subject = "Un mot de {{ practice }}"
    [found] = lint(subject, kind="subject", language="fr", values=telling)
    assert (found.rule, subject[found.start : found.end]) == ("discretion", "{{ practice }}")
    assert _rules(subject, "subject", values=ORDINARY) == []
    assert _rules(EMAIL + "\n{{ practice }}", "email", values=telling) == []


def test_an_emails_body_may_be_specific_but_its_subject_may_not() -> None:
    words = "Votre séance de kinésithérapie"
    assert _rules(f"{words}\n\n{EMAIL}", "email") == []
    assert _rules(words, "subject") == ["discretion"] * 2


@pytest.mark.parametrize(
    "words", ["Répondez STOP", "répondez par STOP", "Envoyez « STOP » au 36180", "STOP au 36180", "Repondez  stop"]
)
def test_an_answer_is_asked_for_only_where_it_can_arrive(words: str) -> None:
    text = f"{words} ou voyez ici : {{{{ link }}}} {{{{ opt_out }}}}"
    assert "opt_out.reply" in _rules(text, "sms")
    assert "opt_out.reply" not in _rules(text, "sms", can_receive=True)


@pytest.mark.parametrize(
    ("text", "kind", "speciality", "rule"),
    [
        ("Rendez-vous manqué", "subject", "psychotherapy", "speciality.missed"),
        ("Il est important de venir.", "email", "psychotherapy", "speciality.pressure"),
        ("Un effort de plus.", "email", "nutrition", "speciality.should"),
        ("Cela devrait aller.", "email", "nutrition", "speciality.should"),
    ],
)
def test_a_speciality_has_words_of_its_own_to_avoid(text: str, kind: Kind, speciality: str, rule: str) -> None:
    whole = text if kind == "subject" else f"{text}\n\n{EMAIL}"
    assert rule in _rules(whole, kind, speciality=speciality)
    assert rule not in _rules(whole, kind, speciality="general")


@pytest.mark.parametrize(
    ("text", "rule"),
    [("Vous êtes attendu(e)", "tone.gendered"), ("Venu·e", "tone.gendered"), ("Coucou", "tone.familiar")],
)
def test_a_clumsy_tone_is_a_warning(text: str, rule: str) -> None:
    [found] = lint(text, kind="subject", language="fr")
    assert (found.rule, found.severity) == (rule, "warning")


def test_an_empty_text_is_a_finding() -> None:
    assert _rules(" \n", "subject") == ["text.empty"]


def test_a_language_without_a_word_list_is_said_and_still_gets_the_other_checks() -> None:
    found = lint("Guten Tag {{ vorname }}", kind="subject", language="de-CH")
    assert [(one.rule, one.severity) for one in found] == [
        ("language.unknown", "warning"),
        ("placeholder.unknown", "error"),
    ]


def test_findings_are_told_in_the_language_of_their_reader() -> None:
    [french] = lint("Urgent", kind="subject", language="en")
    [english] = lint("Urgent", kind="subject", language="en", reader="en")
    assert "Écrivez" in french.message
    assert "Write" in english.message


@pytest.mark.parametrize(
    ("language", "reader", "advice"),
    [
        ("fr", "fr", "« Urgent » presse la personne. Écrivez plutôt « quand vous le souhaitez »."),
        ("en", "fr", "« Urgent » presse la personne. Écrivez plutôt « whenever you like »."),
        ("en", "en", "'Urgent' hurries people. Write 'whenever you like'."),
        ("fr", "en", "'Urgent' hurries people. Write 'quand vous le souhaitez'."),
    ],
)
def test_what_to_write_instead_is_in_the_language_of_the_text(language: str, reader: str, advice: str) -> None:
    [found] = lint("Urgent", kind="subject", language=language, reader=reader)
    assert found.message == advice


@pytest.mark.parametrize("reader", known_languages())
@pytest.mark.parametrize("name", ["PsyLyon", "CABPSYLYON", "Psy Lyon"])
def test_a_telling_sender_name_gets_the_words_of_its_own_language(name: str, reader: str) -> None:
    found = lint(name, kind="sender", language="en", reader=reader)
    told = next(one.message for one in found if one.rule == "discretion")
    assert "appointment" in told
    assert "rendez-vous" not in told


@pytest.mark.parametrize("language", known_languages())
def test_what_to_write_instead_can_be_written(language: str) -> None:
    known = terms(language)
    assert known is not None
    offered = [(rule, words) for rule in known.rules for words in rule.instead]
    assert len(offered) >= 12
    for rule, words in offered:
        for kind in ("sms", "subject", "email"):
            for speciality in ("general", "psychotherapy", "nutrition"):
                assert check_words(words, kind, language, speciality, False, "fr") == (), (rule.name, words)


def test_edited_texts_are_read_with_the_shipped_ones() -> None:
    key = Key("first", "email", "dental", "fr")
    mine: Catalogue = shipped().for_practice("fr", {key: Wording(EMAIL, "Votre dentiste vous attend")})
    [(where, kind, found)] = lint_catalogue(mine)
    assert (where, kind, found.rule) == (key, "subject", "discretion")


def test_every_shipped_language_has_a_word_list() -> None:
    assert {key.language for key in shipped().every_key()} <= set(known_languages())


@pytest.mark.parametrize("language", known_languages())
def test_languages_have_the_same_rules(language: str) -> None:
    french, other = terms("fr"), terms(language)
    assert french is not None
    assert other is not None
    names = {rule.name for rule in french.rules} - {"tone.gendered"}
    assert {rule.name for rule in other.rules} - {"tone.gendered"} == names
    # The sentences quote as many words as the French ones have.
    assert {rule.name: len(rule.instead) for rule in other.rules if rule.instead} == {
        rule.name: len(rule.instead) for rule in french.rules if rule.instead
    }


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["sms", "subject", "email", "sender"]))
def test_no_text_is_too_strange_to_read(text: str, kind: Kind) -> None:
    for found in lint(text, kind=kind, language="fr"):
        assert 0 <= found.start <= found.end <= len(text)

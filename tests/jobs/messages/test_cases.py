from dataclasses import fields, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import html5lib
import pytest

from db.states import Reason, TaskKind
from jobs.messages.cases import CASES, CaseNotice, case_words, render_case
from jobs.messages.errors import MissingValues, TextRefused
from jobs.messages.languages import languages
from jobs.messages.lint.check import lint

OCCASIONS = sorted(folder.name for folder in CASES.glob("case_*"))
CALL = CaseNotice(
    ref="ABC123",
    kind=TaskKind.CALL,
    urgent=True,
    deadline=datetime(2026, 11, 24, 19, 30, tzinfo=ZoneInfo("Europe/Zurich")),
    holder="Dominique Aubert",
)
PRACTICE = "Cabinet des Tilleuls"
WHYS = (Reason.NOT_ACKNOWLEDGED, Reason.NOT_FINISHED, Reason.AWAY, Reason.BY_HAND)


@pytest.mark.parametrize("occasion", OCCASIONS)
@pytest.mark.parametrize("language", sorted(languages()))
@pytest.mark.parametrize("kind", TaskKind)
def test_a_notice_says_what_is_asked_by_when_and_who_has_it(occasion: str, language: str, kind: TaskKind) -> None:
    email = render_case(occasion, replace(CALL, kind=kind), language=language, practice=PRACTICE, why=Reason.AWAY)
    html5lib.HTMLParser(strict=True).parse(email.html)
    asked = case_words(language).asked[kind]
    assert email.subject.startswith("[Reprise] ABC123")
    assert asked in email.subject
    for part in ("ABC123", asked, "19:30", "Dominique Aubert", PRACTICE):
        assert part in email.text
        assert part in email.html
    assert "\n\n\n" not in email.text


@pytest.mark.parametrize(
    ("occasion", "language", "subject"),
    [
        ("case_opened", "fr", "[Reprise] ABC123 : un appel à passer (prioritaire)"),
        ("case_nudged", "fr", "[Reprise] ABC123, en attente : un appel à passer (prioritaire)"),
        ("case_moved", "fr-CH", "[Reprise] ABC123, pour vous désormais : un appel à passer (prioritaire)"),
        ("case_released", "tlh", "[Reprise] ABC123, de nouveau à prendre : un appel à passer (prioritaire)"),
        ("case_opened", "en", "[Reprise] ABC123: a call to make (priority)"),
    ],
)
def test_the_subject_is_neutral(occasion: str, language: str, subject: str) -> None:
    assert render_case(occasion, CALL, language=language, practice=PRACTICE).subject == subject


def test_the_french_notice_of_a_move_reads_so() -> None:
    email = render_case("case_moved", CALL, language="fr", practice=PRACTICE, why=Reason.NOT_ACKNOWLEDGED)
    assert email.text == (
        "Bonjour,\n\nCette demande vous est désormais confiée : un appel à passer (prioritaire).\n\n"
        "- Référence : ABC123\n- À faire avant : mardi 24 novembre à 19:30\n- Confiée à : Dominique Aubert\n"
        "- Raison : personne ne l’a encore vue\n\n"
        "Ouvrez la liste de travail et cherchez la référence ABC123.\n\n"
        "Par discrétion, le détail reste dans la liste de travail.\n\nCabinet des Tilleuls\n"
    )


def test_a_notice_can_hold_nothing_of_a_patient() -> None:
    assert {field.name for field in fields(CaseNotice)} == {
        "ref", "kind", "urgent", "crisis", "deadline", "holder", "not_in_slack"
    }  # fmt: skip


@pytest.mark.parametrize("occasion", OCCASIONS)
@pytest.mark.parametrize(
    ("language", "said"), [("fr", "n’a pas pu vous être remis dans Slack"), ("en", "could not be delivered in Slack")]
)
def test_what_slack_has_not_taken_is_said_in_one_line(occasion: str, language: str, said: str) -> None:
    away, usual = (
        render_case(occasion, replace(CALL, not_in_slack=not_there), language=language, practice=PRACTICE)
        for not_there in (True, False)
    )
    [line] = [line for line in away.text.split("\n") if "Slack" in line]
    assert said in line
    assert said in away.html
    assert "Slack" not in usual.text + usual.html
    assert away.text.replace(f"{line}\n\n", "") == usual.text


@pytest.mark.parametrize("occasion", OCCASIONS)
@pytest.mark.parametrize("language", sorted(languages()))
def test_a_crisis_reads_as_any_other_priority(occasion: str, language: str) -> None:
    both, urgent, crisis = (
        render_case(occasion, replace(CALL, urgent=a, crisis=b), language=language, practice=PRACTICE)
        for a, b in ((True, True), (True, False), (False, True))
    )
    assert both == urgent == crisis
    plain = render_case(occasion, replace(CALL, urgent=False), language=language, practice=PRACTICE)
    assert case_words(language).priority in urgent.subject
    assert case_words(language).priority not in plain.subject + plain.text


@pytest.mark.parametrize("occasion", OCCASIONS)
@pytest.mark.parametrize("language", sorted(languages()))
@pytest.mark.parametrize("kind", TaskKind)
def test_a_notice_is_as_discreet_as_what_a_stranger_may_read(occasion: str, language: str, kind: TaskKind) -> None:
    notice = replace(CALL, kind=kind, not_in_slack=True)
    email = render_case(occasion, notice, language=language, practice=PRACTICE, why=Reason.AWAY)
    for text in (email.subject, email.text):
        assert [one for one in lint(text, kind="subject", language=language) if one.rule == "discretion"] == []
    words = f"{email.subject} {email.text}".lower()
    for telling in ("risque", "crise", "urgence", "patient", "risk", "crisis", "emergency", "clini", "absen"):
        assert telling not in words.replace(case_words(language).why[Reason.AWAY].lower(), "")


def test_two_kinds_that_would_tell_something_read_like_two_that_do_not() -> None:
    for language in languages():
        asked = case_words(language).asked
        assert asked["emergency"] == asked["reply"]
        assert asked["high_risk_not_enrolled"] == asked["high_risk_cancelled"] == asked["was_not_brought"]


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_kind_of_task_and_every_reason_of_a_move_has_words(language: str) -> None:
    words = case_words(language)
    assert set(words.asked) == {kind.value for kind in TaskKind}
    assert set(words.why) == {why.value for why in WHYS}


@pytest.mark.parametrize("occasion", ["case_nudged", "case_moved", "case_released"])
@pytest.mark.parametrize("why", WHYS)
def test_a_notice_says_why_it_comes(occasion: str, why: Reason) -> None:
    for language in languages():
        email = render_case(occasion, CALL, language=language, practice=PRACTICE, why=why)
        assert f": {case_words(language).why[why]}\n" in email.text


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_what_is_not_known_leaves_no_line(occasion: str) -> None:
    bare = CaseNotice(ref="ABC123", kind=TaskKind.REPLY)
    email = render_case(occasion, bare, language="fr", practice=PRACTICE, why=Reason.ESCALATED)
    assert email.html.count("<li>") == email.text.count("\n- ") == 1
    assert "\n\n\n" not in email.text


def test_all_missing_values_are_listed_in_one_error() -> None:
    with pytest.raises(MissingValues) as caught:
        render_case("case_opened", replace(CALL, ref=" "), language="fr", practice="\n")
    assert set(caught.value.names) == {"reference", "practice"}


def test_a_deadline_is_said_by_the_practices_clock_around_a_change_of_the_clocks() -> None:
    zone = ZoneInfo("Europe/Brussels")
    for moment, said in [
        (datetime(2026, 10, 25, 17, 30, tzinfo=UTC), "dimanche 25 octobre à 18:30"),
        (datetime(2026, 3, 29, 16, 30, tzinfo=UTC), "dimanche 29 mars à 18:30"),
    ]:
        notice = replace(CALL, deadline=moment.astimezone(zone))
        assert said in render_case("case_opened", notice, language="fr", practice=PRACTICE).text


def test_hostile_values_stay_words_on_one_line() -> None:
    hostile = replace(CALL, ref="A\r\nBcc: x@y.example", holder="<b>{{ why }}</b>")
    email = render_case("case_opened", hostile, language="fr", practice='"><script>')
    assert "\n" not in email.subject
    assert "<b>" not in email.html
    assert "<script" not in email.html
    assert "{{ why }}" in email.text


def test_an_occasion_that_nobody_wrote_is_refused() -> None:
    with pytest.raises(TextRefused, match="case_lost"):
        render_case("case_lost", CALL, language="fr", practice=PRACTICE)


def test_the_occasions_are_the_four() -> None:
    assert OCCASIONS == ["case_moved", "case_nudged", "case_opened", "case_released"]
    for occasion in OCCASIONS:
        assert {folder.name for folder in (CASES / occasion).iterdir()} == set(languages())

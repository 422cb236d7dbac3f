"""The brief as an email: the same in text and HTML, neutral where it shows unopened."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import html5lib
import pytest

from db.queries.return_brief import TOLD_KINDS, HumanStep, ReturnBrief, SentMessage
from db.states import Barrier, CallOutcome, DeliveryStatus
from jobs.messages.languages import languages
from jobs.messages.return_brief import render_return_brief

PARIS = ZoneInfo("Europe/Paris")
AT = datetime(2026, 11, 16, 9, 40, tzinfo=UTC)
URL = "https://logiciel.example/patients/P-0042"
BRIEF = ReturnBrief(
    number="P-0042",
    record_url=URL,
    practitioner="Dominique Aubert",
    booked_on=date(2026, 11, 24),
    booked_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    missed_on=date(2026, 11, 16),
    missed_at=datetime(2026, 11, 16, 9, 0, tzinfo=UTC),
    messages=(SentMessage("first", "sms", AT, "delivered"), SentMessage("flexible", "email", AT, "failed")),
    steps=(
        HumanStep("call", AT, "done", "reached_will_book"),
        HumanStep("alert", AT, "claimed", None),
    ),
    barriers=("transport", "cost"),
)
BARE = replace(BRIEF, record_url="", booked_at=None, missed_at=None, messages=(), steps=(), barriers=())

FRENCH = """Un nouveau rendez-vous est pris après un parcours de relance. Voici ce qui s’est passé entre-temps.

- Dossier : P-0042
- Nouveau rendez-vous : mardi 24 novembre à 10:00
- Avec : Dominique Aubert
- Rendez-vous manqué : lundi 16 novembre à 10:00

Messages partis :

- lundi 16 novembre à 10:40 : SMS « premier message », reçu
- lundi 16 novembre à 10:40 : E-mail « souplesse », en échec

Démarches de l’équipe :

- lundi 16 novembre à 10:40 : appeler le patient (contact établi, compte reprendre rendez-vous)
- lundi 16 novembre à 10:40 : signalement : prendre des nouvelles du patient (pris en charge)

Obstacle signalé : le transport, le coût.

Ouvrir le dossier : https://logiciel.example/patients/P-0042
"""


def test_it_reads_as_a_short_list() -> None:
    brief = render_return_brief(BRIEF, "fr", PARIS)
    assert brief.subject == "Avant le rendez-vous : mardi 24 novembre à 10:00"
    assert brief.text == FRENCH


@pytest.mark.parametrize("language", sorted(languages()))
@pytest.mark.parametrize("brief", [BRIEF, BARE], ids=["full", "bare"])
def test_text_and_html_say_the_same(language: str, brief: ReturnBrief) -> None:
    email = render_return_brief(brief, language, PARIS)
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(email.html)
    (main,) = tree.iter("main")
    shown = " ".join(" ".join(main.itertext()).split())
    for line in email.text.splitlines():
        said = line.removeprefix("- ")
        assert (said in shown) or (URL in said and said.split(":")[0].strip() in shown)
    assert "\n\n\n" not in email.text
    assert not [part for part in ("{", "}", "\uf8ff") if part in email.text]
    links = [anchor.get("href") for anchor in tree.iter("a")]
    assert links == ([URL] if brief.record_url else [])


def test_without_a_time_the_day_is_said() -> None:
    brief = render_return_brief(BARE, "fr", PARIS)
    assert brief.subject == "Avant le rendez-vous : mardi 24 novembre"
    assert "Aucun message n’est parti." in brief.text


def test_values_can_change_neither_the_page_nor_the_header() -> None:
    hostile = "<script>alert(1)</script>\n\nBcc: x\uf8ff{{ 7*7 }}"
    email = render_return_brief(replace(BRIEF, number=hostile, practitioner=hostile), "en", PARIS)
    assert "\n" not in email.subject
    assert "<script>" not in email.html
    assert "- File: <script>alert(1)</script> Bcc: x {{ 7*7 }}" in email.text
    assert email.html.count('class="go"') == 1


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_code_that_it_may_hold_has_its_word(language: str) -> None:
    steps = [HumanStep(kind, AT, "done", outcome) for kind in TOLD_KINDS for outcome in CallOutcome]
    messages = [SentMessage("first", "sms", AT, status) for status in DeliveryStatus]
    brief = replace(BRIEF, steps=tuple(steps), messages=tuple(messages), barriers=tuple(Barrier))
    text = render_return_brief(brief, language, PARIS).text
    assert "_" not in text.replace(URL, "")


def test_an_unknown_language_is_french() -> None:
    assert render_return_brief(BRIEF, "tlh", PARIS).text == FRENCH

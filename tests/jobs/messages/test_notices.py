from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import html5lib
import pytest

from jobs.messages.languages import languages
from jobs.messages.notices import NoticeKind, render_notice

AT_TEN = datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("Europe/Zurich"))


@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize("language", sorted(languages()))
def test_a_notice_says_when_with_whom_and_whose_file(kind: NoticeKind, language: str) -> None:
    notice = render_notice(
        kind,
        language=language,
        reference="P-0042",
        practitioner="Dominique Aubert",
        starts_at=AT_TEN,
        previous=AT_TEN - timedelta(days=1),
    )
    html5lib.HTMLParser(strict=True).parse(notice.html)
    assert "10:00" in notice.subject
    for part in ("P-0042", "Dominique Aubert", "10:00"):
        assert part in notice.text
        assert part in notice.html
    assert ("23" in notice.text) == (kind is NoticeKind.MOVED)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (NoticeKind.BOOKED, "Nouveau rendez-vous : mardi 24 novembre à 10:00"),
        (NoticeKind.MOVED, "Rendez-vous déplacé : mardi 24 novembre à 10:00"),
        (NoticeKind.CANCELLED, "Rendez-vous annulé : mardi 24 novembre à 10:00"),
    ],
)
def test_the_subject_says_what_happened_and_when(kind: NoticeKind, subject: str) -> None:
    notice = render_notice(kind, language="fr-CH", reference="1", practitioner="A", starts_at=AT_TEN)
    assert notice.subject == subject


def test_a_notice_of_an_unknown_language_is_in_french() -> None:
    notice = render_notice(NoticeKind.BOOKED, language="tlh", reference="", practitioner="<b>", starts_at=AT_TEN)
    assert notice.subject.startswith("Nouveau")
    assert "<b>" not in notice.html

from datetime import UTC, datetime, timedelta

import pytest

from portal.patient.view import moment_text, slots_html
from portal.patient.words import words_for

TUESDAY = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "language", "text"),
    [
        ("Europe/Paris", "fr", "mardi 24 novembre à\u00a009:30"),
        ("Europe/Zurich", "en", "Tuesday 24 November at\u00a009:30"),
        ("Indian/Reunion", "fr", "mardi 24 novembre à\u00a012:30"),
        ("America/Cayenne", "fr", "mardi 24 novembre à\u00a005:30"),
    ],
)
def test_a_moment_is_told_in_the_zone_and_language_of_the_page(zone: str, language: str, text: str) -> None:
    assert moment_text(TUESDAY, zone, words_for(language)) == text


def test_no_slot_makes_no_form() -> None:
    assert not slots_html((), "Europe/Paris", "fr")


def test_weeks_open_until_three_days_are_shown() -> None:
    days = tuple(TUESDAY + timedelta(days=number) for number in (0, 1, 7, 14, 15, 16))
    html = slots_html(days, "Europe/Paris", "fr")
    assert html.count("<details open>") == 2
    assert html.count("<details>") == 1
    assert "Semaine du 23 novembre</h2> <span>2 horaires" in html
    assert "Semaine du 30 novembre</h2> <span>1 horaire<" in html


def test_a_week_may_begin_on_the_first_of_a_month() -> None:
    moment = datetime(2027, 2, 1, 9, tzinfo=UTC)
    html = slots_html((moment,), "Europe/Paris", "fr")
    assert "Semaine du 1er février" in html
    assert "Lundi 1er février" in html


def test_the_clocks_of_the_practice_change_with_the_season() -> None:
    days = tuple(datetime(2027, 3, day, 8, tzinfo=UTC) for day in (26, 29))
    html = slots_html(days, "Europe/Paris", "fr")
    assert 'value="2027-03-26T08:00Z">09:00<' in html
    assert 'value="2027-03-29T08:00Z">10:00<' in html

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from jobs.messages.gsm7 import septets, to_gsm7, unencodable
from jobs.messages.languages import language_for, languages, opt_out_text, preferred
from jobs.messages.values import SMS_OPT_OUT


@pytest.mark.parametrize(
    ("language", "day", "said"),
    [
        ("fr", date(2026, 11, 24), "mardi 24 novembre"),
        ("en", date(2026, 11, 24), "Tuesday 24 November"),
        ("fr", date(2026, 12, 1), "mardi 1er décembre"),
        ("en", date(2026, 12, 1), "Tuesday 1 December"),
    ],
)
def test_a_date_is_said_in_full(language: str, day: date, said: str) -> None:
    assert language_for(language).say_date(day) == said


def test_a_moment_is_said_by_its_own_clock() -> None:
    moment = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    assert language_for("fr").say_moment(moment) == "mardi 24 novembre à 10:00"
    assert language_for("en").say_moment(moment) == "Tuesday 24 November at 10:00"


@pytest.mark.parametrize(
    ("language", "day", "said"),
    [
        ("fr", 24, "mar. 24 nov. à 10:00"),
        ("en", 24, "Tue 24 Nov at 10:00"),
        ("fr", 1, "dim. 1er nov. à 10:00"),
        ("en", 1, "Sun 1 Nov at 10:00"),
    ],
)
def test_a_moment_is_said_briefly_in_an_sms(language: str, day: int, said: str) -> None:
    assert language_for(language).say_moment_briefly(datetime(2026, 11, day, 10, 0, tzinfo=UTC)) == said


@pytest.mark.parametrize(
    ("moment", "clock"),
    [
        # The night before each, the clocks change: neither the day nor the hour may slip.
        (datetime(2026, 10, 25, 8, 30, tzinfo=UTC), "dimanche 25 octobre à 09:30"),
        (datetime(2026, 3, 29, 7, 30, tzinfo=UTC), "dimanche 29 mars à 09:30"),
        (datetime(2026, 10, 24, 22, 30, tzinfo=UTC), "dimanche 25 octobre à 00:30"),
        (datetime(2026, 10, 25, 23, 30, tzinfo=UTC), "lundi 26 octobre à 00:30"),
    ],
)
@pytest.mark.parametrize("zone", ["Europe/Paris", "Europe/Zurich", "Europe/Brussels"])
def test_a_moment_is_said_in_its_zone_around_a_change_of_the_clocks(moment: datetime, clock: str, zone: str) -> None:
    assert language_for("fr").say_moment(moment.astimezone(ZoneInfo(zone))) == clock


@pytest.mark.parametrize("language", sorted(languages()))
@pytest.mark.parametrize("can_receive", [True, False])
def test_the_way_out_is_never_empty_and_fits(language: str, can_receive: bool) -> None:
    words = to_gsm7(opt_out_text(language, can_receive))
    assert 0 < septets(words) <= SMS_OPT_OUT
    assert unencodable(words) == []
    assert ("STOP" in words) == can_receive


def test_the_way_out_falls_back_as_the_text_does() -> None:
    assert opt_out_text("tlh", True, "en") == "STOP to unsubscribe"
    assert opt_out_text("tlh", True) == "STOP pour se désinscrire"


def test_the_french_ways_out_are_those_of_the_brief() -> None:
    assert opt_out_text("fr", True) == "STOP pour se désinscrire"
    assert opt_out_text("fr", False) == "Désinscription sur la page"


@pytest.mark.parametrize(
    ("codes", "order"),
    [
        (("en",), ["en", "fr"]),
        (("en-GB", "fr"), ["en", "fr"]),
        (("fr_CH",), ["fr"]),
        (("tlh", "en"), ["en", "fr"]),
        (("",), ["fr"]),
    ],
)
def test_an_unknown_language_gives_way_to_the_next(codes: tuple[str, ...], order: list[str]) -> None:
    assert preferred(*codes) == order

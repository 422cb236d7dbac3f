from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from jobs.intake.dates import Moment, Order, Problem, in_utc, read_moment, read_span
from jobs.intake.refusal import IntakeRefused
from tests.jobs.intake.conftest import PARIS, Export

MARCH_2 = date(2026, 3, 2)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02", "2026/03/02", "2026.03.02", "2026-3-2", "20260302", "02/03/2026", "2/3/2026", "2/3/26",
        "02.03.2026",
        "02-03-26", "2.3.26", "02 / 03 / 2026", "lundi 2 mars 2026", "lun. 02/03/2026", "2 mars 2026", "02-mars-26",
        "2 MARS 2026", "March 2, 2026", "Mar 2, 2026", "2nd March 2026", "2. März 2026", "2 marzo 2026", "2 maart 2026",
        "Montag, 02.03.2026", "46083", "46083.0",
    ],
)  # fmt: skip
def test_a_day_reads_the_same_however_it_is_written(text: str) -> None:
    found = read_moment(text, Order())
    assert isinstance(found, Moment)
    assert found.day == MARCH_2
    assert found.at in (None, time())


@pytest.mark.parametrize(
    "text",
    [
        "02/03/2026 14h30", "02/03/2026 14:30", "02/03/2026 14:30:00", "02/03/2026 à 14h30", "02/03/2026 - 14h30",
        "02/03/2026, 14:30", "02.03.2026 14.30", "02.03.2026 14:30 Uhr", "2026-03-02 14:30", "2026-03-02T14:30",
        "2026-03-02 14:30:00.000", "20260302T1430", "20260302143000", "lundi 2 mars 2026 à 14 h 30",
        "02/03/2026 2:30 PM",
        "46083.604166667", "46083,604166667", "2026-03-02 14H30", "02/03/2026 14h30-15h15", "02/03/2026 de 14h30 à 15h",
    ],
)  # fmt: skip
def test_a_day_and_a_time_in_one_cell(text: str) -> None:
    found = read_moment(text, Order())
    assert isinstance(found, Moment)
    assert (found.day, found.at) == (MARCH_2, time(14, 30))


@pytest.mark.parametrize(
    "text",
    [
        "31/02/2026", "2026-02-30", "2026-13-01", "2026-25-12", "32/01/2026", "00/00/0000", "0000-00-00", "29/02/2025",
        "hier", "03/2026", "02/03", "2026", "12345", "1772409600", "02/03/2026 25:00", "02/03/2026 14h75",
        "2 brumaire 2026",
        "01/01/1900", "01/01/1970", "99999", "02/03/20260", "2026-03-02 bientôt", "-", "F32.1",
    ],
)  # fmt: skip
def test_an_impossible_day_is_no_day(text: str) -> None:
    assert read_moment(text, Order()) == Problem()


def test_slashes_are_day_first_unless_the_map_says_otherwise() -> None:
    assert read_moment("02/03/2026", Order()) == Moment(MARCH_2)
    assert read_moment("03/02/2026", Order(day_first=False)) == Moment(MARCH_2)
    assert read_moment("02.03.2026", Order(day_first=False)) == Moment(MARCH_2)
    assert read_moment("03/25/2026", Order()) == Problem(month_first=True)
    assert read_moment("25/03/2026", Order(day_first=False)) == Problem()


def test_a_format_is_followed_to_the_letter() -> None:
    order = Order(format="%Y%d%m %H%M")
    assert read_moment("20260203 1430", order) == Moment(MARCH_2, time(14, 30))
    assert read_moment("02/03/2026", order) == Problem()


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("14h30", (time(14, 30), None)), ("14h", (time(14), None)), ("9h05", (time(9, 5), None)),
        ("14:30:00", (time(14, 30), None)), ("1430", (time(14, 30), None)), ("930", (time(9, 30), None)),
        ("14.30", (time(14, 30), None)), ("14 h 30", (time(14, 30), None)), ("2:30 pm", (time(14, 30), None)),
        ("12:15 am", (time(0, 15), None)), ("0,604166667", (time(14, 30), None)), ("14h30min", (time(14, 30), None)),
        ("14h30 - 15h15", (time(14, 30), time(15, 15))), ("14:30-15:15", (time(14, 30), time(15, 15))),
        ("de 9h à 10h", (time(9), time(10))), ("25:00", None), ("14h75", None), ("matin", None), ("14", None),
        ("13:00 pm", None),
    ],
)  # fmt: skip
def test_times_of_day(text: str, span: tuple[time, time | None] | None) -> None:
    assert read_span(text) == span


@pytest.mark.parametrize(
    ("day", "at", "utc"),
    [
        (date(2026, 1, 5), time(14, 30), datetime(2026, 1, 5, 13, 30, tzinfo=UTC)),
        (date(2026, 7, 6), time(14, 30), datetime(2026, 7, 6, 12, 30, tzinfo=UTC)),
        # 02:30 does not exist that night: the clocks go from 02:00 to 03:00.
        (date(2026, 3, 29), time(2, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        # 02:30 comes twice that night: the first is meant.
        (date(2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_local_times_become_utc_on_clock_change_nights_too(day: date, at: time, utc: datetime) -> None:
    assert in_utc(day, at, PARIS) == utc


@pytest.mark.parametrize(
    ("headers", "cells", "starts_at"),
    [
        ("Date", "02/03/2026 14h30", "2026-03-02T13:30:00+00:00"),
        ("Date;Heure", "02/03/2026;14h30", "2026-03-02T13:30:00+00:00"),
        ("Date;Heure", "02/03/2026;1899-12-30 14:30:00", "2026-03-02T13:30:00+00:00"),
        ("Date;Heure", "02/03/2026 00:00;14:30", "2026-03-02T13:30:00+00:00"),
        ("Date;Heure", "02/03/2026 14:30;", "2026-03-02T13:30:00+00:00"),
        ("Date;Heure", "02/03/2026 14:30;00:00", "2026-03-02T13:30:00+00:00"),
        ("Date;Heure", "2026-03-02T00:00:00Z;0,604166667", "2026-03-02T13:30:00+00:00"),
        ("Date;Début", "02/03/2026;2026-03-02 14:30", "2026-03-02T13:30:00+00:00"),
        ("Début;Fin", "02/03/2026 14:30;02/03/2026 15:15", "2026-03-02T13:30:00+00:00"),
        ("Start", "2026-03-02T13:30:00Z", "2026-03-02T13:30:00+00:00"),
        ("Start", "2026-03-02T14:30:00+01:00", "2026-03-02T13:30:00+00:00"),
        ("Start", "2026-03-02T08:30:00-05:00", "2026-03-02T13:30:00+00:00"),
        ("Date", "2026-03-02T00:00:00Z", None),
        ("Date", "2026-03-02 00:00:00", None),
        ("Date", "2026-03-01T23:00:00Z", None),
        ("Date", "02/03/2026", None),
        ("Date;Heure", "02/03/2026;", None),
        ("Date;Heure", "02/03/2026;00:00", None),
        ("Date;Heure", "02/03/2026;0", None),
        ("Date;Heure", "02/03/2026;matin", None),
    ],
)
def test_the_start_of_an_appointment(export: Export, headers: str, cells: str, starts_at: str | None) -> None:
    row = export.one(f"N° patient;Statut;{headers}\n1;absent;{cells}\n")
    assert row.day == MARCH_2
    assert (row.starts_at.isoformat() if row.starts_at else None) == starts_at


def test_midnight_moves_no_day_whatever_the_zone(export: Export) -> None:
    content = "N° patient;Statut;Date\n1;absent;2026-03-02T00:00:00Z\n"
    assert export.one(content, zone=ZoneInfo("America/Martinique")).day == MARCH_2


@pytest.mark.parametrize(
    ("headers", "cells", "minutes"),
    [
        ("Durée", "45", 45), ("Durée", "45 min", 45), ("Durée", "0:45", 45), ("Durée", "00:45:00", 45),
        ("Durée", "1h15", 75),
        ("Durée", "1h", 60), ("Durée", "45'", 45), ("Durée", "45.0", 45), ("Durée", "2000", None), ("Durée", "0", None),
        ("Durée", "longue", None), ("Fin", "15h15", 45), ("Fin", "02/03/2026 15:15", 45), ("Fin", "14h00", None),
        ("Fin", "", None), ("Durée;Fin", "30;15h15", 30),
    ],
)  # fmt: skip
def test_the_length_of_an_appointment(export: Export, headers: str, cells: str, minutes: int | None) -> None:
    row = export.one(f"N° patient;Statut;Date;Heure;{headers}\n1;absent;02/03/2026;14h30;{cells}\n")
    assert row.duration_min == minutes


def test_a_span_gives_the_length_too(export: Export) -> None:
    assert export.one("N° patient;Statut;Date;Horaire\n1;absent;02/03/2026;14h30 - 15h15\n").duration_min == 45


def test_a_line_of_american_dates_is_rejected_with_the_setting_to_change(export: Export) -> None:
    (bad,) = export.bad("N° patient;Statut;Date\n1;absent;03/25/2025\n2;absent;25/03/2025\n")
    assert bad.reason == "month_first"
    assert "day_first = false" in bad.sentence


def test_a_whole_file_of_american_dates_is_not_half_read(export: Export) -> None:
    content = "N° patient;Statut;Date\n1;absent;02/25/2026\n2;absent;02/03/2026\n3;absent;01/31/2026\n"
    assert [bad.line for bad in export.bad(content)] == [2, 3, 4]
    days = [str(row.day) for row in export.good(content, {"dates": {"day_first": False}})]
    assert days == ["2026-02-25", "2026-02-03", "2026-01-31"]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [("", "no_date"), ("31/02/2026", "impossible_date"), ("26-03-29", "impossible_date"), ("hier", "impossible_date")],
)
def test_a_row_without_a_possible_date_is_rejected(export: Export, cell: str, reason: str) -> None:
    (bad,) = export.bad(f"N° patient;Statut;Date\n1;absent;{cell}\n")
    assert bad.reason == reason


def test_an_impossible_time_is_rejected(export: Export) -> None:
    (bad,) = export.bad("N° patient;Statut;Date;Heure\n1;absent;02/03/2026;25:61\n")
    assert bad.reason == "impossible_time"


def test_a_format_of_the_map_rules_the_column(export: Export) -> None:
    content = "N° patient;Statut;Date\n1;absent;2026-02-03\n"
    assert export.one(content, {"dates": {"format": "%Y-%d-%m"}}).day == MARCH_2
    with pytest.raises(IntakeRefused, match="format under"):
        export.open(content, {"dates": {"format": "%Y-%d"}})

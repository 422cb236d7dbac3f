from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar

from db.clock import clock
from db.engine import fetch_value
from db.queries.practices import only_practice
from tests import factories
from tests.portal.checker import check_page, main_text, said
from tests.portal.conftest import Site, everything

SLOT, OTHER = "2026-11-18T09:00Z", "2026-11-20T09:00Z"


@pytest.fixture
async def booked(site: Site, token: str) -> str:
    """The token of a link with an appointment on Wednesday at 10."""
    await site.post(f"/r/{token}/book", {"slot": SLOT})
    return token


async def test_moving_shows_the_slots_and_keeps_the_appointment(site: Site, booked: str) -> None:
    tree = await site.page(f"/r/{booked}/move")
    assert "mercredi 18 novembre à 10:00" in main_text(tree)
    assert "reste réservé" in main_text(tree)
    assert {form.get("action") for form in tree.iter("form")} >= {f"/r/{booked}/move"}
    assert len(list(tree.iter("fieldset"))) > 10


async def test_a_move_is_confirmed_before_it_happens(site: Site, booked: str) -> None:
    before = await everything()
    answer = await site.post(f"/r/{booked}/move", {"slot": OTHER})
    text = main_text(check_page(answer, site.app))
    assert "vendredi 20 novembre à 10:00" in text
    assert "mercredi 18 novembre à 10:00" in text
    assert await everything() == before


async def test_a_confirmed_move_leads_back_to_the_new_time(site: Site, booked: str) -> None:
    answer = await site.post(f"/r/{booked}/move", {"slot": OTHER, "confirm": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{booked}")
    text = main_text(await site.page(f"/r/{booked}"))
    assert "vendredi 20 novembre à 10:00" in text
    assert "mercredi" not in text


async def test_moving_to_a_time_that_is_gone_shows_the_others(site: Site, booked: str) -> None:
    practice = await only_practice()
    other = await factories.make_link(practice)
    await site.post(f"/r/{other}/book", {"slot": OTHER})
    for form in ({"slot": OTHER}, {"slot": OTHER, "confirm": "yes"}):
        answer = await site.post(f"/r/{booked}/move", form)
        assert answer.status_code == 409
        tree = check_page(answer, site.app)
        assert "vient d’être pris" in main_text(tree)
        assert "mercredi 18 novembre à 10:00" in main_text(tree)
        assert OTHER not in [button.get("value") for button in tree.iter("button")]


@pytest.mark.parametrize("form", [{}, {"slot": "x"}, {"slot": "x", "confirm": "yes"}, {"confirm": "yes"}])
async def test_a_move_to_nowhere_changes_nothing(site: Site, booked: str, form: dict[str, str]) -> None:
    before = await everything()
    assert (await site.post(f"/r/{booked}/move", form)).status_code == 400
    assert await everything() == before


async def test_cancelling_offers_moving_first(site: Site, booked: str) -> None:
    before = await everything()
    text = main_text(await site.page(f"/r/{booked}/cancel"))
    assert text.index("Déplacer le rendez-vous") < text.index("Annuler ce rendez-vous")
    assert "Garder mon rendez-vous" in text
    assert await everything() == before


async def test_a_cancelled_appointment_leaves_the_slots_open_again(site: Site, booked: str) -> None:
    for _ in range(2):
        answer = await site.post(f"/r/{booked}/cancel")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{booked}")
    tree = await site.page(f"/r/{booked}")
    assert "Votre rendez-vous est annulé" in main_text(tree)
    assert SLOT in [button.get("value") for button in tree.iter("button")]
    assert await fetch_value("SELECT count(*) FROM appointment WHERE status = 'cancelled'") == 1


async def test_there_is_nothing_to_move_or_cancel_before_booking(site: Site, token: str) -> None:
    for place in ("move", "cancel"):
        assert (await site.get(f"/r/{token}/{place}")).headers["location"] == f"/r/{token}"
        assert (await site.post(f"/r/{token}/{place}", {"slot": SLOT, "confirm": "yes"})).status_code == 303
    assert (await site.get(f"/r/{token}/appointment.ics")).headers["location"] == f"/r/{token}"
    assert await fetch_value("SELECT count(*) FROM appointment WHERE source = 'reprise'") == 0


async def test_the_calendar_file_keeps_its_identity_over_a_move(site: Site, booked: str) -> None:
    files: list[Any] = []
    for _ in range(2):
        answer = await site.get(f"/r/{booked}/appointment.ics")
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="rendez-vous.ics"'
        files.append(Calendar.from_ical(answer.content).walk("VEVENT")[0])
        await site.post(f"/r/{booked}/move", {"slot": OTHER, "confirm": "yes"})
    first, second = files
    assert first["UID"] == second["UID"]
    assert (first["SEQUENCE"], second["SEQUENCE"]) == (0, 1)
    assert first["SUMMARY"] == "Rendez-vous"
    assert second["DTSTART"].dt - first["DTSTART"].dt == timedelta(days=2)


async def test_an_appointment_that_is_over_is_no_longer_offered_for_change(site: Site, booked: str) -> None:
    clock.move_to(factories.local(18, 10, 30))
    before = await everything()
    assert (await site.post(f"/r/{booked}/cancel")).status_code == 303
    assert await everything() == before
    assert said(await site.page(f"/r/{booked}"))

from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar

from db.clock import clock
from db.engine import fetch_value
from db.queries.practices import only_practice
from db.states import AppointmentStatus
from tests import factories
from tests.portal.checker import check_page, main_text, said
from tests.portal.conftest import Site, everything

SLOT, OTHER = "2026-11-18T09:00Z", "2026-11-20T09:00Z"


@pytest.fixture
async def booked(site: Site, token: str) -> str:
    """The token of a link with an appointment on Wednesday at 10."""
    await site.post(f"/r/{token}/book", {"slot": SLOT})
    return token


async def marked(site: Site, token: str, place: str, **fields: str) -> dict[str, str]:
    """The fields that a form of this page sends, with these added."""
    tree = await site.page(f"/r/{token}{place}")
    (mark,) = {field.attrib["value"] for field in tree.iter("input") if field.get("name") == "appointment"}
    return {"appointment": mark, **fields}


async def test_moving_shows_the_slots_and_keeps_the_appointment(site: Site, booked: str) -> None:
    tree = await site.page(f"/r/{booked}/move")
    assert "mercredi 18 novembre à 10:00" in main_text(tree)
    assert "reste réservé" in main_text(tree)
    assert {form.get("action") for form in tree.iter("form")} >= {f"/r/{booked}/move"}
    assert len(list(tree.iter("fieldset"))) > 10


async def test_a_move_is_confirmed_before_it_happens(site: Site, booked: str) -> None:
    before = await everything()
    form = await marked(site, booked, "/move", slot=OTHER)
    answer = await site.post(f"/r/{booked}/move", form)
    tree = check_page(answer, site.app)
    assert "vendredi 20 novembre à 10:00" in main_text(tree)
    assert "mercredi 18 novembre à 10:00" in main_text(tree)
    sent = {field.get("name"): field.get("value") for field in tree.iter("input")}
    assert sent == {**form, "slot": OTHER, "confirm": "yes"}
    assert await everything() == before


async def test_a_confirmed_move_leads_back_to_the_new_time(site: Site, booked: str) -> None:
    form = await marked(site, booked, "/move", slot=OTHER, confirm="yes")
    for _ in range(2):
        answer = await site.post(f"/r/{booked}/move", form)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{booked}")
    text = main_text(await site.page(f"/r/{booked}"))
    assert "vendredi 20 novembre à 10:00" in text
    assert "mercredi" not in text


async def test_moving_to_a_time_that_is_gone_shows_the_others(site: Site, booked: str) -> None:
    practice = await only_practice()
    other = await factories.make_link(practice)
    await site.post(f"/r/{other}/book", {"slot": OTHER})
    form = await marked(site, booked, "/move", slot=OTHER)
    for more in ({}, {"confirm": "yes"}):
        answer = await site.post(f"/r/{booked}/move", form | more)
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
    form = await marked(site, booked, "/cancel")
    for _ in range(2):
        answer = await site.post(f"/r/{booked}/cancel", form)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{booked}")
    tree = await site.page(f"/r/{booked}")
    assert "Votre rendez-vous est annulé" in main_text(tree)
    assert SLOT in [button.get("value") for button in tree.iter("button")]
    assert await fetch_value("SELECT count(*) FROM appointment WHERE status = 'cancelled'") == 1


async def test_there_is_nothing_to_move_or_cancel_before_booking(site: Site, token: str) -> None:
    for place in ("move", "cancel", "confirm"):
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
        await site.post(f"/r/{booked}/move", await marked(site, booked, "/move", slot=OTHER, confirm="yes"))
    first, second = files
    assert first["UID"] == second["UID"]
    assert (first["SEQUENCE"], second["SEQUENCE"]) == (0, 1)
    assert first["SUMMARY"] == "Rendez-vous"
    assert second["DTSTART"].dt - first["DTSTART"].dt == timedelta(days=2)


async def test_an_appointment_that_is_over_is_no_longer_offered_for_change(site: Site, booked: str) -> None:
    clock.move_to(factories.local(18, 10, 30))
    before = await everything()
    form = await marked(site, booked, "")
    for place in ("cancel", "confirm"):
        assert (await site.post(f"/r/{booked}/{place}", form)).status_code == 303
    assert await everything() == before
    assert said(await site.page(f"/r/{booked}"))


async def test_the_page_of_a_booked_appointment_asks_whether_it_is_confirmed(site: Site, booked: str) -> None:
    before = await everything()
    tree = await site.page(f"/r/{booked}")
    assert "Je confirme ma venue" in [said(button) for button in tree.iter("button")]
    assert await everything() == before


async def test_a_confirmed_appointment_says_so_and_asks_no_more(site: Site, booked: str) -> None:
    form = await marked(site, booked, "")
    for _ in range(2):
        answer = await site.post(f"/r/{booked}/confirm", form)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{booked}")
    tree = await site.page(f"/r/{booked}")
    assert said(next(tree.iter("h1"))) == "Votre venue est confirmée"
    assert "mercredi 18 novembre à 10:00" in main_text(tree)
    assert "Je confirme ma venue" not in main_text(tree)
    assert await fetch_value("SELECT count(*) FROM journal WHERE event = 'appointment_confirmed'") == 1


async def test_a_moved_appointment_is_to_be_confirmed_anew(site: Site, booked: str) -> None:
    await site.post(f"/r/{booked}/confirm", await marked(site, booked, ""))
    await site.post(f"/r/{booked}/move", await marked(site, booked, "/move", slot=OTHER, confirm="yes"))
    assert "Je confirme ma venue" in main_text(await site.page(f"/r/{booked}"))


async def test_opening_the_address_of_the_button_confirms_nothing(site: Site, booked: str) -> None:
    before = await everything()
    for method in (site.client.get, site.client.head):
        answer = await method(f"/r/{booked}/confirm")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{booked}")
    assert await everything() == before


async def test_an_appointment_of_the_practices_own_software_has_no_button(site: Site, token: str) -> None:
    practice = await only_practice()
    patient = await fetch_value("SELECT key FROM patient")
    at = factories.local(20, 9)
    ahead = factories.row(patient_key=patient, status=AppointmentStatus.BOOKED, starts_at=at)
    await factories.intake([ahead], practice)
    tree = await site.page(f"/r/{token}")
    assert "vendredi 20 novembre à 09:00" in main_text(tree)
    assert not [form for form in tree.iter("form") if form.attrib["action"].endswith("/confirm")]
    before = await everything()
    assert (await site.post(f"/r/{token}/confirm", {"appointment": "x.0"})).status_code == 303
    assert await everything() == before


async def changed_meanwhile(site: Site, token: str, what: str) -> None:
    """Another page of the same link, on another telephone."""
    if what == "moved":
        await site.post(f"/r/{token}/move", await marked(site, token, "/move", slot=OTHER, confirm="yes"))
        return
    await site.post(f"/r/{token}/cancel", await marked(site, token, "/cancel"))
    await site.post(f"/r/{token}/book", {"slot": OTHER})


@pytest.mark.parametrize("what", ["moved", "cancelled and booked anew"])
@pytest.mark.parametrize(
    ("place", "more"),
    [
        ("cancel", {}),
        ("confirm", {}),
        ("move", {"slot": "2026-11-23T09:00Z"}),
        ("move", {"slot": "2026-11-23T09:00Z", "confirm": "yes"}),
    ],
)
async def test_a_form_of_a_page_left_open_changes_nothing_and_says_so(
    site: Site, booked: str, place: str, more: dict[str, str], what: str
) -> None:
    form = await marked(site, booked, "")
    await changed_meanwhile(site, booked, what)
    before = await everything()
    answer = await site.post(f"/r/{booked}/{place}", form | more)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{booked}?noted=changed")
    text = main_text(await site.page(answer.headers["location"]))
    assert "Rien n’a été modifié" in text
    assert "vendredi 20 novembre à 10:00" in text
    assert await everything() == before


async def test_a_form_that_names_no_appointment_changes_none(site: Site, booked: str) -> None:
    before = await everything()
    for form in ({}, {"appointment": ""}, {"appointment": "x" * 500}):
        for place in ("cancel", "confirm"):
            answer = await site.post(f"/r/{booked}/{place}", form)
            assert answer.headers["location"] == f"/r/{booked}?noted=changed"
    assert await everything() == before


async def test_the_page_does_not_speak_of_an_appointment_that_is_gone(site: Site, booked: str) -> None:
    await site.post(f"/r/{booked}/cancel", await marked(site, booked, "/cancel"))
    assert "Rien n’a été modifié" not in main_text(await site.page(f"/r/{booked}?noted=changed"))
